"""`/token`: credentials in, a registry token out (the Docker token flow, GET and OAuth2 POST)."""

import json
import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Final
from urllib.parse import parse_qsl

from entrepot.app import App
from entrepot.errors import (
    BadCredentials,
    Denied,
    Invalid,
    InvalidName,
    NoSuchNamespace,
    TooLarge,
)
from entrepot.http.authorize import AccessRule
from entrepot.http.bodies import read_body
from entrepot.http.errors import explain
from entrepot.http.forms import FORM, Form, media_type
from entrepot.http.messages import Request, Response, content
from entrepot.http.router import Route, Router
from entrepot.hub.identity.authentication import ANONYMOUS, Identity
from entrepot.hub.identity.tokens import AskedAccess, IssuedToken
from entrepot.hub.permissions import ALL_ACTIONS, Action
from entrepot.hub.workloads.id_tokens import looks_like_id_token
from entrepot.oci.names import RepositoryName

TOKEN_PATHS: Final = ("/token", "/oauth/token")
"""The second is that of token exchange elsewhere."""
MAX_SCOPES: Final = 500
"""Scopes that one token is asked for: as many marks of names as fit into a header line of 8 KiB."""
_MAX_FORM: Final = 262_144
"""Bytes of a form: room for all scopes of the longest names."""
_MAX_FIELD: Final = 65536
"""Bytes of a field that is no scope."""
_MAX_FIELDS: Final = 1000
_TYPE: Final = re.compile(r"([a-z0-9]+)(?:\([^)]*\))?")
_EXCHANGE: Final = "urn:ietf:params:oauth:grant-type:token-exchange"
_ACCESS_TOKEN: Final = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a type
_SUBJECT_TOKEN_TYPES: Final = frozenset(
    {"urn:ietf:params:oauth:token-type:id_token", "urn:ietf:params:oauth:token-type:jwt"}
)
_NO_STORE: Final = ("cache-control", "no-store")


class TokenDoor:
    """Gives out registry tokens."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._router = Router(
            [
                Route("GET", "/token", AccessRule.ANYONE, self._get),
                *(Route("POST", path, AccessRule.ANYONE, self._post) for path in TOKEN_PATHS),
            ]
        )

    async def answer(self, request: Request) -> Response:
        """Answer GET and POST; raise what to challenge or refuse the client with."""
        route, _ = self._router.find(request.method, request.path)
        return await route.handler(request)

    async def _get(self, request: Request) -> Response:
        form = _parse_form(request.query_string)
        asked = parse_scopes(form.get_all("scope"))
        identity = await self._identity(request)
        await self._note(request, identity)
        issued = await self._issue(request, identity, asked)
        answer = _answer(issued)
        if form.get("offline_token") == "true" and identity != ANONYMOUS:
            answer["refresh_token"] = await self._refresh_token(identity, form)
        return _respond(answer)

    async def _post(self, request: Request) -> Response:
        form = await _read_form(request)
        if form.get("grant_type") == _EXCHANGE:
            return await self._exchange(request, form)
        asked = parse_scopes(form.get_all("scope"))
        grant = form.get("grant_type")
        refresh = form.get("refresh_token")
        if grant == "password":
            identity = await self._app.authentication.by_credentials(
                form.get("username"), form.get("password"), request.sender
            )
        elif grant == "refresh_token":
            identity = await self._app.authentication.by_refresh_token(refresh)
        else:
            raise Invalid("grant_type must be password, refresh_token or token exchange (RFC 8693)")
        await self._note(request, identity)
        issued = await self._issue(request, identity, asked)
        answer = _answer(issued)
        answer["scope"] = " ".join(_scope_texts(issued))
        if grant == "password" and form.get("access_type") == "offline":
            refresh = await self._refresh_token(identity, form)
        if refresh:
            answer["refresh_token"] = refresh
        return _respond(answer)

    async def _exchange(self, request: Request, form: Form) -> Response:
        """An ID token for a secret of its job, which is a password (RFC 8693 section 2)."""
        if form.get("subject_token_type") not in _SUBJECT_TOKEN_TYPES:
            raise Invalid("subject_token_type must be that of an ID token or a JWT (RFC 8693)")
        text, seconds = form.get("subject_token"), form.get("expires_in")
        if not looks_like_id_token(text):
            raise BadCredentials
        if seconds and not (seconds.isascii() and seconds.isdigit() and int(seconds[:9]) > 0):
            raise Invalid("expires_in must be a number of seconds")
        session = timedelta(seconds=int(seconds[:9])) if seconds else None
        name = form.get("username") or form.get("connection_id")
        identity = await self._app.workloads.sign_in(name, text, request.sender, session)
        await self._note(request, identity)
        until = identity.expires_at or self._app.now()
        return _respond(
            {
                "access_token": await self._refresh_token(identity, form),
                "issued_token_type": _ACCESS_TOKEN,
                "token_type": "Bearer",
                "expires_in": max(1, int((until - self._app.now()).total_seconds())),
                "scope": form.get("scope"),
            }
        )

    async def _refresh_token(self, identity: Identity, form: Form) -> str:
        """A secret that the client renews its tokens with; a job's ends with its grant."""
        if identity.job is not None:
            return await self._app.workloads.add_secret(identity.job.id)
        return await self._app.tokens.add_refresh(identity, form.get("client_id"))

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
        if identity.is_authenticated:
            request.facts["account"] = identity.name
        await self._app.authenticator.note_use(identity, request.sender)


def parse_scopes(texts: Iterable[str]) -> list[AskedAccess]:
    """The scopes in some parameters, each of which may hold several; others are dropped.

    Raises `Invalid` where more are asked for than a token can list.

    `type[(class)]:name:action[,action]`: the type ends at the first colon and the actions begin
    after the last one, for a name may hold a host and port.
    """
    scopes = dict.fromkeys(scope for text in texts for scope in text.split())
    if len(scopes) > MAX_SCOPES:
        raise Invalid(
            f"{len(scopes)} scopes requested, but a token can have at most {MAX_SCOPES}: "
            "request several tokens"
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
        return AskedAccess(None, ALL_ACTIONS) if wanted else None
    words = actions.split(",")
    asked = ALL_ACTIONS if "*" in words else frozenset(a for a in Action if a in words)
    try:
        return AskedAccess(RepositoryName(name), asked) if match[1] == "repository" else None
    except InvalidName:
        return None


async def _read_form(request: Request) -> Form:
    if media_type(request) != FORM:
        raise Invalid(f"the body is not {FORM}")
    body = await read_body(request, _MAX_FORM)
    try:
        form = _parse_form(body.decode())
    except UnicodeDecodeError as error:
        raise Invalid("the body is not a form") from error
    if any(len(text) > _MAX_FIELD for name, text in form.fields if name != "scope"):
        raise TooLarge
    return form


def _parse_form(text: str) -> Form:
    try:
        return Form(tuple(parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS)))
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
