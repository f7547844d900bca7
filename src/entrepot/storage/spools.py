"""Blobs of a store without files, lent as local files while they are sent.

The server sends a file at the client's pace; what is streamed to it waits in memory instead.
"""

import asyncio
import os
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final
from weakref import WeakValueDictionary

from entrepot.errors import BlobUnknown, OutOfSpace
from entrepot.oci.digests import Digest, new_hasher
from entrepot.storage.staged import named_failures

KEPT: Final = 8 * 1024**3
"""Bytes that are kept for the next reader."""
_IN_USE: Final = 300.0
"""Seconds after it was lent in which a file may still have to be opened."""
_SPARE: Final = 256 * 1024**2


class Spool:
    """A directory of passing copies; several processes may share it."""

    def __init__(self, directory: Path, kept: int = KEPT) -> None:
        self._directory = directory
        self._kept = kept
        self._fetching: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def lend(
        self, name: str, digest: Digest, size: int, read: Callable[[], AsyncIterator[bytes]]
    ) -> Path:
        """A file with these bytes, fetched once; it stays for some minutes at least.

        Raises `BlobUnknown` for bytes that are not what the digest says, `OutOfSpace` where they
        do not fit.
        """
        path = self._directory / name
        lock = self._fetching.setdefault(name, asyncio.Lock())
        async with lock:
            if not _touch(path, size):
                with named_failures():
                    await asyncio.to_thread(self._make_room, size)
                    await _fetch(path, digest, size, read())
        return path

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


async def _fetch(path: Path, digest: Digest, size: int, runs: AsyncIterator[bytes]) -> None:
    passing = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    hasher = new_hasher(digest.algorithm)
    try:
        with passing.open("wb") as file:
            async for run in runs:
                await asyncio.to_thread(hasher.update, run)
                await asyncio.to_thread(file.write, run)
        if hasher.hexdigest() != digest.hex or passing.stat().st_size != size:
            raise BlobUnknown("the blob is damaged", {"digest": str(digest)})
        passing.rename(path)
    finally:
        passing.unlink(missing_ok=True)
