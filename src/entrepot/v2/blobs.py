"""`/v2/NAME/blobs/DIGEST`."""

from entrepot.http.blob_responses import blob_response
from entrepot.http.messages import Response, empty
from entrepot.hub.permissions import Action
from entrepot.oci.digests import Digest
from entrepot.v2.requests import RegistryRequest


async def get(request: RegistryRequest) -> Response:
    """Answer with the bytes that the client asks for, or with where they are."""
    blobs = request.app.blobs
    blob = await blobs.get(request.repository, Digest.parse(request.reference))
    return await blob_response(
        request.http, blobs, blob, request.app.origins, request.app.proxied_files
    )


async def head(request: RegistryRequest) -> Response:
    """Answer as `get` does, without the bytes; who may push then finds it there for a while."""
    if Action.PUSH in request.rights.actions and not request.repository.is_archived:
        await request.app.blobs.hold(request.repository, Digest.parse(request.reference))
    return await get(request)


async def delete(request: RegistryRequest) -> Response:
    """Take the blob out of this repository."""
    await request.app.blobs.unlink(request.repository, Digest.parse(request.reference))
    return empty(202)
