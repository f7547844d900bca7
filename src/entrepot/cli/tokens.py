"""`entrepot token`: personal tokens, which stand in for passwords."""

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Final

import typer

from entrepot.cli.common.output import USAGE, Data, Json, fail, print_json, print_table, with_app

if TYPE_CHECKING:
    from entrepot.app import App
    from entrepot.model.people.tokens import Token

app = typer.Typer(
    no_args_is_help=True,
    help="Manage personal tokens, which clients use instead of a password.",
    rich_markup_mode=None,
)

_LIFETIME: Final = re.compile(r"(\d{1,6})([hdwy])")
_UNITS: Final = {
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
    "y": timedelta(days=365),
}


@app.command("add")
def add(
    user: Annotated[str, typer.Argument(help="The account that the token belongs to.")],
    label: Annotated[
        str, typer.Option("--label", help="The token's name, such as the machine that uses it.")
    ],
    scope: Annotated[str, typer.Option("--scope", help="repo:read, repo:write or repo:admin.")],
    expires: Annotated[
        str, typer.Option("--expires", help="The token's lifetime: 12h, 90d, 6w, 1y or never.")
    ] = "90d",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Create a token and print it once."""
    from entrepot.model.people.tokens import TokenScope

    if scope not in set(TokenScope):
        fail(f"invalid scope {scope}: use repo:read, repo:write or repo:admin", USAGE)
    lifetime = parse_lifetime(expires)

    async def work(hub: "App") -> "tuple[Token, str]":
        account = await hub.accounts.get(user)
        return await hub.tokens.add_personal(account, label, TokenScope(scope), lifetime)

    token, secret = with_app(data, work)
    if as_json:
        print_json({**_described(token, user), "token": secret})
    else:
        print(secret)


@app.command("list")
def list_tokens(data: Data = None, as_json: Json = False) -> None:
    """List the tokens, without their secrets."""
    found = with_app(data, lambda it: it.tokens.list_personal())
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
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Revoke a token and all tokens created with it."""
    with_app(data, lambda it: it.tokens.revoke(token_id))
    if as_json:
        print_json({"id": token_id, "revoked": True})
    else:
        print(f"Revoked token {token_id}.")


def parse_lifetime(text: str) -> timedelta | None:
    """A number with a unit; `None` for `never`."""
    if text == "never":
        return None
    match = _LIFETIME.fullmatch(text)
    if match is None or int(match[1]) == 0:
        fail(f"invalid lifetime {text}: write 12h, 90d, 6w, 1y or never", USAGE)
    return int(match[1]) * _UNITS[match[2]]


def _described(token: "Token", user: str) -> dict[str, object]:
    return {
        "id": token.id,
        "user": user,
        "label": token.label,
        "scope": str(token.scope),
        "hint": token.hint,
        "created_at": token.created_at.isoformat(),
        "expires_at": token.expires_at.isoformat() if token.expires_at else None,
        "last_used_at": token.last_used_at.isoformat() if token.last_used_at else None,
        "revoked": token.revoked_at is not None,
    }
