"""What administrators of a repository may change, and what becomes of its old names."""

from collections.abc import Awaitable, Callable

import pytest

from entrepot.errors import Denied, InvalidDescription, NameTaken, RepositoryUnknown
from entrepot.hub.events.audit import AuditLog
from entrepot.hub.people.actors import ALL_ACTIONS, NO_ACTIONS, OPERATOR, PULL, Actor, Identity
from entrepot.hub.permissions import Permissions
from entrepot.hub.repositories import Repositories
from entrepot.metadata import repository_facts
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.people import teams
from entrepot.model.audit import AuditQuery
from entrepot.model.people.organizations import Permission, TeamRight
from entrepot.model.repositories import Repository, Visibility
from entrepot.oci.names import RepositoryName
from tests.hub.town import ADMINISTRATORS, EDITORS, OWNERS, Town, allowed
from tests.metadata.clocks import START
from tests.metadata.rows import add_organization, add_repository

APP = RepositoryName("acme/app")
NEW = RepositoryName("acme/new")


@pytest.fixture
async def app(metadata: Metadata, town: Town) -> Repository:
    """A private repository of `acme`."""
    return await add_repository(metadata, APP.text, Visibility.PRIVATE, town.acme)


def fresh(by: Actor, namespace: str = "acme") -> RepositoryName:
    """A name of this actor's own."""
    return RepositoryName(
        f"{namespace}/by-{by.name}-{len(by.identity.ceiling)}-{bool(by.account)}".lower()
    )


@pytest.mark.usefixtures("app")
async def test_administrators_of_a_repository_change_it_and_nobody_else(
    repositories: Repositories, town: Town
) -> None:
    work: list[Callable[[Actor], Awaitable[object]]] = [
        lambda by: repositories.describe(APP, f"by {by.name}", "# Page", by),
        lambda by: repositories.set_visibility(APP, Visibility.PRIVATE, by),
        lambda by: repositories.archive(APP, by),
        lambda by: repositories.unarchive(APP, by),
    ]
    for each in work:
        assert await allowed(town, each) == EDITORS


async def test_editors_create_rename_and_delete(
    repositories: Repositories, town: Town, metadata: Metadata
) -> None:
    async def live(by: Actor) -> None:
        made = await repositories.create(fresh(by), by=by)
        assert made.namespace_id == town.acme
        renamed = RepositoryName(f"{made.name}-again")
        await repositories.rename(made.name, renamed, by)
        await repositories.delete(renamed, by)

    assert await allowed(town, live) == EDITORS
    for who in ("owner's writer", "member"):
        made = await add_repository(metadata, f"acme/of-{len(who)}", Visibility.PUBLIC, town.acme)
        for work in (
            repositories.delete(made.name, town.actors[who]),
            repositories.rename(made.name, NEW, town.actors[who]),
        ):
            with pytest.raises(Denied):
                await work


@pytest.mark.usefixtures("app")
async def test_who_may_not_see_a_repository_is_not_told_of_it(
    repositories: Repositories, town: Town
) -> None:
    for who in ("nobody", "stranger", "owner's other"):
        with pytest.raises(RepositoryUnknown):
            await repositories.delete(APP, town.actors[who])
    with pytest.raises(Denied):
        await repositories.delete(APP, town.actors["member"])


@pytest.mark.usefixtures("app")
async def test_a_team_with_admin_rights_administers_what_its_pattern_covers(
    repositories: Repositories, town: Town, metadata: Metadata
) -> None:
    async with metadata.begin() as tx:
        team = await teams.insert_team(tx, town.acme, "devs", "", START)
        assert team is not None
        await teams.add_team_member(tx, team, town.accounts["member"].id)
        await teams.set_right(tx, team, TeamRight("app", Permission.ADMIN))
    member = town.actors["member"]
    await repositories.describe(APP, "ours", "", member)
    with pytest.raises(Denied):
        await repositories.rename(APP, NEW, member)
    with pytest.raises(Denied):
        await repositories.create(NEW, by=member)


