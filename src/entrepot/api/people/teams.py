"""Teams of an organization: their members, and what they may do with which repositories."""

from typing import Annotated, Final

from msgspec import UNSET, Meta, Struct, UnsetType

from entrepot.api.fields import Asked, Moment, NameText, Text
from entrepot.api.paging import Page, PageQuery, cut
from entrepot.api.requests import ApiRequest, route, shown
from entrepot.http.authorize import AccessRule
from entrepot.model.people.organizations import Permission


class Team(Struct, frozen=True):
    """A team of an organization."""

    name: str
    description: str
    created_at: Moment
    member_count: int


class NewTeam(Asked, frozen=True, kw_only=True):
    """The team to create."""

    name: NameText
    description: Text = ""


class TeamChange(Asked, frozen=True, kw_only=True):
    """The fields to change; omitted fields stay as they are."""

    name: NameText | UnsetType = UNSET
    description: Text | UnsetType = UNSET


class TeamMember(Struct, frozen=True):
    """A member of a team."""

    name: str
    is_from_groups: bool = False
    """Whether groups of a sign-in provider put the member there."""


class Right(Struct, frozen=True):
    """A permission of a team on the repositories that match a pattern."""

    pattern: str
    permission: Permission


class NewRight(Asked, frozen=True, kw_only=True):
    """The permission to set."""

    permission: Annotated[
        Permission, Meta(description="Each permission includes the ones before it.")
    ]


async def list_teams(request: ApiRequest, query: PageQuery) -> Page[Team]:
    """List the organization's teams by name."""
    found = await request.app.teams.list_of(request.namespace.name, request.actor)
    return cut(found, query, lambda each: shown(Team, each))


async def create_team(request: ApiRequest, body: NewTeam) -> Team:
    """Create a team without members and permissions."""
    name = request.namespace.name
    await request.app.teams.add(name, body.name, body.description, request.actor)
    request.created(f"/namespaces/{name}/teams/{body.name}")
    return await _team(request, body.name)


async def get_team(request: ApiRequest) -> Team:
    """Return a team."""
    return await _team(request, request.values["team"])


async def change_team(request: ApiRequest, body: TeamChange) -> Team:
    """Change a team's name or description."""
    found = await _team(request, request.values["team"])
    name = found.name if body.name is UNSET else body.name
    description = found.description if body.description is UNSET else body.description
    await request.app.teams.edit(
        request.namespace.name, found.name, name, description, request.actor
    )
    return await _team(request, name)


async def delete_team(request: ApiRequest) -> None:
    """Delete a team; its members stay in the organization."""
    await request.app.teams.delete(request.namespace.name, request.values["team"], request.actor)


async def list_team_members(request: ApiRequest, query: PageQuery) -> Page[TeamMember]:
    """List the members of the team."""
    name, team = request.namespace.name, request.values["team"]
    found = await request.app.teams.list_members(name, team, request.actor)
    of_team = await request.app.teams.get(name, team, request.actor)
    from_groups = await request.app.groups.list_team_members(of_team)
    return cut(found, query, lambda each: TeamMember(each, each in from_groups))


async def add_team_member(request: ApiRequest) -> None:
    """Add a member of the organization to the team."""
    name, team, member = request.namespace.name, request.values["team"], request.values["member"]
    await request.app.teams.add_member(name, team, member, request.actor)


async def remove_team_member(request: ApiRequest) -> None:
    """Remove a member from the team; the member stays in the organization."""
    name, team, member = request.namespace.name, request.values["team"], request.values["member"]
    await request.app.teams.remove_member(name, team, member, request.actor)


async def list_rights(request: ApiRequest, query: PageQuery) -> Page[Right]:
    """List the team's permissions."""
    name, team = request.namespace.name, request.values["team"]
    found = await request.app.teams.list_rights(name, team, request.actor)
    return cut(found, query, lambda each: shown(Right, each))


async def set_right(request: ApiRequest, body: NewRight) -> Right:
    """Set the team's permission for a pattern."""
    name, team, pattern = request.namespace.name, request.values["team"], request.values["pattern"]
    await request.app.teams.set_right(name, team, pattern, body.permission, request.actor)
    return Right(pattern, body.permission)


async def remove_right(request: ApiRequest) -> None:
    """Remove the team's permission for a pattern."""
    name, team, pattern = request.namespace.name, request.values["team"], request.values["pattern"]
    await request.app.teams.set_right(name, team, pattern, None, request.actor)


async def _team(request: ApiRequest, name: str) -> Team:
    return shown(Team, await request.app.teams.get(request.namespace.name, name, request.actor))


_T: Final = "/namespaces/{namespace}/teams"
_ONE: Final = f"{_T}/{{team}}"

ROUTES: Final = (
    route("GET", _T, AccessRule.NAMESPACE_MEMBER, list_teams),
    route("POST", _T, AccessRule.NAMESPACE_OWNER, create_team, status=201),
    route("GET", _ONE, AccessRule.NAMESPACE_MEMBER, get_team),
    route("PATCH", _ONE, AccessRule.NAMESPACE_OWNER, change_team),
    route("DELETE", _ONE, AccessRule.NAMESPACE_OWNER, delete_team),
    route("GET", f"{_ONE}/members", AccessRule.NAMESPACE_MEMBER, list_team_members),
    route("PUT", f"{_ONE}/members/{{member}}", AccessRule.NAMESPACE_OWNER, add_team_member),
    route("DELETE", f"{_ONE}/members/{{member}}", AccessRule.NAMESPACE_OWNER, remove_team_member),
    route("GET", f"{_ONE}/rights", AccessRule.NAMESPACE_MEMBER, list_rights),
    route("PUT", f"{_ONE}/rights/{{pattern}}", AccessRule.NAMESPACE_OWNER, set_right),
    route("DELETE", f"{_ONE}/rights/{{pattern}}", AccessRule.NAMESPACE_OWNER, remove_right),
)
