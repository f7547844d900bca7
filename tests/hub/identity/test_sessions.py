"""Sessions: good while they are used, over when they should be, ended by whoever they are of."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from entrepot.errors import SessionUnknown
from entrepot.hub.identity.sessions import IDLE, LIFETIME, PENDING_LIFETIME, Sessions, SignedIn
from entrepot.hub.people.accounts import Accounts
from entrepot.metadata.engines.engine import Metadata
from entrepot.model.people.accounts import Account
from tests.metadata.clocks import START, MovableClock
from tests.metadata.rows import add_account, data_version

SECOND = timedelta(seconds=1)


@pytest.fixture
async def alice(metadata: Metadata) -> Account:
    """Somebody with a browser."""
    return await add_account(metadata, "alice")


async def begin(sessions: Sessions, account: Account, *, is_pending: bool = False) -> str:
    """The secret of a new session."""
    return await sessions.begin(account, address="::1", client="Browser", is_pending=is_pending)


async def find(sessions: Sessions, secret: str) -> SignedIn:
    """Whoever signed in with that secret."""
    found = await sessions.find(secret)
    assert found is not None
    return found


async def test_a_secret_is_good_for_the_account_it_was_made_for(
    sessions: Sessions, alice: Account
) -> None:
    secret = await begin(sessions, alice)
    found = await find(sessions, secret)
    assert (found.account, found.is_pending) == (alice, False)
    assert (found.session.address, found.session.client) == ("::1", "Browser")
    for other in ("", secret[:-1], secret + "x", secret.swapcase()):
        assert await sessions.find(other) is None


async def test_a_secret_is_long_fresh_and_not_stored(
    sessions: Sessions, alice: Account, metadata: Metadata, database: Path
) -> None:
    secrets = {await begin(sessions, alice) for _ in range(5)}
    assert len(secrets) == 5
    assert all(len(secret) >= 43 for secret in secrets)
    await metadata.close()
    stored = await asyncio.to_thread(database.read_bytes)
    assert not any(secret.encode() in stored for secret in secrets)


async def test_an_idle_session_is_over_and_a_used_one_is_not(
    sessions: Sessions, alice: Account, clock: MovableClock
) -> None:
    secret = await begin(sessions, alice)
    clock.advance(IDLE - SECOND)
    await sessions.touch((await find(sessions, secret)).session, "192.0.2.1")
    clock.advance(IDLE - SECOND)
    assert (await find(sessions, secret)).session.address == "192.0.2.1"
    clock.advance(SECOND)
    assert await sessions.find(secret) is None
    assert await sessions.list_of(alice) == []


async def test_a_session_is_over_in_the_end_however_much_it_is_used(
    sessions: Sessions, alice: Account, clock: MovableClock
) -> None:
    secret = await begin(sessions, alice)
    while clock.moment + timedelta(days=10) < START + LIFETIME:
        clock.advance(timedelta(days=10))
        await sessions.touch((await find(sessions, secret)).session, "::1")
    clock.moment = START + LIFETIME
    assert await sessions.find(secret) is None


async def test_a_session_is_touched_at_most_once_a_minute(
    sessions: Sessions, alice: Account, clock: MovableClock, metadata: Metadata
) -> None:
    secret = await begin(sessions, alice)
    clock.advance(timedelta(seconds=59))
    before = data_version(metadata)
    await sessions.touch((await find(sessions, secret)).session, "::2")
    assert data_version(metadata) == before
    clock.advance(SECOND)
    await sessions.touch((await find(sessions, secret)).session, "::2")
    assert (await find(sessions, secret)).session.seen_at == clock.moment


async def test_a_second_factor_is_not_waited_for_long(
    sessions: Sessions, alice: Account, clock: MovableClock
) -> None:
    secret = await begin(sessions, alice, is_pending=True)
    assert (await find(sessions, secret)).is_pending
    assert await sessions.list_of(alice) == []
    clock.advance(PENDING_LIFETIME)
    assert await sessions.find(secret) is None


async def test_sessions_are_ended_one_by_one_or_together(
    sessions: Sessions, alice: Account, metadata: Metadata
) -> None:
    bob = await add_account(metadata, "bob")
    first, second, third, theirs = [
        await begin(sessions, account) for account in (alice, alice, alice, bob)
    ]
    mine = await find(sessions, first)
    with pytest.raises(SessionUnknown):
        await sessions.end(mine.session.id, bob)
    await sessions.end((await find(sessions, second)).session.id, alice)
    assert await sessions.find(second) is None
    assert await sessions.end_others(mine.session) == 1
    assert await sessions.find(third) is None
    assert await sessions.list_of(alice) == [mine.session]
    assert await sessions.end_all(alice) == 1
    assert await sessions.find(first) is None
    assert await sessions.find(theirs) is not None


async def test_a_new_password_ends_every_session(sessions: Sessions, accounts: Accounts) -> None:
    alice = await accounts.add("alice", "password")
    secret = await begin(sessions, alice)
    await accounts.set_password("alice", "other password")
    assert await sessions.find(secret) is None


async def test_a_disabled_account_is_signed_out_for_good(
    sessions: Sessions, accounts: Accounts
) -> None:
    alice = await accounts.add("alice", "password")
    secret = await begin(sessions, alice)
    await accounts.disable("alice")
    assert await sessions.find(secret) is None
    late = await begin(sessions, alice)
    assert await sessions.find(late) is None
    await accounts.enable("alice")
    assert await sessions.find(secret) is None


async def test_sessions_that_are_over_are_forgotten(
    sessions: Sessions, alice: Account, clock: MovableClock
) -> None:
    await begin(sessions, alice)
    clock.advance(timedelta(days=1))
    await begin(sessions, alice)
    clock.advance(IDLE - timedelta(days=1))
    assert await sessions.expire() == 1
    assert len(await sessions.list_of(alice)) == 1
