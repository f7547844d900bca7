"""Writers that meet: one at a time, and nobody's bytes are lost or mixed."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from entrepot.errors import UploadBusy
from entrepot.metadata.repositories import PushTarget
from entrepot.model.repositories import Repository
from entrepot.model.uploads import Upload
from entrepot.registry.blobs import Blobs
from entrepot.registry.uploads import Chunk, Uploads
from tests.registry.bodies import body
from tests.registry.test_uploads import ALPHABET, DIGEST, again, content_of


@pytest.fixture
async def upload(uploads: Uploads, target: PushTarget) -> Upload:
    """An upload that has just begun."""
    return await uploads.begin(target, None, "sha256")


async def test_an_upload_has_one_writer_at_a_time(
    uploads: Uploads,
    other_worker: Uploads,
    blobs: Blobs,
    repository: Repository,
    upload: Upload,
) -> None:
    may_go_on = asyncio.Event()
    began = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield ALPHABET[:5]
        began.set()
        await may_go_on.wait()
        yield ALPHABET[5:]

    first = asyncio.create_task(uploads.append(upload, Chunk(slow())))
    await began.wait()
    for worker in (uploads, other_worker):
        with pytest.raises(UploadBusy):
            await worker.append(upload, Chunk(body(b"x")))
        with pytest.raises(UploadBusy):
            await worker.finish(upload, Chunk(body(b"x")), DIGEST)
    may_go_on.set()
    assert await first == 26
    await uploads.finish(await again(uploads, repository, upload), Chunk(body()), DIGEST)
    assert await content_of(blobs, repository, DIGEST) == ALPHABET


async def test_a_request_that_is_cancelled_lets_go_of_the_upload(
    uploads: Uploads, blobs: Blobs, repository: Repository, upload: Upload
) -> None:
    began = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield b"lost"
        began.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(uploads.append(upload, Chunk(endless())))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await again(uploads, repository, upload) == upload
    await uploads.finish(upload, Chunk(body(ALPHABET)), DIGEST)
    assert await content_of(blobs, repository, DIGEST) == ALPHABET


async def test_many_push_the_same_blob_at_once(
    uploads: Uploads,
    other_worker: Uploads,
    blobs: Blobs,
    target: PushTarget,
    repository: Repository,
) -> None:
    workers = [uploads, other_worker] * 4
    await asyncio.gather(*(each.put(target, body(ALPHABET), DIGEST) for each in workers))
    assert await content_of(blobs, repository, DIGEST) == ALPHABET
