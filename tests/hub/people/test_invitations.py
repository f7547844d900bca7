"""Invitations and signing up: who may invite, who may come, and what they get."""

from datetime import timedelta
from functools import partial

import pytest

from entrepot.errors import (
    Conflict,
    Denied,
    InvalidAccount,
    InvitationUnknown,
    NameTaken,
    TeamUnknown,
    TooMany,
)
from entrepot.hub.identity.login_throttle import SIGN_UP_FROM_ADDRESS, LoginThrottle
from entrepot.hub.identity.passwords import Passwords
from entrepot.hub.identity.sign_up import SignUp
from entrepot.hub.people import invitations as invitations_module
from entrepot.hub.people.accounts import Accounts
from entrepot.hub.people.actors import ANONYMOUS, OPERATOR, Actor, Identity
from entrepot.hub.people.invitations import LIFETIME, Invitations
from entrepot.hub.people.organizations import Organizations
from entrepot.hub.permissions import Permissions
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.people import accounts as rows
from entrepot.metadata.people import teams
from entrepot.model.people.accounts import Role, SignUpMode
from tests.hub.town import ADMINISTRATORS, OWNERS, Town, allowed
from tests.metadata.clocks import START, MovableClock

COMER = Actor(ANONYMOUS, "192.0.2.9", "r")
PASSWORD = "a long password"


@pytest.fixture
def invitations(metadata: Metadata, permissions: Permissions, clock: MovableClock) -> Invitations:
    """Links that let somebody in."""
    return Invitations(metadata, permissions, clock)


@pytest.fixture
def sign_ups(
    metadata: Metadata,
    accounts: Accounts,
    passwords: Passwords,
    invitations: Invitations,
    login_throttle: LoginThrottle,
) -> dict[SignUpMode, SignUp]:
    """Signing up on a hub of each setting."""
    return {
        mode: SignUp(metadata, accounts, passwords, invitations, login_throttle, mode)
        for mode in SignUpMode
    }


async def role_of(metadata: Metadata, town: Town, name: str) -> Role | None:
    """What the account is in `acme`."""
    account = await rows.find_account(metadata.reader, name)
    assert account is not None
    return await rows.find_role(metadata.reader, town.acme, account.id)


async def test_owners_invite_into_theirs_and_administrators_to_the_hub(
    invitations: Invitations, town: Town
) -> None:
    assert await allowed(town, lambda by: invitations.invite(by, "acme")) == OWNERS
    assert await allowed(town, lambda by: invitations.list_of(by, "acme")) == OWNERS
    assert await allowed(town, invitations.invite) == ADMINISTRATORS
    assert await allowed(town, lambda by: invitations.list_of_hub(by, 9, 0)) == ADMINISTRATORS
    assert len(await invitations.list_of(OPERATOR, "acme")) == 3
    assert {each.inviter for each in await invitations.list_of_hub(OPERATOR, 9, 0)} == {"admin"}


async def test_only_who_may_invite_may_revoke(invitations: Invitations, town: Town) -> None:
    async def revoke(by: Actor, into: str | None) -> None:
        made, secret = await invitations.invite(OPERATOR, into)
        await invitations.revoke(by, made.id)
        with pytest.raises(InvitationUnknown):
            await invitations.get(secret)

    assert await allowed(town, partial(revoke, into="acme")) == OWNERS
    assert await allowed(town, partial(revoke, into=None)) == ADMINISTRATORS
    with pytest.raises(InvitationUnknown):
        await invitations.revoke(OPERATOR, 4711)


async def test_whoever_follows_the_link_joins_with_its_role_and_team(
    invitations: Invitations, town: Town, metadata: Metadata
) -> None:
    async with metadata.begin() as tx:
        team = await teams.insert_team(tx, town.acme, "devs", "", START)
    assert team is not None
    _, secret = await invitations.invite(
        town.actors["owner"], "acme", role=Role.EDITOR, team="devs", note="Bob"
    )
    found = await invitations.get(secret)
    assert (found.organization, found.team, found.inviter) == ("acme", "devs", "owner")
    stranger = town.accounts["stranger"]
    await invitations.accept(secret, stranger, town.actors["stranger"])
    assert await role_of(metadata, town, "stranger") is Role.EDITOR
    assert await teams.list_team_members(metadata.reader, team) == ["stranger"]
    with pytest.raises(InvitationUnknown):
        await invitations.accept(secret, town.accounts["member"], town.actors["member"])


async def test_an_invitation_never_takes_a_role_away(
    invitations: Invitations, town: Town, metadata: Metadata
) -> None:
    for name, into, role in (
        ("owner", Role.MEMBER, Role.OWNER),
        ("editor", Role.MEMBER, Role.EDITOR),
        ("member", Role.OWNER, Role.OWNER),
    ):
        _, secret = await invitations.invite(OPERATOR, "acme", role=into)
        await invitations.accept(secret, town.accounts[name], town.actors[name])
        assert await role_of(metadata, town, name) is role


async def test_a_link_is_over_after_a_week(
    invitations: Invitations, town: Town, clock: MovableClock
) -> None:
    _, secret = await invitations.invite(OPERATOR, "acme")
    clock.advance(LIFETIME - timedelta(seconds=1))
    await invitations.get(secret)
    clock.advance(timedelta(seconds=1))
    with pytest.raises(InvitationUnknown):
        await invitations.accept(secret, town.accounts["stranger"], town.actors["stranger"])


