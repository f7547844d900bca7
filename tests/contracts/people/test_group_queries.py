"""Group mappings and what they gave, as every engine keeps them."""

import pytest

from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.people import accounts, groups, teams
from entrepot.model.people.accounts import Role
from entrepot.model.people.groups import GroupMapping, GroupSource, Membership
from tests.metadata.clocks import START
from tests.metadata.rows import add_account, add_organization

OIDC, LDAP = GroupSource.OIDC, GroupSource.LDAP


@pytest.fixture
async def acme(metadata: Metadata) -> int:
    """An organization."""
    return await add_organization(metadata, "acme")


async def add_mapping(
    metadata: Metadata,
    namespace_id: int,
    group: str,
    source: GroupSource = OIDC,
    team_id: int | None = None,
) -> int:
    """The id of a new mapping to editors."""
    mapping = GroupMapping(
        *(0, namespace_id, "", source, group, Role.EDITOR, team_id, "", START, "alice")
    )
    async with metadata.begin() as tx:
        return await groups.insert_mapping(tx, mapping)


async def test_mappings_are_found_by_organization_and_by_group(
    metadata: Metadata, acme: int
) -> None:
    other = await add_organization(metadata, "other")
    async with metadata.begin() as tx:
        crew = await teams.insert_team(tx, acme, "crew", "", START)
    devs = await add_mapping(metadata, acme, "devs", team_id=crew)
    upper = await add_mapping(metadata, other, "Devs")
    await add_mapping(metadata, acme, "devs", LDAP)
    reader = metadata.reader
    expected = GroupMapping(
        *(devs, acme, "acme", OIDC, "devs", Role.EDITOR, crew, "crew", START, "alice")
    )
    assert await groups.find_mapping(reader, acme, devs) == expected
    assert await groups.find_mapping(reader, other, devs) is None
    listed = await groups.list_mappings(reader, acme)
    assert [(each.source, each.team) for each in listed] == [(LDAP, ""), (OIDC, "crew")]
    many = [f"g{number}" for number in range(120)]
    for names, ids in ((["devs"], [devs]), ([*many, "Devs"], [upper]), ([], []), (many, [])):
        found = await groups.list_of_groups(reader, OIDC, names)
        assert [each.id for each in found] == ids
    async with metadata.begin() as tx:
        await teams.delete_team(tx, crew or 0)
    assert (await groups.find_mapping(reader, acme, devs) or expected).team == ""
    async with metadata.begin() as tx:
        await groups.delete_mapping(tx, devs)
    assert await groups.find_mapping(reader, acme, devs) is None


async def test_who_is_in_a_group_is_noted_and_goes_with_the_mapping(
    metadata: Metadata, acme: int
) -> None:
    alice, bob = await add_account(metadata, "alice"), await add_account(metadata, "bob")
    devs = await add_mapping(metadata, acme, "devs")
    async with metadata.begin() as tx:
        for account in (alice, bob, alice):
            await groups.add_holder(tx, devs, account.id)
    reader = metadata.reader
    assert await groups.list_holders(reader, devs, 1) == [alice.id]
    assert [each.id for each in await groups.list_held(reader, bob.id)] == [devs]
    assert (await groups.list_mappings(reader, acme))[0].holders == 2
    async with metadata.begin() as tx:
        await groups.remove_holder(tx, devs, alice.id)
    assert await groups.list_holders(reader, devs, 9) == [bob.id]
    async with metadata.begin() as tx:
        await groups.delete_mapping(tx, devs)
    assert await groups.list_held(reader, bob.id) == []


async def test_what_groups_gave_is_told_from_what_somebody_gave(
    metadata: Metadata, acme: int
) -> None:
    alice, bob = await add_account(metadata, "alice"), await add_account(metadata, "bob")
    reader = metadata.reader
    async with metadata.begin() as tx:
        crew = await teams.insert_team(tx, acme, "crew", "", START) or 0
        await accounts.set_role(tx, acme, alice.id, Role.MEMBER)
        await groups.set_role(tx, acme, bob.id, Role.MEMBER)
        await groups.set_role(tx, acme, bob.id, Role.EDITOR)
        assert await groups.join_team(tx, crew, bob.id)
        assert not await groups.join_team(tx, crew, bob.id)
        assert await teams.add_team_member(tx, crew, alice.id)
    assert await groups.find_membership(reader, acme, alice.id) == Membership(Role.MEMBER, False)
    assert await groups.find_membership(reader, acme, bob.id) == Membership(Role.EDITOR, True)
    assert await groups.find_membership(reader, acme, 4711) is None
    assert await groups.list_names_from_groups(reader, acme) == {"bob"}
    assert await groups.list_teams(reader, acme, bob.id) == [(crew, "crew")]
    assert await groups.list_team_names_from_groups(reader, crew) == {"bob"}
    async with metadata.begin() as tx:
        await accounts.set_role(tx, acme, bob.id, Role.EDITOR)
        assert await teams.add_team_member(tx, crew, bob.id)
        assert not await teams.add_team_member(tx, crew, bob.id)
    assert await groups.list_names_from_groups(reader, acme) == set()
    assert await groups.list_teams(reader, acme, bob.id) == []


async def test_the_source_of_an_administrators_right_is_kept_until_somebody_decides(
    metadata: Metadata,
) -> None:
    alice = await add_account(metadata, "alice")
    async with metadata.begin() as tx:
        await groups.set_admin(tx, alice.id, True, OIDC)
    assert await groups.find_admin_source(metadata.reader, alice.id) is OIDC
    found = await accounts.find_account_by_id(metadata.reader, alice.id)
    assert found is not None
    assert found.is_admin
    async with metadata.begin() as tx:
        await accounts.set_admin(tx, alice.id, True)
    assert await groups.find_admin_source(metadata.reader, alice.id) is None
