"""Repositories: listed, made, described, moved, deleted, starred."""

from dataclasses import asdict
from typing import Annotated, Final

from msgspec import UNSET, Meta, Struct, UnsetType

from entrepot.api.fields import Asked, Line, Moment, NameText, RepositoryText
from entrepot.api.paging import Page, PageQuery, page_of
from entrepot.api.requests import ApiRequest, route, shown
from entrepot.errors import RepositoryUnknown
from entrepot.http.authorize import AccessRule
from entrepot.hub.people.actors import Action
from entrepot.hub.repositories import MAX_README
from entrepot.model.repositories import Visibility
from entrepot.model.search import SearchOrder
from entrepot.oci.names import RepositoryName


class RepositorySummary(Struct, frozen=True):
    """A repository in lists; `kind` is the kind of most of its tags."""

    name: str
    description: str
    kind: str
    stars: int
    pulls: int
    created_at: Moment
    pushed_at: Moment | None
    visibility: Visibility
    archived: bool
    tag_count: int


class RepositoryFacts(Struct, frozen=True):
    """The properties of a repository; `size` is the size of all its blobs."""

    name: str
    visibility: Visibility
    description: str
    readme: str
    kind: str
    size: int
    tag_count: int
    pulls: int
    stars: int
    created_at: Moment
    pushed_at: Moment | None
    pulled_at: Moment | None
    archived_at: Moment | None


class Repository(RepositoryFacts, frozen=True):
    """A repository and the caller's permissions on it.

    `recommended` is the tag to pull: the greatest stable version, else `latest`, else the newest.
    """

    recommended: str | None
    actions: list[Action]
    may_administer: bool
    is_starred: bool


class RepositoryQuery(PageQuery, frozen=True, kw_only=True):
    """Filters and order of repositories."""

    namespace: NameText | None = None
    sort: SearchOrder = SearchOrder.NEWEST


_README = Annotated[
    str,
    Meta(
        max_length=MAX_README,
        pattern=r"^[^\x00]*$",
        description="GitHub-flavoured Markdown, at most 1,000,000 bytes of UTF-8.",
    ),
]


_MOST: Final = 4 * MAX_README
"""Bytes of a body that changes a README: some write what is not ASCII as escapes."""


class NewRepository(Asked, frozen=True, kw_only=True):
    """The repository to create; `visibility` defaults to the namespace's."""

    name: RepositoryText
    visibility: Visibility | None = None
    description: Line = ""


class RepositoryChange(Asked, frozen=True, kw_only=True):
    """The fields to change; omitted fields stay as they are."""

    description: Line | UnsetType = UNSET
    readme: _README | UnsetType = UNSET
    visibility: Visibility | UnsetType = UNSET
    archived: bool | UnsetType = UNSET


class Move(Asked, frozen=True, kw_only=True):
    """The new name."""

    name: RepositoryText


class Star(Struct, frozen=True):
    """Whether the caller has starred the repository."""

    is_starred: bool


async def list_repositories(request: ApiRequest, query: RepositoryQuery) -> Page[RepositorySummary]:
    """List the repositories visible to the caller, the most recently pushed first by default."""
    text = f'namespace:"{query.namespace}"' if query.namespace else ""
    results = await request.app.search.find(
        request.identity, text, order=query.sort, limit=query.limit + 1, offset=query.offset
    )
    return page_of(results.found.hits, query, lambda hit: shown(RepositorySummary, hit))


async def create_repository(request: ApiRequest, body: NewRepository) -> Repository:
    """Create an empty repository."""
    name = RepositoryName(body.name)
    await request.app.repositories.create(name, body.visibility, body.description, request.actor)
    request.created(f"/repositories/{name}")
    return await _repository(request, name)


async def get_repository(request: ApiRequest) -> Repository:
    """Return a repository; a former name works too."""
    return await _repository(request, request.repository.name)


async def change_repository(request: ApiRequest, body: RepositoryChange) -> Repository:
    """Change a repository's description, README, visibility or archived state."""
    name, actor, rules = request.repository.name, request.actor, request.app.repositories
    if body.description is not UNSET or body.readme is not UNSET:
        description, readme = body.description, body.readme
        if description is UNSET:
            description = request.repository.description
        if readme is UNSET:
            readme = await request.app.repository_views.get_readme_source(request.repository)
        await rules.describe(name, description, readme, actor)
    if body.visibility is not UNSET:
        await rules.set_visibility(name, body.visibility, actor)
    if body.archived is not UNSET:
        await (rules.archive if body.archived else rules.unarchive)(name, actor)
    return await _repository(request, name)


async def move_repository(request: ApiRequest, body: Move) -> Repository:
    """Rename or transfer a repository; the old name keeps working."""
    old, new = request.repository.name, RepositoryName(body.name)
    rules = request.app.repositories
    move = rules.rename if old.namespace == new.namespace else rules.transfer
    await move(old, new, request.actor)
    return await _repository(request, new)


async def delete_repository(request: ApiRequest) -> None:
    """Delete a repository and all its contents."""
    await request.app.repositories.delete(request.repository.name, request.actor)


async def get_star(request: ApiRequest) -> Star:
    """Return whether the caller has starred the repository."""
    return Star(await request.app.stars.is_starred(request.account, request.repository))


async def give_star(request: ApiRequest) -> None:
    """Star the repository."""
    await request.app.stars.set(request.identity, request.repository.name, wanted=True)


async def take_star_back(request: ApiRequest) -> None:
    """Remove the star."""
    await request.app.stars.set(request.identity, request.repository.name, wanted=False)


async def _repository(request: ApiRequest, name: RepositoryName) -> Repository:
    rights = await request.app.permissions.rights(request.identity, name)
    found, account = rights.repository, request.identity.account
    if found is None:
        raise RepositoryUnknown
    views = request.app.repository_views
    recommended = await views.find_recommended(found)
    return Repository(
        **asdict(await views.get_facts(found)),
        recommended=recommended.tag if recommended else None,
        readme=await views.get_readme_source(found),
        actions=sorted(rights.actions),
        may_administer=rights.may_administer,
        is_starred=account is not None and await request.app.stars.is_starred(account, found),
    )


_R: Final = "/repositories/{repository}"

ROUTES: Final = (
    route("GET", "/repositories", AccessRule.ANYONE, list_repositories),
    route("POST", "/repositories", AccessRule.SIGNED_IN, create_repository, status=201),
    route("GET", _R, AccessRule.PULL, get_repository),
    route("PATCH", _R, AccessRule.REPOSITORY_ADMIN, change_repository, most=_MOST),
    route("DELETE", _R, AccessRule.REPOSITORY_ADMIN, delete_repository),
    route("POST", f"{_R}/-/move", AccessRule.REPOSITORY_ADMIN, move_repository),
    route("GET", f"{_R}/-/star", AccessRule.SIGNED_IN, get_star),
    route("PUT", f"{_R}/-/star", AccessRule.SIGNED_IN, give_star),
    route("DELETE", f"{_R}/-/star", AccessRule.SIGNED_IN, take_star_back),
)
