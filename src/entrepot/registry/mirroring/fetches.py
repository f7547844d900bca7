"""Blobs that are being fetched from other registries: one download, however many wait for it.

The bytes go into a file below `fetches/`, which its writer locks. Readers follow the file while it
grows, in any process of the node: a process has one `Fetch` per blob, which writes, or watches the
writer of another process. The system drops a dead writer's lock; whoever takes it goes on where
the file ends. A client that leaves ends nothing, for none of them is the writer.

Readers get the last bytes only once the whole is known to be what the digest says, is durable, and
has a row: a body that is complete is right.
"""

import asyncio
import hashlib
import logging
import os
import time
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from entrepot.errors import EntrepotError, UpstreamFailed, UpstreamUnreachable
from entrepot.oci.digests import Digest, Hasher, new_hasher
from entrepot.registry.mirroring.fetch_files import (
    RUN,
    hash_file,
    is_free,
    is_same_file,
    lock,
    read_cached,
    read_runs,
    write_and_hash,
)
from entrepot.storage import put_blob
from entrepot.storage.protocols import BlobKey, Storage, TakesFiles
from entrepot.storage.staged import named_failures

FETCHES: Final = "fetches"
"""The directory of blobs that are arriving, below the data directory."""
HELD_BACK: Final = 1024
"""Bytes that readers get only when the blob is known to be right."""
_RUN: Final = 256 * 1024
_LOOK_EVERY: Final = 0.02
_ATTEMPTS: Final = 5
_PAUSE: Final = 0.2

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Part:
    """An upstream's answer about a blob from `start` on; `size` is that of the whole blob."""

    start: int
    size: int
    runs: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class BlobSource:
    """A blob of one repository as it can be fetched, and how it is recorded."""

    key: str
    """The same for the same blob of the same repository in every process, and fit for a file."""
    name: str
    """The upstream, for messages."""
    digest: Digest
    open: Callable[[int], AbstractAsyncContextManager[Part]]
    """Ask the upstream for the bytes from there on; it may begin earlier."""
    is_recorded: Callable[[], Awaitable[bool]]
    record: Callable[[int, BlobKey], Awaitable[None]]
    """Make the bytes a blob of the repository, of that size and under that key."""


def source_key(repository: str, digest: Digest) -> str:
    """The key of a repository's blob."""
    return f"{hashlib.sha256(repository.encode()).hexdigest()[:24]}-{digest.algorithm}-{digest.hex}"


