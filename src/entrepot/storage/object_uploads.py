"""The one writer of one upload in S3.

What is written between two syncs becomes one object, a segment: in one request while it is small,
part by part as it grows. An upload of one segment is a blob without a byte being copied. One of
several, which clients that send chunks make, is put together once, at the commit.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Final, Protocol, TypeVar

import msgspec

from entrepot.errors import DigestMismatch, EntrepotError, Unavailable, UploadUnknown
from entrepot.oci.digests import Digest
from entrepot.storage.buckets import PART, Bucket
from entrepot.storage.protocols import BlobKey, IsRight, Observer
from entrepot.storage.upload_states import Hold, Segment, UploadState

_RUN: Final = 1024 * 1024
_LARGEST_SEGMENT: Final = 8_000 * PART

T = TypeVar("T")


class UploadLayout(Protocol):
    """The properties of a store that an upload's writer needs."""

    bucket: Bucket

    def bytes_of(self, name: str) -> str:
        """Where the bytes of that name are."""

    def mark_of(self, name: str) -> str:
        """Where it says that they are a blob."""

    async def run(self, work: Callable[[], T]) -> T:
        """Do work that takes long on a thread."""

    async def delete_bytes(self, names: list[str]) -> None:
        """Delete bytes and marks of these names."""


class _Giving(Exception):
    """The object that is being written is no longer wanted."""


class _Parts:
    """One object that is written while its bytes arrive; a little of it waits in memory."""

    def __init__(self, write: Callable[[AsyncIterator[bytes]], Coroutine[None, None, str | None]]):
        self._runs: asyncio.Queue[bytes | _Giving | None] = asyncio.Queue(1)
        self._writing = asyncio.create_task(write(self._drain()))

    async def take(self, run: bytes) -> None:
        """Add a run; raise what the writing failed with."""
        await self._hand(run)

    async def end(self) -> str | None:
        """Return the version of the finished object."""
        await self._hand(None)
        return await asyncio.shield(self._writing)

    async def give_up(self) -> None:
        """Leave nothing of the object."""
        with suppress(EntrepotError, _Giving):
            await self._hand(_Giving())
            await asyncio.shield(self._writing)

    async def _hand(self, run: bytes | _Giving | None) -> None:
        handing = asyncio.create_task(self._runs.put(run))
        await asyncio.wait({handing, self._writing}, return_when=asyncio.FIRST_COMPLETED)
        if self._writing.done() and not handing.done():
            handing.cancel()
            self._writing.result()
            raise Unavailable("the storage ended the object early")

    async def _drain(self) -> AsyncIterator[bytes]:
        while (run := await self._runs.get()) is not None:
            if isinstance(run, _Giving):
                raise run
            yield run


