"""`/token`: credentials in, a registry token out (the Docker token flow, GET and OAuth2 POST)."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs

from entrepot.app import App
from entrepot.errors import (
    Denied,
    Invalid,
    InvalidName,
    NoSuchNamespace,
    TooLarge,
)
from entrepot.http.authorize import AccessRule
from entrepot.http.errors import explain
from entrepot.http.messages import Request, Response, content
from entrepot.http.router import Route, Router
from entrepot.hub.identities import ANONYMOUS, Identity
from entrepot.hub.permissions import EVERYTHING, Action
from entrepot.hub.tokens import AskedAccess, IssuedToken
from entrepot.oci.media_types import without_parameters
from entrepot.oci.names import RepositoryName

_FORM_TYPE: Final = "application/x-www-form-urlencoded"
MAX_SCOPES: Final = 500
"""Scopes that one token is asked for: so many marks of names fit into a header line of 8 KiB."""
_MAX_FORM: Final = 262_144
"""Bytes of a form: room for all scopes of the longest names."""
_MAX_FIELD: Final = 65536
"""Bytes of a field that is no scope."""
_MAX_FIELDS: Final = 1000
_TYPE: Final = re.compile(r"([a-z0-9]+)(?:\([^)]*\))?")
_NO_STORE: Final = ("cache-control", "no-store")


@dataclass(frozen=True, slots=True)
class _Form:
    """The fields of an OAuth2 request, each with all its values."""

    fields: dict[str, list[str]]

    def text(self, name: str) -> str:
        """The field's last value, or nothing."""
        return self.fields.get(name, [""])[-1]

    def texts(self, name: str) -> list[str]:
        """All of the field's values."""
        return self.fields.get(name, [])


class TokenDoor:
    """Gives out registry tokens."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._router = Router(
            [
                Route("GET", "/token", AccessRule.ANYONE, self._get),
                Route("POST", "/token", AccessRule.ANYONE, self._post),
            ]
        )

    async def answer(self, request: Request) -> Response:
        """Answer GET and POST; raise what to challenge or refuse the client with."""
        route, _ = self._router.find(request.method, request.path)
        return await route.handler(request)

    async def _get(self, request: Request) -> Response:
        form = _Form(_parse_fields(request.query_string))
        asked = parse_scopes(form.texts("scope"))
        identity = await self._identity(request)
        await self._note(request, identity)
        issued = await self._issue(request, identity, asked)
        answer = _answer(issued)
        if form.text("offline_token") == "true" and identity != ANONYMOUS:
            client = form.text("client_id")
            answer["refresh_token"] = await self._app.tokens.add_refresh(identity, client)
        return _respond(answer)

    async def _post(self, request: Request) -> Response:
        form = await _read_form(request)
        asked = parse_scopes(form.texts("scope"))
        grant = form.text("grant_type")
        refresh = form.text("refresh_token")
        if grant == "password":
            identity = await self._app.identities.by_credentials(
                form.text("username"), form.text("password"), request.sender
            )
        elif grant == "refresh_token":
            identity = await self._app.identities.by_refresh_token(refresh)
        else:
            raise Invalid("grant_type is neither password nor refresh_token")
        await self._note(request, identity)
        issued = await self._issue(request, identity, asked)
        answer = _answer(issued)
        answer["scope"] = " ".join(_scope_texts(issued))
        if grant == "password" and form.text("access_type") == "offline":
            refresh = await self._app.tokens.add_refresh(identity, form.text("client_id"))
        if refresh:
            answer["refresh_token"] = refresh
        return _respond(answer)

    async def _issue(
        self, request: Request, identity: Identity, asked: Iterable[AskedAccess]
    ) -> IssuedToken:
        try:
            return await self._app.tokens.issue(identity, asked)
        except NoSuchNamespace as error:
            # Clients show what the token service says; a 401 would make them ask for a password.
            raise Denied(explain(error, self._app.origins.origin(request))) from error

    async def _identity(self, request: Request) -> Identity:
        scheme, _, value = (request.header("authorization") or "").partition(" ")
        if scheme.lower() != "basic":
            return ANONYMOUS
        return await self._app.authenticator.identify_basic(value.strip(), request.sender)

    async def _note(self, request: Request, identity: Identity) -> None:
        if identity.is_somebody:
            request.facts["account"] = identity.name
        if identity.token_id is not None:
            await self._app.tokens.touch(identity.token_id, request.sender)


def parse_scopes(texts: Iterable[str]) -> list[AskedAccess]:
    """The scopes in some parameters, each of which may hold several; others are dropped.

    Raises `Invalid` where more are asked for than a token can list.

    `type[(class)]:name:action[,action]`: the type ends at the first colon and the actions begin
    after the last one, for a name may hold a host and port.
    """
    scopes = dict.fromkeys(scope for text in texts for scope in text.split())
    if len(scopes) > MAX_SCOPES:
        raise Invalid(
            f"{len(scopes)} scopes are asked for, and a token lists at most {MAX_SCOPES}: "
            "ask for several tokens"
        )
    return [access for access in map(_parse_scope, scopes) if access is not None]


def _parse_scope(text: str) -> AskedAccess | None:
    kind, _, rest = text.partition(":")
    name, colon, actions = rest.rpartition(":")
    match = _TYPE.fullmatch(kind)
    if match is None or not colon:
        return None
    if match[1] == "registry":
        wanted = name == "catalog" and "*" in actions.split(",")
        return AskedAccess(None, EVERYTHING) if wanted else None
    words = actions.split(",")
    asked = EVERYTHING if "*" in words else frozenset(a for a in Action if a in words)
    try:
        return AskedAccess(RepositoryName(name), asked) if match[1] == "repository" else None
    except InvalidName:
        return None


async def _read_form(request: Request) -> _Form:
    if without_parameters(request.header("content-type") or "") != _FORM_TYPE:
        raise Invalid(f"the body is not {_FORM_TYPE}")
    body = bytearray()
    async for run in request.body:
        body += run
        if len(body) > _MAX_FORM:
            raise TooLarge
    try:
        fields = _parse_fields(body.decode())
    except UnicodeDecodeError as error:
        raise Invalid("the body is not a form") from error
    if any(len(text) > _MAX_FIELD for name in fields if name != "scope" for text in fields[name]):
        raise TooLarge
    return _Form(fields)


def _parse_fields(text: str) -> dict[str, list[str]]:
    try:
        return parse_qs(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError as error:
        raise Invalid(f"at most {_MAX_FIELDS} parameters can be given") from error


def _answer(issued: IssuedToken) -> dict[str, object]:
    # No issued_at: clients whose clock is wrong would take the token for an expired one.
    return {
        "token": issued.text,
        "access_token": issued.text,
        "expires_in": max(60, int(issued.lifetime.total_seconds())),
    }


def _scope_texts(issued: IssuedToken) -> list[str]:
    return [
        f"repository:{name}:{','.join(sorted(actions))}"
        for name, actions in issued.grants.items()
        if "*" not in name
    ]


def _respond(answer: dict[str, object]) -> Response:
    body = json.dumps(answer, separators=(",", ":")).encode()
    return content(200, "application/json", body, [_NO_STORE])