async def test_a_link_is_worth_what_its_maker_may_still_do(
    invitations: Invitations, organizations: Organizations, accounts: Accounts, town: Town
) -> None:
    await organizations.set_member("acme", "editor", Role.OWNER)
    editor = await accounts.get("editor")
    _, secret = await invitations.invite(Actor(Identity(editor)), "acme", role=Role.OWNER)
    await organizations.set_member("acme", "editor", Role.EDITOR)
    with pytest.raises(InvitationUnknown):
        await invitations.get(secret)
    await organizations.set_member("acme", "editor", Role.OWNER)
    await invitations.get(secret)
    await accounts.disable("editor")
    with pytest.raises(InvitationUnknown):
        await invitations.get(secret)
    _, secret = await invitations.invite(town.actors["admin"])
    await accounts.set_admin("admin", False)
    with pytest.raises(InvitationUnknown):
        await invitations.get(secret)


async def test_an_invitation_names_a_team_of_that_organization(
    invitations: Invitations, town: Town
) -> None:
    with pytest.raises(TeamUnknown):
        await invitations.invite(town.actors["owner"], "acme", team="nobodies")
    with pytest.raises(TeamUnknown):
        await invitations.invite(town.actors["admin"], team="devs")


async def test_an_invitation_to_the_hub_is_for_new_accounts(
    invitations: Invitations, town: Town
) -> None:
    _, secret = await invitations.invite(OPERATOR)
    with pytest.raises(InvitationUnknown):
        await invitations.accept(secret, town.accounts["stranger"], town.actors["stranger"])


async def test_nobody_signs_up_as_another_registrys_host(
    sign_ups: dict[SignUpMode, SignUp], metadata: Metadata
) -> None:
    sign_up = sign_ups[SignUpMode.OPEN]
    for name in ("ghcr.io", "registry.example", "users", "localhost"):
        with pytest.raises(NameTaken):
            await sign_up.sign_up(name, PASSWORD, COMER)
        assert await rows.find_account(metadata.reader, name) is None


async def test_who_may_sign_up_is_the_hubs_to_say(
    invitations: Invitations, sign_ups: dict[SignUpMode, SignUp], town: Town, metadata: Metadata
) -> None:
    taken = {}
    for mode, sign_up in sign_ups.items():
        for number, into in enumerate((None, "hub", "acme")):
            secret = ""
            if into:
                where = None if into == "hub" else into
                _, secret = await invitations.invite(OPERATOR, where)
            name = f"{mode}{number}"
            try:
                account = await sign_up.sign_up(name, PASSWORD, COMER, secret)
            except Denied:
                continue
            assert not account.is_admin
            taken[name] = await role_of(metadata, town, name)
    assert taken == {
        "open0": None,
        "open1": None,
        "open2": Role.MEMBER,
        "invitation1": None,
        "invitation2": Role.MEMBER,
    }
    assert [sign_ups[m].may_sign_up(is_invited=False) for m in SignUpMode] == [True, False, False]
    assert [sign_ups[m].may_sign_up(is_invited=True) for m in SignUpMode] == [True, True, False]


async def test_a_sign_up_that_fails_leaves_the_invitation_as_it_was(
    invitations: Invitations, sign_ups: dict[SignUpMode, SignUp], town: Town
) -> None:
    sign_up = sign_ups[SignUpMode.INVITATION]
    _, secret = await invitations.invite(OPERATOR, "acme")
    for name, password, error in (
        ("stranger", PASSWORD, NameTaken),
        ("admin", PASSWORD, NameTaken),
        ("explore", PASSWORD, NameTaken),
        ("New", PASSWORD, InvalidAccount),
        ("fresh", "short", InvalidAccount),
        ("fresh", "x" * 1025, InvalidAccount),
    ):
        with pytest.raises(error):
            await sign_up.sign_up(name, password, COMER, secret)
    with pytest.raises(InvitationUnknown):
        await sign_up.sign_up("fresh", PASSWORD, COMER, "another secret")
    await sign_up.sign_up("fresh", PASSWORD, COMER, secret)
    with pytest.raises(InvitationUnknown):
        await sign_up.sign_up("later", PASSWORD, COMER, secret)


async def test_one_address_signs_up_a_few_times_only(
    sign_ups: dict[SignUpMode, SignUp], town: Town
) -> None:
    sign_up = sign_ups[SignUpMode.OPEN]
    for _ in range(SIGN_UP_FROM_ADDRESS.burst):
        with pytest.raises(NameTaken):
            await sign_up.sign_up("stranger", PASSWORD, COMER)
    with pytest.raises(TooMany):
        await sign_up.sign_up("fresh", PASSWORD, COMER)


async def test_so_many_invitations_are_open_at_once(
    invitations: Invitations,
    town: Town,
    clock: MovableClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(invitations_module, "MOST_OPEN", 2)
    owner, admin = town.actors["owner"], town.actors["admin"]
    for by, organization in ((owner, "acme"), (admin, None)):
        for _ in range(2):
            await invitations.invite(by, organization)
        with pytest.raises(Conflict, match="limit of 2 open invitations"):
            await invitations.invite(by, organization)
    clock.advance(LIFETIME * 2 + timedelta(seconds=1))
    await invitations.invite(owner, "acme")
    assert len(await invitations.list_of(owner, "acme")) == 1
