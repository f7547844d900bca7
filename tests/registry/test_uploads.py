"""Uploads: resumed, taken over, refused, finished."""

import pytest

from entrepot.errors import (
    BlobUnknown,
    BodyCut,
    DigestMismatch,
    InvalidDigest,
    OutOfOrder,
    RepositoryUnknown,
    UploadUnknown,
)
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.repositories import PushTarget, delete_repository, find_repository
from entrepot.model.repositories import Repository
from entrepot.model.uploads import Upload
from entrepot.oci.digests import Digest
from entrepot.registry.blobs import Blobs
from entrepot.registry.uploads import Chunk, Uploads
from entrepot.storage.memory import MemoryStorage
from entrepot.storage.protocols import UploadId
from tests.metadata.rows import add_repository
from tests.registry.bodies import body, cut_body

ALPHABET = b"abcdefghijklmnopqrstuvwxyz"
DIGEST = Digest.of(ALPHABET)


@pytest.fixture
async def upload(uploads: Uploads, target: PushTarget) -> Upload:
    """An upload that has just begun."""
    return await uploads.begin(target, None, "sha256")


async def again(uploads: Uploads, repository: Repository, upload: Upload) -> Upload:
    """The upload as the next request finds it."""
    return await uploads.get(repository, upload.account_id, upload.id)


async def append(uploads: Uploads, repository: Repository, upload: Upload, *runs: bytes) -> Upload:
    """Append a chunk in one request and find the upload for the next."""
    await uploads.append(upload, Chunk(body(*runs)))
    return await again(uploads, repository, upload)


async def content_of(blobs: Blobs, repository: Repository, digest: Digest) -> bytes:
    """A blob's bytes as a pull gets them."""
    blob = await blobs.get(repository, digest)
    return b"".join([run async for run in blobs.read(blob, 0, blob.size)])


async def test_a_whole_body_becomes_a_blob(
    uploads: Uploads, blobs: Blobs, target: PushTarget, repository: Repository
) -> None:
    await uploads.put(target, body(ALPHABET[:10], b"", ALPHABET[10:]), DIGEST)
    assert await content_of(blobs, repository, DIGEST) == ALPHABET


async def test_a_first_push_creates_its_repository(
    uploads: Uploads, blobs: Blobs, new_target: PushTarget, metadata: Metadata
) -> None:
    await uploads.put(new_target, body(ALPHABET), DIGEST)
    made = await find_repository(metadata.reader, new_target.name)
    assert made is not None
    assert made.visibility is new_target.visibility
    assert await content_of(blobs, made, DIGEST) == ALPHABET


@pytest.mark.parametrize("content", [b"", b"x", ALPHABET])
async def test_an_upload_without_chunks_is_finished_by_its_last_body(
    uploads: Uploads, blobs: Blobs, repository: Repository, upload: Upload, content: bytes
) -> None:
    digest = Digest.of(content)
    await uploads.finish(upload, Chunk(body(content)), digest)
    assert await content_of(blobs, repository, digest) == content


async def test_chunks_are_appended_in_order(
    uploads: Uploads, blobs: Blobs, repository: Repository, upload: Upload
) -> None:
    assert await uploads.append(upload, Chunk(body(ALPHABET[:5]), 0)) == 5
    upload = await again(uploads, repository, upload)
    assert await uploads.append(upload, Chunk(body(ALPHABET[5:9], ALPHABET[9:12]), 5)) == 12
    upload = await again(uploads, repository, upload)
    await uploads.finish(upload, Chunk(body(ALPHABET[12:]), 12), DIGEST)
    assert await content_of(blobs, repository, DIGEST) == ALPHABET


async def test_a_finished_upload_is_gone(
    uploads: Uploads, repository: Repository, upload: Upload, storage: MemoryStorage
) -> None:
    await uploads.finish(upload, Chunk(body(ALPHABET)), DIGEST)
    with pytest.raises(UploadUnknown):
        await again(uploads, repository, upload)
    with pytest.raises(UploadUnknown):
        await uploads.finish(upload, Chunk(body(ALPHABET)), DIGEST)
    with pytest.raises(UploadUnknown):
        await uploads.append(upload, Chunk(body(b"more")))
    assert storage.staged == {}


