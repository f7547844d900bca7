"""People of a directory as accounts, against a real `slapd`."""

import asyncio
from datetime import timedelta

import pytest

from entrepot.errors import (
    AccountUnknown,
    BadCredentials,
    Conflict,
    Denied,
    TooMany,
    Unavailable,
)
from entrepot.hub.directory.directory import KEPT_FOR
from entrepot.hub.events.audit import AuditLog
from entrepot.hub.identity.login_throttle import LoginThrottle
from entrepot.hub.identity.passwords import Passwords
from entrepot.hub.identity.registry_tokens import RegistryTokens
from entrepot.hub.identity.tokens import Tokens
from entrepot.hub.people.actors import OPERATOR, actor_of
from entrepot.hub.people.groups import Groups
from entrepot.hub.people.organizations import Organizations
from entrepot.hub.permissions import Permissions
from entrepot.metadata.engines.engine import Metadata
from entrepot.model.audit import AuditQuery
from entrepot.model.people.accounts import Account, Role
from entrepot.model.people.groups import GroupSource
from entrepot.model.people.tokens import TokenScope
from tests.hub.directory.conftest import Ways, make, role_of
from tests.hub.town import Town
from tests.metadata.clocks import MovableClock
from tests.support.directory import GROUPS, PEOPLE, LdapServer


async def test_somebody_new_gets_an_account_and_somebody_known_gets_theirs(
    ways: Ways, server: LdapServer, clock: MovableClock
) -> None:
    alice = await ways.sign_in("alice", "alice's")
    assert (alice.name, alice.full_name, alice.email) == ("alice", "Alice", "alice@example.org")
    assert not alice.is_admin
    for name in ("Carol.C", "carol.c", "carol-c"):
        carol = await ways.sign_in(name, "carol's")
        assert (carol.name, carol.full_name) == ("carol-c", "Carol C")
    # The entry is another's name now, and the account is who it was.
    server.rename(f"uid=alice,{PEOPLE}", "uid=alice2")
    server.add_person("alice", "another's")
    clock.advance(KEPT_FOR)
    try:
        assert (await ways.sign_in("alice", "alice's")).id == alice.id
        assert (await ways.sign_in("alice2", "alice's")).id == alice.id
        with pytest.raises(BadCredentials):
            await ways.sign_in("alice", "another's")
    finally:
        server.delete(f"uid=alice,{PEOPLE}")
        server.rename(f"uid=alice2,{PEOPLE}", "uid=alice")


@pytest.mark.parametrize("password", ["", " ", "bob's", "*", "x\0", "x" * 1025, "\ud800"])
async def test_a_wrong_password_and_none_are_refused(ways: Ways, password: str) -> None:
    for _ in range(2):
        with pytest.raises(BadCredentials):
            await ways.sign_in("alice", password)
    with pytest.raises(BadCredentials):
        await ways.sign_in("nobody", password)
    assert await ways.accounts.list_all() == []


async def test_guesses_are_counted_and_repeated_ones_are_none(ways: Ways) -> None:
    for _ in range(30):
        with pytest.raises(BadCredentials):
            await ways.sign_in("alice", "the old one")
    assert (await ways.sign_in("alice", "alice's")).name == "alice"
    refusals = list[type[Exception]]()
    for number in range(30):
        try:
            await ways.sign_in("bob", f"guess {number}")
        except (BadCredentials, TooMany) as error:
            refusals.append(type(error))
    assert refusals == [BadCredentials] * 10 + [TooMany] * 20


async def test_a_password_is_remembered_for_minutes_and_the_directory_spared(
    ways: Ways, server: LdapServer, clock: MovableClock, login_throttle: LoginThrottle
) -> None:
    alice = await ways.sign_in("alice", "alice's")
    server.stop()
    assert await ways.sign_in("alice", "alice's") == alice
    identity = await ways.authentication.by_credentials("alice", "alice's")
    assert identity.checked_until == clock() + KEPT_FOR
    assert identity.expires_at is None
    clock.advance(KEPT_FOR)
    for _ in range(30):  # A server that is down makes no guesses of them.
        with pytest.raises(Unavailable, match="accounts of this hub and access tokens go on"):
            await ways.sign_in("alice", "alice's")
    server.start()
    ways.directory.client._not_before = 0
    assert await ways.sign_in("alice", "alice's") == alice


async def test_the_hubs_own_accounts_and_tokens_do_not_need_the_directory(
    ways: Ways, server: LdapServer, tokens: Tokens
) -> None:
    await ways.accounts.add("root", "the password of root")
    alice = await ways.sign_in("alice", "alice's")
    _, secret = await tokens.add_personal(alice, "laptop", TokenScope.READ, None)
    server.stop()
    assert (await ways.sign_in("root", "the password of root")).name == "root"
    with pytest.raises(BadCredentials):
        await ways.sign_in("root", "a guess")
    assert (await ways.authentication.by_credentials("alice", secret)).account == alice
    with pytest.raises(Unavailable):
        await ways.sign_in("somebody", "a guess")


