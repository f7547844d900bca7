"""The routes of Docker Hub's API that scripts use, with its forms of answers and errors."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final, TypeVar

from msgspec import DecodeError, Struct, ValidationError, json

from entrepot.app import App
from entrepot.context import RequestContext
from entrepot.dockerhub import shapes
from entrepot.dockerhub.answers import page_of, paged, written
from entrepot.errors import (
    BadCredentials,
    BadToken,
    EntrepotError,
    Invalid,
    NamespaceUnknown,
    TooMany,
    Unauthenticated,
)
from entrepot.http.authorize import AccessRule
from entrepot.http.bodies import read_body
from entrepot.http.errors import error_headers, status_of
from entrepot.http.messages import Request, Response, content, empty
from entrepot.http.router import Route, Router
from entrepot.hub.identity.registry_tokens import HUB
from entrepot.hub.identity.secrets import looks_like_secret
from entrepot.hub.people.actors import Identity
from entrepot.hub.permissions import NamespaceRights
from entrepot.hub.repositories import MAX_README
from entrepot.model.people.accounts import Namespace, NamespaceKind
from entrepot.model.repositories import Visibility
from entrepot.model.search import SearchOrder
from entrepot.model.tags import Filters, TagOrder
from entrepot.oci.names import RepositoryName, Tag

PREFIX: Final = "/hub/v2"
_JSON: Final = "application/json"
_SHORT: Final = timedelta(minutes=10)
_LONG: Final = timedelta(hours=24)
_MOST_BODY: Final = 4 * MAX_README

Handler = Callable[[RequestContext], Awaitable[Response]]
Body = TypeVar("Body", bound=Struct)


class _Secret(Struct):
    """A name with a password, a personal or an organization's token."""

    identifier: str
    secret: str


class _Password(Struct):
    """The same in the form of `users/login`."""

    username: str
    password: str


class _New(Struct):
    """A repository to make."""

    name: str
    description: str = ""
    full_description: str = ""
    is_private: bool = False


class _Change(Struct):
    """The texts of a repository to replace."""

    description: str | None = None
    full_description: str | None = None


class _Privacy(Struct):
    """Whether a repository shall be private."""

    is_private: bool


