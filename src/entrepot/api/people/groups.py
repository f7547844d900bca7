"""Groups of sign-in providers, and the roles and teams that they give in an organization."""

from typing import Annotated, Final

from msgspec import Meta, Struct

from entrepot.api.fields import Asked, Moment, NameText
from entrepot.api.paging import Page, PageQuery, cut
from entrepot.api.requests import ApiRequest, route, shown
from entrepot.http.authorize import AccessRule
from entrepot.hub.people.groups import MAX_GROUP
from entrepot.model.people.accounts import Role
from entrepot.model.people.groups import GroupSource


class Group(Struct, frozen=True):
    """A group that is mapped to a role, and to a team."""

    id: int
    source: GroupSource
    group: str
    role: Role
    team: str
    holders: int
    """Accounts that were in the group when they signed in last."""
    created_at: Moment
    created_by: str


class NewGroup(Asked, frozen=True, kw_only=True):
    """The group to map; it counts from each person's next sign-in on."""

    source: GroupSource
    group: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=MAX_GROUP,
            description="As the provider sends it; of a directory the distinguished name or id.",
        ),
    ]
    role: Role = Role.MEMBER
    team: NameText | None = None


async def list_groups(request: ApiRequest, query: PageQuery) -> Page[Group]:
    """List the groups that are mapped to roles and teams of the organization."""
    found = await request.app.groups.list_of(request.namespace.name, request.actor)
    return cut(found, query, lambda each: shown(Group, each))


async def map_group(request: ApiRequest, body: NewGroup) -> Group:
    """Map a group of a sign-in provider to a role, and to a team."""
    name, rules = request.namespace.name, request.app.groups
    made = await rules.add(name, body.source, body.group, body.role, body.team or "", request.actor)
    request.created(f"/namespaces/{name}/groups/{made.id}")
    return shown(Group, made)


async def unmap_group(request: ApiRequest) -> None:
    """Remove a mapping, and the memberships that came from it alone."""
    await request.app.groups.remove(request.namespace.name, request.number, request.actor)


_G: Final = "/namespaces/{namespace}/groups"

ROUTES: Final = (
    route("GET", _G, AccessRule.NAMESPACE_OWNER, list_groups),
    route("POST", _G, AccessRule.NAMESPACE_OWNER, map_group, status=201),
    route("DELETE", f"{_G}/{{id}}", AccessRule.NAMESPACE_OWNER, unmap_group),
)
