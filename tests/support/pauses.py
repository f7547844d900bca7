"""Facts and bytes that stop at each step, so that a test can act just there."""

from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from entrepot.metadata.engines.engine import Metadata, Reader, Transaction
from entrepot.storage.memory import MemoryStorage
from entrepot.storage.protocols import BlobKey

Act = Callable[[], Awaitable[None]]


class Pauses:
    """Counts steps, and acts once, at the one that was chosen."""

    def __init__(self) -> None:
        self._at = -1
        self._act: Act | None = None
        self._step = 0

    def arm(self, at: int, act: Act) -> None:
        """Begin to count, and act at this step."""
        self._at, self._act, self._step = at, act, 0

    @property
    def was_reached(self) -> bool:
        """Whether there was such a step."""
        return self._act is None

    async def pause(self) -> None:
        """Come to the next step."""
        if self._act is not None and self._step == self._at:
            act, self._act = self._act, None
            await act()
        self._step += 1


class PausingMetadata:
    """Pauses before each transaction and after it."""

    def __init__(self, inner: Metadata, pauses: Pauses) -> None:
        self._inner = inner
        self._pauses = pauses

    @property
    def reader(self) -> Reader:
        """Reads without a pause."""
        return self._inner.reader

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Transaction]:
        """A transaction between two pauses."""
        await self._pauses.pause()
        async with self._inner.begin() as tx:
            yield tx
        await self._pauses.pause()

    async def version(self) -> Hashable:
        """As `rights_revision`, of every commit."""
        return await self._inner.version()

    async def rights_revision(self) -> int:
        """As the facts say."""
        return await self._inner.rights_revision()

    async def close(self) -> None:
        """Leave the facts open: they are somebody else's."""


class PausingStorage(MemoryStorage):
    """Pauses inside the transaction in which bytes are deleted: before that and after it."""

    def __init__(self, now: Callable[[], datetime], pauses: Pauses) -> None:
        super().__init__(now)
        self._pauses = pauses

    async def delete_older(self, keys: Sequence[BlobKey], before: datetime) -> dict[BlobKey, int]:
        """Delete between two pauses."""
        await self._pauses.pause()
        done = await super().delete_older(keys, before)
        await self._pauses.pause()
        return done
