"""Bytes in local files.

    blobs/sha256/ab/abcd…   one file per blob, never written to after its rename
    uploads/ID              staged bytes, locked by the request that writes them
    quarantine/…            bytes that were not what they should be

Bytes are written, synced, renamed and the directory synced, in that order, before `commit` returns:
a rename whose directory was not synced is lost in a power cut on ext4 and xfs alike.
"""

import asyncio
import errno
import os
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from entrepot.errors import BlobUnknown, Unavailable
from entrepot.oci.digests import ALGORITHMS, Digest
from entrepot.storage.buffers import Buffers
from entrepot.storage.private_files import sync_directory
from entrepot.storage.protocols import BlobKey, Committed, Observer, StagedUpload, UploadId
from entrepot.storage.staged import StagedFile, named_failures, open_locked

_RUN: Final = 256 * 1024
"""Bytes read at a time. Measured from 64 KiB to 1 MiB: past this nothing is won, and memory is."""

T = TypeVar("T")


class FileStorage:
    """Keeps uploads and blobs below one directory; any number of processes may share it."""

    def __init__(self, root: Path, *, threads: int = 8) -> None:
        self._blobs = root / "blobs"
        self._uploads = root / "uploads"
        self._quarantine = root / "quarantine"
        self.buffers = Buffers()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="storage")

    def prepare(self) -> None:
        """Make the directories; repeating it does nothing."""
        self._uploads.mkdir(parents=True, exist_ok=True)
        for algorithm in ALGORITHMS:
            for prefix in range(256):
                (self._blobs / algorithm / f"{prefix:02x}").mkdir(parents=True, exist_ok=True)
            sync_directory(self._blobs / algorithm)
        sync_directory(self._blobs)
        sync_directory(self._blobs.parent)

    def path_of(self, key: BlobKey) -> Path:
        """Where the blob's bytes are."""
        return self._blobs / key

    @asynccontextmanager
    async def open(
        self, upload: UploadId, observe: Observer, *, is_new: bool = False
    ) -> AsyncIterator[StagedUpload]:
        """Open the upload under a lock that the system drops when the process dies."""
        path = self._uploads / upload
        is_absent = is_new and not path.exists()
        staged = StagedFile(self, None if is_absent else open_locked(path), path, observe)
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

    async def check(self) -> None:
        """Look whether the directories are there and can be written to."""
        for directory in (self._uploads, self._blobs):
            if not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
                raise Unavailable(f"{directory} cannot be written to")

    async def take_file(self, path: Path, digest: Digest) -> BlobKey | None:
        """Link the file into the blobs; `None` where the file system has no such links."""
        key = self.place(digest)
        with named_failures():
            linked = await self.run(
                partial(_link, path, self._blobs / key, self._uploads / secrets.token_hex(16))
            )
        return key if linked else None

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

    async def quarantine(self, key: BlobKey) -> None:
        """Move the file to `quarantine/`."""
        await self.run(partial(_put_aside, self._blobs / key, self._quarantine))

    async def find_committed(self, key: BlobKey) -> Committed | None:
        """The file's size, and when its commit dated it."""
        return _committed(self._blobs / key)

    async def delete_older(self, keys: Sequence[BlobKey], before: datetime) -> dict[BlobKey, int]:
        """Move the files out of the blobs, and unlink them in the background."""
        asides = {key: self._uploads / f"collected-{secrets.token_hex(16)}" for key in keys}
        taken = await self.run(partial(_take_all_older, self._blobs, asides, before))
        # Freeing the blocks of a large file takes long. What a crash leaves here expires.
        self._pool.submit(_unlink_all, [asides[key] for key in taken])
        return taken

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
        buffer = memoryview(bytearray(min(max(left, 0), _RUN)))
        while left > 0:
            wanted = buffer[: min(left, _RUN)]
            count = read_cached(descriptor, wanted, start)
            if count is None:
                count = await self.run(partial(os.preadv, descriptor, [wanted], start))
            if not count:
                return
            start += count
            left -= count
            yield bytes(wanted[:count])


def read_cached(descriptor: int, buffer: memoryview, start: int) -> int | None:
    """Read what memory holds of the file, on the spot; `None` where the disk must be waited for."""
    try:
        return os.preadv(descriptor, [buffer], start, os.RWF_NOWAIT) or None
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EOPNOTSUPP):
            return None
        raise


def _link(path: Path, target: Path, passing: Path) -> bool:
    """Make `target` another name of a file whose bytes are durable from then on."""
    try:
        passing.hardlink_to(path)
    except OSError as error:
        if error.errno in (errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK):
            return False
        raise
    try:
        descriptor = os.open(passing, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fdatasync(descriptor)
            os.utime(descriptor)
        finally:
            os.close(descriptor)
        passing.rename(target)
        sync_directory(target.parent)
    finally:
        passing.unlink(missing_ok=True)
    return True


def _committed(path: Path) -> Committed | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return Committed(found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))


def _old_size(path: Path, before: datetime) -> int | None:
    """The file's size if it was committed before that moment."""
    found = _committed(path)
    return found.size if found is not None and found.at < before else None


def _take_all_older(
    root: Path, asides: Mapping[BlobKey, Path], before: datetime
) -> dict[BlobKey, int]:
    sizes = {key: _take_older(root / key, aside, before) for key, aside in asides.items()}
    return {key: size for key, size in sizes.items() if size is not None}


def _unlink_all(paths: Sequence[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _take_older(path: Path, aside: Path, before: datetime) -> int | None:
    """Move the file aside if it is old: only there can no commit replace it after the look."""
    if _old_size(path, before) is None:
        return None
    try:
        path.rename(aside)
    except FileNotFoundError:
        return None
    size = _old_size(aside, before)
    if size is not None:
        return size
    # A commit came between the look and the move. If one more has come since, that one stays.
    with suppress(FileExistsError):
        path.hardlink_to(aside)
    aside.unlink(missing_ok=True)
    return None


def _files_of(directory: Path) -> list[Path]:
    return sorted(directory.iterdir())


def _put_aside(path: Path, directory: Path) -> None:
    directory.mkdir(exist_ok=True, mode=0o700)
    with suppress(FileNotFoundError):
        path.rename(directory / f"{path.name}-{secrets.token_hex(4)}")
        sync_directory(path.parent)
        sync_directory(directory)
