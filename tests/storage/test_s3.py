"""What only the store in S3 has to keep: nothing is left in the bucket that nobody knows of."""

from pathlib import Path

import pytest

from entrepot.errors import EntrepotError, Unavailable
from entrepot.oci.digests import Digest
from entrepot.storage.protocols import UploadId
from entrepot.storage.s3 import S3Storage
from tests.support.s3 import S3Server

pytestmark = pytest.mark.s3

ID = UploadId("0123456789abcdef")
MIB = 1024 * 1024


def ignore(_: bytes | memoryview) -> None:
    """Observe nothing."""


@pytest.fixture
def storage(s3_server: S3Server, tmp_path: Path) -> S3Storage:
    """An empty store."""
    return s3_server.open_storage(tmp_path / "spool")


async def names(storage: S3Storage) -> list[str]:
    """Every object."""
    return [found.path async for found in storage.bucket.list("")]


@pytest.mark.parametrize("size", [0, 5, 20 * MIB])
async def test_a_commit_leaves_the_blob_and_its_mark(storage: S3Storage, size: int) -> None:
    async with storage.open(ID, ignore, is_new=True) as staged:
        await staged.write(bytes(size))
        await staged.settle()
        key = await staged.commit(Digest.of(bytes(size)))
    assert sorted(await names(storage)) == [storage.bytes_of(key), storage.mark_of(key)]
    assert await storage.find_size(key) == size


@pytest.mark.parametrize("size", [5, 20 * MIB])
async def test_whoever_discards_an_upload_first_leaves_nothing(
    storage: S3Storage, size: int
) -> None:
    async with storage.open(ID, ignore, is_new=True) as staged:
        await staged.write(bytes(size))
        await staged.settle()
        await storage.discard(ID)
        with pytest.raises(EntrepotError):
            await staged.commit(Digest.of(bytes(size)))
    assert await names(storage) == []


async def test_a_guess_that_is_wrong_does_no_harm(storage: S3Storage) -> None:
    async with storage.open(ID, ignore) as staged:
        await staged.write(b"first ")
        await staged.sync()
    async with storage.open(ID, ignore, is_new=True) as staged:
        assert staged.size == len(b"first ")
        await staged.write(b"second")
        key = await staged.commit(Digest.of(b"first second"))
    assert b"".join([run async for run in storage.read(key)]) == b"first second"
    assert sorted(await names(storage)) == [storage.bytes_of(key), storage.mark_of(key)]


async def test_an_upload_is_let_go_of_although_the_store_stumbles(
    storage: S3Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else nobody could go on with it for half a minute, and the next chunk would be refused."""
    replace, failures = storage.bucket.replace, [Unavailable(), Unavailable()]

    async def stumbling(path: str, content: bytes, etag: str) -> str | None:
        if has_synced and failures:
            raise failures.pop()
        return await replace(path, content, etag)

    has_synced = False
    monkeypatch.setattr(storage.bucket, "replace", stumbling)
    async with storage.open(ID, ignore) as staged:
        await staged.write(b"first ")
        await staged.sync()
        has_synced = True
    assert failures == []
    async with storage.open(ID, ignore) as staged:
        assert staged.size == len(b"first ")
