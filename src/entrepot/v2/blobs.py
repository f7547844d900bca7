"""`/v2/NAME/blobs/DIGEST`."""

from entrepot.http.blob_responses import blob_response
from entrepot.http.messages import Response, empty
from entrepot.hub.permissions import Action
from entrepot.model.blobs import StoredBlob
from entrepot.oci.digests import Digest
from entrepot.v2.requests import RegistryRequest


async def get(request: RegistryRequest) -> Response:
    """Answer with the bytes that the client asks for, or with where they are."""
    repository, digest = request.repository, Digest.parse(request.reference)
    return await respond(request, await request.app.blobs.get(repository, digest))


async def head(request: RegistryRequest) -> Response:
    """Answer as `get` does, without the bytes; who may push then finds it there for a while."""
    repository, digest = request.repository, Digest.parse(request.reference)
    if Action.PUSH not in request.rights.actions or repository.is_archived:
        return await get(request)
    return await respond(request, await request.app.blobs.hold(repository, digest))


async def respond(request: RegistryRequest, blob: StoredBlob) -> Response:
    """The answer to a `GET` or `HEAD` of the blob."""
    app = request.app
    return await blob_response(request.http, app.blobs, blob, app.origins, app.proxied_files)


async def delete(request: RegistryRequest) -> Response:
    """Take the blob out of this repository."""
    await request.app.blobs.unlink(request.repository, Digest.parse(request.reference))
    return empty(202)
