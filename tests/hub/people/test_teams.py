"""Teams: changed by owners, seen by members, and what they may do is what permissions say."""

from collections.abc import Awaitable, Callable

import pytest

from entrepot.errors import (
    AccountUnknown,
    Conflict,
    InvalidAccount,
    NamespaceUnknown,
    NameTaken,
    TeamUnknown,
)
from entrepot.hub.events.audit import AuditLog
from entrepot.hub.people import teams as teams_module
from entrepot.hub.people.actors import (
    ALL_ACTIONS,
    NO_ACTIONS,
    OPERATOR,
    PULL,
    WRITE,
    Action,
    Actions,
    Actor,
    Identity,
    matches,
)
from entrepot.hub.people.teams import Teams
from entrepot.hub.permissions import Permissions, decide
from entrepot.metadata.engines.engine import Metadata
from entrepot.model.audit import AuditQuery
from entrepot.model.people.accounts import Role
from entrepot.model.people.organizations import Permission
from entrepot.model.repositories import Visibility
from entrepot.oci.names import RepositoryName
from tests.hub.town import MEMBERS, OWNERS, Town, allowed
from tests.metadata.clocks import MovableClock
from tests.metadata.rows import add_organization, add_repository


@pytest.fixture
def teams(metadata: Metadata, permissions: Permissions, clock: MovableClock) -> Teams:
    """Every team."""
    return Teams(metadata, permissions, clock)


@pytest.fixture
async def devs(teams: Teams, town: Town) -> str:
    """A team of `acme` with one member in it."""
    await teams.add("acme", "devs", "who builds")
    await teams.add_member("acme", "devs", "member")
    assert town.acme
    return "devs"


async def test_owners_change_teams_and_nobody_else(teams: Teams, devs: str, town: Town) -> None:
    def name_of(by: Actor) -> str:
        return by.name.replace(" ", "-").replace("'", "")

    work: list[Callable[[Actor], Awaitable[object]]] = [
        lambda by: teams.add("acme", f"by-{name_of(by)}", by=by),
        lambda by: teams.edit("acme", devs, devs, f"by {by.name}", by),
        lambda by: teams.add_member("acme", devs, "editor", by),
        lambda by: teams.remove_member("acme", devs, "editor", by),
        lambda by: teams.set_right("acme", devs, "app", Permission.READ, by),
        lambda by: teams.set_right("acme", devs, "app", None, by),
        lambda by: teams.delete("acme", f"by-{name_of(by)}", by),
    ]
    for each in work:
        assert await allowed(town, each) == OWNERS


async def test_members_see_teams_and_strangers_do_not(teams: Teams, devs: str, town: Town) -> None:
    seeing = MEMBERS | {"owner's reader", "owner's writer"}
    work: list[Callable[[Actor], Awaitable[object]]] = [
        lambda by: teams.list_of("acme", by),
        lambda by: teams.get("acme", devs, by),
        lambda by: teams.list_members("acme", devs, by),
        lambda by: teams.list_rights("acme", devs, by),
    ]
    for each in work:
        assert await allowed(town, each) == seeing
    with pytest.raises(NamespaceUnknown):
        await teams.list_of("acme", town.actors["stranger"])


async def test_a_team_is_named_once_in_its_organization(
    teams: Teams, devs: str, metadata: Metadata
) -> None:
    await add_organization(metadata, "zoo")
    await teams.add("zoo", devs)
    await teams.add("acme", "other")
    for work in (teams.add("acme", devs), teams.edit("acme", "other", devs, "")):
        with pytest.raises(NameTaken):
            await work
    await teams.edit("acme", devs, "crew", "new words")
    found = await teams.get("acme", "crew", OPERATOR)
    assert (found.description, found.member_count) == ("new words", 1)


async def test_what_is_not_there_is_named(teams: Teams, devs: str) -> None:
    with pytest.raises(TeamUnknown, match="nobodies"):
        await teams.delete("acme", "nobodies")
    with pytest.raises(AccountUnknown, match="who"):
        await teams.add_member("acme", devs, "who")
    for name in ("nowhere", "member"):
        with pytest.raises(NamespaceUnknown):
            await teams.add(name, "team")


async def test_only_members_of_the_organization_are_in_its_teams(teams: Teams, devs: str) -> None:
    with pytest.raises(InvalidAccount):
        await teams.add_member("acme", devs, "stranger")
    await teams.add_member("acme", devs, "member")
    assert await teams.list_members("acme", devs, OPERATOR) == ["member"]
    await teams.remove_member("acme", devs, "member")
    assert await teams.list_members("acme", devs, OPERATOR) == []


@pytest.mark.parametrize("pattern", ["*", "app", "a/b", "a/b/*", "a-b.c/*"])
async def test_a_pattern_is_a_name_or_ends_in_a_star(teams: Teams, devs: str, pattern: str) -> None:
    await teams.set_right("acme", devs, pattern, Permission.WRITE)
    (right,) = await teams.list_rights("acme", devs, OPERATOR)
    assert (right.pattern, right.permission) == (pattern, Permission.WRITE)


@pytest.mark.parametrize(
    "pattern", ["", "/", "**", "*/a", "a*", "a/*/b", "A", "a/", "/a", "a\n", "a//b", "x" * 256]
)
async def test_any_other_pattern_is_refused(teams: Teams, devs: str, pattern: str) -> None:
    with pytest.raises(InvalidAccount):
        await teams.set_right("acme", devs, pattern, Permission.READ)


