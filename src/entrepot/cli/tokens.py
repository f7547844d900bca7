"""`entrepot token`: tokens of accounts and organizations, which stand in for passwords."""

import re
from datetime import datetime
from typing import Annotated, Final

import typer
from msgspec import Struct
from msgspec.structs import asdict

from entrepot.cli.common.output import USAGE, Data, Json, fail, print_json, print_table
from entrepot.cli.hubs.choice import HubOption, open_hub
from entrepot.cli.hubs.hub import Hub
from entrepot.cli.hubs.login import Me

app = typer.Typer(
    no_args_is_help=True,
    help="Manage tokens, which clients use instead of a password.",
    rich_markup_mode=None,
)

_LIFETIME: Final = re.compile(r"(\d{1,6})([hdwy])")
_HOURS: Final = {"h": 1, "d": 24, "w": 7 * 24, "y": 365 * 24}
_SCOPES: Final = ("repo:read", "repo:write", "repo:admin")


class Token(Struct, kw_only=True):
    """A token; `account` is in lists of all accounts' tokens only."""

    id: int
    label: str
    scope: str
    hint: str
    repositories: list[str] | None
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    account: str = ""


class MadeToken(Struct):
    """A new token and its secret."""

    token: Token
    secret: str


Owner = Annotated[str, typer.Argument(help="The account or organization that it belongs to.")]
Owners = Annotated[
    str | None, typer.Argument(help="An account or organization; by default your account.")
]
Everybody = Annotated[
    bool,
    typer.Option("--all", help="Of all accounts, as an administrator; the default with --data."),
]
Label = Annotated[
    str, typer.Option("--label", help="The token's name, such as the machine that uses it.")
]
Scope = Annotated[str, typer.Option("--scope", help="repo:read, repo:write or repo:admin.")]
Lifetime = Annotated[
    str, typer.Option("--expires", help="The token's lifetime: 12h, 90d, 6w, 1y or never.")
]
Repositories = Annotated[
    list[str] | None,
    typer.Option("--repository", help="A repository, or prefix/*; by default all."),
]


@app.command("add")
def add(
    owner: Owner,
    label: Label,
    scope: Scope,
    expires: Lifetime = "90d",
    repository: Repositories = None,
    hub: HubOption = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Create a token and print it once."""
    if scope not in _SCOPES:
        fail(f"invalid scope {scope}: use repo:read, repo:write or repo:admin", USAGE)
    body = {
        "label": label,
        "scope": scope,
        "hours": parse_hours(expires),
        "repositories": repository or None,
    }
    with open_hub(hub, data) as it:
        made = it.ask("POST", f"/namespaces/{owner}/tokens", MadeToken, body)
    if as_json:
        print_json({**_described(made.token, owner), "token": made.secret})
    else:
        print(made.secret)


@app.command("list")
def list_tokens(
    owner: Owners = None,
    everybody: Everybody = False,
    hub: HubOption = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """List tokens, without their secrets."""
    with open_hub(hub, data) as it:
        path, name = _tokens(it, owner, everybody=everybody)
        found = [(each, name or each.account) for each in it.list_all(path, Token)]
    if as_json:
        print_json([_described(token, user) for token, user in found])
        return
    rows = [
        (
            token.id,
            user,
            token.label,
            token.scope,
            f"{token.hint}…",
            f"{token.expires_at:%Y-%m-%d}" if token.expires_at else "never",
            f"{token.last_used_at:%Y-%m-%d %H:%M}" if token.last_used_at else "never",
            "revoked" if token.revoked_at else "",
        )
        for token, user in found
    ]
    columns = ("ID", "USER", "LABEL", "SCOPE", "TOKEN", "EXPIRES", "LAST USED", "STATE")
    print_table(columns, rows, "There are no tokens.")


@app.command("revoke")
def revoke(
    token_id: Annotated[int, typer.Argument(metavar="ID", help="The token's id, from the list.")],
    owner: Owners = None,
    everybody: Everybody = False,
    hub: HubOption = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Revoke a token and all tokens created with it."""
    with open_hub(hub, data) as it:
        path, _ = _tokens(it, owner, everybody=everybody)
        it.act("DELETE", f"{path}/{token_id}")
    if as_json:
        print_json({"id": token_id, "revoked": True})
    else:
        print(f"Revoked token {token_id}.")


def parse_hours(text: str) -> int | None:
    """The hours of a number with a unit; `None` for `never`."""
    if text == "never":
        return None
    match = _LIFETIME.fullmatch(text)
    if match is None or int(match[1]) == 0:
        fail(f"invalid lifetime {text}: write 12h, 90d, 6w, 1y or never", USAGE)
    return int(match[1]) * _HOURS[match[2]]


def _tokens(hub: Hub, owner: str | None, *, everybody: bool) -> tuple[str, str]:
    """The path of the tokens that are meant, and whose they are; empty for those of everybody."""
    if owner is None and (everybody or not hub.host):
        return "/admin/tokens", ""
    name = owner or hub.get("/me", Me).name
    return f"/namespaces/{name}/tokens", name


def _described(token: Token, user: str) -> dict[str, object]:
    shown = asdict(token)
    del shown["account"]
    return {**shown, "user": user, "revoked": token.revoked_at is not None}
