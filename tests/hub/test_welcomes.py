"""One-time links: they give a new password, once, to whom they were made for."""

from datetime import timedelta

import pytest

from entrepot.errors import BadCredentials, InvalidAccount, TokenUnknown
from entrepot.hub.accounts import Accounts
from entrepot.hub.actors import ANONYMOUS, OPERATOR, Actor
from entrepot.hub.identities import Identities
from entrepot.hub.passwords import Passwords
from entrepot.hub.sessions import Sessions
from entrepot.hub.welcomes import LIFETIME, Welcomes
from entrepot.metadata.accounts import Account
from entrepot.metadata.engine import Metadata
from tests.hub.people import ADMINISTRATORS, Town, allowed
from tests.metadata.clocks import MovableClock

OPENER = Actor(ANONYMOUS, "192.0.2.9", "r")


@pytest.fixture
def welcomes(metadata: Metadata, passwords: Passwords, clock: MovableClock) -> Welcomes:
    """One-time links."""
    return Welcomes(metadata, passwords, clock)


@pytest.fixture
async def alice(accounts: Accounts) -> Account:
    """Somebody who forgot the password."""
    return await accounts.add("alice", "the old password")


async def test_a_link_gives_a_new_password_and_ends_what_the_old_one_began(
    welcomes: Welcomes, alice: Account, identities: Identities, sessions: Sessions
) -> None:
    session = await sessions.begin(alice, address="::1", client="")
    secret = await welcomes.begin(alice)
    assert await welcomes.get(secret) == alice
    assert await sessions.find(session) is not None
    assert (await welcomes.finish(secret, "the new password", OPENER)).id == alice.id
    assert await sessions.find(session) is None
    await identities.by_credentials("alice", "the new password")
    with pytest.raises(BadCredentials):
        await identities.by_credentials("alice", "the old password")


async def test_a_link_works_once(welcomes: Welcomes, alice: Account) -> None:
    secret = await welcomes.begin(alice)
    with pytest.raises(InvalidAccount):
        await welcomes.finish(secret, "short", OPENER)
    await welcomes.finish(secret, "the new password", OPENER)
    for work in (welcomes.get(secret), welcomes.finish(secret, "a newer password", OPENER)):
        with pytest.raises(TokenUnknown):
            await work


async def test_a_link_is_no_credential(
    welcomes: Welcomes, alice: Account, identities: Identities
) -> None:
    secret = await welcomes.begin(alice)
    with pytest.raises(BadCredentials):
        await identities.by_credentials("alice", secret)
    with pytest.raises(BadCredentials):
        await identities.by_refresh_token(secret)


async def test_a_link_is_over_in_time_by_a_new_password_and_with_its_account(
    welcomes: Welcomes, alice: Account, accounts: Accounts, clock: MovableClock
) -> None:
    late = await welcomes.begin(alice)
    clock.advance(LIFETIME)
    replaced = await welcomes.begin(alice)
    await accounts.set_password("alice", "another password")
    disabled = await welcomes.begin(alice)
    await accounts.disable("alice")
    clock.advance(timedelta(seconds=1))
    for secret in (late, replaced, disabled, "", "etp_one"):
        with pytest.raises(TokenUnknown):
            await welcomes.get(secret)


async def test_only_administrators_make_links(welcomes: Welcomes, town: Town) -> None:
    member = town.accounts["member"]
    assert await allowed(town, lambda by: welcomes.begin(member, by)) == ADMINISTRATORS
    assert (await welcomes.get(await welcomes.begin(member, OPERATOR))).name == "member"
