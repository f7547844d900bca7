"""Groups give roles and teams and take them away, and leave alone what was given by hand."""

import pytest

from entrepot.errors import Conflict, Denied, Invalid, NotFound, TeamUnknown
from entrepot.hub.events.audit import AuditLog
from entrepot.hub.people import groups as groups_module
from entrepot.hub.people.accounts import Accounts
from entrepot.hub.people.actors import OPERATOR
from entrepot.hub.people.groups import Groups, HubGroups
from entrepot.hub.people.organizations import Organizations
from entrepot.hub.people.teams import Teams
from entrepot.hub.permissions import Permissions
from entrepot.metadata.engines.engine import Metadata
from entrepot.model.audit import AuditQuery
from entrepot.model.people.accounts import Account, Role
from entrepot.model.people.groups import GroupSource
from tests.hub.town import OWNERS, Town, allowed
from tests.metadata.clocks import MovableClock
from tests.metadata.rows import add_account

OIDC, LDAP = GroupSource.OIDC, GroupSource.LDAP


@pytest.fixture
def teams(metadata: Metadata, permissions: Permissions, clock: MovableClock) -> Teams:
    """Every team."""
    return Teams(metadata, permissions, clock)


@pytest.fixture
async def carol(metadata: Metadata, town: Town) -> Account:
    """Somebody who belongs to nothing yet."""
    assert town.acme
    return await add_account(metadata, "carol")


async def role_of(organizations: Organizations, name: str, organization: str = "acme") -> str:
    """The account's role there; empty without one."""
    return dict(await organizations.list_members(organization, OPERATOR)).get(name, "")


async def test_owners_map_groups_and_nobody_else(groups: Groups, town: Town) -> None:
    numbers = iter(range(100))
    adders = await allowed(
        town, lambda by: groups.add("acme", OIDC, f"g{next(numbers)}", Role.MEMBER, by=by)
    )
    assert adders == OWNERS
    assert await allowed(town, lambda by: groups.list_of("acme", by)) == OWNERS
    made = await groups.list_of("acme", OPERATOR)
    assert len(made) == len(OWNERS)
    assert {each.created_by for each in made} == OWNERS
    for each in made:
        await groups.remove("acme", each.id, town.actors["owner"])
    with pytest.raises(NotFound):
        await groups.remove("acme", made[0].id, OPERATOR)
    with pytest.raises(Denied):
        await groups.remove("acme", 1, town.actors["member"])


async def test_a_role_comes_with_the_group_and_leaves_with_it(
    groups: Groups, organizations: Organizations, carol: Account, audit_log: AuditLog
) -> None:
    await groups.add("acme", OIDC, "staff", Role.MEMBER)
    await groups.add("acme", OIDC, "Devs", Role.EDITOR)
    await groups.apply(carol, OIDC, ["others", "devs"])
    assert await role_of(organizations, "carol") == ""
    await groups.apply(carol, OIDC, ["staff", "Devs"], "192.0.2.1")
    assert await role_of(organizations, "carol") == "editor"
    assert await groups.list_members("acme", OPERATOR) == {"carol"}
    assert [each.holders for each in await groups.list_of("acme", OPERATOR)] == [1, 1]
    await groups.apply(carol, OIDC, ["staff"])
    assert await role_of(organizations, "carol") == "member"
    await groups.apply(carol, OIDC, [])
    assert await role_of(organizations, "carol") == ""
    rows = (await audit_log.list_all(OPERATOR, AuditQuery(action="org.member"))).rows
    assert [(row.action, row.actor, row.target) for row in reversed(rows)] == [
        ("org.member.add", "single sign-on", "acme/carol"),
        ("org.member.role", "single sign-on", "acme/carol"),
        ("org.member.remove", "single sign-on", "acme/carol"),
    ]
    assert rows[-1].address == "192.0.2.1"


async def test_what_was_given_by_hand_stays(
    groups: Groups, organizations: Organizations, teams: Teams, town: Town
) -> None:
    await teams.add("acme", "devs")
    await groups.add("acme", OIDC, "bosses", Role.OWNER, "devs")
    member = town.accounts["member"]
    await groups.apply(member, OIDC, ["bosses"])
    assert await role_of(organizations, "member") == "member"
    assert await teams.list_members("acme", "devs", OPERATOR) == ["member"]
    await groups.apply(member, OIDC, [])
    assert await role_of(organizations, "member") == "member"
    assert await teams.list_members("acme", "devs", OPERATOR) == []
    # By hand in place of the group: it is not the group's any more.
    stranger = town.accounts["stranger"]
    await groups.apply(stranger, OIDC, ["bosses"])
    await organizations.set_member("acme", "stranger", Role.EDITOR)
    await teams.add_member("acme", "devs", "stranger")
    await groups.apply(stranger, OIDC, ["bosses"])
    assert await role_of(organizations, "stranger") == "editor"
    await groups.apply(stranger, OIDC, [])
    assert await role_of(organizations, "stranger") == "editor"
    assert await teams.list_members("acme", "devs", OPERATOR) == ["stranger"]


