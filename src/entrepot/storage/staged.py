"""One staged file and its one writer.

Whole buffers are written past the page cache (`O_DIRECT`): an upload must be on the disk before it
is acknowledged, so nothing is won by filling memory with it first, and much is lost to readers.
"""

import asyncio
import errno
import fcntl
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final, Protocol, TypeVar

from entrepot.errors import DigestMismatch, OutOfSpace, Unavailable, UploadBusy, UploadUnknown
from entrepot.oci.digests import Digest
from entrepot.storage.buffers import SIZE, Buffer, Buffers
from entrepot.storage.private_files import sync_directory
from entrepot.storage.protocols import BlobKey, IsRight, Observer

_ALIGNMENT: Final = 4096
_RESERVED: Final = 16 * 1024 * 1024
"""Bytes that uploads leave free: deletions and the collector have to write before they free."""

T = TypeVar("T")


class Disk(Protocol):
    """The properties of a store that a staged file needs."""

    buffers: Buffers

    async def run(self, work: Callable[[], T]) -> T:
        """Do blocking work on a thread."""

    def place(self, digest: Digest) -> BlobKey:
        """The key of a blob with this digest."""

    def path_of(self, key: BlobKey) -> Path:
        """Where the blob's bytes are."""


class StagedFile:
    """Bytes are observed and written on a thread, in order, while the next ones arrive.

    Without a descriptor the file is made by the first thread that needs it: making one waits for
    the file system's journal, and the event loop must not.
    """

    def __init__(self, disk: Disk, descriptor: int | None, path: Path, observe: Observer) -> None:
        self._disk = disk
        self._opened = descriptor
        self._path = path
        self._observe = observe
        self._offset = 0 if descriptor is None else os.fstat(descriptor).st_size
        self._buffer = disk.buffers.lend()
        self._working: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[object]] = set()
        self._can_be_direct = True

    @property
    def size(self) -> int:
        """Bytes taken so far."""
        return self._offset + self._buffer.size

    async def start_at(self, offset: int) -> None:
        """Drop bytes past `offset`."""
        if self._offset < offset:
            raise UploadUnknown
        if self._offset > offset:
            await self._on_thread(partial(os.ftruncate, self._descriptor, offset))
        self._offset = offset

    async def write(self, chunk: bytes) -> None:
        """Append `chunk`."""
        left = memoryview(chunk)
        while left:
            left = left[self._buffer.take(left) :]
            if self._buffer.is_full:
                await self._hand_over()

    async def settle(self) -> None:
        """Return when everything written is observed."""
        await self._settle()
        if self._buffer.size:
            await self._on_thread(partial(self._store, *self._swap()))

    async def sync(self) -> None:
        """Return when everything written is durable."""
        await self._settle()
        await self._on_thread(partial(self._store_rest, *self._swap()))

    async def read(self) -> AsyncIterator[bytes]:
        """All bytes staged."""
        at = 0
        while run := await self._on_thread(partial(os.pread, self._descriptor, SIZE, at)):
            at += len(run)
            yield run

    async def commit(self, digest: Digest, is_right: IsRight | None = None) -> BlobKey:
        """Make the staged file the blob."""
        key = self._disk.place(digest)
        await self._settle()
        if not await self._on_thread(partial(self._finish, key, is_right, *self._swap())):
            raise DigestMismatch(detail={"digest": str(digest)})
        return key

    async def close(self) -> None:
        """Let go of the file and its lock, once no thread uses it; what was written stays."""
        unfinished = [*self._running, *([self._working] if self._working else [])]
        await asyncio.gather(*unfinished, return_exceptions=True)
        self._disk.buffers.give_back(self._buffer)
        if self._opened is not None:
            os.close(self._opened)

    @property
    def _descriptor(self) -> int:
        """The file's descriptor; only one thread at a time asks."""
        if self._opened is None:
            self._opened = open_locked(self._path, is_new=True)
        return self._opened

    async def _hand_over(self) -> None:
        """Start a thread on the full buffer once it is done with the last one."""
        await self._settle()
        work = partial(self._store, *self._swap())
        self._working = asyncio.create_task(self._on_thread(work))

    async def _settle(self) -> None:
        if self._working is not None:
            working, self._working = self._working, None
            await asyncio.shield(working)

    def _swap(self) -> tuple[Buffer, int]:
        """The buffer in use and where its bytes belong; they count as written from here on."""
        full, self._buffer = self._buffer, self._disk.buffers.lend()
        offset = self._offset
        self._offset += full.size
        return full, offset

    async def _on_thread(self, work: Callable[[], T]) -> T:
        # Shielded and remembered: a cancelled request must not leave a thread writing to a
        # descriptor that was closed, and perhaps opened again for another file.
        task = asyncio.create_task(self._disk.run(work))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        with named_failures():
            return await asyncio.shield(task)

    def _store(self, buffer: Buffer, offset: int) -> None:
        view = buffer.view()
        try:
            if view:
                _check_room(self._descriptor)
                self._observe(view)
                self._write_at(view, offset)
        finally:
            view.release()
            self._disk.buffers.give_back(buffer)

    def _store_rest(self, buffer: Buffer, offset: int) -> None:
        self._store(buffer, offset)
        self._sync()

    def _sync(self) -> None:
        self._set_direct(False)  # reading needs no alignment then
        try:
            os.fdatasync(self._descriptor)
        except OSError:
            self._lose()
            raise

    def _lose(self) -> None:
        """Let go of bytes whose sync failed: a second sync would succeed without writing them.

        The system counts pages that it could not write as written. Who asks for this upload again
        hears that it is unknown, and sends everything anew.
        """
        with suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _finish(self, key: BlobKey, is_right: IsRight | None, buffer: Buffer, offset: int) -> bool:
        """Observe and store the rest, and make the file the blob where the bytes are right."""
        self._store(buffer, offset)
        if is_right is not None and not is_right():
            return False
        self._sync()
        target = self._disk.path_of(key)
        # Its age is counted from here, not from the last byte, which may have come a day ago.
        os.utime(self._descriptor)
        self._path.rename(target)
        sync_directory(target.parent)
        return True

    def _write_at(self, view: memoryview, offset: int) -> None:
        direct = self._can_be_direct and len(view) == SIZE and offset % _ALIGNMENT == 0
        if direct and not self._write_direct(view, offset):
            self._can_be_direct = False
            direct = False
        if not direct:
            self._set_direct(False)
            _write_all(self._descriptor, view, offset)

    def _write_direct(self, view: memoryview, offset: int) -> bool:
        """Write past the page cache; `False` where this file system cannot (tmpfs, some others)."""
        try:
            self._set_direct(True)
            _write_all(self._descriptor, view, offset)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOTSUP):
                return False
            raise
        return True

    def _set_direct(self, wanted: bool) -> None:
        flags = fcntl.fcntl(self._descriptor, fcntl.F_GETFL)
        changed = flags | os.O_DIRECT if wanted else flags & ~os.O_DIRECT
        if changed != flags:
            fcntl.fcntl(self._descriptor, fcntl.F_SETFL, changed)


