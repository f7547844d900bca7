"""Bytes in local files.

    blobs/sha256/ab/abcd…   one file per blob, never written to after its rename
    uploads/ID              staged bytes, locked by whoever writes to them

Bytes are written, synced, renamed and the directory synced, in that order, before `commit` returns:
a rename whose directory was not synced is lost in a power cut on ext4 and xfs alike.
"""

import asyncio
import errno
import fcntl
import os
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from entrepot.errors import BlobUnknown, OutOfSpace, Unavailable, UploadBusy, UploadUnknown
from entrepot.oci.digests import ALGORITHMS, Digest
from entrepot.storage.protocols import BlobKey, Observer, StagedUpload, UploadId

_RUN: Final = 1024 * 1024
"""Bytes handed to a thread at a time: enough to make the hop cheap, few enough to stay flat."""

T = TypeVar("T")


class FileStorage:
    """Keeps uploads and blobs below one directory; any number of processes may share it."""

    def __init__(self, root: Path, *, threads: int = 8) -> None:
        self._blobs = root / "blobs"
        self._uploads = root / "uploads"
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="storage")

    def prepare(self) -> None:
        """Make the directories; repeating it does nothing."""
        self._uploads.mkdir(parents=True, exist_ok=True)
        for algorithm in ALGORITHMS:
            for prefix in range(256):
                (self._blobs / algorithm / f"{prefix:02x}").mkdir(parents=True, exist_ok=True)
            _sync_directory(self._blobs / algorithm)
        _sync_directory(self._blobs)
        _sync_directory(self._blobs.parent)

    def path_of(self, key: BlobKey) -> Path:
        """Where the blob's bytes are."""
        return self._blobs / key

    @asynccontextmanager
    async def open(self, upload: UploadId, observe: Observer) -> AsyncIterator[StagedUpload]:
        """Open the upload under a lock that the system drops when the process dies."""
        path = self._uploads / upload
        staged = _StagedFile(self, _open_locked(path), path, observe)
        try:
            yield staged
        finally:
            await staged.close()

    async def discard(self, upload: UploadId) -> None:
        """Unlink the staged file."""
        await self.run(lambda: (self._uploads / upload).unlink(missing_ok=True))

    async def list_uploads(self) -> AsyncIterator[tuple[UploadId, datetime]]:
        """Every staged file."""
        for path in await self.run(partial(_files_of, self._uploads)):
            try:
                touched = path.stat().st_mtime
            except FileNotFoundError:
                continue
            yield UploadId(path.name), datetime.fromtimestamp(touched, UTC)

    async def find_size(self, key: BlobKey) -> int | None:
        """The file's size."""
        try:
            return (self._blobs / key).stat().st_size
        except FileNotFoundError:
            return None

    async def read(
        self, key: BlobKey, start: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        """The file's bytes, a run at a time, read on a thread."""
        try:
            descriptor = os.open(self._blobs / key, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise BlobUnknown from error
        try:
            async for run in self._read_runs(descriptor, start, length):
                yield run
        finally:
            os.close(descriptor)

    async def delete(self, key: BlobKey) -> None:
        """Unlink the file."""
        await self.run(lambda: (self._blobs / key).unlink(missing_ok=True))

    async def list_blobs(self) -> AsyncIterator[BlobKey]:
        """Every blob's file, a directory at a time."""
        for directory in sorted(self._blobs.glob("*/*")):
            for path in await self.run(partial(_files_of, directory)):
                yield BlobKey(str(path.relative_to(self._blobs)))

    async def run(self, work: Callable[[], T]) -> T:
        """Do blocking work on one of the store's threads."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def place(self, digest: Digest) -> BlobKey:
        """The key of a blob with this digest."""
        return BlobKey(f"{digest.algorithm}/{digest.hex[:2]}/{digest.hex}")

    async def _read_runs(
        self, descriptor: int, start: int, length: int | None
    ) -> AsyncIterator[bytes]:
        left = os.fstat(descriptor).st_size - start if length is None else length
        while left > 0:
            size = min(left, _RUN)
            run = await self.run(partial(os.pread, descriptor, size, start))
            if not run:
                return
            start += len(run)
            left -= len(run)
            yield run


class _StagedFile:
    """The writer of one staged file; bytes are observed and written on a thread, in order."""

    def __init__(
        self, storage: FileStorage, descriptor: int, path: Path, observe: Observer
    ) -> None:
        self._storage = storage
        self._descriptor = descriptor
        self._path = path
        self._observe = observe
        self._written = os.fstat(descriptor).st_size
        self._waiting: list[bytes] = []
        self._waiting_size = 0
        self._working: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[object]] = set()
        self._handed = 0

    @property
    def size(self) -> int:
        return self._written + self._handed + self._waiting_size

    async def start_at(self, offset: int) -> None:
        if self._written < offset:
            raise UploadUnknown
        if self._written > offset:
            await self._on_thread(partial(os.ftruncate, self._descriptor, offset))
        self._written = offset

    async def write(self, chunk: bytes) -> None:
        self._waiting.append(chunk)
        self._waiting_size += len(chunk)
        if self._waiting_size >= _RUN:
            await self._hand_over()

    async def sync(self) -> None:
        await self._settle()
        runs = self._take()
        await self._on_thread(partial(self._store, runs, sync=True))
        self._finish_handed()

    async def read(self) -> AsyncIterator[bytes]:
        at = 0
        while run := await self._on_thread(partial(os.pread, self._descriptor, _RUN, at)):
            at += len(run)
            yield run

    async def commit(self, digest: Digest) -> BlobKey:
        key = self._storage.place(digest)
        await self._settle()
        runs = self._take()
        await self._on_thread(partial(self._store_and_rename, runs, key))
        self._finish_handed()
        return key

    async def close(self) -> None:
        """Let go of the file and its lock, once no thread uses it; what was written stays."""
        unfinished = [*self._running, *([self._working] if self._working else [])]
        await asyncio.gather(*unfinished, return_exceptions=True)
        os.close(self._descriptor)

    async def _hand_over(self) -> None:
        """Start a thread on the waiting bytes once it is done with the last ones."""
        await self._settle()
        runs = self._take()
        self._working = asyncio.create_task(self._on_thread(partial(self._store, runs, sync=False)))

    async def _settle(self) -> None:
        if self._working is not None:
            working, self._working = self._working, None
            await asyncio.shield(working)
        self._finish_handed()

    def _take(self) -> list[bytes]:
        runs, self._waiting = self._waiting, []
        self._handed += self._waiting_size
        self._waiting_size = 0
        return runs

    def _finish_handed(self) -> None:
        self._written += self._handed
        self._handed = 0

    async def _on_thread(self, work: Callable[[], T]) -> T:
        # Shielded and remembered: whoever is cancelled must not leave a thread writing to a
        # descriptor that was closed, and perhaps opened again for another file.
        task = asyncio.create_task(self._storage.run(work))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        with _named_failures():
            return await asyncio.shield(task)

    def _store(self, runs: list[bytes], *, sync: bool) -> None:
        for run in runs:
            self._observe(run)
        _write_all(self._descriptor, runs)
        if sync:
            os.fdatasync(self._descriptor)

    def _store_and_rename(self, runs: list[bytes], key: BlobKey) -> None:
        self._store(runs, sync=True)
        target = self._storage.path_of(key)
        self._path.rename(target)
        _sync_directory(target.parent)


def _open_locked(path: Path) -> int:
    with _named_failures():
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_APPEND | os.O_CREAT, 0o640)
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


def _check_still_staged(descriptor: int, path: Path) -> None:
    """Between our open and our lock the file may have become a blob, which nobody may write to."""
    ours = os.fstat(descriptor)
    try:
        there = path.stat()
    except FileNotFoundError as error:
        raise UploadUnknown from error
    if (ours.st_ino, ours.st_dev) != (there.st_ino, there.st_dev):
        raise UploadUnknown


def _files_of(directory: Path) -> list[Path]:
    return sorted(directory.iterdir())


def _write_all(descriptor: int, runs: list[bytes]) -> None:
    for run in runs:
        view = memoryview(run)
        while view:
            view = view[os.write(descriptor, view) :]


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _named_failures() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _named(error) from error


def _named(error: OSError) -> OutOfSpace | Unavailable:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutOfSpace()
    return Unavailable("the storage failed")
