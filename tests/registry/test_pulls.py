"""Pulls are counted in memory and written down later, none of them lost to a failure."""

from datetime import timedelta

import pytest

from entrepot.errors import Unavailable
from entrepot.hub.pull_counts import PullCounts
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.repositories import find_repository
from entrepot.model.repositories import Repository
from entrepot.oci.names import Tag
from entrepot.registry.pulls import Pulls
from tests.metadata.clocks import MovableClock
from tests.metadata.rows import add_manifest, data_version


async def pulls_of(metadata: Metadata, repository: Repository) -> int:
    """The pulls that were written down."""
    found = await find_repository(metadata.reader, repository.name)
    assert found is not None
    return found.pulls


async def test_pulls_are_written_down_by_a_flush(
    metadata: Metadata, repository: Repository, clock: MovableClock
) -> None:
    pulls = Pulls(metadata, clock)
    manifest_id = await add_manifest(metadata, repository)
    for _ in range(3):
        pulls.count(repository.id, manifest_id)
    assert await pulls_of(metadata, repository) == 0
    await pulls.flush()
    await pulls.flush()
    assert await pulls_of(metadata, repository) == 3


async def test_pulls_are_written_down_by_day_and_tag(
    metadata: Metadata, repository: Repository, clock: MovableClock
) -> None:
    pulls, counts = Pulls(metadata, clock), PullCounts(metadata, clock)
    manifest_id = await add_manifest(metadata, repository)
    for tag in ("1.0", "1.0", ""):
        pulls.count(repository.id, manifest_id, tag=tag)
    await pulls.flush()
    clock.advance(timedelta(days=2))
    pulls.count(repository.id, manifest_id, "sha256:1", "ann", "1.0")
    pulls.count(repository.id, manifest_id, "sha256:2", "ann", "1.0")
    pulls.take_back(repository.id, "sha256:2", "ann")
    await pulls.flush()
    whole = await counts.list_days(repository, 4)
    assert whole.counts == (0, 3, 0, 1)
    assert (whole.last, whole.total, whole.busiest[1]) == (clock().date(), 4, 3)
    assert (await counts.list_days(repository, 3, Tag("1.0"))).counts == (2, 0, 1)
    clock.advance(timedelta(days=401))
    await counts.forget()
    assert (await counts.list_days(repository, 420)).total == 0


async def test_a_flush_of_nothing_commits_nothing(metadata: Metadata, clock: MovableClock) -> None:
    before = data_version(metadata)
    await Pulls(metadata, clock).flush()
    assert data_version(metadata) == before


async def test_what_could_not_be_written_down_is_kept(
    metadata: Metadata,
    repository: Repository,
    clock: MovableClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pulls = Pulls(metadata, clock)
    manifest_id = await add_manifest(metadata, repository)
    pulls.count(repository.id, manifest_id)

    async def fail(*_: object) -> None:
        pulls.count(repository.id, manifest_id)
        raise Unavailable

    with monkeypatch.context() as patch:
        patch.setattr("entrepot.metadata.registry.manifests.add_pulls", fail)
        with pytest.raises(Unavailable):
            await pulls.flush()
    assert await pulls_of(metadata, repository) == 0
    await pulls.flush()
    assert await pulls_of(metadata, repository) == 2


async def test_pulls_of_what_was_deleted_are_no_error(
    metadata: Metadata, clock: MovableClock
) -> None:
    pulls = Pulls(metadata, clock)
    pulls.count(4711, 4712)
    await pulls.flush()


async def test_rows_are_written_in_one_order_whatever_was_pulled_first(
    metadata: Metadata, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []

    async def note(_tx: object, row_id: int, _count: int, _now: object) -> None:
        written.append(row_id)

    monkeypatch.setattr("entrepot.metadata.repositories.add_pulls", note)
    monkeypatch.setattr("entrepot.metadata.registry.manifests.add_pulls", note)
    pulls = Pulls(metadata, clock)
    for number in (3, 1, 2):
        pulls.count(number, 10 + number)
    await pulls.flush()
    assert written == [1, 2, 3, 11, 12, 13]