class ObjectUpload:
    """Bytes are observed on a thread, in order, and written while the next ones arrive."""

    def __init__(self, layout: UploadLayout, hold: Hold, observe: Observer) -> None:
        self._layout = layout
        self._bucket = layout.bucket
        self._hold = hold
        self._observe = observe
        self._synced = hold.state.size
        self._fresh = 0
        self._run = bytearray()
        self._small: list[bytes] = []
        self._parts: _Parts | None = None
        self._tidying: asyncio.Task[None] | None = None
        self._has_begun = False

    @property
    def size(self) -> int:
        """Bytes taken so far."""
        return self._synced + self._fresh

    async def start_at(self, offset: int) -> None:
        """Drop bytes past `offset`."""
        if self._synced < offset:
            raise UploadUnknown
        if self._synced == offset:
            return
        state, kept, left = self._hold.state, [], offset
        for each in state.segments:
            if left > 0:
                kept.append(Segment(each.name, min(each.size, left), each.written))
            left -= each.size
        dropped = [each.name for each in state.segments[len(kept) :]]
        await self._hold.set_segments(tuple(kept), (*state.spare, *dropped))
        self._synced = offset

    async def write(self, chunk: bytes) -> None:
        """Append `chunk`."""
        left = memoryview(chunk)
        while left:
            taken = left[: _RUN - len(self._run)]
            self._run += taken
            self._fresh += len(taken)
            left = left[len(taken) :]
            if len(self._run) == _RUN:
                await self._hand_over()

    async def settle(self) -> None:
        """Return when everything written is observed."""
        await self._hand_over()

    async def sync(self) -> None:
        """Return when everything written is durable, and named by the state."""
        await self._hand_over()
        if not self._fresh:
            return
        name, size = self._hold.state.begun, self._fresh
        try:
            await self._end_object(name, size)
            await self._name(Segment(name, size, size))
        except EntrepotError:
            # The state may be gone: then nothing else names these bytes.
            with suppress(EntrepotError):
                if name not in [segment.name for segment in self._hold.state.segments]:
                    await self._bucket.delete([self._layout.bytes_of(name)])
            raise
        self._synced, self._fresh, self._has_begun = self._synced + size, 0, False

    async def read(self) -> AsyncIterator[bytes]:
        """All bytes staged."""
        for segment in self._hold.state.segments:
            path = self._layout.bytes_of(segment.name)
            async for run in self._bucket.read(path, 0, segment.size):
                yield run

    async def commit(self, digest: Digest, is_right: IsRight | None = None) -> BlobKey:
        """Mark the bytes as a blob, and end the upload: discarding it now spares them."""
        await self._hand_over()
        if is_right is not None and not is_right():
            raise DigestMismatch(detail={"digest": str(digest)})
        name = await (self._one_object() if self._hold.state.segments else self._only_object())
        mark = {"digest": str(digest), "size": self._synced}
        await self._bucket.put(self._layout.mark_of(name), msgspec.json.encode(mark))
        ended = await self._hold.end(name)
        # It is a blob from here on, which may be recorded while this tidies up.
        self._tidying = asyncio.create_task(self._tidy_up(ended))
        return BlobKey(name)

    async def close(self) -> None:
        """Let go of the upload; what was synced stays."""
        try:
            if self._parts is not None:
                await self._parts.give_up()
            if self._tidying is not None:
                await asyncio.shield(self._tidying)
        finally:
            await self._release()

    async def _release(self) -> None:
        begun = self._hold.state.begun
        is_known = await self._hold.release(is_clean=not self._has_begun)
        if not is_known and self._has_begun:
            with suppress(EntrepotError):
                await self._layout.delete_bytes([begun])

    async def _hand_over(self) -> None:
        """Observe what has come, and hold it back or write it."""
        if not self._run:
            return
        run, self._run = bytes(self._run), bytearray()
        await self._layout.run(partial(self._observe, run))
        if self._parts is not None:
            await self._parts.take(run)
        else:
            self._small.append(run)
            if sum(map(len, self._small)) >= PART:
                await self._begin_parts()
        if self._fresh >= _LARGEST_SEGMENT:
            await self.sync()

    async def _begin_parts(self) -> None:
        self._has_begun = True
        path = self._layout.bytes_of(self._hold.state.begun)
        self._parts = _Parts(partial(self._bucket.put_parts, path))
        small, self._small = self._small, []
        for run in small:
            await self._parts.take(run)

    async def _tidy_up(self, ended: UploadState) -> None:
        # What is left over has expired, and is found again.
        with suppress(EntrepotError):
            await self._layout.delete_bytes(ended.names)
            await self._hold.delete()

    async def _end_object(self, name: str, size: int) -> None:
        """Have all that was written since the last sync as an object, and prove it."""
        self._has_begun = True
        if self._parts is not None:
            version = await self._parts.end()
            self._parts = None
        else:
            content, self._small = b"".join(self._small), []
            version = await self._bucket.put(self._layout.bytes_of(name), content)
        await self._prove(name, version, size)

    async def _only_object(self) -> str:
        """The name of the object of an upload that never was synced: the state knows it already."""
        name = self._hold.state.begun
        await self._end_object(name, self._fresh)
        self._synced, self._fresh = self._fresh, 0
        return name

    async def _prove(self, name: str, version: str | None, size: int) -> None:
        """Ask what the store has: an answer of 200 alone proves nothing."""
        found = await self._bucket.find(self._layout.bytes_of(name))
        if found is None or found.size != size or found.version != version:
            raise Unavailable("the storage has other bytes than it was given")

    async def _name(self, segment: Segment) -> None:
        state = self._hold.state
        await self._hold.set_segments((*state.segments, segment), state.spare)

    async def _one_object(self) -> str:
        """The name of the object that holds all bytes and no others."""
        await self.sync()
        segments = self._hold.state.segments
        if len(segments) == 1 and segments[0].is_whole:
            found = await self._bucket.find(self._layout.bytes_of(segments[0].name))
            if found is None or found.size != self._synced:
                raise UploadUnknown
            return segments[0].name
        name = self._hold.state.begun
        path = self._layout.bytes_of(name)
        self._has_begun = True
        version = await self._bucket.put_parts(path, self.read(), self._synced)
        await self._prove(name, version, self._synced)
        return name
