"""One-time links: they give a new password, once, to whom they were made for."""

from datetime import timedelta

import pytest

from entrepot.errors import BadCredentials, InvalidAccount, TokenUnknown
from entrepot.hub.identity.authentication import Authentication
from entrepot.hub.identity.password_links import LIFETIME, PasswordLinks
from entrepot.hub.identity.passwords import Passwords
from entrepot.hub.identity.sessions import Sessions
from entrepot.hub.people.accounts import Accounts
from entrepot.hub.people.actors import ANONYMOUS, OPERATOR, Actor
from entrepot.metadata.engines.engine import Metadata
from entrepot.model.people.accounts import Account
from tests.hub.town import ADMINISTRATORS, Town, allowed
from tests.metadata.clocks import MovableClock

OPENER = Actor(ANONYMOUS, "192.0.2.9", "r")


@pytest.fixture
def password_links(metadata: Metadata, passwords: Passwords, clock: MovableClock) -> PasswordLinks:
    """One-time links."""
    return PasswordLinks(metadata, passwords, clock)


@pytest.fixture
async def alice(accounts: Accounts) -> Account:
    """Somebody who forgot the password."""
    return await accounts.add("alice", "the old password")


async def test_a_link_gives_a_new_password_and_ends_what_the_old_one_began(
    password_links: PasswordLinks,
    alice: Account,
    authentication: Authentication,
    sessions: Sessions,
) -> None:
    session = await sessions.begin(alice, address="::1", client="")
    secret = await password_links.begin(alice)
    assert await password_links.get(secret) == alice
    assert await sessions.find(session) is not None
    assert (await password_links.finish(secret, "the new password", OPENER)).id == alice.id
    assert await sessions.find(session) is None
    await authentication.by_credentials("alice", "the new password")
    with pytest.raises(BadCredentials):
        await authentication.by_credentials("alice", "the old password")


async def test_a_link_works_once(password_links: PasswordLinks, alice: Account) -> None:
    secret = await password_links.begin(alice)
    with pytest.raises(InvalidAccount):
        await password_links.finish(secret, "short", OPENER)
    await password_links.finish(secret, "the new password", OPENER)
    for work in (
        password_links.get(secret),
        password_links.finish(secret, "a newer password", OPENER),
    ):
        with pytest.raises(TokenUnknown):
            await work


async def test_a_link_is_no_credential(
    password_links: PasswordLinks, alice: Account, authentication: Authentication
) -> None:
    secret = await password_links.begin(alice)
    with pytest.raises(BadCredentials):
        await authentication.by_credentials("alice", secret)
    with pytest.raises(BadCredentials):
        await authentication.by_refresh_token(secret)


async def test_a_link_is_over_in_time_by_a_new_password_and_with_its_account(
    password_links: PasswordLinks, alice: Account, accounts: Accounts, clock: MovableClock
) -> None:
    late = await password_links.begin(alice)
    clock.advance(LIFETIME)
    replaced = await password_links.begin(alice)
    await accounts.set_password("alice", "another password")
    disabled = await password_links.begin(alice)
    await accounts.disable("alice")
    clock.advance(timedelta(seconds=1))
    for secret in (late, replaced, disabled, "", "etp_one"):
        with pytest.raises(TokenUnknown):
            await password_links.get(secret)


async def test_only_administrators_make_links(password_links: PasswordLinks, town: Town) -> None:
    member = town.accounts["member"]
    assert await allowed(town, lambda by: password_links.begin(member, by)) == ADMINISTRATORS
    assert (await password_links.get(await password_links.begin(member, OPERATOR))).name == "member"