@pytest.mark.parametrize("start", [0, 4, 6, 26])
async def test_a_chunk_out_of_order_is_refused_with_the_size_there_is(
    uploads: Uploads, repository: Repository, upload: Upload, start: int
) -> None:
    upload = await append(uploads, repository, upload, ALPHABET[:5])
    with pytest.raises(OutOfOrder) as caught:
        await uploads.append(upload, Chunk(body(b"x"), start))
    assert caught.value.received == 5
    with pytest.raises(OutOfOrder):
        await uploads.finish(upload, Chunk(body(b"x"), start), DIGEST)
    assert await again(uploads, repository, upload) == upload


async def test_a_request_that_knows_an_old_size_is_out_of_order(
    uploads: Uploads, repository: Repository, upload: Upload
) -> None:
    grown = await append(uploads, repository, upload, ALPHABET[:5])
    with pytest.raises(OutOfOrder) as caught:
        await uploads.append(upload, Chunk(body(b"late")))
    assert caught.value.received == 5
    assert await again(uploads, repository, upload) == grown


@pytest.mark.parametrize("split", [0, 1, 13, 26])
async def test_another_worker_finishes_what_one_began(
    uploads: Uploads,
    other_worker: Uploads,
    blobs: Blobs,
    repository: Repository,
    upload: Upload,
    split: int,
) -> None:
    """Also without a byte of its own: then the hash so far is the hash."""
    upload = await append(uploads, repository, upload, ALPHABET[:split])
    await other_worker.finish(upload, Chunk(body(ALPHABET[split:])), DIGEST)
    assert await content_of(blobs, repository, DIGEST) == ALPHABET


async def test_workers_may_take_turns(
    uploads: Uploads,
    other_worker: Uploads,
    blobs: Blobs,
    repository: Repository,
    upload: Upload,
) -> None:
    for number in range(len(ALPHABET)):
        worker = (uploads, other_worker)[number % 3 % 2]
        upload = await append(worker, repository, upload, ALPHABET[number : number + 1])
    await uploads.finish(upload, Chunk(body()), DIGEST)
    assert await content_of(blobs, repository, DIGEST) == ALPHABET


async def test_the_hash_so_far_is_stored_while_one_worker_knows_it(
    uploads: Uploads, other_worker: Uploads, repository: Repository, upload: Upload
) -> None:
    upload = await append(uploads, repository, upload, ALPHABET[:3])
    upload = await append(uploads, repository, upload, ALPHABET[3:7])
    assert upload.hash_so_far == Digest.of(ALPHABET[:7]).hex
    upload = await append(other_worker, repository, upload, ALPHABET[7:9])
    assert upload.hash_so_far is None


@pytest.mark.parametrize("first", ["uploads", "other_worker"])
async def test_a_mismatch_is_noticed_whoever_took_the_bytes(
    uploads: Uploads,
    other_worker: Uploads,
    blobs: Blobs,
    repository: Repository,
    upload: Upload,
    storage: MemoryStorage,
    first: str,
) -> None:
    worker = uploads if first == "uploads" else other_worker
    upload = await append(worker, repository, upload, ALPHABET[:13])
    with pytest.raises(DigestMismatch):
        await uploads.finish(upload, Chunk(body(b"something else")), DIGEST)
    with pytest.raises(UploadUnknown):
        await again(uploads, repository, upload)
    with pytest.raises(BlobUnknown):
        await blobs.get(repository, DIGEST)
    assert storage.staged == {}
    assert storage.blobs == {}


