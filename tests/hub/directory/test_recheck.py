"""People who are gone from the directory, or back in it, against a real `slapd`."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest

from entrepot.errors import (
    BadCredentials,
    BadToken,
    Unavailable,
)
from entrepot.hub.directory.directory import KEPT_FOR
from entrepot.hub.events.audit import AuditLog
from entrepot.hub.identity.sessions import Sessions
from entrepot.hub.identity.tokens import Tokens
from entrepot.hub.people.actors import OPERATOR
from entrepot.hub.people.groups import Groups
from entrepot.hub.people.organizations import Organizations
from entrepot.model.audit import AuditQuery
from entrepot.model.people.accounts import Role
from entrepot.model.people.groups import GroupSource
from entrepot.model.people.tokens import TokenScope
from tests.hub.directory.conftest import FROM, Ways, role_of
from tests.hub.town import Town
from tests.metadata.clocks import MovableClock
from tests.support.directory import GROUPS, PEOPLE, LdapServer

STAFF = f"cn=staff,{GROUPS}"


@dataclass(frozen=True, slots=True)
class Dora:
    """Somebody with an account by the directory, who has a token and a session."""

    dn: str
    token: str
    session: str


@pytest.fixture
async def dora(
    ways: Ways, server: LdapServer, groups: Groups, tokens: Tokens, sessions: Sessions, town: Town
) -> AsyncIterator[Dora]:
    """Dora, in a group of members, beside Bob."""
    assert town.acme
    dn = server.add_person("dora", "dora's")
    others = [f"cn=devs,{GROUPS}", f"uid=bob,{PEOPLE}"]
    server.change(STAFF, member=[dn, *others])
    await groups.add("acme", GroupSource.LDAP, STAFF, Role.MEMBER)
    account = await ways.sign_in("dora", "dora's")
    await ways.sign_in("bob", "bob's")
    _, token = await tokens.add_personal(account, "laptop", TokenScope.READ, None)
    session = await sessions.begin(account, address=FROM, client="test")
    yield Dora(dn, token, session)
    server.change(STAFF, member=others)
    if await ways.directory.client.find("dora") is not None:
        server.delete(dn)


@pytest.mark.parametrize("is_deleted", [True, False])
async def test_who_is_gone_or_disabled_loses_access(
    ways: Ways,
    server: LdapServer,
    organizations: Organizations,
    sessions: Sessions,
    dora: Dora,
    is_deleted: bool,
) -> None:
    assert await role_of(organizations, "dora") == "member"
    assert await ways.people.check_all() == (2, 0)
    if is_deleted:
        server.delete(dora.dn)
    else:
        server.change(dora.dn, userAccountControl="514")
    assert await ways.people.check_all() == (2, 1)
    assert await ways.people.check_all() == (2, 0)
    assert await role_of(organizations, "dora") == ""
    assert await sessions.find(dora.session) is None
    with pytest.raises(BadToken):
        await ways.authentication.by_access_token(dora.token)
    with pytest.raises(BadCredentials):
        await ways.sign_in("dora", "dora's")
    assert (await ways.sign_in("bob", "bob's")).name == "bob"


@pytest.mark.parametrize("is_by_password", [True, False])
async def test_who_is_back_has_access_again(
    ways: Ways,
    server: LdapServer,
    organizations: Organizations,
    audit_log: AuditLog,
    dora: Dora,
    is_by_password: bool,
) -> None:
    server.change(dora.dn, userAccountControl="514")
    await ways.people.check_all()
    server.change(dora.dn, userAccountControl="512")
    ways.directory._right = ways.directory._wrong = type(ways.directory._right)()
    if is_by_password:
        assert (await ways.sign_in("dora", "dora's")).disabled_at is None
    else:
        assert await ways.people.check_all() == (2, 0)
    assert (await ways.authentication.by_access_token(dora.token)).name == "dora"
    assert await role_of(organizations, "dora") == "member"
    rows = (await audit_log.list_all(OPERATOR, AuditQuery(action="account"))).rows
    done = [(row.action, row.actor) for row in rows if row.target == "dora"]
    assert done[:2] == [("account.enable", "LDAP"), ("account.disable", "LDAP")]


async def test_somebody_whom_an_administrator_disabled_stays_so(
    ways: Ways, clock: MovableClock
) -> None:
    await ways.sign_in("alice", "alice's")
    await ways.accounts.disable("alice")
    for _ in range(2):
        with pytest.raises(BadCredentials):
            await ways.sign_in("alice", "alice's")
        assert await ways.people.check_all() == (1, 0)
        clock.advance(KEPT_FOR)


async def test_nobody_is_suspended_where_nobody_is_found(
    ways: Ways, server: LdapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("alice", "bob"):
        await ways.sign_in(name, f"{name}'s")
    client = ways.directory.client
    elsewhere = replace(server.settings, user_base=GROUPS)
    monkeypatch.setattr(client, "_settings", elsewhere)
    with pytest.raises(Unavailable, match="none of the people"):
        await ways.people.check_all()
    monkeypatch.undo()
    server.stop()
    with pytest.raises(Unavailable):
        await ways.people.check_all()
    assert all(each.disabled_at is None for each in await ways.accounts.list_all())
