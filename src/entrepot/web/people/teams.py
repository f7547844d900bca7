"""`/u/NAME/-/teams`: an organization's teams, their members and what they may do."""

from dataclasses import dataclass
from typing import ClassVar, Final

from entrepot.errors import Invalid
from entrepot.http.authorize import AccessRule
from entrepot.http.messages import Response
from entrepot.model.people.organizations import Permission, Team, TeamRight
from entrepot.web.pages import Page, redirect
from entrepot.web.people.namespaces import NamespacePage, frame
from entrepot.web.requests import PageRequest, PageRoute


@dataclass(kw_only=True)
class TeamsPage(NamespacePage):
    """An organization's teams."""

    template: ClassVar[str] = "namespaces/teams.html"
    teams: list[Team]


@dataclass(kw_only=True)
class TeamPage(NamespacePage):
    """One team: its members, and what it may do where."""

    template: ClassVar[str] = "namespaces/team.html"
    team: Team
    members: list[str]
    from_groups: set[str]
    """The members whom groups of a sign-in provider put there."""
    rights: list[TeamRight]


async def show_teams(request: PageRequest) -> Page:
    """The teams."""
    return TeamsPage(
        **frame(request, "teams", f"{request.namespace.name}: teams"),
        teams=await request.app.teams.list_of(request.namespace.name, request.actor),
    )


async def add_team(request: PageRequest) -> Response:
    """Make a team."""
    name, team = request.namespace.name, request.form.get("name").strip()
    await request.app.teams.add(name, team, request.form.get("description"), request.actor)
    return redirect(f"/u/{name}/-/teams/{team}", said="saved")


async def show_team(request: PageRequest) -> Page:
    """One team."""
    name, team = request.namespace.name, request.values["team"]
    teams = request.app.teams
    found = await teams.get(name, team, request.actor)
    return TeamPage(
        **frame(request, "teams", f"{name}: {team}"),
        team=found,
        members=await teams.list_members(name, team, request.actor),
        from_groups=await request.app.groups.list_team_members(found),
        rights=await teams.list_rights(name, team, request.actor),
    )


async def change_team(request: PageRequest) -> Response:
    """Add or remove a member or a right, or delete the team: the button says which."""
    name, team, form = request.namespace.name, request.values["team"], request.form
    teams, what, actor = request.app.teams, form.get("what"), request.actor
    if what == "add-member":
        await teams.add_member(name, team, form.get("member").strip(), actor)
    elif what == "remove-member":
        await teams.remove_member(name, team, form.get("member"), actor)
    elif what == "set-right":
        await teams.set_right(name, team, form.get("pattern").strip(), _permission(request), actor)
    elif what == "remove-right":
        await teams.set_right(name, team, form.get("pattern"), None, actor)
    elif what == "delete":
        await teams.delete(name, team, actor)
        return redirect(f"/u/{name}/-/teams", said="saved")
    return redirect(f"/u/{name}/-/teams/{team}", said="saved")


def _permission(request: PageRequest) -> Permission:
    try:
        return Permission(request.form.get("permission"))
    except ValueError as error:
        raise Invalid("no such permission") from error


ROUTES: Final = (
    PageRoute("GET", "/u/{namespace}/-/teams", AccessRule.NAMESPACE_MEMBER, show_teams),
    PageRoute("POST", "/u/{namespace}/-/teams", AccessRule.NAMESPACE_OWNER, add_team),
    PageRoute("GET", "/u/{namespace}/-/teams/{team}", AccessRule.NAMESPACE_MEMBER, show_team),
    PageRoute("POST", "/u/{namespace}/-/teams/{team}", AccessRule.NAMESPACE_OWNER, change_team),
)