@pytest.mark.parametrize(
    ("pattern", "name", "covered"),
    [
        ("*", "anything/at/all", True),
        ("app", "app", True),
        ("app", "app/sub", False),
        ("app", "apps", False),
        ("app/*", "app/sub", True),
        ("app/*", "app/sub/sub", True),
        ("app/*", "app", False),
        ("app/*", "apps/x", False),
        ("acme/*", "acme2/x", False),
    ],
)
def test_a_pattern_covers_whole_components(pattern: str, name: str, covered: bool) -> None:
    assert matches(pattern, name) is covered


ROLES = (None, *Role)


@pytest.mark.parametrize("visibility", [None, *Visibility])
@pytest.mark.parametrize("permission", [None, *Permission])
@pytest.mark.parametrize("role", ROLES)
def test_a_team_adds_to_what_a_role_allows_and_takes_nothing(
    role: Role | None, permission: Permission | None, visibility: Visibility | None
) -> None:
    by_role: dict[Role | None, Actions] = {
        None: NO_ACTIONS,
        Role.MEMBER: PULL,
        Role.EDITOR: ALL_ACTIONS,
        Role.OWNER: ALL_ACTIONS,
    }
    by_team: dict[Permission | None, Actions] = {
        None: NO_ACTIONS,
        Permission.READ: PULL,
        Permission.WRITE: WRITE,
        Permission.ADMIN: ALL_ACTIONS,
    }
    public = PULL if visibility is Visibility.PUBLIC else NO_ACTIONS
    expected = by_role[role] | by_team[permission] | public
    held = () if permission is None else (permission,)
    for ceiling in (NO_ACTIONS, PULL, WRITE, ALL_ACTIONS):
        identity = Identity(ceiling=ceiling)
        assert decide(identity, role, visibility, permissions=held) == expected & ceiling
        unlisted = decide(identity, role, visibility, permissions=held, listed=NO_ACTIONS)
        assert unlisted == expected & ceiling & public


async def test_what_a_team_may_do_is_what_its_members_may(
    teams: Teams, devs: str, permissions: Permissions, town: Town, metadata: Metadata
) -> None:
    await add_repository(metadata, "acme/app", Visibility.PRIVATE, town.acme)
    await add_repository(metadata, "acme/lib/one", Visibility.PRIVATE, town.acme)
    await teams.set_right("acme", devs, "app", Permission.ADMIN)
    await teams.set_right("acme", devs, "lib/*", Permission.WRITE)

    async def of(who: str, name: str) -> tuple[Actions, bool]:
        rights = await permissions.rights(town.actors[who].identity, RepositoryName(name))
        return rights.actions, rights.may_administer

    assert await of("member", "acme/app") == (ALL_ACTIONS, True)
    assert await of("member", "acme/lib/one") == (WRITE, False)
    assert await of("member", "acme/lib/new") == (WRITE, False)
    assert await of("member", "acme/other") == (PULL, False)
    assert await of("stranger", "acme/app") == (NO_ACTIONS, False)
    await teams.remove_member("acme", devs, "member")
    assert await of("member", "acme/app") == (PULL, False)


async def test_teams_of_one_organization_say_nothing_of_another(
    teams: Teams, devs: str, permissions: Permissions, town: Town, metadata: Metadata
) -> None:
    zoo = await add_organization(metadata, "zoo")
    await add_repository(metadata, "zoo/app", Visibility.PRIVATE, zoo)
    await teams.set_right("acme", devs, "*", Permission.ADMIN)
    rights = await permissions.rights(town.actors["member"].identity, RepositoryName("zoo/app"))
    assert rights.actions == NO_ACTIONS
    assert Action.PULL not in rights.actions


async def test_what_happens_to_teams_is_recorded(
    teams: Teams, devs: str, audit_log: AuditLog
) -> None:
    await teams.set_right("acme", devs, "*", Permission.READ)
    await teams.set_right("acme", devs, "*", None)
    await teams.remove_member("acme", devs, "member")
    await teams.delete("acme", devs)
    rows = (await audit_log.list_of(OPERATOR, "acme", AuditQuery(action="team"))).rows
    assert [(row.action, row.target, row.details) for row in reversed(rows)] == [
        ("team.create", "acme/devs", "{}"),
        ("team.member.add", "acme/devs", '{"member":"member"}'),
        ("team.right", "acme/devs", '{"pattern":"*","permission":"read"}'),
        ("team.right", "acme/devs", '{"pattern":"*","permission":null}'),
        ("team.member.remove", "acme/devs", '{"member":"member"}'),
        ("team.delete", "acme/devs", "{}"),
    ]


async def test_an_organization_has_so_many_teams_with_so_many_rights(
    teams: Teams, devs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teams_module, "MOST_TEAMS", 2)
    monkeypatch.setattr(teams_module, "MOST_RIGHTS", 2)
    await teams.add("acme", "second")
    with pytest.raises(Conflict, match="acme has reached the limit of 2 teams"):
        await teams.add("acme", "third")
    for pattern in ("one", "two"):
        await teams.set_right("acme", devs, pattern, Permission.READ)
    with pytest.raises(Conflict, match="at most 2 patterns"):
        await teams.set_right("acme", devs, "three", Permission.READ)
    await teams.set_right("acme", devs, "two", Permission.WRITE)
    found = await teams.list_rights("acme", devs, OPERATOR)
    assert [each.pattern for each in found] == ["one", "two"]
