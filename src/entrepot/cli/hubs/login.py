"""`entrepot login`, `logout` and `whoami`: the hub far away that commands work on."""

import base64
import socket
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer
from msgspec import Struct
from msgspec.structs import asdict

from entrepot.cli.common.output import USAGE, Data, Json, fail, print_json, read_line_of_stdin
from entrepot.cli.hubs.addresses import parse_url
from entrepot.cli.hubs.choice import HubOption, open_hub, url_of
from entrepot.cli.hubs.hub import Hub
from entrepot.cli.hubs.logins import Login, read_logins, write_logins

_DAYS: Final = 90
_TOKENS: Final = ("etp_", "eto_")


class Scope(StrEnum):
    """The most that a login may do."""

    READ = "repo:read"
    WRITE = "repo:write"
    ADMIN = "repo:admin"


class _Token(Struct):
    """A token, by its id."""

    id: int


class _MadeToken(Struct):
    """A new token and its secret."""

    token: _Token
    secret: str


class Me(Struct, kw_only=True):
    """Who the hub says that one is; `repositories` are the ones that a token is limited to."""

    name: str
    is_admin: bool
    actions: list[str]
    repositories: list[str] | None


Host = Annotated[str, typer.Argument(help="The hub, such as hub.example.org.")]
Username = Annotated[str | None, typer.Option("--username", "-u", help="The account's name.")]
PasswordStdin = Annotated[
    bool,
    typer.Option("--password-stdin", help="Read the password or token from the standard input."),
]
MostScope = Annotated[Scope, typer.Option("--scope", help="The most to allow.")]
PlainHttp = Annotated[
    bool, typer.Option("--plain-http", help="Send secrets unencrypted, over HTTP.")
]
Certificates = Annotated[
    Path | None, typer.Option("--ca", help="A file of certificates to trust, in PEM.")
]


def login(
    host: Host,
    username: Username = None,
    password_stdin: PasswordStdin = False,
    scope: MostScope = Scope.ADMIN,
    plain_http: PlainHttp = False,
    ca: Certificates = None,
    as_json: Json = False,
) -> None:
    """Log in to a hub: create a token there, and use that hub from now on.

    A token can be given in place of a password, and is kept then.
    """
    from entrepot.cli.hubs.remote import RemoteTransport

    url = parse_url(host, plain_http=plain_http, tls=ca is not None)
    authorization, secret = _credentials(username, from_stdin=password_stdin)
    trusted = str(ca.resolve()) if ca else None
    hub = Hub(RemoteTransport(url, authorization, trusted))
    name = hub.get("/me", Me).name
    token, token_id = _keepable(hub, secret, scope)
    logins = read_logins()
    write_logins(
        logins.add(Login(url=url, username=name, token=token, token_id=token_id, ca=trusted))
    )
    before = logins.find(url)
    if before is not None and before.username == name and before.token_id is not None:
        hub.attempt("DELETE", f"/me/tokens/{before.token_id}")
    if as_json:
        print_json({"hub": hub.host, "username": name})
    else:
        print(f"Logged in to {hub.host} as {name}.")


def _keepable(hub: Hub, secret: str, scope: Scope) -> tuple[str, int | None]:
    """The token to keep, and its id if it is a new one: a password is never kept."""
    if secret.startswith(_TOKENS):
        return secret, None
    label = f"entrepot on {socket.gethostname()}"[:100]
    body = {"label": label, "scope": scope, "days": _DAYS}
    made = hub.ask("POST", "/me/tokens", _MadeToken, body)
    return made.secret, made.token.id


def logout(
    host: Annotated[
        str | None, typer.Argument(help="The hub; by default the one that commands work on.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Log out of a hub: revoke the token that the login created, and forget it."""
    from entrepot.cli.hubs.remote import RemoteTransport

    logins = read_logins()
    found = logins.find(url_of(host, logins.logins) if host else logins.current)
    if found is None:
        fail(f"you are not logged in to {host}" if host else "you are not logged in to a hub")
    write_logins(logins.remove(found.url))
    hub = Hub(RemoteTransport(found.url, f"Bearer {found.token}", found.ca))
    if found.token_id is not None:
        try:
            hub.attempt("DELETE", f"/me/tokens/{found.token_id}")
        except typer.Exit:
            print("entrepot: the token was forgotten here, not revoked there", file=sys.stderr)
            raise
    if as_json:
        print_json({"hub": hub.host, "username": found.username})
    else:
        print(f"Logged out of {hub.host}.")


def whoami(hub: HubOption = None, data: Data = None, as_json: Json = False) -> None:
    """Show the account that commands act as, and where."""
    with open_hub(hub, data) as it:
        me, host = it.get("/me", Me), it.host
    if as_json:
        print_json({"hub": host or None, **asdict(me)})
        return
    limits = f", limited to {', '.join(me.repositories)}" if me.repositories else ""
    where = f" on {host}" if host else ", by the hub's data here"
    print(f"{me.name}{where}{', an administrator' if me.is_admin else ''}{limits}")


def _credentials(username: str | None, *, from_stdin: bool) -> tuple[str, str]:
    """The value of `Authorization`, and the password or token in it; a token needs no name."""
    secret = read_line_of_stdin() if from_stdin else ""
    if secret.startswith(_TOKENS):
        return f"Bearer {secret}", secret
    name = username or _ask("Username", "--username")
    secret = secret or _ask("Password", "--password-stdin")
    return f"Basic {base64.b64encode(f'{name}:{secret}'.encode()).decode()}", secret


def _ask(what: str, option: str) -> str:
    if not sys.stdin.isatty():
        fail(f"pass the {what.lower()} with {option}", USAGE)
    return str(typer.prompt(what, hide_input=what == "Password", err=True))
