"""`/v2/NAME/blobs/uploads/` and the uploads begun there."""

from collections.abc import AsyncIterator

from entrepot.errors import EntrepotError, InvalidDigest, InvalidName, InvalidSize, InvalidUpload
from entrepot.http.errors import error_response
from entrepot.http.messages import Request, Response, empty
from entrepot.http.ranges import parse_chunk_range
from entrepot.hub.permissions import Action
from entrepot.model.uploads import Upload
from entrepot.oci.digests import Digest
from entrepot.oci.names import RepositoryName
from entrepot.registry.uploads import Chunk
from entrepot.v2.requests import RegistryRequest


async def post(request: RegistryRequest) -> Response:
    """Begin an upload, or mount a blob, or take a whole one: `digest=` always means that."""
    target = request.target
    digest_text = request.http.query("digest")
    if digest_text is not None:
        digest = Digest.parse(digest_text)
        chunk = _chunk(request.http)
        await request.app.uploads.put(target, chunk.content, digest, chunk.announced)
        return _created(request.name, digest)
    mounted = await _mount(request)
    if mounted is not None:
        return _created(request.name, mounted)
    algorithm = request.http.query("digest-algorithm") or "sha256"
    account_id = request.identity.account_id
    upload = await request.app.uploads.begin(target, account_id, algorithm, needs_room=True)
    return empty(202, _progress(request.name, upload.id, 0))


async def get(request: RegistryRequest) -> Response:
    """Say how much has arrived."""
    upload = await _find(request)
    return empty(204, _progress(request.name, upload.id, upload.size))


async def patch(request: RegistryRequest) -> Response:
    """Append a chunk."""
    upload = await _find(request)
    try:
        size = await request.app.uploads.append(upload, _chunk(request.http))
    except EntrepotError as error:
        return _refused(request, upload, error)
    return empty(202, _progress(request.name, upload.id, size))


async def put(request: RegistryRequest) -> Response:
    """Append the last chunk, if there is one, and make the upload a blob."""
    upload = await _find(request)
    digest_text = request.http.query("digest")
    if not digest_text:
        raise InvalidDigest("the parameter digest is missing")
    digest = Digest.parse(digest_text)
    try:
        await request.app.uploads.finish(upload, _chunk(request.http), digest)
    except EntrepotError as error:
        return _refused(request, upload, error)
    return _created(request.name, digest)


async def delete(request: RegistryRequest) -> Response:
    """Cancel: whoever may push may stop pushing."""
    upload = await _find(request)
    await request.app.uploads.cancel(upload)
    return empty(204)


async def _find(request: RegistryRequest) -> Upload:
    account_id = request.identity.account_id
    return await request.app.uploads.get(request.repository, account_id, request.reference)


def _refused(request: RegistryRequest, upload: Upload, error: EntrepotError) -> Response:
    """A 416 says where to go on, which saves regctl a question."""
    response = error_response(error)
    if response.status == 416:
        size = getattr(error, "received", upload.size)
        response.headers += _progress(request.name, upload.id, size)
    return response


async def _mount(request: RegistryRequest) -> Digest | None:
    """Mount what `mount=` names where the client may read it; `None` begins an upload.

    Never 401: the client asks again for what a token lacks only where it chose so itself, and
    a private source must look like one that does not exist.
    """
    try:
        digest = Digest.parse(request.http.query("mount") or "")
    except InvalidDigest:
        return None
    if await _mount_from(request, request.http.query("from") or "", digest):
        return digest
    return await _mount_from_anywhere(request, digest)


async def _mount_from(request: RegistryRequest, source: str, digest: Digest) -> bool:
    """`from=` is where to look first: one that is no name or cannot be read is no error."""
    try:
        name = RepositoryName(source)
    except InvalidName:
        return False
    rights = await request.app.permissions.rights(request.identity, name)
    if Action.PULL not in rights.actions or rights.repository is None:
        return False
    return await request.app.blobs.mount(request.target, rights.repository, digest)


async def _mount_from_anywhere(request: RegistryRequest, digest: Digest) -> Digest | None:
    for holder in await request.app.blobs.list_holders(digest):
        if await request.app.permissions.may_pull_from_holder(request.identity, holder):
            mounted = await request.app.blobs.mount_from_holder(request.target, holder, digest)
            if mounted:
                return digest
    return None


def _created(name: RepositoryName, digest: Digest) -> Response:
    headers = [
        ("location", f"/v2/{name}/blobs/{digest}"),
        ("docker-content-digest", str(digest)),
    ]
    return empty(201, headers)


def _progress(name: RepositoryName, upload_id: str, size: int) -> list[tuple[str, str]]:
    """Where to go on. An empty upload is `0-0` too: docker cannot read `0--1`."""
    return [
        ("location", f"/v2/{name}/blobs/uploads/{upload_id}"),
        ("range", f"0-{max(size - 1, 0)}"),
        ("docker-upload-uuid", upload_id),
    ]


def _chunk(request: Request) -> Chunk:
    """The request's bytes, checked against the length of the range that it announces."""
    placed = parse_chunk_range(request.header("content-range"))
    if placed is None:
        if "content-range" in request.headers:
            raise InvalidUpload("Content-Range is not text")
        return Chunk(request.body, announced=request.content_length)
    length = request.content_length
    if length is not None and length != placed.length:
        raise InvalidSize("Content-Range and Content-Length disagree")
    return Chunk(_exactly(request.body, placed.length), placed.first, placed.length)


async def _exactly(body: AsyncIterator[bytes], length: int) -> AsyncIterator[bytes]:
    """Pass the body through; raise `InvalidSize` where it is longer or shorter than announced."""
    left = length
    async for run in body:
        left -= len(run)
        if left < 0:
            raise InvalidSize("the chunk is longer than its Content-Range")
        yield run
    if left:
        raise InvalidSize("the chunk is shorter than its Content-Range")