async def test_the_last_owner_stays(
    groups: Groups, organizations: Organizations, carol: Account
) -> None:
    await organizations.set_member("acme", "owner", Role.OWNER)
    mapping = await groups.add("acme", OIDC, "bosses", Role.OWNER)
    await groups.apply(carol, OIDC, ["bosses"])
    await organizations.set_member("acme", "owner", None)
    await groups.apply(carol, OIDC, [])
    assert await role_of(organizations, "carol") == "owner"
    await groups.remove("acme", mapping.id)
    assert await role_of(organizations, "carol") == "owner"
    # As soon as there is another, the group's decision counts.
    again = await groups.add("acme", OIDC, "bosses", Role.MEMBER)
    await organizations.set_member("acme", "owner", Role.OWNER)
    await groups.apply(carol, OIDC, ["bosses"])
    assert await role_of(organizations, "carol") == "member"
    await groups.remove("acme", again.id)
    assert await role_of(organizations, "carol") == ""


async def test_a_mapping_that_is_removed_takes_what_it_alone_gave(
    groups: Groups,
    organizations: Organizations,
    metadata: Metadata,
    town: Town,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(groups_module, "_AT_ONCE", 2)
    devs = await groups.add("acme", OIDC, "devs", Role.EDITOR)
    await groups.add("acme", OIDC, "staff", Role.MEMBER)
    people = [await add_account(metadata, f"p{number}") for number in range(5)]
    for place, account in enumerate(people):
        await groups.apply(account, OIDC, ["devs", "staff"] if place < 2 else ["devs"])
    await groups.remove("acme", devs.id, town.actors["owner"])
    roles = [await role_of(organizations, each.name) for each in people]
    assert roles == ["member", "member", "", "", ""]
    assert [each.group for each in await groups.list_of("acme", OPERATOR)] == ["staff"]


async def test_each_source_speaks_for_its_own_groups(
    groups: Groups, organizations: Organizations, carol: Account
) -> None:
    await groups.add("acme", OIDC, "devs", Role.EDITOR)
    directory = await groups.add("acme", LDAP, "CN=Devs, OU=Groups,DC=Example", Role.MEMBER)
    assert directory.group == "cn=devs,ou=groups,dc=example"
    await groups.apply(carol, OIDC, ["devs"])
    await groups.apply(carol, LDAP, [directory.group])
    await groups.apply(carol, OIDC, [])
    assert await role_of(organizations, "carol") == "member"
    await groups.end(carol, LDAP)
    assert await role_of(organizations, "carol") == ""


async def test_administrators_by_groups_are_so_for_as_long(
    groups: Groups, accounts: Accounts, carol: Account, town: Town
) -> None:
    assert (await groups.apply(carol, OIDC, ["admins"])).is_admin
    assert (await accounts.get("carol")).is_admin
    assert (await groups.apply(await accounts.get("carol"), LDAP, [])).is_admin
    assert not (await groups.apply(await accounts.get("carol"), OIDC, [])).is_admin
    assert not (await accounts.get("carol")).is_admin
    # By hand: groups do not end it.
    await groups.apply(carol, OIDC, ["admins"])
    await accounts.set_admin("carol", True)
    assert (await groups.apply(await accounts.get("carol"), OIDC, [])).is_admin
    assert (await groups.apply(town.accounts["admin"], OIDC, [])).is_admin


async def test_who_is_in_no_group_that_may_sign_in_loses_what_groups_gave(
    metadata: Metadata,
    permissions: Permissions,
    organizations: Organizations,
    carol: Account,
    clock: MovableClock,
) -> None:
    of_hub = HubGroups(frozenset({"staff"}), frozenset({"admins"}))
    groups = Groups(metadata, permissions, clock, {OIDC: of_hub})
    await groups.add("acme", OIDC, "devs", Role.EDITOR)
    await groups.apply(carol, OIDC, ["staff", "devs"])
    assert await role_of(organizations, "carol") == "editor"
    with pytest.raises(Denied, match="none of your groups may sign in"):
        await groups.apply(carol, OIDC, ["devs", "admins"])
    assert await role_of(organizations, "carol") == ""
    with pytest.raises(Conflict, match="LDAP sends no groups"):
        await groups.add("acme", LDAP, "cn=devs", Role.EDITOR)


async def test_mappings_are_checked_and_bounded(
    groups: Groups, teams: Teams, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert town.acme
    for wrong in ("", " ", "x" * 501, "a\nb"):
        with pytest.raises(Invalid):
            await groups.add("acme", OIDC, wrong, Role.MEMBER)
    with pytest.raises(TeamUnknown):
        await groups.add("acme", OIDC, "devs", Role.MEMBER, "nothing")
    await teams.add("acme", "crew")
    await groups.add("acme", OIDC, "devs", Role.MEMBER)
    await groups.add("acme", OIDC, "devs", Role.MEMBER, "crew")
    with pytest.raises(Conflict):
        await groups.add("acme", OIDC, "devs", Role.OWNER)
    monkeypatch.setattr(groups_module, "MOST_MAPPINGS", 2)
    with pytest.raises(Conflict, match="limit"):
        await groups.add("acme", OIDC, "more", Role.MEMBER)
    await teams.delete("acme", "crew")
    assert {each.team for each in await groups.list_of("acme", OPERATOR)} == {""}