@pytest.mark.parametrize("last", [b"", b"z"])
@pytest.mark.parametrize("named", [b"something else", ALPHABET[:13], ALPHABET[:12], b""])
async def test_another_worker_believes_the_hash_so_far_only_of_the_bytes_it_is_of(
    uploads: Uploads,
    other_worker: Uploads,
    blobs: Blobs,
    repository: Repository,
    upload: Upload,
    last: bytes,
    named: bytes,
) -> None:
    """The closing request brings no bytes or some, and a digest of other ones or of a part."""
    upload = await append(uploads, repository, upload, ALPHABET[:5])
    upload = await append(uploads, repository, upload, ALPHABET[5:13])
    assert upload.hash_so_far == Digest.of(ALPHABET[:13]).hex
    digest = Digest.of(named)
    if named + last == ALPHABET[:13]:
        await other_worker.finish(upload, Chunk(body(last)), digest)
        assert await content_of(blobs, repository, digest) == named
        return
    with pytest.raises(DigestMismatch):
        await other_worker.finish(upload, Chunk(body(last)), digest)
    with pytest.raises(BlobUnknown):
        await blobs.get(repository, digest)


async def test_a_hash_so_far_of_fewer_bytes_than_there_are_is_not_believed(
    uploads: Uploads, other_worker: Uploads, blobs: Blobs, repository: Repository, upload: Upload
) -> None:
    """The worker that knew it comes back when another has taken more."""
    upload = await append(uploads, repository, upload, ALPHABET[:3])
    upload = await append(other_worker, repository, upload, ALPHABET[3:7])
    with pytest.raises(DigestMismatch):
        await uploads.finish(upload, Chunk(body()), Digest.of(ALPHABET[:3]))
    with pytest.raises(BlobUnknown):
        await blobs.get(repository, Digest.of(ALPHABET[:3]))


async def test_a_mismatch_without_chunks_leaves_nothing(
    uploads: Uploads, target: PushTarget, storage: MemoryStorage
) -> None:
    with pytest.raises(DigestMismatch):
        await uploads.put(target, body(b"something else"), DIGEST)
    assert storage.staged == {}
    assert storage.blobs == {}


@pytest.mark.parametrize("begun_with", ["sha256", "sha512"])
@pytest.mark.parametrize("ended_with", ["sha256", "sha512"])
@pytest.mark.parametrize("split", [0, 13, 26])
async def test_the_digest_at_the_end_decides_the_algorithm(
    uploads: Uploads,
    blobs: Blobs,
    target: PushTarget,
    repository: Repository,
    begun_with: str,
    ended_with: str,
    split: int,
) -> None:
    upload = await uploads.begin(target, None, begun_with)
    upload = await append(uploads, repository, upload, ALPHABET[:split])
    digest = Digest.of(ALPHABET, ended_with)
    await uploads.finish(upload, Chunk(body(ALPHABET[split:])), digest)
    assert await content_of(blobs, repository, digest) == ALPHABET


@pytest.mark.parametrize("algorithm", ["md5", "", "sha1", "SHA256", "blake3"])
async def test_an_unknown_algorithm_begins_nothing(
    uploads: Uploads, target: PushTarget, algorithm: str
) -> None:
    with pytest.raises(InvalidDigest):
        await uploads.begin(target, None, algorithm)


async def test_a_cut_chunk_keeps_what_came_before_the_cut(
    uploads: Uploads, blobs: Blobs, repository: Repository, upload: Upload
) -> None:
    upload = await append(uploads, repository, upload, ALPHABET[:3])
    with pytest.raises(BodyCut):
        await uploads.append(upload, Chunk(cut_body(ALPHABET[3:5], ALPHABET[5:8])))
    upload = await again(uploads, repository, upload)
    assert upload.size == 8
    assert upload.hash_so_far == Digest.of(ALPHABET[:8]).hex
    await uploads.finish(upload, Chunk(body(ALPHABET[8:]), 8), DIGEST)
    assert await content_of(blobs, repository, DIGEST) == ALPHABET


async def test_a_cut_last_body_changes_nothing(
    uploads: Uploads, blobs: Blobs, repository: Repository, upload: Upload
) -> None:
    upload = await append(uploads, repository, upload, ALPHABET[:3])
    with pytest.raises(BodyCut):
        await uploads.finish(upload, Chunk(cut_body(ALPHABET[3:9])), DIGEST)
    assert await again(uploads, repository, upload) == upload
    await uploads.finish(upload, Chunk(body(ALPHABET[3:])), DIGEST)
    assert await content_of(blobs, repository, DIGEST) == ALPHABET


