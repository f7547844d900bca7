"""Questions that are asked together over one connection, and what they fall back to."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import TextClause

from entrepot.metadata import repositories
from entrepot.metadata.engines.engine import SqlStatement
from entrepot.metadata.engines.postgresql import PostgresMetadata
from entrepot.metadata.engines.postgresql_pipeline import NoAnswer
from entrepot.metadata.registry import manifests
from entrepot.oci.digests import Digest
from entrepot.oci.names import RepositoryName
from tests.contracts.conftest import EMPTY, Eraser
from tests.metadata.rows import add_manifest, add_repository

pytestmark = pytest.mark.postgresql

CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
NUMBERS = [*range(-3, 4), 2**31, -(2**31) - 1, 2**62]


@pytest.fixture
async def metadata(migrated_postgres: str, eraser: Eraser) -> AsyncIterator[PostgresMetadata]:
    """An empty database, over one connection beside the one for short questions."""
    eraser.execute(EMPTY)
    opened = PostgresMetadata(migrated_postgres, connections=1)
    await opened.open()
    yield opened
    await opened.close()


def asks(words: str) -> SqlStatement:
    """A short question in these words."""
    return SqlStatement(TextClause(words), is_short=True)


async def test_each_of_many_at_once_gets_its_own_answer(metadata: PostgresMetadata) -> None:
    echo = asks("SELECT CAST(:number AS bigint), CAST(:word AS text), '50%'")
    answers = await asyncio.gather(
        *(metadata.reader.one(echo, number=each, word=f"{each} \U0001f600") for each in NUMBERS),
        metadata.reader.one(echo, number=None, word=None),
    )
    assert answers == [(each, f"{each} \U0001f600", "50%") for each in NUMBERS] + [
        (None, None, "50%")
    ]


async def test_bytes_and_no_rows_are_answers(metadata: PostgresMetadata) -> None:
    repository = await add_repository(metadata, "a/b")
    content = bytes(range(256))
    await add_manifest(metadata, repository, content)
    digest = Digest.of(content)
    found = await manifests.find_manifest(metadata.reader, repository.id, digest)
    assert found is not None
    assert found.content == content
    assert await manifests.find_manifest(metadata.reader, 0, digest) is None
    assert await metadata.reader.all(asks("SELECT 1 WHERE false")) == []


async def test_a_commit_is_seen_by_what_is_asked_after_it(metadata: PostgresMetadata) -> None:
    for number in range(20):
        name = RepositoryName(f"a/b{number}")
        before = asyncio.create_task(repositories.find_repository(metadata.reader, name))
        made = await add_repository(metadata, name.text)
        found = await asyncio.gather(
            *(repositories.find_repository(metadata.reader, name) for _ in range(3))
        )
        assert [each and each.id for each in found] == [made.id] * 3
        await before


async def test_a_question_that_fails_harms_no_other(metadata: PostgresMetadata) -> None:
    good, bad = asks("SELECT 1"), asks("SELECT 1 / :zero")
    answers = await asyncio.gather(
        metadata.reader.one(good),
        metadata.reader.one(bad, zero=0),
        metadata.reader.one(good),
        metadata.reader.one(bad, zero=1),
        return_exceptions=True,
    )
    assert answers[0] == answers[2] == answers[3] == (1,)
    assert isinstance(answers[1], Exception)
    assert not isinstance(answers[1], NoAnswer)


async def test_what_it_cannot_read_is_asked_in_the_usual_way(metadata: PostgresMetadata) -> None:
    row = await metadata.reader.one(asks("SELECT sum(x) FROM (VALUES (1), (2)) AS t(x)"))
    assert row == (3,)
    row = await metadata.reader.one(asks("SELECT 2.5"))
    assert row is not None
    assert float(row[0]) == 2.5


async def test_a_cut_connection_is_noticed_by_nobody(
    metadata: PostgresMetadata, eraser: Eraser
) -> None:
    await add_repository(metadata, "a/b")
    name = RepositoryName("a/b")
    for _ in range(3):
        eraser.execute(CUT)
        for _ in range(5):
            found = await asyncio.gather(
                *(repositories.find_repository(metadata.reader, name) for _ in range(4))
            )
            assert None not in found
        # It is opened again meanwhile.
        await asyncio.sleep(0.05)


async def test_who_gives_up_waiting_disturbs_nobody(metadata: PostgresMetadata) -> None:
    slow = asks("SELECT pg_sleep(0.2)::text")
    tasks = [asyncio.create_task(metadata.reader.one(slow)) for _ in range(3)]
    await asyncio.sleep(0.05)
    tasks[0].cancel()
    other = await metadata.reader.one(asks("SELECT 1"))
    assert other == (1,)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert results[1:] == [("",), ("",)]