async def test_a_repository_is_created_as_its_namespace_says_or_as_asked(
    repositories: Repositories, metadata: Metadata
) -> None:
    await add_organization(metadata, "open", Visibility.PUBLIC)
    made = await repositories.create(RepositoryName("open/one"), description="One")
    assert (made.visibility, made.description) == (Visibility.PUBLIC, "One")
    made = await repositories.create(RepositoryName("open/two"), Visibility.PRIVATE)
    assert made.visibility is Visibility.PRIVATE
    with pytest.raises(NameTaken):
        await repositories.create(RepositoryName("open/two"))


async def test_only_administrators_create_outside_their_namespaces(
    repositories: Repositories, town: Town
) -> None:
    async def create(by: Actor) -> None:
        name = RepositoryName("library")
        await repositories.create(name, by=by)
        await repositories.delete(name)

    assert await allowed(town, create) == ADMINISTRATORS


@pytest.mark.parametrize(
    ("description", "readme"), [("x" * 201, ""), ("a\nb", ""), ("", "x" * 1_000_001), ("", "\0")]
)
@pytest.mark.usefixtures("app")
async def test_texts_that_are_too_long_or_none_are_refused(
    repositories: Repositories, description: str, readme: str
) -> None:
    with pytest.raises(InvalidDescription):
        await repositories.describe(APP, description, readme)


async def test_a_repository_says_what_it_is_for(
    repositories: Repositories, app: Repository, metadata: Metadata
) -> None:
    await repositories.describe(APP, "An app", "# App\n")
    facts = await repository_facts.get_facts(metadata.reader, app.id)
    readme = await repository_facts.find_readme(metadata.reader, app.id)
    assert (facts.description, readme) == ("An app", "# App\n")


async def test_an_old_name_leads_to_the_repository_as_far_as_one_may_see_it(
    repositories: Repositories, app: Repository, permissions: Permissions, town: Town
) -> None:
    await repositories.rename(APP, NEW)
    for who, actions in (("editor", ALL_ACTIONS), ("member", PULL), ("stranger", NO_ACTIONS)):
        identity = town.actors[who].identity
        old, new = [await permissions.rights(identity, name) for name in (APP, NEW)]
        assert old.actions == new.actions == actions
        expected = app.id if actions else None
        assert [each.repository.id if each.repository else None for each in (old, new)] == [
            expected,
            expected,
        ]
    stranger = await permissions.rights(town.actors["stranger"].identity, APP)
    absent = await permissions.rights(
        town.actors["stranger"].identity, RepositoryName("acme/never")
    )
    assert (stranger.actions, stranger.repository) == (absent.actions, absent.repository)


@pytest.mark.usefixtures("app")
async def test_names_can_be_followed_through_several_moves_and_taken_again(
    repositories: Repositories, town: Town, permissions: Permissions, metadata: Metadata
) -> None:
    await repositories.rename(APP, NEW)
    await repositories.rename(NEW, RepositoryName("acme/newest"))
    owner = town.actors["owner"].identity
    for name in (APP, NEW):
        found = (await permissions.rights(owner, name)).repository
        assert found is not None
        assert found.name.text == "acme/newest"
    made = await repositories.create(APP)
    found = (await permissions.rights(owner, APP)).repository
    assert found == made
    await repositories.delete(APP)
    assert (await permissions.rights(owner, APP)).repository is None
    await repositories.rename(RepositoryName("acme/newest"), NEW)
    await repositories.delete(NEW)
    for gone in ("acme/newest", NEW.text):
        assert (await permissions.rights(owner, RepositoryName(gone))).repository is None


