"""Copies of blobs that are elsewhere: read while they are made, but for their last bytes."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from entrepot.errors import BlobUnknown, EntrepotError, Unavailable
from entrepot.oci.digests import Digest
from entrepot.storage.spools import Copy, Spool

RUN = 128 * 1024
CONTENT = bytes(range(256)) * 2048
DIGEST = Digest.of(CONTENT)
SIZE = len(CONTENT)


class Slow:
    """A store that hands out one run at a time, when it is told to."""

    def __init__(self, content: bytes = CONTENT) -> None:
        self.content = content
        self.asked = 0
        self.may_go_on = asyncio.Semaphore(0)
        self.failure: EntrepotError | None = None

    async def read(self) -> AsyncIterator[bytes]:
        """The bytes."""
        self.asked += 1
        for start in range(0, len(self.content), RUN):
            await self.may_go_on.acquire()
            if self.failure is not None:
                raise self.failure
            yield self.content[start : start + RUN]

    def go_on(self, runs: int = 1000) -> None:
        """Hand out so many more."""
        for _ in range(runs):
            self.may_go_on.release()


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """An empty spool."""
    return Spool(tmp_path / "spool")


def files_in(tmp_path: Path) -> list[str]:
    """The names that are there."""
    return sorted(path.name for path in (tmp_path / "spool").iterdir())


async def begin(spool: Spool, store: Slow) -> Copy:
    """A copy of which the first run is here."""
    store.go_on(1)
    found = await spool.begin("name", DIGEST, SIZE, store.read)
    assert isinstance(found, Copy)
    return found


async def take(runs: AsyncIterator[bytes], size: int) -> bytes:
    """The first bytes that come."""
    found = b""
    while len(found) < size:
        found += await anext(runs)
    return found


async def read(runs: AsyncIterator[bytes], got: list[bytes] | None = None) -> bytes:
    """All bytes; as they come they are in `got`."""
    got = [] if got is None else got
    async for run in runs:
        got.append(run)
    return b"".join(got)


async def test_the_first_bytes_come_while_the_others_are_elsewhere(spool: Spool) -> None:
    store = Slow()
    runs = (await begin(spool, store)).read(0, SIZE)
    assert await take(runs, RUN) == CONTENT[:RUN]
    store.go_on()
    assert await read(runs) == CONTENT[RUN:]


async def test_the_last_bytes_wait_until_all_are_right(spool: Spool, tmp_path: Path) -> None:
    store = Slow(b"x" + CONTENT[1:])
    runs = (await begin(spool, store)).read(0, SIZE)
    store.go_on()
    got: list[bytes] = []
    with pytest.raises(BlobUnknown):
        await read(runs, got)
    assert 0 < sum(map(len, got)) < SIZE
    assert files_in(tmp_path) == []


@pytest.mark.parametrize("content", [CONTENT[:-1], CONTENT + b"x", CONTENT[: RUN + 5]])
async def test_bytes_of_another_length_are_never_whole(
    spool: Spool, tmp_path: Path, content: bytes
) -> None:
    store = Slow(content)
    copy = await begin(spool, store)
    store.go_on()
    with pytest.raises(BlobUnknown):
        await read(copy.read(0, SIZE))
    with pytest.raises(BlobUnknown):
        copy.read(0, SIZE)
    assert files_in(tmp_path) == []


async def test_a_part_is_read_as_it_arrives(spool: Spool) -> None:
    store = Slow()
    copy = await begin(spool, store)
    store.go_on(2)
    assert await read(copy.read(5, 10)) == CONTENT[5:15]
    assert await read(copy.read(2 * RUN - 7, 14)) == CONTENT[2 * RUN - 7 : 2 * RUN + 7]
    store.go_on()
    assert await read(copy.read(SIZE - 3, 3)) == CONTENT[-3:]


async def test_many_readers_share_one_copy_and_then_its_file(spool: Spool, tmp_path: Path) -> None:
    store = Slow()
    store.go_on(1)
    found = await asyncio.gather(*(spool.begin("name", DIGEST, SIZE, store.read) for _ in range(5)))
    copies = [each for each in found if isinstance(each, Copy)]
    assert len(copies) == 5
    work = [asyncio.create_task(read(copy.read(0, SIZE))) for copy in copies]
    store.go_on()
    assert await asyncio.gather(*work) == [CONTENT] * 5
    path = await spool.lend("name", DIGEST, SIZE, store.read)
    assert path.read_bytes() == CONTENT
    assert (files_in(tmp_path), store.asked) == (["name"], 1)
    # What was found before it was whole can be read after.
    assert await read(copies[0].read(1, 2)) == CONTENT[1:3]


async def test_a_reader_who_leaves_ends_no_copy(spool: Spool) -> None:
    store = Slow()
    runs = (await begin(spool, store)).read(0, SIZE)
    await take(runs, RUN)
    await runs.aclose()  # type: ignore[attr-defined]
    store.go_on()
    path = await spool.lend("name", DIGEST, SIZE, store.read)
    assert (path.read_bytes(), store.asked) == (CONTENT, 1)


async def test_what_fails_before_the_first_byte_is_said_then(spool: Spool) -> None:
    store = Slow()
    store.failure = BlobUnknown()
    store.go_on(1)
    with pytest.raises(BlobUnknown):
        await spool.begin("name", DIGEST, SIZE, store.read)


async def test_a_store_that_fails_midway_ends_the_readers_and_is_asked_again(
    spool: Spool, tmp_path: Path
) -> None:
    store = Slow()
    runs = (await begin(spool, store)).read(0, SIZE)
    await take(runs, RUN)
    store.failure = Unavailable("away")
    store.go_on(1)
    with pytest.raises(Unavailable, match="away"):
        await read(runs)
    assert files_in(tmp_path) == []
    store.failure = None
    store.go_on()
    path = await spool.lend("name", DIGEST, SIZE, store.read)
    assert path.read_bytes() == CONTENT
