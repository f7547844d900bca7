"""The state of an upload in S3: one small object, changed only by compare-and-swap.

Who writes to an upload owns its state for a while and renews that as long as it lives. A process
that dies leaves a state whose time runs out. Every object that a writer may have begun is named in
the state before its first byte: no unknown object is left behind.
"""

import asyncio
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from entrepot.errors import EntrepotError, Unavailable, UploadBusy, UploadUnknown
from entrepot.storage.buckets import Bucket

LEASE: Final = 30.0
"""Seconds for which a writer owns an upload without a sign of life.

A dead writer's upload cannot go on for so long. After `sync` the caller has as long to record what
was synced: then the owner may be another, with other bytes at the same offset."""
_RENEWALS: Final = 3
_STUMBLES: Final = 3.0
"""Seconds for which letting go is tried again; a client is waiting for its answer."""
_PAUSE: Final = 0.1
_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True)
class Segment:
    """The first `size` bytes of an object of `written` bytes."""

    name: str
    size: int
    written: int

    @property
    def is_whole(self) -> bool:
        """Whether all of the object's bytes count."""
        return self.size == self.written


@dataclass(frozen=True, slots=True)
class UploadState:
    """An upload's bytes, in order, and who may add to them until when.

    `begun` is the object that the owner writes next, `spare` are those that are not needed.
    Of a state that `is_ended`, everything it names is to be deleted.
    """

    revision: str
    owner: str = ""
    until: float = 0.0
    begun: str = ""
    segments: tuple[Segment, ...] = ()
    spare: tuple[str, ...] = ()
    is_ended: bool = False

    @property
    def size(self) -> int:
        """Bytes of all segments."""
        return sum(segment.size for segment in self.segments)

    @property
    def names(self) -> list[str]:
        """Every object that belongs to the upload."""
        begun = [self.begun] if self.begun else []
        return [*(segment.name for segment in self.segments), *self.spare, *begun]


def new_name() -> str:
    """A name that nothing has had before."""
    return secrets.token_hex(16)


def encode(state: UploadState) -> bytes:
    """The state as it is stored."""
    return msgspec.json.encode(state)


def decode(content: bytes) -> UploadState:
    """The state that was stored."""
    try:
        return msgspec.json.decode(content, type=UploadState)
    except msgspec.MsgspecError as error:
        raise Unavailable("an upload's state is damaged") from error


async def find_state(bucket: Bucket, path: str) -> tuple[UploadState, str] | None:
    """The state and its version, `None` when absent."""
    found = await bucket.get(path)
    if found is None:
        return None
    content, version = found
    if version is None:
        raise Unavailable("the storage names no version")
    return decode(content), version