@pytest.mark.usefixtures("app")
async def test_a_repository_is_not_moved_onto_another(
    repositories: Repositories, metadata: Metadata, town: Town
) -> None:
    await add_repository(metadata, NEW.text, Visibility.PRIVATE, town.acme)
    with pytest.raises(NameTaken):
        await repositories.rename(APP, NEW)
    with pytest.raises(NameTaken):
        await repositories.rename(APP, APP)
    with pytest.raises(Denied):
        await repositories.rename(APP, RepositoryName("owner/app"))


async def test_owners_give_repositories_away_to_where_they_may_create(
    repositories: Repositories, town: Town, metadata: Metadata
) -> None:
    zoo = await add_organization(metadata, "zoo")
    moved = []

    async def give(by: Actor) -> None:
        name = fresh(by)
        await add_repository(metadata, name.text, Visibility.PUBLIC, town.acme)
        to = fresh(by, by.name if by.account else "zoo")
        await repositories.transfer(name, to, by)
        moved.append((await repositories.get(to)).namespace_id)

    assert await allowed(town, give) == OWNERS
    owners = {town.accounts["owner"].id, town.accounts["admin"].id, zoo}
    assert set(moved) == owners
    await add_repository(metadata, "acme/stays", Visibility.PUBLIC, town.acme)
    stays = RepositoryName("acme/stays")
    with pytest.raises(Denied):
        await repositories.transfer(stays, RepositoryName("zoo/stays"), town.actors["owner"])


async def test_a_repository_of_the_hub_is_given_away_by_its_administrators(
    repositories: Repositories, town: Town, metadata: Metadata
) -> None:
    await add_repository(metadata, "library", Visibility.PUBLIC, None)
    library = RepositoryName("library")
    with pytest.raises(Denied):
        await repositories.transfer(library, RepositoryName("owner/lib"), town.actors["owner"])
    await repositories.transfer(library, RepositoryName("acme/lib"), town.actors["admin"])
    assert (await repositories.get(RepositoryName("acme/lib"))).namespace_id == town.acme


@pytest.mark.usefixtures("app")
async def test_what_happens_to_a_repository_is_recorded(
    repositories: Repositories, town: Town, audit_log: AuditLog, metadata: Metadata
) -> None:
    await add_organization(metadata, "zoo")
    by = town.actors["admin"]
    await repositories.create(RepositoryName("acme/made"), Visibility.PUBLIC, by=by)
    await repositories.set_visibility(APP, Visibility.PUBLIC, by)
    await repositories.describe(APP, "x", "", by)
    await repositories.archive(APP, by)
    await repositories.unarchive(APP, by)
    await repositories.rename(APP, NEW, by)
    await repositories.transfer(NEW, RepositoryName("zoo/new"), by)
    await repositories.delete(RepositoryName("zoo/new"), by)
    rows = (await audit_log.list_all(OPERATOR, AuditQuery(action="repo"))).rows
    assert [(row.action, row.target, row.details) for row in reversed(rows)] == [
        ("repo.create", "acme/made", '{"visibility":"public"}'),
        ("repo.visibility", "acme/app", '{"visibility":"public"}'),
        ("repo.update", "acme/app", "{}"),
        ("repo.archive", "acme/app", "{}"),
        ("repo.unarchive", "acme/app", "{}"),
        ("repo.rename", "acme/app", '{"name":"acme/new"}'),
        ("repo.transfer", "acme/new", '{"name":"zoo/new"}'),
        ("repo.transfer", "acme/new", '{"name":"zoo/new"}'),
        ("repo.delete", "zoo/new", "{}"),
    ]


async def test_a_limited_token_does_not_follow_a_repository_out_of_its_limits(
    repositories: Repositories, app: Repository, permissions: Permissions, town: Town
) -> None:
    identity = Identity(town.accounts["owner"], patterns=(APP.text,))
    assert (await permissions.rights(identity, APP)).repository == app
    await repositories.rename(APP, NEW)
    for name in (APP, NEW):
        assert (await permissions.rights(identity, name)).repository is None
