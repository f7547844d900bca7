"""Namespaces take turns, and within each its repositories, on every engine."""

import pytest

from entrepot.metadata.engines.engine import Metadata, to_instant
from entrepot.metadata.events import job_lanes, jobs
from entrepot.metadata.events.job_lanes import Turns
from entrepot.metadata.events.jobs import LEASE
from entrepot.model.jobs import Job, Lane
from entrepot.model.repositories import Repository
from tests.metadata.clocks import START
from tests.metadata.rows import add_manifest, add_organization, add_repository

LATER = START + LEASE


async def add(metadata: Metadata, repository: Repository, count: int) -> None:
    """Ask for work in a repository: so many different things."""
    async with metadata.begin() as tx:
        for number in range(count):
            subject = f"{repository.id} sha256:{number:064x}"
            await jobs.add_job(tx, jobs.RECOUNT, subject, START)


async def take(metadata: Metadata, turns: Turns, limit: int) -> list[Job]:
    """Take work, do it, and note whose turn it was."""
    async with metadata.begin() as tx:
        found = await jobs.take_jobs(tx, LATER, START, limit, turns)
    for job in found:
        turns.served(job.lane)
    return found


@pytest.fixture
async def rows(metadata: Metadata) -> dict[str, Repository]:
    """Two repositories of one namespace, and one of another."""
    one = await add_organization(metadata, "one")
    two = await add_organization(metadata, "two")
    return {
        "one/a": await add_repository(metadata, "one/a", namespace_id=one),
        "one/b": await add_repository(metadata, "one/b", namespace_id=one),
        "two/c": await add_repository(metadata, "two/c", namespace_id=two),
    }


def names(rows: dict[str, Repository], found: list[Job]) -> list[str]:
    """The repositories that the work is in."""
    known = {each.id: name for name, each in rows.items()}
    return [known[job.lane.repository_id] for job in found]


async def test_a_flood_in_one_repository_delays_no_other(
    metadata: Metadata, rows: dict[str, Repository]
) -> None:
    await add(metadata, rows["one/a"], 50)
    turns = Turns()
    assert names(rows, await take(metadata, turns, 4)) == ["one/a"] * 4
    await add(metadata, rows["one/b"], 1)
    await add(metadata, rows["two/c"], 1)
    found = names(rows, await take(metadata, turns, 4))
    assert {"one/b", "two/c"} <= set(found)
    assert names(rows, await take(metadata, turns, 4)) == ["one/a"] * 4


async def test_namespaces_take_turns_whatever_repositories_they_have(
    metadata: Metadata, rows: dict[str, Repository]
) -> None:
    for name in rows:
        await add(metadata, rows[name], 3)
    turns = Turns()
    found = [names(rows, await take(metadata, turns, 1)) for _ in range(10)]
    first, second, third = ["one/a"], ["one/b"], ["two/c"]
    assert found[:6] == [first, third, second, third, first, third]
    assert found[6:] == [second, first, second, []]


async def test_lanes_share_what_is_taken_at_once(
    metadata: Metadata, rows: dict[str, Repository]
) -> None:
    for name in rows:
        await add(metadata, rows[name], 9)
    found = names(rows, await take(metadata, Turns(), 6))
    assert found[:3] == ["one/a", "two/c", "one/b"]
    assert found[3:] == found[:3]


async def test_work_knows_whose_it_is(metadata: Metadata, rows: dict[str, Repository]) -> None:
    repository = rows["two/c"]
    manifest = await add_manifest(metadata, repository)
    namespace = repository.namespace_id or 0
    lane = Lane(namespace, repository.id)
    subjects = {
        (jobs.INDEX, str(manifest)): lane,
        (jobs.SUMMARIZE, str(repository.id)): lane,
        (jobs.RECOUNT, f"{repository.id} sha256:0"): lane,
        (jobs.MEASURE, str(namespace)): Lane(namespace, 0),
        (jobs.INDEX, "999999"): Lane(0, 0),
        ("anything", "else"): Lane(0, 0),
    }
    async with metadata.begin() as tx:
        for _ in range(2):
            for kind, subject in subjects:
                await jobs.add_job(tx, kind, subject, START)
    found = await take(metadata, Turns(), 100)
    assert {(job.kind, job.subject): job.lane for job in found} == subjects


async def test_lanes_are_found_each_once_however_much_waits(
    metadata: Metadata, rows: dict[str, Repository]
) -> None:
    await add(metadata, rows["one/a"], 30)
    await add(metadata, rows["two/c"], 30)
    found = await job_lanes.list_lanes(metadata.reader, Turns(), to_instant(START), 16)
    assert [lane.repository_id for lane in found] == [rows["one/a"].id, rows["two/c"].id]
    few = await job_lanes.list_lanes(metadata.reader, Turns(), to_instant(START), 1)
    assert few == found[:1]


def test_a_worker_forgets_turns_of_long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_lanes, "_MOST_REMEMBERED", 2)
    turns = Turns()
    for number in range(5):
        turns.served(Lane(number, number))
    assert len(turns.within) <= 2
    assert turns.last == Lane(4, 4)


@pytest.mark.parametrize(
    ("subject", "number"),
    [("12", 12), ("12 sha256:0", 12), ("a", 0), ("", 0), ("-1", 0), ("²", 0), ("٣", 0)],
)
def test_a_subject_begins_with_an_id_or_with_none(subject: str, number: int) -> None:
    assert job_lanes.number_of(subject) == number
