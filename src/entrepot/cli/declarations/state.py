"""An organization as the hub has it, in the form of a file that declares it."""

from collections.abc import Iterable

from msgspec import Struct

from entrepot.cli.common.output import fail
from entrepot.cli.declarations.form import (
    Organization,
    Permission,
    Policies,
    Repository,
    Role,
    Team,
    Visibility,
    Webhook,
)
from entrepot.cli.hubs.hub import Hub


class _Belongings(Struct):
    """What an organization holds."""

    repositories: list[str]


class _Namespace(Struct):
    """A namespace of any kind."""

    name: str
    kind: str
    description: str
    default_visibility: Visibility | None


class _Member(Struct):
    """A member of an organization or of a team; no file declares those that groups gave."""

    name: str
    role: Role = "member"
    is_from_groups: bool = False


class _Described(Struct):
    """A team, or a repository."""

    name: str
    description: str
    visibility: Visibility = "private"


class _Right(Struct):
    """A team's permission on the repositories of a pattern."""

    pattern: str
    permission: Permission


class ListedWebhook(Struct):
    """A webhook with its id."""

    id: int
    url: str
    events: list[str]
    format: str
    is_active: bool


def find_organization(
    hub: Hub, name: str, repositories: Iterable[str] | None
) -> Organization | None:
    """Return the organization as it is, with these of its repositories, or (`None`) with all."""
    path = f"/namespaces/{name}"
    found = hub.find(path, _Namespace)
    if found is None:
        return None
    if found.kind != "organisation":
        fail(f"{name} is no organization")
    if repositories is None:
        # Not the list of repositories with a filter: that has what is indexed, a moment later.
        everything = hub.get(f"{path}/delete", _Belongings).repositories
        repositories = [each.partition("/")[2] for each in sorted(everything)]
    members = hub.list_all(f"{path}/members", _Member)
    teams = hub.list_all(f"{path}/teams", _Described)
    read = {short: _find_repository(hub, f"{found.name}/{short}") for short in repositories}
    return Organization(
        entrepot=1,
        organization=found.name,
        description=found.description,
        default_visibility=found.default_visibility or "private",
        members={each.name: each.role for each in members if not each.is_from_groups},
        teams={each.name: _team(hub, f"{path}/teams/{each.name}", each) for each in teams},
        policies=hub.get(f"{path}/policies", Policies),
        webhooks=_webhooks(hub, f"{path}/webhooks"),
        repositories={short: each for short, each in read.items() if each is not None},
    )


def _find_repository(hub: Hub, name: str) -> Repository | None:
    path = f"/repositories/{name}"
    found = hub.find(path, _Described)
    # A former name leads to the repository that has moved: it is not one of that name.
    if found is None or found.name != name:
        return None
    return Repository(
        description=found.description,
        visibility=found.visibility,
        policies=hub.get(f"{path}/-/policies", Policies),
        webhooks=_webhooks(hub, f"{path}/-/webhooks"),
    )


def _team(hub: Hub, path: str, team: _Described) -> Team:
    members = hub.list_all(f"{path}/members", _Member)
    rights = hub.list_all(f"{path}/rights", _Right)
    return Team(
        description=team.description,
        members=[each.name for each in members if not each.is_from_groups],
        rights={each.pattern: each.permission for each in rights},
    )


def _webhooks(hub: Hub, path: str) -> list[Webhook]:
    return [
        Webhook(url=each.url, events=each.events, format=each.format, active=each.is_active)
        for each in hub.list_all(path, ListedWebhook)
    ]
