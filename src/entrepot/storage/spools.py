"""Blobs of a store without files, lent as local files while they are sent.

The server sends a file at the client's pace; what is streamed to it waits in memory instead.
Whoever asks first reads the file while it is written.
"""

import asyncio
import os
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Callable
from io import FileIO
from pathlib import Path
from typing import BinaryIO, Final

from entrepot.errors import BlobUnknown, EntrepotError, OutOfSpace, Unavailable
from entrepot.oci.digests import Digest, new_hasher
from entrepot.storage.filesystem import read_cached
from entrepot.storage.staged import named_failures

KEPT: Final = 8 * 1024**3
"""Bytes that are kept for the next reader."""
_IN_USE: Final = 300.0
"""Seconds after it was lent in which a file may still have to be opened."""
_SPARE: Final = 256 * 1024**2
_RUN: Final = 256 * 1024
_WITHHELD: Final = 64 * 1024
"""Bytes at the end that no reader gets before all of them are compared with the digest."""


class Copy:
    """A copy that is being made: read while it grows, but for its last bytes.

    Those wait until all bytes were compared with the digest, so that no client takes wrong ones for
    the blob.
    """

    def __init__(self, path: Path, size: int) -> None:
        self.size = size
        self._path = path
        self._arrived = 0
        self._is_proven = False
        self._failure: Exception | None = None
        self._change = asyncio.Event()

    def note(self, arrived: int) -> None:
        """Tell the readers how many bytes are there."""
        self._arrived = arrived
        self._tell()

    def end(self, path: Path, failure: Exception | None) -> None:
        """Give the copy its name, or delete it; tell the readers which."""
        try:
            if failure is None:
                self._path = self._path.rename(path)
        except OSError:
            failure = Unavailable("the storage failed")
        if failure is not None:
            self._path.unlink(missing_ok=True)
        self._failure, self._is_proven = failure, failure is None
        self._tell()

    async def until_begun(self) -> None:
        """Return when there are bytes; raise what the copy failed with before there were any."""
        while not self._arrived and not self._is_proven:
            await self._wait()

    async def until_proven(self) -> None:
        """Return when the copy is whole and right; raise what it failed with."""
        while not self._is_proven:
            await self._wait()

    def read(self, start: int, length: int) -> AsyncIterator[bytes]:
        """`length` bytes from `start` on as they arrive; raise what the copy failed with."""
        if self._failure is not None:
            raise self._failure
        # Opened now: a copy that fails, or is whole and makes room for others, loses its name.
        return self._read(self._path.open("rb", buffering=0), start, start + length)

    async def _read(self, file: FileIO, at: int, stop: int) -> AsyncIterator[bytes]:
        with file:
            descriptor = file.fileno()
            while at < stop:
                end = min(stop, self._readable)
                if end <= at:
                    await self._wait()
                    continue
                wanted = memoryview(bytearray(min(end - at, _RUN)))
                # Just written, as a rule: memory has it.
                count = read_cached(descriptor, wanted, at)
                if count is None:
                    count = await asyncio.to_thread(os.preadv, descriptor, [wanted], at)
                at += count
                yield bytes(wanted[:count])

    @property
    def _readable(self) -> int:
        return self._arrived if self._is_proven else min(self._arrived, self.size - _WITHHELD)

    async def _wait(self) -> None:
        """Wait for more bytes or the end."""
        if self._failure is not None:
            raise self._failure
        await self._change.wait()

    def _tell(self) -> None:
        # Those that wait now are woken; who comes later waits for the next change.
        change, self._change = self._change, asyncio.Event()
        change.set()


class Spool:
    """A directory of passing copies; several processes may share it."""

    def __init__(self, directory: Path, kept: int = KEPT) -> None:
        self._directory = directory
        self._kept = kept
        self._copies: dict[str, tuple[Copy, asyncio.Task[None]]] = {}

    async def lend(
        self, name: str, digest: Digest, size: int, read: Callable[[], AsyncIterator[bytes]]
    ) -> Path:
        """A file with these bytes, fetched once; it stays for some minutes at least.

        Raises `BlobUnknown` for bytes that are not what the digest says, `OutOfSpace` where they
        do not fit.
        """
        found = await self.begin(name, digest, size, read)
        if isinstance(found, Copy):
            await found.until_proven()
            found = self._directory / name
        return found

    async def begin(
        self, name: str, digest: Digest, size: int, read: Callable[[], AsyncIterator[bytes]]
    ) -> Path | Copy:
        """As `lend`, without waiting for bytes that are not here yet.

        The copy is made to its end, whether anybody waits for it or not.
        """
        path = self._directory / name
        if name not in self._copies and not _touch(path, size):
            with named_failures():
                await asyncio.to_thread(self._make_room, size)
        # Another request may have been quicker.
        if name not in self._copies:
            if _touch(path, size):
                return path
            self._copies[name] = self._begin(path, digest, size, read)
        copy, _ = self._copies[name]
        await copy.until_begun()
        return copy

    def _begin(
        self, path: Path, digest: Digest, size: int, read: Callable[[], AsyncIterator[bytes]]
    ) -> tuple[Copy, asyncio.Task[None]]:
        passing = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        with named_failures():
            file = passing.open("wb")
        copy = Copy(passing, size)
        return copy, asyncio.create_task(self._fill(copy, file, path, digest, read()))

    async def _fill(
        self, copy: Copy, file: BinaryIO, path: Path, digest: Digest, runs: AsyncIterator[bytes]
    ) -> None:
        hasher, arrived = new_hasher(digest.algorithm), 0

        def take(run: bytes) -> None:
            hasher.update(run)
            file.write(run)
            file.flush()

        failure: Exception | None = Unavailable("the worker ends")
        try:
            with named_failures(), file:
                async for run in runs:
                    await asyncio.to_thread(take, run)
                    arrived += len(run)
                    copy.note(arrived)
            is_right = hasher.hexdigest() == digest.hex and arrived == copy.size
            damaged = BlobUnknown("the blob is damaged", {"digest": str(digest)})
            failure = None if is_right else damaged
        except EntrepotError as error:
            failure = error
        finally:
            # At once: whoever finds the copy can still open it, and later there is the file.
            del self._copies[path.name]
            copy.end(path, failure)

    def _make_room(self, size: int) -> None:
        self._directory.mkdir(exist_ok=True, mode=0o700)
        held = sorted(_files(self._directory), key=lambda each: each[1].st_mtime)
        total = sum(found.st_size for _, found in held)
        for path, found in held:
            if total + size <= self._kept or time.time() - found.st_mtime < _IN_USE:
                break
            path.unlink(missing_ok=True)
            total -= found.st_size
        if shutil.disk_usage(self._directory).free < size + _SPARE:
            raise OutOfSpace


def _files(directory: Path) -> list[tuple[Path, os.stat_result]]:
    files = []
    for path in directory.iterdir():
        try:
            files.append((path, path.stat()))
        except FileNotFoundError:
            continue
    return files


def _touch(path: Path, size: int) -> bool:
    """Say whether the file is there and whole; it is in use from now on."""
    try:
        os.utime(path)
        return path.stat().st_size == size
    except FileNotFoundError:
        return False
