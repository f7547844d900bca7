"""The distribution API as one app: routes, methods, errors in the OCI shape."""

from contextlib import suppress
from typing import Final

from entrepot.app import App
from entrepot.errors import (
    EntrepotError,
    InsufficientScope,
    InvalidName,
    NoSuchNamespace,
    Unauthenticated,
)
from entrepot.http.errors import basic_error_response, error_response, explain
from entrepot.http.messages import Request, Response
from entrepot.http.router import Router
from entrepot.oci.names import RepositoryName
from entrepot.v2 import mirrors
from entrepot.v2.requests import Endpoint, RegistryRequest
from entrepot.v2.routes import ROUTES
from entrepot.v2.tokens import TokenDoor

_VERSION: Final = ("docker-distribution-api-version", "registry/2.0")
_READS: Final = frozenset({"GET", "HEAD"})
_PUSHES: Final = frozenset({"POST", "PUT", "PATCH"})


class DistributionDoor:
    """Answers everything below `/v2/`, and `/token`."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._router = Router(ROUTES)
        self._tokens = TokenDoor(app)

    async def answer(self, http: Request) -> Response:
        """Answer a request whose path begins with `/v2`; raises nothing that has a name."""
        request = RegistryRequest(self._app, http)
        try:
            response = await self._answer(request)
        except Unauthenticated as error:
            response = _challenge(request, error)
        except EntrepotError as error:
            response = error_response(error)
        response.headers.append(_VERSION)
        if request.namespace_host:
            response.headers.append(("oci-namespace", request.namespace_host))
        return response

    async def answer_token(self, request: Request) -> Response:
        """Answer a request for a token."""
        request.facts["endpoint"] = "token"
        try:
            return await self._tokens.answer(request)
        except EntrepotError as error:
            return basic_error_response(error)

    async def _answer(self, request: RegistryRequest) -> Response:
        http = request.http
        route, values = self._router.find(http.method, http.path)
        operation, request.values = route.handler, values
        request.endpoint = operation.endpoint
        http.facts["endpoint"] = operation.label
        name = None
        if "name" in values:
            text = values["name"]
            if "ns=" in http.query_string and http.method in _READS:
                text = await self._in_mirror(request, text)
            name = request.name = RepositoryName(text)
            http.facts["repository"] = name.text
        request.authorized = await self._app.authorizer.authorize_client(http, route.rule, name)
        request.identity = request.authorized.identity
        rights = request.authorized.rights
        if rights is not None and rights.mirrored is not None:
            return await mirrors.HANDLERS[http.method, operation.endpoint](request)
        return await operation.handler(request)

    async def _in_mirror(self, request: RegistryRequest, name: str) -> str:
        """The name in the mirror that answers to the host that `ns` names (distribution-spec 1.1,
        "Registry Proxying"); the same name where none does.
        """
        host = request.http.query("ns") or ""
        mirror = await self._app.mirrors.find_by_host(host) if host else None
        if mirror is None:
            return name
        request.namespace_host = host
        return f"{mirror.name}/{name}"


def _challenge(request: RegistryRequest, error: Unauthenticated) -> Response:
    """The one Bearer challenge (RFC 6750 section 3; the Docker token flow)."""
    parts = [f'realm="{request.origin}/token"', f'service="{request.host}"']
    scopes = _scopes(request)
    if scopes:
        parts.append(f'scope="{" ".join(scopes)}"')
    if error.reason and request.http.header("authorization"):
        parts.append(f'error="{error.reason}"')
    if isinstance(error, NoSuchNamespace):
        error = InsufficientScope(explain(error, request.origin))
        # Of a HEAD the challenge is all that a client gets to read (RFC 6750 section 3).
        parts.append(f'error_description="{_quotable(error.message)}"')
    response = error_response(error)
    response.headers.append(("www-authenticate", "Bearer " + ",".join(parts)))
    return response


def _scopes(request: RegistryRequest) -> list[str]:
    """What a token must allow for this request, the source of a mount included."""
    if request.endpoint is Endpoint.PING:
        return []
    if request.endpoint is Endpoint.CATALOG:
        return ["registry:catalog:*"]
    http = request.http
    scopes = [f"repository:{request.name}:{_actions(http.method, request.endpoint)}"]
    source = http.query("from")
    if request.endpoint is Endpoint.UPLOADS and source and http.query("mount"):
        with suppress(InvalidName):
            scopes.append(f"repository:{RepositoryName(source)}:pull")
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


def refusal(error: EntrepotError) -> Response:
    """The answer to a request below `/v2` that is refused before this door is asked."""
    response = error_response(error)
    response.headers.append(_VERSION)
    return response
