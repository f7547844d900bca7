"""`/v2/NAME/blobs/uploads/` and the uploads begun there."""

from collections.abc import AsyncIterator

from entrepot.errors import EntrepotError, InvalidDigest, InvalidName, InvalidSize, InvalidUpload
from entrepot.http.errors import error_response
from entrepot.http.gate import Admission, Gate
from entrepot.http.messages import Request, Response, empty
from entrepot.http.ranges import parse_chunk_range
from entrepot.hub.permissions import Action
from entrepot.metadata.uploads import Upload
from entrepot.oci.digests import Digest
from entrepot.oci.names import RepositoryName
from entrepot.registry.blobs import Blobs
from entrepot.registry.quotas import Quotas
from entrepot.registry.uploads import Chunk, Uploads


class UploadDoor:
    """Every way to push a blob."""

    def __init__(self, gate: Gate, blobs: Blobs, uploads: Uploads, quotas: Quotas) -> None:
        self._gate = gate
        self._quotas = quotas
        self._blobs = blobs
        self._uploads = uploads

    async def post(self, request: Request, name: RepositoryName, _: str) -> Response:
        """Begin an upload, or mount a blob, or take a whole one: `digest=` always means that."""
        admission = await self._gate.admit(request, name, Action.PUSH)
        digest_text = request.query("digest")
        if digest_text is not None:
            digest = Digest.parse(digest_text)
            chunk = _chunk(request)
            await self._uploads.put(admission.target, chunk.content, digest, chunk.announced)
            return _created(name, digest)
        mounted = await self._mount(request, admission)
        if mounted is not None:
            return _created(name, mounted)
        (await self._quotas.find_room(admission.target.namespace_id)).check(0)
        algorithm = request.query("digest-algorithm") or "sha256"
        upload = await self._uploads.begin(
            admission.target, admission.identity.account_id, algorithm
        )
        return empty(202, _progress(name, upload.id, 0))

    async def get(self, request: Request, name: RepositoryName, upload_id: str) -> Response:
        """Say how much has arrived."""
        upload = await self._find(request, name, upload_id)
        return empty(204, _progress(name, upload.id, upload.size))

    async def patch(self, request: Request, name: RepositoryName, upload_id: str) -> Response:
        """Append a chunk."""
        upload = await self._find(request, name, upload_id)
        try:
            size = await self._uploads.append(upload, _chunk(request))
        except EntrepotError as error:
            return await self._refused(name, upload, error)
        return empty(202, _progress(name, upload.id, size))

    async def put(self, request: Request, name: RepositoryName, upload_id: str) -> Response:
        """Append the last chunk, if there is one, and make the upload a blob."""
        upload = await self._find(request, name, upload_id)
        digest_text = request.query("digest")
        if not digest_text:
            raise InvalidDigest("the parameter digest is missing")
        digest = Digest.parse(digest_text)
        try:
            await self._uploads.finish(upload, _chunk(request), digest)
        except EntrepotError as error:
            return await self._refused(name, upload, error)
        return _created(name, digest)

    async def delete(self, request: Request, name: RepositoryName, upload_id: str) -> Response:
        """Cancel: whoever may push may stop pushing."""
        upload = await self._find(request, name, upload_id)
        await self._uploads.cancel(upload)
        return empty(204)

    async def _find(self, request: Request, name: RepositoryName, upload_id: str) -> Upload:
        admission = await self._gate.admit(request, name, Action.PUSH)
        account_id = admission.identity.account_id
        return await self._uploads.get(admission.repository, account_id, upload_id)

    async def _refused(
        self, name: RepositoryName, upload: Upload, error: EntrepotError
    ) -> Response:
        """A 416 says where to go on, which saves regctl a question."""
        response = error_response(error)
        if response.status == 416:
            size = getattr(error, "received", upload.size)
            response.headers += _progress(name, upload.id, size)
        return response

    async def _mount(self, request: Request, admission: Admission) -> Digest | None:
        """Mount what `mount=` names where the client may read it; `None` begins an upload.

        Never 401: the client asks again for what a token lacks only where it chose so itself, and
        a private source must look like one that does not exist.
        """
        try:
            digest = Digest.parse(request.query("mount") or "")
        except InvalidDigest:
            return None
        if await self._mount_from(admission, request.query("from") or "", digest):
            return digest
        return await self._mount_from_anywhere(admission, digest)

    async def _mount_from(self, admission: Admission, source: str, digest: Digest) -> bool:
        """`from=` is where to look first: one that is no name or cannot be read is no error."""
        try:
            name = RepositoryName(source)
        except InvalidName:
            return False
        rights = await self._gate.rights(admission.identity, name)
        if Action.PULL not in rights.actions or rights.repository is None:
            return False
        return await self._blobs.mount(admission.target, rights.repository, digest)

    async def _mount_from_anywhere(self, admission: Admission, digest: Digest) -> Digest | None:
        for holder in await self._blobs.list_holders(digest):
            if await self._gate.may_pull_from_holder(admission.identity, holder):
                mounted = await self._blobs.mount_from_holder(admission.target, holder, digest)
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
