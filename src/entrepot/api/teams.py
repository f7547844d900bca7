"""Teams of an organisation: their members, and what they may do with which repositories."""

from typing import Annotated, Final

from msgspec import UNSET, Meta, Struct, UnsetType

from entrepot.api.calls import Call, route, shown
from entrepot.api.fields import Asked, Moment, NameText, Text
from entrepot.api.paging import Page, PageQuery, cut
from entrepot.http.routing import Policy
from entrepot.metadata.teams import Permission


class Team(Struct, frozen=True):
    """A group of an organisation's members."""

    name: str
    description: str
    created_at: Moment
    member_count: int


class NewTeam(Asked, frozen=True, kw_only=True):
    """A team to be made."""

    name: NameText
    description: Text = ""


class TeamChange(Asked, frozen=True, kw_only=True):
    """What changes; what is left out stays."""

    name: NameText | UnsetType = UNSET
    description: Text | UnsetType = UNSET


class TeamMember(Struct, frozen=True):
    """Somebody in a team."""

    name: str


class Right(Struct, frozen=True):
    """What a team may do with the repositories that a pattern covers."""

    pattern: str
    permission: Permission


class NewRight(Asked, frozen=True, kw_only=True):
    """What the team may do."""

    permission: Annotated[Permission, Meta(description="Each includes the ones before it.")]


async def list_teams(call: Call, query: PageQuery) -> Page[Team]:
    """The organisation's teams, by name."""
    found = await call.desk.teams.list_of(call.namespace.name, call.actor)
    return cut(found, query, lambda each: shown(Team, each))


async def create_team(call: Call, body: NewTeam) -> Team:
    """Make a team of nobody that may do nothing."""
    name = call.namespace.name
    await call.desk.teams.add(name, body.name, body.description, call.actor)
    call.created(f"/namespaces/{name}/teams/{body.name}")
    return await _team(call, body.name)


async def get_team(call: Call) -> Team:
    """One team."""
    return await _team(call, call.values["team"])


async def change_team(call: Call, body: TeamChange) -> Team:
    """Rename or describe a team; its members and rights stay."""
    found = await _team(call, call.values["team"])
    name = found.name if body.name is UNSET else body.name
    description = found.description if body.description is UNSET else body.description
    await call.desk.teams.edit(call.namespace.name, found.name, name, description, call.actor)
    return await _team(call, name)


async def delete_team(call: Call) -> None:
    """Delete a team; its members stay in the organisation."""
    await call.desk.teams.delete(call.namespace.name, call.values["team"], call.actor)


async def list_team_members(call: Call, query: PageQuery) -> Page[TeamMember]:
    """Who is in the team."""
    name, team = call.namespace.name, call.values["team"]
    found = await call.desk.teams.list_members(name, team, call.actor)
    return cut(found, query, TeamMember)


async def add_team_member(call: Call) -> None:
    """Put a member of the organisation into the team."""
    name, team, member = call.namespace.name, call.values["team"], call.values["member"]
    await call.desk.teams.add_member(name, team, member, call.actor)


async def remove_team_member(call: Call) -> None:
    """Take somebody out of the team; they stay in the organisation."""
    name, team, member = call.namespace.name, call.values["team"], call.values["member"]
    await call.desk.teams.remove_member(name, team, member, call.actor)


async def list_rights(call: Call, query: PageQuery) -> Page[Right]:
    """What the team may do with which repositories."""
    name, team = call.namespace.name, call.values["team"]
    found = await call.desk.teams.list_rights(name, team, call.actor)
    return cut(found, query, lambda each: shown(Right, each))


async def set_right(call: Call, body: NewRight) -> Right:
    """Let the team do this with what the pattern covers."""
    name, team, pattern = call.namespace.name, call.values["team"], call.values["pattern"]
    await call.desk.teams.set_right(name, team, pattern, body.permission, call.actor)
    return Right(pattern, body.permission)


async def remove_right(call: Call) -> None:
    """Take back what the team may do with what the pattern covers."""
    name, team, pattern = call.namespace.name, call.values["team"], call.values["pattern"]
    await call.desk.teams.set_right(name, team, pattern, None, call.actor)


async def _team(call: Call, name: str) -> Team:
    return shown(Team, await call.desk.teams.get(call.namespace.name, name, call.actor))


_T: Final = "/namespaces/{namespace}/teams"
_ONE: Final = f"{_T}/{{team}}"

ROUTES: Final = (
    route("GET", _T, Policy.MEMBER, list_teams),
    route("POST", _T, Policy.OWN, create_team, status=201),
    route("GET", _ONE, Policy.MEMBER, get_team),
    route("PATCH", _ONE, Policy.OWN, change_team),
    route("DELETE", _ONE, Policy.OWN, delete_team),
    route("GET", f"{_ONE}/members", Policy.MEMBER, list_team_members),
    route("PUT", f"{_ONE}/members/{{member}}", Policy.OWN, add_team_member),
    route("DELETE", f"{_ONE}/members/{{member}}", Policy.OWN, remove_team_member),
    route("GET", f"{_ONE}/rights", Policy.MEMBER, list_rights),
    route("PUT", f"{_ONE}/rights/{{pattern}}", Policy.OWN, set_right),
    route("DELETE", f"{_ONE}/rights/{{pattern}}", Policy.OWN, remove_right),
)
