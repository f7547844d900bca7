"""Files in particular: full and failing disks, writers in other processes, damage healed."""

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from entrepot.errors import OutOfSpace, Unavailable, UploadBusy, UploadUnknown
from entrepot.oci.digests import Digest
from entrepot.storage.buffers import SIZE, Buffers
from entrepot.storage.filesystem import FileStorage
from entrepot.storage.protocols import UploadId
from tests.contracts.test_uploads import commit, ignore, noise, read, stage

ID = UploadId("0123456789abcdef")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A prepared directory."""
    FileStorage(tmp_path).prepare()
    return tmp_path


@pytest.fixture
def storage(root: Path) -> FileStorage:
    """The store of one process."""
    return FileStorage(root)


def failing(number: int, real: Callable[..., int], only: object = None) -> Callable[..., int]:
    """A system call that fails; `only` limits it to one of its forms."""

    def call(*arguments: object) -> int:
        if only is None or arguments[-1] == only:
            raise OSError(number, os.strerror(number))
        return real(*arguments)

    return call


def can_be_direct(root: Path) -> bool:
    """Whether the file system takes writes that pass by the page cache."""
    try:
        os.close(os.open(root / "probe", os.O_CREAT | os.O_WRONLY | os.O_DIRECT))
    except OSError:
        return False
    return True


async def test_a_blob_is_a_file_named_by_its_digest(storage: FileStorage, root: Path) -> None:
    digest = Digest.of(b"content")
    key = await commit(storage, b"content")
    path = root / "blobs" / "sha256" / digest.hex[:2] / digest.hex
    assert storage.path_of(key) == path
    assert path.read_bytes() == b"content"
    assert list((root / "uploads").iterdir()) == []


async def test_preparing_again_keeps_everything(storage: FileStorage) -> None:
    key = await commit(storage, b"content")
    storage.prepare()
    assert await read(storage, key) == b"content"


async def test_another_process_sees_the_writer(storage: FileStorage, root: Path) -> None:
    async with storage.open(ID, ignore) as staged:
        await staged.write(b"mine")
        with pytest.raises(UploadBusy):
            async with FileStorage(root).open(ID, ignore):
                raise AssertionError("two writers")


async def test_who_waited_for_a_finished_upload_does_not_write_to_its_blob(
    storage: FileStorage, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other process opens the file, and before it has the lock the file becomes a blob."""
    path = root / "uploads" / ID
    await stage(storage, ID, b"content")

    def lock_late(descriptor: int, operation: int) -> None:
        path.rename(root / "blobs" / "moved")
        assert descriptor
        assert operation

    monkeypatch.setattr("fcntl.flock", lock_late)
    with pytest.raises(UploadUnknown):
        async with FileStorage(root).open(ID, ignore):
            raise AssertionError("opened a blob")
    assert (root / "blobs" / "moved").read_bytes() == b"content"


@pytest.mark.parametrize("call", ["pwrite", "fdatasync", "fsync", "ftruncate"])
@pytest.mark.parametrize(
    ("number", "error"),
    [(errno.ENOSPC, OutOfSpace), (errno.EDQUOT, OutOfSpace), (errno.EIO, Unavailable)],
)
async def test_a_disk_that_fails_acknowledges_nothing(
    storage: FileStorage,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    number: int,
    error: type[Exception],
) -> None:
    async def push() -> None:
        async with storage.open(ID, ignore) as staged:
            await staged.start_at(1)
            await staged.write(noise(SIZE + 1))
            await staged.commit(Digest.of(b"x" + noise(SIZE + 1)))

    await stage(storage, ID, b"xyz")
    with monkeypatch.context() as patch:
        patch.setattr(os, call, failing(number, getattr(os, call)))
        with pytest.raises(error):
            await push()
    async with storage.open(ID, ignore) as staged:
        await staged.start_at(0)
        await staged.write(b"again")
        key = await staged.commit(Digest.of(b"again"))
    assert await read(storage, key) == b"again"


