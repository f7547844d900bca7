"""What every engine for facts promises, whatever the facts are."""

import asyncio

import pytest

from entrepot.metadata import repositories
from entrepot.metadata.engines.engine import Metadata, Transaction
from entrepot.metadata.people import accounts
from entrepot.metadata.people.accounts import find_namespace
from entrepot.model.people.accounts import NamespaceKind, Role
from entrepot.model.repositories import Visibility
from tests.metadata.clocks import START
from tests.metadata.rows import add_repository

MANY = 40


async def add(tx: Transaction, name: str) -> int | None:
    """Add a namespace, the simplest row there is."""
    return await accounts.insert_namespace(
        tx, name, NamespaceKind.ORGANIZATION, Visibility.PRIVATE, START
    )


async def names(metadata: Metadata) -> list[str]:
    """Every namespace that has been committed."""
    found = await accounts.list_namespaces(metadata.reader, NamespaceKind.ORGANIZATION)
    return [each.name for each in found]


async def commit(metadata: Metadata, name: str) -> None:
    """Add a namespace in a transaction of its own."""
    async with metadata.begin() as tx:
        await add(tx, name)


async def test_a_change_is_seen_once_its_context_has_been_left(metadata: Metadata) -> None:
    async with metadata.begin() as tx:
        await add(tx, "new")
        assert await find_namespace(tx, "new") is not None
        assert await find_namespace(metadata.reader, "new") is None
    assert await find_namespace(metadata.reader, "new") is not None


async def test_a_raise_undoes_everything_of_its_transaction(metadata: Metadata) -> None:
    async def fail() -> None:
        async with metadata.begin() as tx:
            await add(tx, "one")
            await add(tx, "two")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await names(metadata) == []
    await commit(metadata, "three")
    assert await names(metadata) == ["three"]


async def test_an_empty_transaction_succeeds(metadata: Metadata) -> None:
    async with metadata.begin():
        pass
    assert await names(metadata) == []


async def test_a_transaction_reads_what_was_committed_before_it(metadata: Metadata) -> None:
    await commit(metadata, "before")
    async with metadata.begin() as tx:
        assert await find_namespace(tx, "before") is not None


async def test_transactions_that_wait_for_each_other_all_end(metadata: Metadata) -> None:
    await asyncio.gather(*(commit(metadata, f"name{number:03}") for number in range(MANY)))
    assert await names(metadata) == [f"name{number:03}" for number in range(MANY)]


async def test_each_has_its_change_committed_when_it_returns(metadata: Metadata) -> None:
    async def commit_and_look(name: str) -> bool:
        await commit(metadata, name)
        return await find_namespace(metadata.reader, name) is not None

    seen = await asyncio.gather(*(commit_and_look(f"n{number}") for number in range(MANY)))
    assert all(seen)


async def test_one_that_fails_among_many_undoes_only_its_own(metadata: Metadata) -> None:
    async def attempt(number: int) -> None:
        async with metadata.begin() as tx:
            await add(tx, f"name{number:03}")
            if number % 3 == 0:
                raise ZeroDivisionError

    results = await asyncio.gather(*map(attempt, range(MANY)), return_exceptions=True)
    failed = [number for number, result in enumerate(results) if result is not None]
    assert failed == list(range(0, MANY, 3))
    kept = [f"name{number:03}" for number in range(MANY) if number % 3]
    assert await names(metadata) == kept


async def test_a_statement_that_fails_undoes_its_transaction(metadata: Metadata) -> None:
    """An account without a namespace breaks a foreign key, at once or at the commit."""

    async def fail() -> None:
        async with metadata.begin() as tx:
            await add(tx, "first")
            await accounts.set_role(tx, 4711, 4712, Role.OWNER)

    with pytest.raises(Exception, match=r"(?i)foreign key"):
        await fail()
    assert await names(metadata) == []
    await commit(metadata, "later")
    assert await names(metadata) == ["later"]


@pytest.mark.parametrize("cancelled", range(6))
async def test_cancelling_one_of_several_leaves_the_others_alone(
    metadata: Metadata, cancelled: int
) -> None:
    tasks = [asyncio.create_task(commit(metadata, f"name{number}")) for number in range(6)]
    for _ in range(cancelled):
        await asyncio.sleep(0)
    tasks[cancelled].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    found = set(await names(metadata))
    assert found >= {f"name{number}" for number in range(6)} - {f"name{cancelled}"}
    await commit(metadata, "later")
    assert "later" in await names(metadata)


async def test_only_one_of_many_gets_a_name(metadata: Metadata) -> None:
    async def claim() -> int | None:
        async with metadata.begin() as tx:
            return await add(tx, "wanted")

    results = await asyncio.gather(*(claim() for _ in range(8)))
    assert len([each for each in results if each is not None]) == 1


async def test_no_increment_is_lost(metadata: Metadata) -> None:
    """Two that read and then write take turns or see each other's change."""
    repository = await add_repository(metadata, "a/b")

    async def increment() -> None:
        async with metadata.begin() as tx:
            await repositories.add_pulls(tx, repository.id, 1, START)

    await asyncio.gather(*(increment() for _ in range(20)))
    found = await repositories.find_repository(metadata.reader, repository.name)
    assert found is not None
    assert found.pulls == 20


@pytest.mark.parametrize("times", [1, 2])
async def test_closing_twice_succeeds(metadata: Metadata, times: int) -> None:
    await commit(metadata, "x")
    for _ in range(times):
        await metadata.close()


async def test_a_reader_does_not_wait_for_a_transaction_that_is_open(metadata: Metadata) -> None:
    await commit(metadata, "old")
    async with metadata.begin() as tx:
        await add(tx, "new")
        assert await names(metadata) == ["old"]
    assert await names(metadata) == ["new", "old"]
