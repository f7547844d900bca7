"""Organizations: made by anybody, changed by their owners, never left without one."""

import pytest

from entrepot.errors import Conflict, Denied, InvalidAccount, NamespaceUnknown, NameTaken
from entrepot.hub.events.audit import AuditLog
from entrepot.hub.names import FIRST_WORDS
from entrepot.hub.people.actors import OPERATOR, Actor
from entrepot.hub.people.organizations import Organizations
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.people import teams
from entrepot.metadata.people.accounts import find_namespace
from entrepot.model.audit import AuditQuery
from entrepot.model.people.accounts import Role
from entrepot.model.repositories import Visibility
from tests.hub.town import ADMINISTRATORS, MEMBERS, OWNERS, Town, allowed
from tests.metadata.clocks import START
from tests.metadata.rows import add_account


async def test_an_organization_begins_with_its_owner(
    organizations: Organizations, metadata: Metadata
) -> None:
    await add_account(metadata, "alice")
    await organizations.add("acme", "alice")
    assert [each.name for each in await organizations.list_for(OPERATOR)] == ["acme"]
    members = await organizations.list_members("acme", OPERATOR)
    assert members == [("alice", Role.OWNER)]


async def test_members_come_change_and_go(organizations: Organizations, metadata: Metadata) -> None:
    for name in ("alice", "bob"):
        await add_account(metadata, name)
    await organizations.add("acme", "alice")
    for role in (Role.MEMBER, Role.EDITOR, Role.OWNER):
        await organizations.set_member("acme", "bob", role)
        members = await organizations.list_members("acme", OPERATOR)
        assert members == [("alice", Role.OWNER), ("bob", role)]
    await organizations.set_member("acme", "alice", None)
    members = await organizations.list_members("acme", OPERATOR)
    assert members == [("bob", Role.OWNER)]


@pytest.mark.parametrize("role", [None, Role.MEMBER, Role.EDITOR])
async def test_the_last_owner_stays(
    organizations: Organizations, metadata: Metadata, role: Role | None
) -> None:
    for name in ("alice", "bob"):
        await add_account(metadata, name)
    await organizations.add("acme", "alice")
    await organizations.set_member("acme", "bob", Role.EDITOR)
    with pytest.raises(Conflict):
        await organizations.set_member("acme", "alice", role)
    members = await organizations.list_members("acme", OPERATOR)
    assert members == [("alice", Role.OWNER), ("bob", Role.EDITOR)]


@pytest.mark.parametrize("name", ["nowhere", "alice"])
async def test_only_organizations_have_members(
    organizations: Organizations, metadata: Metadata, name: str
) -> None:
    await add_account(metadata, "alice")
    with pytest.raises(NamespaceUnknown):
        await organizations.set_member(name, "alice", Role.OWNER)


async def test_owners_change_members_and_nobody_else(
    organizations: Organizations, town: Town
) -> None:
    async def promote(by: Actor) -> None:
        await organizations.set_member("acme", "stranger", Role.MEMBER, by)
        await organizations.set_member("acme", "stranger", None, OPERATOR)

    assert await allowed(town, promote) == OWNERS
    for name in ("nobody", "stranger"):
        with pytest.raises(NamespaceUnknown):
            await organizations.set_member("acme", "stranger", Role.OWNER, town.actors[name])


async def test_owners_describe_an_organization(
    organizations: Organizations, town: Town, metadata: Metadata
) -> None:
    async def describe(by: Actor) -> None:
        await organizations.edit("acme", f"by {by.name}", Visibility.PUBLIC, by)

    assert await allowed(town, describe) == OWNERS
    found = await find_namespace(metadata.reader, "acme")
    assert found is not None
    assert (found.description, found.default_visibility) == ("by operator", Visibility.PUBLIC)


async def test_an_account_describes_its_own_namespace(
    organizations: Organizations, town: Town
) -> None:
    async def describe(by: Actor) -> None:
        await organizations.edit("editor", "mine", Visibility.PRIVATE, by)

    assert await allowed(town, describe) == {"editor", "admin", "operator"}
    with pytest.raises(InvalidAccount):
        await organizations.edit("acme", "x" * 1001, Visibility.PRIVATE)