class Fetches:
    """The blobs that arrive on this node, as this process sees them."""

    def __init__(self, storage: Storage, directory: Path) -> None:
        self._storage = storage
        self.directory = directory
        self._running: dict[str, Fetch] = {}

    def join(self, source: BlobSource) -> "Fetch":
        """The fetch of the blob, begun where there is none yet, or where it has failed."""
        found = self._running.get(source.key)
        if found is not None and found.error is None:
            return found
        self.directory.mkdir(exist_ok=True, mode=0o700)
        fetch = self._running[source.key] = Fetch(source, self._storage, self.directory)
        fetch.task = asyncio.create_task(fetch.run())

        def leave(_: object) -> None:
            # One that failed may have been replaced before it was over.
            if self._running.get(source.key) is fetch:
                del self._running[source.key]

        fetch.task.add_done_callback(leave)
        return fetch

    async def settle(self) -> None:
        """Return when all that arrives now has arrived, or failed to."""
        tasks = [fetch.task for fetch in self._running.values() if fetch.task is not None]
        await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        """End what runs; another process, or the next, goes on where it ended."""
        tasks = [fetch.task for fetch in self._running.values() if fetch.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def expire(self, idle_for: timedelta) -> int:
        """Delete files that nobody has written to for `idle_for`; say how many."""
        return await asyncio.to_thread(self._expire, idle_for.total_seconds())

    def _expire(self, idle_for: float) -> int:
        count = 0
        with suppress(FileNotFoundError):
            for path in list(self.directory.iterdir()):
                with suppress(FileNotFoundError):
                    if time.time() - path.stat().st_mtime > idle_for and is_free(path):
                        path.unlink()
                        count += 1
        return count


class Fetch:
    """One blob that arrives, and its readers in this process."""

    def __init__(self, source: BlobSource, storage: Storage, directory: Path) -> None:
        self.task: asyncio.Task[None] | None = None
        self.size: int | None = None
        self.received = 0
        self.is_done = False
        self._source = source
        self._storage = storage
        self._path = directory / source.key
        self._note = directory / f"{source.key}.size"
        self._error: EntrepotError | None = None
        self._changed = asyncio.Event()
        self.descriptor = -1
        self.file_number = 0
        """How often a file was begun: readers of an older one go over to the newest."""

    async def wait_for_size(self) -> int:
        """The blob's size in bytes, once the upstream has said it; raises why it does not."""
        while self.size is None:
            if self._error is not None:
                raise self._error
            if self.is_done:
                raise UpstreamFailed(f"{self._source.name} did not say how large a blob is")
            await self._changed.wait()
        return self.size

    async def wait_until_done(self) -> None:
        """Return when the blob is recorded; raises why it is not."""
        while not self.is_done:
            if self._error is not None:
                raise self._error
            await self._changed.wait()

    def open_reader(self, start: int, length: int) -> "FetchReader | None":
        """A reader of some of the bytes; `None` where the fetch is over, and the blob is there."""
        return None if self.descriptor < 0 else FetchReader(self, start, start + length)

    def readable_to(self) -> int:
        """Up to where readers may read now."""
        if self.is_done or self.size is None:
            return self.received
        return min(self.received, self.size - min(HELD_BACK, self.size))

    @property
    def error(self) -> EntrepotError | None:
        """Why the blob does not come."""
        return self._error

    async def wait_for_change(self) -> None:
        """Return when there is more to read, or the fetch is over."""
        await self._changed.wait()

    async def run(self) -> None:
        """Fetch the blob, or watch the process that does, until it is recorded or cannot be."""
        try:
            with named_failures():
                await self._run()
        except EntrepotError as error:
            self._error = error
        except Exception as error:  # whoever waits must hear of it
            _log.exception("fetch failed")
            self._error = UpstreamFailed(f"a blob of {self._source.name} could not be stored")
            self._error.__cause__ = error
        finally:
            if self._error is None and not self.is_done:
                self._error = UpstreamFailed("the server is stopping", wait=1)
            self._notify()
            if self.descriptor >= 0:
                os.close(self.descriptor)
                self.descriptor = -1

    async def _run(self) -> None:
        source = self._source
        while not self.is_done:
            self._open_file()
            while not lock(self.descriptor):
                if await self._watch():
                    return
            if await source.is_recorded():
                await self._finish()
            elif is_same_file(self.descriptor, self._path):
                await self._receive()

    def _open_file(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        self.descriptor = os.open(self._path, flags, 0o640)
        self.file_number += 1

    async def _watch(self) -> bool:
        """Look how far another process is; whether it is done."""
        await asyncio.sleep(_LOOK_EVERY)
        found = os.fstat(self.descriptor)
        if self.size is None:
            with suppress(OSError, ValueError):
                self.size = int(self._note.read_text())
        if found.st_size != self.received:
            self.received = found.st_size
            self._notify()
        if found.st_size == self.size and await self._source.is_recorded():
            await self._finish()
        return self.is_done

    async def _receive(self) -> None:
        """Write the rest of the file, compare it, and make a blob of it."""
        if os.fstat(self.descriptor).st_nlink > 1:
            # It became a blob, and the process died before it said so: a blob is not written to.
            self._path.unlink()
            return
        hasher = new_hasher(self._source.digest.algorithm)
        self.received = await asyncio.to_thread(hash_file, self.descriptor, hasher)
        failed = 0
        while self.received != self.size:
            before = self.received
            try:
                await self._receive_part(hasher)
            except UpstreamUnreachable:
                failed = 1 if self.received > before else failed + 1
                if failed >= _ATTEMPTS or not self.received:
                    raise
                await asyncio.sleep(_PAUSE * 2**failed)
        if hasher.hexdigest() != self._source.digest.hex:
            self._forget()
            raise UpstreamFailed(f"{self._source.name} sent other bytes than {self._source.digest}")
        await self._commit()

    async def _receive_part(self, hasher: Hasher) -> None:
        source = self._source
        try:
            async with source.open(self.received) as part:
                if self.size is not None and part.size != self.size and self.received:
                    self._forget()
                    raise UpstreamFailed(f"{source.name} changed the size of a blob")
                await self._note_size(part.size)
                await self._write(part, hasher)
        except EntrepotError:
            if not self.received:
                self._forget()
            raise

    async def _note_size(self, size: int) -> None:
        if self.size != size or not self._note.exists():
            self.size = size
            await asyncio.to_thread(self._note.write_text, str(size))
        self._notify()

    async def _write(self, part: Part, hasher: Hasher) -> None:
        """Write on a thread what has come, while more comes."""
        skipped, waiting = self.received - part.start, bytearray()
        writing: asyncio.Task[None] | None = None
        total = part.start
        try:
            async for run in part.runs:
                total += len(run)
                if total > part.size:
                    raise UpstreamFailed(f"{self._source.name} sent more than a blob has")
                kept, skipped = run[skipped:], max(0, skipped - len(run))
                waiting += kept
                if writing is not None and (writing.done() or len(waiting) >= RUN):
                    await writing
                    writing = None
                if writing is None and waiting:
                    writing = asyncio.create_task(self._append(bytes(waiting), hasher))
                    waiting.clear()
        finally:
            if writing is not None:
                await writing
            if waiting:
                await self._append(bytes(waiting), hasher)
        if total != part.size:
            raise UpstreamUnreachable(f"{self._source.name} cut a blob short")

    async def _append(self, data: bytes, hasher: Hasher) -> None:
        await asyncio.to_thread(write_and_hash, self.descriptor, data, self.received, hasher)
        self.received += len(data)
        self._notify()

    async def _commit(self) -> None:
        key = None
        if isinstance(self._storage, TakesFiles):
            key = await self._storage.take_file(self._path, self._source.digest)
        if key is None:
            runs = read_runs(self.descriptor)
            key = await put_blob.store(self._storage, self._source.digest, runs)
        if key is None:
            raise UpstreamFailed(f"a blob of {self._source.name} was damaged on the disk")
        await self._source.record(self.received, key)
        await self._finish()

    async def _finish(self) -> None:
        self.is_done = True
        self._notify()
        self._forget()

    def _forget(self) -> None:
        """Give the file's name up: readers that have it open read on."""
        if is_same_file(self.descriptor, self._path):
            self._path.unlink(missing_ok=True)
            self._note.unlink(missing_ok=True)

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


class FetchReader:
    """The bytes of a fetch as they arrive; fewer, and no raise, where the rest does not come.

    The answer has begun by then: what can still be done is to end it short of its length.
    """

    def __init__(self, fetch: Fetch, start: int, end: int) -> None:
        self._fetch = fetch
        self._at = start
        self._end = end
        self._open()

    def __aiter__(self) -> "FetchReader":
        return self

    async def __anext__(self) -> bytes:
        fetch = self._fetch
        while self._at < self._end:
            if fetch.file_number != self._number and fetch.descriptor >= 0:
                self._close()
                self._open()
            wanted = min(fetch.readable_to(), self._end, self._at + _RUN) - self._at
            run = b""
            if wanted > 0:
                # What was just written is in memory, nearly always: a thread would only cost.
                run = read_cached(self._descriptor, wanted, self._at) or await asyncio.to_thread(
                    os.pread, self._descriptor, wanted, self._at
                )
            if run:
                self._at += len(run)
                return run
            if fetch.is_done or fetch.error is not None:
                reason = fetch.error.message if fetch.error is not None else ""
                _log.warning("fetch cut", extra={"reason": reason})
                break
            await fetch.wait_for_change()
        self._close()
        raise StopAsyncIteration

    def _open(self) -> None:
        self._descriptor = os.dup(self._fetch.descriptor)
        self._number = self._fetch.file_number
        # A client that leaves before its answer begins never asks for the first bytes.
        self._close = weakref.finalize(self, os.close, self._descriptor)
