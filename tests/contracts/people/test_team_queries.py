"""Teams and redirects, as every engine keeps them."""

import pytest

from entrepot.metadata import redirects
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.people import teams
from entrepot.metadata.repositories import delete_repository
from entrepot.model.people.organizations import Permission, Team, TeamRight
from entrepot.oci.names import RepositoryName
from tests.metadata.clocks import START
from tests.metadata.rows import add_account, add_organization, add_repository


@pytest.fixture
async def acme(metadata: Metadata) -> int:
    """An organization."""
    return await add_organization(metadata, "acme")


async def add_team(metadata: Metadata, namespace_id: int, name: str) -> int:
    """The id of a new team."""
    async with metadata.begin() as tx:
        made = await teams.insert_team(tx, namespace_id, name, "", START)
    assert made is not None
    return made


async def test_a_team_is_found_by_its_name_in_its_organization(
    metadata: Metadata, acme: int
) -> None:
    other = await add_organization(metadata, "other")
    team = await add_team(metadata, acme, "devs")
    assert await teams.find_team(metadata.reader, acme, "devs") == Team(
        team, acme, "devs", "", START, 0
    )
    assert await teams.find_team(metadata.reader, other, "devs") is None
    async with metadata.begin() as tx:
        assert await teams.insert_team(tx, acme, "devs", "", START) is None
    await add_team(metadata, other, "devs")
    await add_team(metadata, acme, "admins")
    names = [each.name for each in await teams.list_teams(metadata.reader, acme)]
    assert names == ["admins", "devs"]


async def test_a_team_is_described_and_forgotten_with_all_it_has(
    metadata: Metadata, acme: int
) -> None:
    alice = await add_account(metadata, "alice")
    team = await add_team(metadata, acme, "devs")
    async with metadata.begin() as tx:
        await teams.update_team(tx, team, "crew", "who builds")
        await teams.add_team_member(tx, team, alice.id)
        await teams.set_right(tx, team, TeamRight("*", Permission.READ))
    found = await teams.find_team(metadata.reader, acme, "crew")
    assert found == Team(team, acme, "crew", "who builds", START, 1)
    async with metadata.begin() as tx:
        await teams.delete_team(tx, team)
    assert await teams.list_teams(metadata.reader, acme) == []
    assert await teams.list_rights_of(metadata.reader, acme, alice.id) == []


async def test_members_come_and_go(metadata: Metadata, acme: int) -> None:
    alice, bob = await add_account(metadata, "alice"), await add_account(metadata, "bob")
    one, two = await add_team(metadata, acme, "one"), await add_team(metadata, acme, "two")
    async with metadata.begin() as tx:
        assert await teams.add_team_member(tx, one, bob.id)
        assert not await teams.add_team_member(tx, one, bob.id)
        for team in (one, two):
            await teams.add_team_member(tx, team, alice.id)
    assert await teams.list_team_members(metadata.reader, one) == ["alice", "bob"]
    async with metadata.begin() as tx:
        assert await teams.remove_team_member(tx, one, bob.id)
        assert not await teams.remove_team_member(tx, one, bob.id)
        await teams.leave_teams(tx, acme, alice.id)
    for team in (one, two):
        assert await teams.list_team_members(metadata.reader, team) == []


async def test_rights_are_those_of_all_teams_in_that_organization(
    metadata: Metadata, acme: int
) -> None:
    alice = await add_account(metadata, "alice")
    other = await add_organization(metadata, "other")
    made = [
        await add_team(metadata, acme, "one"),
        await add_team(metadata, acme, "two"),
        await add_team(metadata, other, "one"),
        await add_team(metadata, acme, "without-her"),
    ]
    async with metadata.begin() as tx:
        for number, team in enumerate(made):
            await teams.set_right(tx, team, TeamRight(f"app{number}", Permission.WRITE))
            if number < 3:
                await teams.add_team_member(tx, team, alice.id)
        await teams.set_right(tx, made[0], TeamRight("app0", Permission.ADMIN))
        await teams.set_right(tx, made[0], TeamRight("*", Permission.READ))
        assert await teams.remove_right(tx, made[1], "app1")
        assert not await teams.remove_right(tx, made[1], "app1")
    hers = [TeamRight("*", Permission.READ), TeamRight("app0", Permission.ADMIN)]
    assert await teams.list_rights(metadata.reader, made[0]) == hers
    found = await teams.list_rights_of(metadata.reader, acme, alice.id)
    assert sorted(found, key=lambda each: each.pattern) == hers


async def test_an_old_name_leads_to_the_repository(metadata: Metadata) -> None:
    one, two = await add_repository(metadata, "a/one"), await add_repository(metadata, "a/two")
    old, older = RepositoryName("a/old"), RepositoryName("a/older")
    assert await redirects.find_redirected(metadata.reader, old) is None
    async with metadata.begin() as tx:
        await redirects.set_redirect(tx, old, one.id, START)
        await redirects.set_redirect(tx, older, one.id, START)
        await redirects.set_redirect(tx, old, two.id, START)
    assert await redirects.find_redirected(metadata.reader, old) == two
    assert await redirects.list_redirects(metadata.reader, one.id) == ["a/older"]
    async with metadata.begin() as tx:
        await redirects.delete_redirect(tx, old)
        await redirects.delete_redirects_to(tx, one.id)
    for name in (old, older):
        assert await redirects.find_redirected(metadata.reader, name) is None


async def test_a_redirect_goes_with_its_repository(metadata: Metadata) -> None:
    repository = await add_repository(metadata, "a/one")
    async with metadata.begin() as tx:
        await redirects.set_redirect(tx, RepositoryName("a/old"), repository.id, START)
        await delete_repository(tx, repository.id)
    assert await redirects.find_redirected(metadata.reader, RepositoryName("a/old")) is None
