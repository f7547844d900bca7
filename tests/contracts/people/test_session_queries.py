"""Sessions and allowances, as every engine keeps them."""

from datetime import timedelta

import pytest

from entrepot.metadata.engines import limits
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.people import sessions
from entrepot.model.people.accounts import Account, Session
from tests.metadata.clocks import START
from tests.metadata.rows import add_account

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


@pytest.fixture
async def alice(metadata: Metadata) -> Account:
    """Somebody with a browser."""
    return await add_account(metadata, "alice")


async def add_session(
    metadata: Metadata, account: Account, secret_hash: str, *, is_pending: bool = False
) -> Session:
    """A session that lasts a day."""
    made = Session(0, account.id, START, START, START + DAY, "::1", "Browser", is_pending)
    async with metadata.begin() as tx:
        await sessions.insert_session(tx, made, secret_hash)
    found = await sessions.find_session(metadata.reader, secret_hash)
    assert found is not None
    return found


async def test_a_session_is_found_by_its_hash_as_it_was_made(
    metadata: Metadata, alice: Account
) -> None:
    found = await add_session(metadata, alice, "h1", is_pending=True)
    assert found == Session(found.id, alice.id, START, START, START + DAY, "::1", "Browser", True)
    assert await sessions.find_session(metadata.reader, "h2") is None


async def test_sessions_are_listed_by_when_they_were_seen(
    metadata: Metadata, alice: Account
) -> None:
    bob = await add_account(metadata, "bob")
    first, second = [await add_session(metadata, alice, text) for text in ("a", "b")]
    await add_session(metadata, bob, "c")
    async with metadata.begin() as tx:
        await sessions.touch_session(tx, first.id, "192.0.2.1", START + MINUTE)
        await sessions.touch_session(tx, second.id, "earlier", START - MINUTE)
    found = await sessions.list_sessions(metadata.reader, alice.id)
    assert [(each.id, each.address) for each in found] == [
        (first.id, "192.0.2.1"),
        (second.id, "::1"),
    ]
    assert found[0].seen_at == START + MINUTE


async def test_a_session_is_forgotten_by_its_owner_only(metadata: Metadata, alice: Account) -> None:
    bob = await add_account(metadata, "bob")
    session = await add_session(metadata, alice, "a")
    async with metadata.begin() as tx:
        assert not await sessions.delete_session(tx, session.id, bob.id)
        assert await sessions.delete_session(tx, session.id, alice.id)
        assert not await sessions.delete_session(tx, session.id, alice.id)


async def test_all_others_are_forgotten_at_once(metadata: Metadata, alice: Account) -> None:
    bob = await add_account(metadata, "bob")
    kept = [await add_session(metadata, alice, text) for text in ("a", "b", "c")][1]
    theirs = await add_session(metadata, bob, "d")
    async with metadata.begin() as tx:
        assert await sessions.delete_other_sessions(tx, alice.id, kept.id) == 2
    assert await sessions.list_sessions(metadata.reader, alice.id) == [kept]
    assert await sessions.list_sessions(metadata.reader, bob.id) == [theirs]


async def test_sessions_that_are_over_are_forgotten(metadata: Metadata, alice: Account) -> None:
    await add_session(metadata, alice, "a")
    before = START - MINUTE
    async with metadata.begin() as tx:
        assert await sessions.delete_sessions_over(tx, START, before) == 0
        assert await sessions.delete_sessions_over(tx, START + DAY, before) == 1
    await add_session(metadata, alice, "b")
    async with metadata.begin() as tx:
        assert await sessions.delete_sessions_over(tx, START, START) == 1


async def test_an_allowance_is_used_up_and_refills(metadata: Metadata) -> None:
    async with metadata.begin() as tx:
        taken = [await limits.take(tx, "x", MINUTE, 3 * MINUTE, START) for _ in range(4)]
        assert taken == [True, True, True, False]
        assert await limits.take(tx, "y", MINUTE, 3 * MINUTE, START)
    assert await limits.find_until(metadata.reader, "x") == START + 3 * MINUTE
    async with metadata.begin() as tx:
        later = START + MINUTE
        assert await limits.take(tx, "x", MINUTE, 3 * MINUTE, later)
        assert not await limits.take(tx, "x", MINUTE, 3 * MINUTE, later)
        much_later = START + 60 * MINUTE
        assert await limits.take(tx, "x", MINUTE, 3 * MINUTE, much_later)
    assert await limits.find_until(metadata.reader, "x") == START + 61 * MINUTE
    async with metadata.begin() as tx:
        await limits.give_back(tx, "x", MINUTE, much_later)
        await limits.give_back(tx, "z", MINUTE, much_later)
    assert await limits.find_until(metadata.reader, "x") == START + 60 * MINUTE
    async with metadata.begin() as tx:
        await limits.give_back(tx, "x", MINUTE, much_later)
    assert await limits.find_until(metadata.reader, "x") == START + 60 * MINUTE


async def test_an_allowance_is_given_back_or_forgotten(metadata: Metadata) -> None:
    async with metadata.begin() as tx:
        for name in ("x", "y"):
            await limits.take(tx, name, MINUTE, MINUTE, START)
        await limits.forgive(tx, "x")
        assert await limits.find_until(tx, "x") is None
        assert await limits.delete_refilled(tx, START) == 0
        assert await limits.delete_refilled(tx, START + MINUTE) == 1


async def test_what_was_counted_by_a_clock_far_ahead_is_forgotten(metadata: Metadata) -> None:
    async with metadata.begin() as tx:
        for _ in range(3):
            assert await limits.take(tx, "x", MINUTE, 3 * MINUTE, START + DAY)
        assert not await limits.take(tx, "x", MINUTE, 3 * MINUTE, START + DAY - MINUTE)
        taken = [await limits.take(tx, "x", MINUTE, 3 * MINUTE, START) for _ in range(4)]
        assert taken == [True, True, True, False]


async def test_the_sessions_that_were_seen_last_are_kept(
    metadata: Metadata, alice: Account
) -> None:
    first, second, third = [await add_session(metadata, alice, text) for text in ("a", "b", "c")]
    async with metadata.begin() as tx:
        await sessions.touch_session(tx, first.id, "::1", START + DAY)
        assert await sessions.keep_newest_sessions(tx, alice.id, 2) == 1
    found = await sessions.list_sessions(metadata.reader, alice.id)
    assert [each.id for each in found] == [first.id, third.id]
    assert second.id not in {each.id for each in found}