async def test_members_see_members(organizations: Organizations, town: Town) -> None:
    async def look(by: Actor) -> None:
        assert len(await organizations.list_members("acme", by)) == 3

    seeing = MEMBERS | {"owner's reader", "owner's writer"}
    assert await allowed(town, look) == seeing


async def test_everybody_who_signed_in_makes_organizations_of_their_own(
    organizations: Organizations, town: Town
) -> None:
    async def make(by: Actor) -> None:
        owner = by.account.name if by.account else "member"
        await organizations.add(f"of-{by.name}", owner, by)

    assert await allowed(town, make) == MEMBERS | {"stranger"}

    async def make_for_another(by: Actor) -> None:
        await organizations.add(f"by-{by.name}", "member", by)

    assert await allowed(town, make_for_another) == ADMINISTRATORS | {"member"}


async def test_names_of_the_hub_itself_are_kept_back(
    organizations: Organizations, town: Town
) -> None:
    for name in ("api", "admin", "explore", "v2"):
        with pytest.raises(NameTaken):
            await organizations.add(name, "member", town.actors["member"])
    await organizations.add("explore", "member")


async def test_names_that_look_like_other_registries_are_for_administrators(
    organizations: Organizations, town: Town
) -> None:
    for name in ("ghcr.io", "registry.example", "localhost", "invites", "hf"):
        with pytest.raises(NameTaken):
            await organizations.add(name, "member", town.actors["member"])
    with pytest.raises(NameTaken, match="use a dash, or ask an administrator"):
        await organizations.add("my.team", "member", town.actors["owner"])
    await organizations.add("my.team", "member", town.actors["admin"])
    await organizations.add("ghcr.io", "member", town.actors["operator"])


@pytest.mark.parametrize("name", sorted(FIRST_WORDS))
async def test_the_first_words_of_docker_hubs_api_are_nobodys_name(
    organizations: Organizations, town: Town, name: str
) -> None:
    for who in ("member", "admin", "operator"):
        with pytest.raises(NameTaken):
            await organizations.add(name, "member", town.actors[who])


async def test_a_member_leaves_and_the_last_owner_does_not(
    organizations: Organizations, town: Town
) -> None:
    await organizations.set_member("acme", "member", None, town.actors["member"])
    with pytest.raises(Conflict):
        await organizations.set_member("acme", "owner", None, town.actors["owner"])
    with pytest.raises(Denied):
        await organizations.set_member("acme", "editor", Role.OWNER, town.actors["editor"])
    with pytest.raises(Denied):
        await organizations.set_member("acme", "owner", None, town.actors["owner's writer"])
    members = await organizations.list_members("acme", OPERATOR)
    assert members == [("editor", Role.EDITOR), ("owner", Role.OWNER)]
    assert await organizations.list_of(town.accounts["member"]) == []
    ((namespace, role),) = await organizations.list_of(town.accounts["editor"])
    assert (namespace.id, role) == (town.acme, Role.EDITOR)


async def test_who_leaves_leaves_the_teams_too(
    organizations: Organizations, town: Town, metadata: Metadata
) -> None:
    async with metadata.begin() as tx:
        team = await teams.insert_team(tx, town.acme, "devs", "", START)
        assert team is not None
        await teams.add_team_member(tx, team, town.accounts["member"].id)
    await organizations.set_member("acme", "member", None)
    await organizations.set_member("acme", "member", Role.MEMBER)
    assert await teams.list_team_members(metadata.reader, team) == []


async def test_what_happens_to_members_is_recorded(
    organizations: Organizations, town: Town, audit_log: AuditLog
) -> None:
    for role in (Role.MEMBER, Role.MEMBER, Role.EDITOR, None):
        await organizations.set_member("acme", "stranger", role, town.actors["owner"])
    rows = (await audit_log.list_of(OPERATOR, "acme", AuditQuery())).rows
    assert [(row.action, row.actor, row.target, row.details) for row in reversed(rows)] == [
        ("org.member.add", "owner", "acme/stranger", '{"role":"member"}'),
        ("org.member.role", "owner", "acme/stranger", '{"role":"editor"}'),
        ("org.member.remove", "owner", "acme/stranger", '{"role":null}'),
    ]