def open_locked(path: Path, *, is_new: bool = False) -> int:
    """Open the staged file, or begin it, under a lock that the system drops with the process.

    One that `is_new` must not be there yet: else another request has just begun it.
    """
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_CREAT | (os.O_EXCL if is_new else 0)
    with named_failures():
        try:
            descriptor = os.open(path, flags, 0o640)
        except FileExistsError as error:
            raise UploadBusy from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _check_still_staged(descriptor, path)
    except BlockingIOError as error:
        os.close(descriptor)
        raise UploadBusy from error
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


@contextmanager
def named_failures() -> Iterator[None]:
    """Raise `OutOfSpace` or `Unavailable` for what the file system refuses."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OutOfSpace from error
        raise Unavailable("the storage failed") from error


def _check_still_staged(descriptor: int, path: Path) -> None:
    """Between our open and our lock the file may have become a blob, which must not change."""
    ours = os.fstat(descriptor)
    try:
        there = path.stat()
    except FileNotFoundError as error:
        raise UploadUnknown from error
    if (ours.st_ino, ours.st_dev) != (there.st_ino, there.st_dev):
        raise UploadUnknown


def _check_room(descriptor: int) -> None:
    disk = os.fstatvfs(descriptor)
    # Some file systems do not say how large they are.
    if disk.f_blocks and disk.f_bavail * disk.f_frsize < _RESERVED:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _write_all(descriptor: int, view: memoryview, offset: int) -> None:
    while view:
        count = os.pwrite(descriptor, view, offset)
        view = view[count:]
        offset += count