class Hold:
    """The state of one upload in the hands of its one writer."""

    def __init__(self, bucket: Bucket, path: str, state: UploadState, version: str) -> None:
        self._bucket = bucket
        self._path = path
        self._version = version
        self._changing = asyncio.Lock()
        self._renewing = asyncio.create_task(self._renew())
        self.state = state

    @classmethod
    async def take(cls, bucket: Bucket, path: str, *, is_new: bool = False) -> "Hold | UploadState":
        """Own the upload, or begin it; a state that is ended is returned as it is found.

        `is_new` is a guess: where it is right there is nothing to ask for. Raises `UploadBusy`
        while another owns it.
        """
        for attempt in range(_ATTEMPTS):
            found = None if is_new and not attempt else await find_state(bucket, path)
            if found is not None and found[0].is_ended:
                return found[0]
            state = _taken(found[0] if found else UploadState(""))
            if found is None:
                version = await bucket.create(path, encode(state))
            else:
                version = await bucket.replace(path, encode(state), found[1])
            if version is not None:
                return cls(bucket, path, state, version)
            # Another writer was quicker, or our own write was answered only at its second attempt.
            there = await find_state(bucket, path)
            if there is not None and there[0] == state:
                return cls(bucket, path, state, there[1])
        raise UploadBusy

    async def set_segments(self, segments: tuple[Segment, ...], spare: tuple[str, ...]) -> None:
        """Replace the upload's bytes, and begin another object.

        Raises `UploadBusy` or `UploadUnknown` where the upload is no longer this writer's.
        """
        async with self._changing:
            changed = replace(self.state, segments=segments, spare=spare, begun=new_name())
            await self._store(changed)

    async def end(self, kept: str) -> UploadState:
        """End the upload, but for one object; return what is left to delete."""
        async with self._changing:
            rest = [name for name in self.state.names if name != kept]
            ended = replace(self.state, segments=(), spare=tuple(rest), begun="", is_ended=True)
            await self._store(ended)
            return self.state

    async def delete(self) -> None:
        """Delete the state of an upload that is ended, and all that it names."""
        await self._bucket.delete([self._path])

    async def release(self, *, is_clean: bool) -> bool:
        """Let another own the upload; `is_clean` where the object begun has no byte.

        Says whether the upload is still known: else the caller deletes the object begun.
        """
        self._renewing.cancel()
        with suppress(asyncio.CancelledError):
            await self._renewing
        if self.state.is_ended:
            return True
        begun = "" if is_clean else self.state.begun
        wanted = replace(self.state, owner="", begun=begun)
        async with self._changing:
            try:
                await self._store_patiently(wanted)
            except UploadUnknown:
                return False
            except EntrepotError:
                # Another owns it, and has what this one began among its spares; or its time ends.
                return True
        return True

    async def _store_patiently(self, wanted: UploadState) -> None:
        """Try again for a while where the store fails: until then no other request can go on."""
        until = time.monotonic() + _STUMBLES
        while True:
            try:
                return await self._store(wanted)
            except Unavailable:
                if time.monotonic() > until:
                    raise
            await asyncio.sleep(_PAUSE)

    async def _renew(self) -> None:
        """Own it for longer, again and again, until it is let go of or lost."""
        while True:
            await asyncio.sleep(LEASE / _RENEWALS)
            async with self._changing:
                try:
                    await self._store(self.state)
                except Unavailable:
                    continue
                except EntrepotError:
                    return

    async def _store(self, wanted: UploadState) -> None:
        state = replace(wanted, revision=new_name(), until=time.time() + LEASE)
        for _ in range(_ATTEMPTS):
            version = await self._bucket.replace(self._path, encode(state), self._version)
            if version is None:
                there = await find_state(self._bucket, self._path)
                if there is None or there[0].is_ended > state.is_ended:
                    raise UploadUnknown
                if there[0].owner != self.state.owner:
                    raise UploadBusy
                # Ours: of an attempt whose answer was lost, now or before.
                self._version = there[1]
                if there[0] != state:
                    continue
            else:
                self._version = version
            self.state = state
            return
        raise Unavailable("the storage does not settle")


def _taken(state: UploadState) -> UploadState:
    """The state as its new owner has it."""
    # Further off than any lease that was taken now: its owner's clock was ahead.
    if state.owner and 0 < state.until - time.time() <= 2 * LEASE:
        raise UploadBusy
    left = (state.begun,) if state.begun else ()
    return replace(
        state,
        revision=new_name(),
        owner=new_name(),
        until=time.time() + LEASE,
        begun=new_name(),
        spare=(*state.spare, *left),
    )


async def end_anyhow(bucket: Bucket, path: str) -> UploadState | None:
    """End the upload of any owner; return the objects left to delete, `None` when absent."""
    for _ in range(_ATTEMPTS):
        found = await find_state(bucket, path)
        if found is None or found[0].is_ended:
            return found[0] if found else None
        ended = replace(found[0], revision=new_name(), owner="", is_ended=True)
        if await bucket.replace(path, encode(ended), found[1]) is not None:
            return ended
    raise Unavailable("the upload is being written to")