async def test_a_cut_whole_body_leaves_nothing(
    uploads: Uploads, target: PushTarget, storage: MemoryStorage
) -> None:
    with pytest.raises(BodyCut):
        await uploads.put(target, cut_body(ALPHABET[:5]), DIGEST)
    assert storage.staged == {}


async def test_an_upload_is_of_one_repository_and_one_creator(
    uploads: Uploads, repository: Repository, upload: Upload, metadata: Metadata
) -> None:
    other = await add_repository(metadata, "a/other")
    for place, account_id, upload_id in (
        (other, None, upload.id),
        (repository, 1, upload.id),
        (repository, None, upload.id.upper() + "0"),
        (repository, None, ""),
    ):
        with pytest.raises(UploadUnknown):
            await uploads.get(place, account_id, upload_id)
    assert await uploads.get(repository, None, upload.id) == upload


async def test_ids_of_uploads_cannot_be_guessed(uploads: Uploads, target: PushTarget) -> None:
    ids = {(await uploads.begin(target, None, "sha256")).id for _ in range(20)}
    assert len(ids) == 20
    assert all(len(each) >= 32 for each in ids)


async def test_a_cancelled_upload_is_gone(
    uploads: Uploads, repository: Repository, upload: Upload, storage: MemoryStorage
) -> None:
    upload = await append(uploads, repository, upload, b"unwanted")
    await uploads.cancel(upload)
    with pytest.raises(UploadUnknown):
        await uploads.cancel(upload)
    with pytest.raises(UploadUnknown):
        await uploads.append(upload, Chunk(body(b"more")))
    assert storage.staged == {}


async def test_staged_bytes_that_were_lost_end_the_upload(
    uploads: Uploads, repository: Repository, upload: Upload, storage: MemoryStorage
) -> None:
    """A row may outlive its bytes; a shorter blob must not come of it."""
    upload = await append(uploads, repository, upload, ALPHABET[:13])
    await storage.discard(UploadId(upload.id))
    with pytest.raises(UploadUnknown):
        await uploads.append(upload, Chunk(body(ALPHABET[13:])))


async def test_bytes_that_no_request_acknowledged_are_dropped(
    uploads: Uploads, blobs: Blobs, repository: Repository, upload: Upload, storage: MemoryStorage
) -> None:
    """A worker may die between writing the bytes and recording them."""
    upload = await append(uploads, repository, upload, ALPHABET[:13])
    storage.staged[UploadId(upload.id)] += b"unacknowledged"
    await uploads.finish(upload, Chunk(body(ALPHABET[13:])), DIGEST)
    assert await content_of(blobs, repository, DIGEST) == ALPHABET


async def test_a_push_to_a_repository_deleted_meanwhile_is_refused(
    uploads: Uploads, target: PushTarget, repository: Repository, metadata: Metadata
) -> None:
    async with metadata.begin() as tx:
        await delete_repository(tx, repository.id)
    with pytest.raises(RepositoryUnknown):
        await uploads.put(target, body(ALPHABET), DIGEST)
    with pytest.raises(RepositoryUnknown):
        await uploads.begin(target, None, "sha256")


async def test_an_upload_whose_repository_is_deleted_is_gone(
    uploads: Uploads, repository: Repository, upload: Upload, metadata: Metadata
) -> None:
    upload = await append(uploads, repository, upload, b"abc")
    async with metadata.begin() as tx:
        await delete_repository(tx, repository.id)
    with pytest.raises(UploadUnknown):
        await uploads.finish(upload, Chunk(body()), Digest.of(b"abc"))


async def test_pushing_a_blob_again_heals_it(
    uploads: Uploads,
    blobs: Blobs,
    target: PushTarget,
    repository: Repository,
    storage: MemoryStorage,
) -> None:
    await uploads.put(target, body(ALPHABET), DIGEST)
    key = next(iter(storage.blobs))
    storage.blobs[key] = b"damaged"
    await uploads.put(target, body(ALPHABET), DIGEST)
    assert await content_of(blobs, repository, DIGEST) == ALPHABET
