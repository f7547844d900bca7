"""Uploads that nobody goes on with are forgotten."""

from datetime import UTC, datetime, timedelta

import pytest

from entrepot.errors import UploadUnknown
from entrepot.metadata.repositories import PushTarget
from entrepot.model.repositories import Repository
from entrepot.registry.uploads import Chunk, Uploads
from entrepot.storage.memory import MemoryStorage
from entrepot.storage.protocols import UploadId
from tests.metadata.clocks import MovableClock
from tests.registry.bodies import body

DAY = timedelta(days=1)


@pytest.fixture
def clock() -> MovableClock:
    """The store dates bytes by the true time, so this clock begins there."""
    clock = MovableClock()
    clock.moment = datetime.now(UTC)
    return clock


async def test_an_idle_upload_is_forgotten_with_its_bytes(
    uploads: Uploads,
    target: PushTarget,
    repository: Repository,
    clock: MovableClock,
    storage: MemoryStorage,
) -> None:
    upload = await uploads.begin(target, None, "sha256")
    await uploads.append(upload, Chunk(body(b"abc")))
    assert await uploads.expire(DAY) == 0
    clock.advance(DAY + timedelta(minutes=1))
    assert await uploads.expire(DAY) == 1
    assert storage.staged == {}
    with pytest.raises(UploadUnknown):
        await uploads.get(repository, None, upload.id)
    assert await uploads.expire(DAY) == 0


async def test_an_upload_that_grew_meanwhile_stays(
    uploads: Uploads, target: PushTarget, repository: Repository, clock: MovableClock
) -> None:
    upload = await uploads.begin(target, None, "sha256")
    clock.advance(DAY)
    await uploads.append(upload, Chunk(body(b"abc")))
    clock.advance(DAY / 2)
    assert await uploads.expire(DAY) == 0
    assert (await uploads.get(repository, None, upload.id)).size == 3


async def test_more_idle_uploads_than_one_page_are_forgotten(
    uploads: Uploads, target: PushTarget, clock: MovableClock
) -> None:
    for _ in range(101):
        await uploads.begin(target, None, "sha256")
    clock.advance(DAY + timedelta(minutes=1))
    assert await uploads.expire(DAY) == 101


async def test_bytes_that_no_row_names_are_discarded_once_they_are_old(
    uploads: Uploads, clock: MovableClock, storage: MemoryStorage
) -> None:
    """Whole bodies have no row: a crash in the middle of one leaves its bytes."""
    async with storage.open(UploadId("stray"), lambda _: None) as staged:
        await staged.write(b"abc")
    assert await uploads.expire(DAY) == 0
    assert storage.staged
    clock.advance(DAY + timedelta(minutes=1))
    assert await uploads.expire(DAY) == 1
    assert storage.staged == {}
