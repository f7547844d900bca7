"""What only the store in S3 has to keep: nothing is left in the bucket that nobody knows of."""

from pathlib import Path

import pytest

from entrepot.errors import BlobUnknown, EntrepotError, Unavailable
from entrepot.oci.digests import Digest
from entrepot.storage.object_store import ObjectStorage
from entrepot.storage.protocols import UploadId
from tests.support.s3 import S3Server

pytestmark = pytest.mark.s3

ID = UploadId("0123456789abcdef")
MIB = 1024 * 1024


def ignore(_: bytes | memoryview) -> None:
    """Observe nothing."""


@pytest.fixture
def storage(s3_server: S3Server, tmp_path: Path) -> ObjectStorage:
    """An empty store."""
    return s3_server.open_storage(tmp_path / "spool")


def files_in(directory: Path) -> list[str]:
    """The names of all files there."""
    return [each.name for each in directory.iterdir()]


async def names(storage: ObjectStorage) -> list[str]:
    """Every object."""
    return [found.path async for found in storage.bucket.list("")]


@pytest.mark.parametrize("size", [0, 5, 20 * MIB])
async def test_a_commit_leaves_the_blob_and_its_mark(storage: ObjectStorage, size: int) -> None:
    async with storage.open(ID, ignore, is_new=True) as staged:
        await staged.write(bytes(size))
        await staged.settle()
        key = await staged.commit(Digest.of(bytes(size)))
    assert sorted(await names(storage)) == [storage.bytes_of(key), storage.mark_of(key)]
    assert await storage.find_size(key) == size


@pytest.mark.parametrize("size", [5, 20 * MIB])
async def test_whoever_discards_an_upload_first_leaves_nothing(
    storage: ObjectStorage, size: int
) -> None:
    async with storage.open(ID, ignore, is_new=True) as staged:
        await staged.write(bytes(size))
        await staged.settle()
        await storage.discard(ID)
        with pytest.raises(EntrepotError):
            await staged.commit(Digest.of(bytes(size)))
    assert await names(storage) == []


async def test_a_guess_that_is_wrong_does_no_harm(storage: ObjectStorage) -> None:
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
    storage: ObjectStorage, monkeypatch: pytest.MonkeyPatch
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


async def test_bytes_that_are_put_aside_are_kept_for_whoever_looks_into_them(
    storage: ObjectStorage,
) -> None:
    async with storage.open(ID, ignore, is_new=True) as staged:
        await staged.write(b"wrong")
        key = await staged.commit(Digest.of(b"right"))
    await storage.quarantine(key)
    assert await names(storage) == [f"quarantine/{key}"]


async def test_a_write_that_is_answered_only_when_it_is_repeated_was_our_own(
    storage: ObjectStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store then says that there is such an object already, and there is: ours."""
    create = storage.bucket.create

    async def repeated(path: str, content: bytes) -> str | None:
        await create(path, content)
        return await create(path, content)

    monkeypatch.setattr(storage.bucket, "create", repeated)
    async with storage.open(ID, ignore, is_new=True) as staged:
        await staged.write(b"content")
        key = await staged.commit(Digest.of(b"content"))
    assert b"".join([run async for run in storage.read(key)]) == b"content"


async def test_nothing_is_acknowledged_that_the_store_has_not_taken(
    storage: ObjectStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(path: str, content: bytes) -> str | None:
        raise Unavailable

    async with storage.open(ID, ignore, is_new=True) as staged:
        await staged.write(b"first ")
        await staged.sync()
        with monkeypatch.context() as patch:
            patch.setattr(storage.bucket, "put", failing)
            await staged.write(b"second")
            with pytest.raises(Unavailable):
                await staged.sync()
    async with storage.open(ID, ignore) as staged:
        assert staged.size == len(b"first ")
        assert b"".join([run async for run in staged.read()]) == b"first "


async def test_a_damaged_blob_is_not_lent_and_takes_no_room(
    storage: ObjectStorage, tmp_path: Path
) -> None:
    async with storage.open(ID, ignore, is_new=True) as staged:
        await staged.write(b"wrong")
        key = await staged.commit(Digest.of(b"wrong"))
    with pytest.raises(BlobUnknown):
        await storage.lend(key, Digest.of(b"right"), len(b"right"))
    assert files_in(tmp_path / "spool") == []
    path = await storage.lend(key, Digest.of(b"wrong"), len(b"wrong"))
    assert files_in(tmp_path / "spool") == [path.name]


async def test_whoever_holds_an_upload_says_so_seldom(
    storage: ObjectStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lease is long: the store hears of it when bytes are synced and when it is let go of."""
    replace, written = storage.bucket.replace, []

    async def noting(path: str, content: bytes, etag: str) -> str | None:
        written.append(path)
        return await replace(path, content, etag)

    monkeypatch.setattr(storage.bucket, "replace", noting)
    async with storage.open(ID, ignore, is_new=True) as staged:
        for _ in range(3):
            await staged.write(b"content")
            await staged.sync()
    assert len(written) == 4
