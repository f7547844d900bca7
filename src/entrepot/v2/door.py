"""The distribution API as one app: routes, methods, errors in the OCI shape."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from entrepot.errors import (
    EntrepotError,
    InsufficientScope,
    MethodUnsupported,
    NoSuchNamespace,
    NotFound,
    RangeUnsatisfiable,
    Unauthenticated,
)
from entrepot.http.errors import error_response, explain
from entrepot.http.gate import Gate
from entrepot.http.messages import Request, Response, content, without_body
from entrepot.http.origin import Origins
from entrepot.hub.identities import ANONYMOUS
from entrepot.oci.names import RepositoryName
from entrepot.v2.blobs import BlobDoor
from entrepot.v2.lists import ListDoor
from entrepot.v2.manifests import ManifestDoor
from entrepot.v2.routes import Endpoint, Route, find_route
from entrepot.v2.tokens import TokenDoor
from entrepot.v2.uploads import UploadDoor

Handler = Callable[[Request, RepositoryName, str], Awaitable[Response]]
Methods = Mapping[str, Handler]

_VERSION: Final = ("docker-distribution-api-version", "registry/2.0")
_PUSHES: Final = frozenset({"POST", "PUT", "PATCH"})
_NOWHERE: Final = RepositoryName("none")


class DistributionDoor:
    """Answers everything below `/v2/`, and `/token`."""

    def __init__(
        self,
        gate: Gate,
        origins: Origins,
        *,
        manifests: ManifestDoor,
        blobs: BlobDoor,
        uploads: UploadDoor,
        lists: ListDoor,
        tokens: TokenDoor,
    ) -> None:
        self._gate = gate
        self._origins = origins
        self._tokens = tokens
        self._methods: dict[Endpoint, Methods] = {
            Endpoint.PING: {"GET": self._ping, "HEAD": self._ping},
            Endpoint.CATALOG: {"GET": lists.catalog, "HEAD": lists.catalog},
            Endpoint.TAGS: {"GET": lists.tags, "HEAD": lists.tags},
            Endpoint.REFERRERS: {"GET": lists.referrers, "HEAD": lists.referrers},
            Endpoint.MANIFEST: {
                "GET": manifests.get,
                "HEAD": manifests.head,
                "PUT": manifests.put,
                "DELETE": manifests.delete,
            },
            Endpoint.BLOB: {"GET": blobs.get, "HEAD": blobs.head, "DELETE": blobs.delete},
            Endpoint.UPLOADS: {"POST": uploads.post},
            Endpoint.UPLOAD: {
                "GET": uploads.get,
                "HEAD": uploads.get,
                "PATCH": uploads.patch,
                "PUT": uploads.put,
                "DELETE": uploads.delete,
            },
        }

    async def answer(self, request: Request) -> Response:
        """Answer a request whose path begins with `/v2`; raises nothing that has a name."""
        route = find_route(request.path)
        try:
            response = await self._dispatch(request, route)
        except Unauthenticated as error:
            response = self._challenge(request, route, error)
        except EntrepotError as error:
            response = _refusal(error)
        response.headers.append(_VERSION)
        return without_body(response) if request.method == "HEAD" else response

    async def answer_token(self, request: Request) -> Response:
        """Answer a request for a token."""
        request.facts["endpoint"] = "token"
        try:
            response = await self._tokens.answer(request)
        except Unauthenticated as error:
            response = error_response(error)
            response.headers.append(("www-authenticate", 'Basic realm="entrepot"'))
        except EntrepotError as error:
            response = _refusal(error)
        return without_body(response) if request.method == "HEAD" else response

    async def _dispatch(self, request: Request, route: Route | None) -> Response:
        if route is None:
            raise NotFound
        request.facts["endpoint"] = route.endpoint.name.lower()
        methods = self._methods[route.endpoint]
        handler = methods.get(request.method)
        name = RepositoryName(route.name) if route.name else _NOWHERE
        if handler is None:
            raise MethodUnsupported(tuple(methods))
        if route.name:
            request.facts["repository"] = name.text
        return await handler(request, name, route.reference)

    async def _ping(self, request: Request, _: RepositoryName, __: str) -> Response:
        """Nobody is challenged even where anybody may pull: clients learn the scheme here only."""
        identity = await self._gate.identify(request)
        request.facts["account"] = identity.account.name if identity.account else ""
        if identity == ANONYMOUS and not self._gate.is_open:
            raise Unauthenticated
        return content(200, "application/json", b"{}")

    def _challenge(self, request: Request, route: Route | None, error: Unauthenticated) -> Response:
        """The one Bearer challenge (RFC 6750 section 3; the Docker token flow)."""
        origin = self._origins.origin(request)
        parts = [f'realm="{origin}/token"', f'service="{self._origins.host(request)}"']
        scopes = _scopes(request, route)
        if scopes:
            parts.append(f'scope="{" ".join(scopes)}"')
        if error.reason and request.header("authorization"):
            parts.append(f'error="{error.reason}"')
        if isinstance(error, NoSuchNamespace):
            error = InsufficientScope(explain(error, origin))
            # Of a HEAD the challenge is all that a client gets to read (RFC 6750 section 3).
            parts.append(f'error_description="{_quotable(error.message)}"')
        response = error_response(error)
        response.headers.append(("www-authenticate", "Bearer " + ",".join(parts)))
        return response


def _scopes(request: Request, route: Route | None) -> list[str]:
    """What a token must allow for this request, the source of a mount included."""
    if route is None or route.endpoint is Endpoint.PING:
        return []
    if route.endpoint is Endpoint.CATALOG:
        return ["registry:catalog:*"]
    scopes = [f"repository:{route.name}:{_actions(request.method, route.endpoint)}"]
    source = request.query("from")
    if route.endpoint is Endpoint.UPLOADS and source and request.query("mount"):
        try:
            scopes.append(f"repository:{RepositoryName(source)}:pull")
        except EntrepotError:
            return scopes
    return scopes


def _actions(method: str, endpoint: Endpoint) -> str:
    if method in _PUSHES or endpoint in (Endpoint.UPLOADS, Endpoint.UPLOAD):
        return "pull,push"
    # Whoever asks whether a blob is there is about to push it. Python's `oras` asks for a token at
    # that point and keeps it for the push; whoever may only pull gets a token for that.
    if method == "HEAD" and endpoint is Endpoint.BLOB:
        return "pull,push"
    return "delete" if method == "DELETE" else "pull"


def _quotable(text: str) -> str:
    """The text as it can stand in a challenge: some clients split those at every comma."""
    return text.replace('"', "'").replace("\\", "/").replace(",", ";")


def _refusal(error: EntrepotError) -> Response:
    response = error_response(error)
    if isinstance(error, MethodUnsupported):
        response.headers.append(("allow", ", ".join(error.allowed)))
    if isinstance(error, RangeUnsatisfiable):
        response.headers.append(("content-range", f"bytes */{error.size}"))
    return response


def refusal(error: EntrepotError) -> Response:
    """The answer to a request below `/v2` that is refused before this door is asked."""
    response = _refusal(error)
    response.headers.append(_VERSION)
    return response