class DockerHubDoor:
    """Everything below `/hub/`."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._router: Router[Handler] = Router(_routes())

    async def answer(self, http: Request) -> Response:
        """Answer a request of a client of Docker Hub; raises nothing that has a name."""
        http.facts["endpoint"] = "docker-hub"
        request = RequestContext(self._app, http)
        try:
            # With a slash at the end or without: nobody is sent elsewhere.
            route, request.values = self._router.find(http.method, http.path.rstrip("/"))
            identity = request.identity = await self._identify(http)
            http.facts["account"] = identity.name
            response = await route.handler(request)
        except EntrepotError as error:
            response = _refuse(error)
        response.headers += [("cache-control", "private, no-store"), ("vary", "authorization")]
        return response

    async def _identify(self, http: Request) -> Identity:
        """By a token of `login`, or by an access token; `JWT` is another word for `Bearer`."""
        scheme, _, value = (http.header("authorization") or "").partition(" ")
        if not scheme:
            return Identity()
        authentication = self._app.authentication
        if scheme.lower() not in ("bearer", "jwt"):
            raise BadToken("send a token as Bearer: POST /hub/v2/users/login gives one")
        if looks_like_secret(value.strip()):
            identity = await authentication.by_access_token(value.strip())
        else:
            identity = await authentication.by_registry_token(value.strip())
            if identity.grants is None or HUB not in identity.grants:
                raise BadToken("registry tokens are valid for /v2 only: use an access token")
            identity = replace(identity, grants=None)
        await self._app.authenticator.note_use(identity, http.sender)
        return identity


def _routes() -> list[Route[Handler]]:
    # Rights are those of the repository or the namespace, which each handler asks for.
    found: list[tuple[str, str, Handler]] = [
        ("POST", "/auth/token", log_in_for_minutes),
        ("POST", "/users/login", log_in),
        ("GET", "/user", show_self),
        ("GET", "/user/orgs", list_organizations),
        ("GET", "/users/{owner}", show_namespace),
        ("GET", "/orgs/{owner}", show_namespace),
        ("GET", "/search/repositories", search),
        ("GET", "/repositories/{owner}", list_repositories),
        ("GET", "/namespaces/{owner}/repositories", list_repositories),
        ("POST", "/namespaces/{owner}/repositories", create),
    ]
    for one in ("/namespaces/{owner}/repositories/{repository}", "/repositories/{repository}"):
        found += [
            ("GET", f"{one}/tags/{{tag}}/images", list_images),
            ("GET", f"{one}/tags/{{tag}}", show_tag),
            ("DELETE", f"{one}/tags/{{tag}}", delete_tag),
            ("GET", f"{one}/tags", list_tags),
            ("POST", f"{one}/privacy", set_privacy),
            ("GET", one, show_repository),
            ("PATCH", one, change),
            ("DELETE", one, delete),
        ]
    return [Route(verb, PREFIX + path, AccessRule.ANYONE, work) for verb, path, work in found]


async def log_in_for_minutes(request: RequestContext) -> Response:
    """Exchange a name and a password or token for a token of ten minutes."""
    asked = await _read(request, _Secret)
    text = await _issue(request, asked.identifier, asked.secret, _SHORT)
    return written({"access_token": text})


async def log_in(request: RequestContext) -> Response:
    """The same, for a day."""
    asked = await _read(request, _Password)
    text = await _issue(request, asked.username, asked.password, _LONG)
    return written({"token": text, "refresh_token": ""})


async def _issue(request: RequestContext, name: str, secret: str, lifetime: timedelta) -> str:
    app = request.app
    identity = await app.authentication.by_credentials(name, secret, request.http.sender)
    if not identity.is_authenticated:
        raise BadCredentials
    number = identity.account_id or identity.namespace_id or 0
    said = {
        "username": identity.name.partition(":")[0],
        "uuid": shapes.identifier("account", number),
        "email": identity.account.email if identity.account else "",
        "roles": [],
    }
    more = {"https://hub.docker.com": said, "user_id": said["uuid"]}
    return await app.tokens.issue_for_hub(identity, lifetime, more)


async def show_self(request: RequestContext) -> Response:
    """The account that asks."""
    if request.identity.account is None:
        raise Unauthenticated
    return written(shapes.account_of(request.identity.account, is_own=True))


async def list_organizations(request: RequestContext) -> Response:
    """The organizations that the account belongs to."""
    if request.identity.account is None:
        raise Unauthenticated
    found = await request.app.organizations.list_of(request.identity.account)
    page = page_of(request)
    shown = [shapes.organization_of(each) for each, _ in found]
    return paged(request, page, shown[page.offset : page.offset + page.size], len(found))


async def show_namespace(request: RequestContext) -> Response:
    """A person or an organization."""
    found = await _namespace(request)
    if request.http.path.startswith(f"{PREFIX}/orgs/"):
        if found.kind is not NamespaceKind.ORGANIZATION:
            raise NamespaceUnknown
        return written(shapes.organization_of(found))
    shown = shapes.organization_of(found)
    return written({**shown, "username": shown.pop("orgname")})


async def _namespace(request: RequestContext) -> Namespace:
    return (await _namespace_rights(request))[0]


async def _namespace_rights(request: RequestContext) -> tuple[Namespace, NamespaceRights]:
    rights = await request.app.permissions.namespace_rights(
        request.identity, request.values["owner"]
    )
    if rights.namespace is None:
        raise NamespaceUnknown
    return rights.namespace, rights


async def search(request: RequestContext) -> Response:
    """Repositories that match and that the caller may see."""
    page = page_of(request)
    text = request.http.query("query") or ""
    results = await request.app.search.find(
        request.identity, text, limit=page.size, offset=page.offset
    )
    shown = [shapes.found_repository(hit) for hit in results.found.hits]
    return paged(request, page, shown, results.found.total)


async def list_repositories(request: RequestContext) -> Response:
    """The repositories of a namespace that the caller may see."""
    found, rights = await _namespace_rights(request)
    page, order = page_of(request), _order(request)
    name = (request.http.query("name") or "").replace('"', "")
    if rights.may_see_members:
        # Members see every repository, those too that nothing was pushed to yet.
        owned = await request.app.repository_lists.list_owned(
            [found.id], name, "", order, limit=page.size, offset=page.offset
        )
        hits, total = owned.hits, owned.total
    else:
        words = [f'namespace:"{found.name}"', *([f'"{name}"'] if name else [])]
        results = await request.app.search.find(
            request.identity, " ".join(words), order=order, limit=page.size, offset=page.offset
        )
        hits, total = list(results.found.hits), results.found.total
    return paged(request, page, [shapes.listed_repository(hit) for hit in hits], total)


async def create(request: RequestContext) -> Response:
    """Make an empty repository."""
    if not request.identity.is_authenticated:
        raise Unauthenticated
    body = await _read(request, _New)
    name = RepositoryName(f"{request.values['owner']}/{body.name}")
    visibility = Visibility.PRIVATE if body.is_private else Visibility.PUBLIC
    rules, actor = request.app.repositories, request.actor
    await rules.create(name, visibility, body.description, actor)
    if body.full_description:
        await rules.describe(name, body.description, body.full_description, actor)
    await _authorize(request, AccessRule.PULL, name.text)
    return await _shown(request, 201)


async def show_repository(request: RequestContext) -> Response:
    """A repository."""
    await _authorize(request, AccessRule.PULL)
    return await _shown(request)


async def change(request: RequestContext) -> Response:
    """Describe a repository, in a line or on a page."""
    await _authorize(request, AccessRule.REPOSITORY_ADMIN)
    body, repository = await _read(request, _Change), request.repository
    readme = body.full_description
    if readme is None:
        readme = await request.app.repository_views.get_readme_source(repository)
    line = repository.description if body.description is None else body.description
    await request.app.repositories.describe(repository.name, line, readme, request.actor)
    await _authorize(request, AccessRule.PULL)
    return await _shown(request)


async def set_privacy(request: RequestContext) -> Response:
    """Open or close a repository."""
    await _authorize(request, AccessRule.REPOSITORY_ADMIN)
    is_private = (await _read(request, _Privacy)).is_private
    visibility = Visibility.PRIVATE if is_private else Visibility.PUBLIC
    name = request.repository.name
    await request.app.repositories.set_visibility(name, visibility, request.actor)
    return written({})


async def delete(request: RequestContext) -> Response:
    """Delete a repository with all that is in it."""
    await _authorize(request, AccessRule.REPOSITORY_ADMIN)
    await request.app.repositories.delete(request.repository.name, request.actor)
    return empty(202)


async def list_tags(request: RequestContext) -> Response:
    """The tags of a repository, the one that was moved last first."""
    await _authorize(request, AccessRule.PULL)
    app, repository, page = request.app, request.repository, page_of(request)
    filters = Filters(text=request.http.query("name") or "")
    is_by_name = (request.http.query("ordering") or "").lstrip("-") == "name"
    order = TagOrder.NAME if is_by_name else TagOrder.NEWEST
    rows = await app.tags.list_rows(repository, order, filters, page.size, page.offset)
    total = await app.tags.count_rows(repository, filters)
    return paged(request, page, [shapes.tag(row, repository) for row in rows], total)


async def show_tag(request: RequestContext) -> Response:
    """A tag."""
    await _authorize(request, AccessRule.PULL)
    row = await request.app.tags.get(request.repository, request.values["tag"])
    return written(shapes.tag(row, request.repository))


async def list_images(request: RequestContext) -> Response:
    """The images of a tag, one for each platform: a list without an envelope."""
    await _authorize(request, AccessRule.PULL)
    row = await request.app.tags.get(request.repository, request.values["tag"])
    return written(shapes.tag(row, request.repository)["images"])


async def delete_tag(request: RequestContext) -> Response:
    """Remove a tag; its manifest stays, and the removal can be undone."""
    await _authorize(request, AccessRule.DELETE)
    by, tag = request.identity.author, Tag(request.values["tag"])
    await request.app.manifests.untag(request.repository, tag, by, request.listener)
    return empty(204)


async def _authorize(request: RequestContext, rule: AccessRule, name: str = "") -> None:
    """Let the request go on for the repository of the address, or raise what refuses it."""
    owner = request.values.get("owner")
    rest = request.values.get("repository", "")
    name = name or (f"{owner}/{rest}" if owner else rest)
    request.http.facts["repository"] = name[:255]
    is_unsafe = request.http.method not in ("GET", "HEAD")
    request.authorized = await request.app.authorizer.authorize(
        request.identity, rule, {"repository": name}, is_unsafe=is_unsafe
    )


async def _shown(request: RequestContext, status: int = 200) -> Response:
    repository = request.repository
    readme = await request.app.repository_views.get_readme_source(repository)
    return written(shapes.whole_repository(repository, request.rights, readme), status)


async def _read(request: RequestContext, kind: type[Body]) -> Body:
    body = await read_body(request.http, _MOST_BODY)
    try:
        return json.decode(body, type=kind)
    except (DecodeError, ValidationError) as error:
        raise Invalid(f"invalid body: {error}") from error


def _order(request: RequestContext) -> SearchOrder:
    name = (request.http.query("ordering") or "last_updated").lstrip("-")
    orders = {
        "last_updated": SearchOrder.NEWEST,
        "name": SearchOrder.NAME,
        "pull_count": SearchOrder.PULLS,
    }
    if name not in orders:
        raise Invalid(f"ordering={name[:40]}: `last_updated`, `name` or `pull_count`")
    return orders[name]


def _refuse(error: EntrepotError) -> Response:
    """Docker Hub's forms of errors in one: `detail` and `message`."""
    status, message = status_of(error), error.message
    headers = error_headers(error, status)
    if isinstance(error, BadCredentials):
        message = "Incorrect authentication credentials"
    if isinstance(error, TooMany):
        headers.append(("x-retry-after", str(error.wait)))
    if status == 401:
        headers.append(("www-authenticate", 'Bearer realm="entrepot"'))
    body = {"detail": message, "message": message, "errinfo": {}}
    return content(status, _JSON, json.encode(body), headers)