async def test_an_upload_whose_sync_failed_is_lost(
    storage: FileStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next sync would succeed, and say nothing of what the first one did not write."""
    async with storage.open(ID, ignore) as staged:
        await staged.write(b"content")
        with monkeypatch.context() as patch:
            patch.setattr(os, "fdatasync", failing(errno.EIO, os.pwrite))
            with pytest.raises(Unavailable):
                await staged.sync()
    async with storage.open(ID, ignore) as staged:
        with pytest.raises(UploadUnknown):
            await staged.start_at(len(b"content"))


async def test_uploads_leave_room_for_deletions(
    storage: FileStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def almost_full(descriptor: int) -> os.statvfs_result:
        return os.statvfs_result([4096, 4096, 10_000, 4_000, 4_000, 9, 9, 9, descriptor, 255])

    key = await commit(storage, b"there before")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fstatvfs", almost_full)
        with pytest.raises(OutOfSpace):
            await stage(storage, ID, b"one more")
        assert await read(storage, key) == b"there before"
    await stage(storage, ID, b"one more")


async def test_a_file_system_without_direct_writes_takes_ordinary_ones(
    storage: FileStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = noise(2 * SIZE + 77)
    real = os.pwrite

    def refuse_direct(descriptor: int, view: memoryview, offset: int) -> int:
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_DIRECT:
            raise OSError(errno.EINVAL, "no direct writes here")
        return real(descriptor, view, offset)

    monkeypatch.setattr(os, "pwrite", refuse_direct)
    assert await read(storage, await commit(storage, content)) == content


async def test_large_uploads_pass_by_the_page_cache_where_the_file_system_can(
    storage: FileStorage, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = noise(2 * SIZE + 77)
    real, seen = os.pwrite, []

    def note_how(descriptor: int, view: memoryview, offset: int) -> int:
        seen.append((len(view), bool(fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_DIRECT)))
        return real(descriptor, view, offset)

    monkeypatch.setattr(os, "pwrite", note_how)
    assert await read(storage, await commit(storage, content)) == content
    can = can_be_direct(root)
    assert [is_direct for size, is_direct in seen if size == SIZE][-2:] == [can, can]
    assert seen[-1] == (77, False)


async def test_a_disk_that_fails_only_direct_writes_acknowledges_nothing(
    storage: FileStorage, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.pwrite

    def fail_whole_runs(descriptor: int, view: memoryview, offset: int) -> int:
        if len(view) == SIZE:
            raise OSError(errno.EIO, "the disk is failing")
        return real(descriptor, view, offset)

    monkeypatch.setattr(os, "pwrite", fail_whole_runs)
    content = noise(SIZE + 77)
    with pytest.raises(Unavailable):
        await commit(storage, content)
    assert [key async for key in storage.list_blobs()] == []


async def test_writes_that_end_early_go_on(
    storage: FileStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = noise(SIZE + 9)
    real = os.pwrite

    def write_some(descriptor: int, view: memoryview, offset: int) -> int:
        return real(descriptor, view[: max(4096, len(view) // 2 // 4096 * 4096)], offset)

    monkeypatch.setattr(os, "pwrite", write_some)
    assert await read(storage, await commit(storage, content)) == content


async def test_pushing_again_heals_a_damaged_file(storage: FileStorage) -> None:
    key = await commit(storage, b"content")
    storage.path_of(key).write_bytes(b"damage!")
    assert await read(storage, await commit(storage, b"content")) == b"content"


def test_a_buffer_that_was_given_back_is_empty_when_it_is_lent_again() -> None:
    buffers = Buffers()
    buffer = buffers.lend()
    assert buffer.take(memoryview(noise(SIZE + 1))) == SIZE
    assert buffer.is_full
    buffers.give_back(buffer)
    again = buffers.lend()
    assert again is buffer
    assert again.size == 0
    many = [buffers.lend() for _ in range(20)]
    for each in many:
        buffers.give_back(each)