async def test_an_account_of_the_hub_is_not_taken_over_by_its_name(ways: Ways) -> None:
    own = await ways.accounts.add("bob", "the password of bob")
    assert await ways.sign_in("bob", "the password of bob") == own
    with pytest.raises(BadCredentials, match="bob is an account of this hub that is not linked"):
        await ways.sign_in("bob", "bob's")
    with pytest.raises(BadCredentials) as refused:
        await ways.sign_in("bob", "a guess")
    assert "linked" not in refused.value.message
    await ways.accounts.add("carol-c", "the password of carol")
    with pytest.raises(Denied, match="carol-c is an account of this hub that is not linked"):
        await ways.sign_in("Carol.C", "carol's")


async def test_operators_link_accounts_and_unlink_them(
    ways: Ways, server: LdapServer, clock: MovableClock, audit_log: AuditLog
) -> None:
    own = await ways.accounts.add("robert", "the password of bob")
    await ways.people.link("robert", "bob")
    assert (await ways.sign_in("bob", "bob's")).id == own.id
    assert (await ways.sign_in("robert", "bob's")).id == own.id
    with pytest.raises(BadCredentials):
        await ways.sign_in("robert", "the password of bob")
    await ways.accounts.check_password(own, "bob's", actor_of(own))
    with pytest.raises(BadCredentials):
        await ways.accounts.check_password(own, "the password of bob", actor_of(own))
    with pytest.raises(Conflict, match="change it there"):
        await ways.accounts.change_password(own, "bob's", "a new password", actor_of(own))
    with pytest.raises(Conflict, match="change it there"):
        await ways.accounts.set_password("robert", "a new password")
    for name, login, error in (
        ("robert", "alice", Conflict),
        ("robert", "nobody", AccountUnknown),
        ("nobody", "alice", AccountUnknown),
    ):
        with pytest.raises(error):
            await ways.people.link(name, login)
    await ways.accounts.add("second", "the password of bob")
    with pytest.raises(Conflict, match="linked to another account"):
        await ways.people.link("second", "bob")
    await ways.people.unlink("robert")
    with pytest.raises(Conflict):
        await ways.people.unlink("robert")
    assert (await ways.sign_in("robert", "the password of bob")).id == own.id
    rows = (await audit_log.list_all(OPERATOR, AuditQuery(action="account.link"))).rows
    assert [row.target for row in rows] == ["robert", "robert"]


async def test_nobody_gets_an_account_where_the_settings_say_so(
    server: LdapServer,
    metadata: Metadata,
    permissions: Permissions,
    passwords: Passwords,
    registry_tokens: RegistryTokens,
    login_throttle: LoginThrottle,
    clock: MovableClock,
) -> None:
    parts = (server, metadata, permissions, passwords, registry_tokens, login_throttle, clock)
    closed = make(*parts, may_sign_up=False)
    with pytest.raises(Denied, match="no account of this hub"):
        await closed.sign_in("alice", "alice's")
    devs = make(*parts, sign_in_groups=(f"CN=Devs, {GROUPS}",))
    with pytest.raises(Denied, match="none of your groups"):
        await devs.sign_in("bob", "bob's")
    assert await devs.accounts.list_all() == []
    assert (await devs.sign_in("alice", "alice's")).name == "alice"
    for each in (closed, devs):
        await each.directory.client.close()


async def test_roles_follow_groups_and_groups_in_groups(
    ways: Ways,
    server: LdapServer,
    groups: Groups,
    organizations: Organizations,
    town: Town,
    clock: MovableClock,
) -> None:
    assert town.acme
    devs = f"cn=devs,{GROUPS}"
    await groups.add("acme", GroupSource.LDAP, f"CN=Staff,{GROUPS}", Role.MEMBER)
    entry = await ways.directory.client.find("alice")
    assert entry is not None
    identifier = next(each for each in entry.groups if "=" not in each)
    await groups.add("acme", GroupSource.LDAP, identifier.upper(), Role.EDITOR)
    admins = server.add_group("admins", f"uid=alice,{PEOPLE}")
    assert (await ways.sign_in("alice", "alice's")).is_admin
    assert await role_of(organizations, "alice") in ("member", "editor")
    await ways.sign_in("bob", "bob's")
    assert await role_of(organizations, "bob") in ("member", "editor")
    server.delete(admins)
    server.change(devs, member=[f"uid=nobody,{PEOPLE}"])
    try:
        clock.advance(KEPT_FOR)
        assert not (await ways.sign_in("alice", "alice's")).is_admin
        assert await role_of(organizations, "alice") == ""
    finally:
        server.change(devs, member=[f"uid=alice,{PEOPLE}"])


async def test_two_first_sign_ins_at_once_make_one_account(ways: Ways) -> None:
    both = await asyncio.gather(
        *(ways.sign_in("bob", "bob's") for _ in range(2)), return_exceptions=True
    )
    assert {each.name for each in both if isinstance(each, Account)} == {"bob"}
    assert len(await ways.accounts.list_all()) == 1


async def test_a_clock_that_is_set_back_keeps_nothing(ways: Ways, server: LdapServer) -> None:
    clock = ways.directory._now
    assert isinstance(clock, MovableClock)
    await ways.sign_in("alice", "alice's")
    clock.advance(-timedelta(hours=1))
    server.stop()
    with pytest.raises(Unavailable):
        await ways.sign_in("alice", "alice's")
