"""`entrepot mirror`: other registries that this hub stands before."""

import re
import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from entrepot.cli.common.output import (
    USAGE,
    Data,
    Json,
    confirm,
    counted,
    fail,
    print_json,
    print_table,
    with_app,
)
from entrepot.cli.policies import parse_size

if TYPE_CHECKING:
    from entrepot.app import App
    from entrepot.model.mirrors import Mirror, MirrorVisibility

app = typer.Typer(
    no_args_is_help=True,
    help="Manage mirrors, the namespaces that are fetched from other registries.",
    rich_markup_mode=None,
)

Name = Annotated[str, typer.Argument(help="The mirror's name, the first component of its images.")]
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_TTL: Final = re.compile(r"(\d{1,9})([smhd]?)")


Url = Annotated[str, typer.Option("--url", help="The registry's URL.")]
Preset = Annotated[
    str, typer.Option("--preset", help="A known registry, such as docker.io or ghcr.io.")
]
User = Annotated[str, typer.Option("--user", help="The user name at the registry.")]
PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]
AnswersTo = Annotated[
    list[str] | None,
    typer.Option("--answers-to", help="A host of image names that clients ask for by ?ns=."),
]
Shown = Annotated[
    str,
    typer.Option("--visibility", help="public, signed-in or members: the people that may pull."),
]
Ttl = Annotated[
    str, typer.Option("--ttl", help="How long a tag is served unasked: 30s, 5m, 2h or never.")
]
Size = Annotated[str, typer.Option("--size", help="The most that is cached, such as 200G.")]
AllowPrivate = Annotated[
    bool, typer.Option("--allow-private-network", help="The registry may have a private address.")
]
Networks = Annotated[
    list[str] | None, typer.Option("--network", help="A private network that it may redirect to.")
]
TokenHosts = Annotated[
    list[str] | None,
    typer.Option("--token-host", help="Another host that may be sent the password."),
]
Include = Annotated[
    list[str] | None,
    typer.Option("--include", help="A pattern of repositories to mirror; by default all."),
]
Exclude = Annotated[
    list[str] | None, typer.Option("--exclude", help="A pattern of repositories to leave out.")
]


@app.command("add")
def add(
    name: Name,
    url: Url = "",
    preset: Preset = "",
    user: User = "",
    password_stdin: PasswordStdin = False,
    answers_to: AnswersTo = None,
    visibility: Shown = "signed-in",
    ttl: Ttl = "5m",
    size: Size = "",
    allow_private_network: AllowPrivate = False,
    network: Networks = None,
    token_host: TokenHosts = None,
    include: Include = None,
    exclude: Exclude = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Create a mirror of another registry."""
    from entrepot.hub.mirrors import MirrorSettings

    if not url and not preset:
        fail("say which registry: --url URL or --preset NAME", USAGE)
    settings = MirrorSettings(
        url=url,
        preset=preset,
        username=user,
        password=read_password() if password_stdin else None,
        visibility=_parse_visibility(visibility),
        ttl=parse_ttl(ttl),
        size_limit=parse_size(size) if size else None,
        allows_private=allow_private_network,
        networks=tuple(network or ()),
        token_hosts=tuple(token_host or ()),
        answers_to=tuple(answers_to) if answers_to else None,
        include=tuple(include or ()),
        exclude=tuple(exclude or ()),
    )
    _print_made(with_app(data, lambda hub: hub.mirrors.add(name, settings)), as_json=as_json)


def _print_made(made: "Mirror", *, as_json: bool) -> None:
    if as_json:
        print_json(_described(made))
        return
    print(
        f"Created mirror {made.name} of {made.url}. Pull {made.name}/REPOSITORY:TAG from this hub."
    )


def _parse_visibility(text: str) -> "MirrorVisibility":
    from entrepot.model.mirrors import MirrorVisibility

    if text not in set(MirrorVisibility):
        fail(f"invalid visibility {text}: use public, signed-in or members", USAGE)
    return MirrorVisibility(text)


@app.command("list")
def list_mirrors(data: Data = None, as_json: Json = False) -> None:
    """List the mirrors."""
    found = with_app(data, lambda hub: hub.mirrors.list_all())
    if as_json:
        print_json([_described(each) for each in found])
        return
    rows = [(each.name, each.url, each.visibility, _state(each)) for each in found]
    print_table(("NAME", "URL", "VISIBILITY", "STATE"), rows, "There are no mirrors.")


@app.command("show")
def show(name: Name, data: Data = None, as_json: Json = False) -> None:
    """Show the settings of a mirror, and how much it has cached."""

    async def work(hub: "App") -> "tuple[Mirror, int]":
        mirror = await hub.mirrors.get(name)
        return mirror, await hub.mirrors.measure(mirror)

    mirror, cached = with_app(data, work)
    described = {**_described(mirror), "cached": cached}
    if as_json:
        print_json(described)
        return
    rows = [
        (key.replace("_", " "), " ".join(value) if isinstance(value, list) else value)
        for key, value in described.items()
    ]
    print_table(("SETTING", "VALUE"), rows, "")


@app.command("test")
def ask_upstream(name: Name, data: Data = None, as_json: Json = False) -> None:
    """Ask the registry whether it answers, with the mirror's credentials."""

    async def work(hub: "App") -> str:
        return await hub.mirrors.test(name)

    said = with_app(data, work)
    print_json({"name": name, "answer": said}) if as_json else print(f"{name}: {said}.")


@app.command("offline")
def offline(
    name: Name,
    state: Annotated[
        str, typer.Argument(help="on: ask the registry for nothing; off: ask.")
    ] = "on",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Serve only what is cached, or go back to asking the registry."""
    if state not in ("on", "off"):
        fail(f"invalid state {state}: use on or off", USAGE)
    changed = with_app(data, lambda hub: hub.mirrors.set_offline(name, is_offline=state == "on"))
    if as_json:
        print_json(_described(changed))
    else:
        print(f"{name} is {'offline' if changed.is_offline else 'online'} now.")


@app.command("remove")
def remove(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Delete a mirror with everything that it has cached."""
    found = with_app(data, lambda hub: hub.mirrors.preview_removal(name))
    if not yes:
        held = counted(len(found.repositories), "repository", "repositories")
        confirm(f"Delete the mirror {name} with {held}?")
    gone = with_app(data, lambda hub: hub.mirrors.remove(name))
    if as_json:
        print_json({"name": name, "deleted": True, "repositories": gone.repositories})
    else:
        print(f"Deleted the mirror {name}.")


def parse_ttl(text: str) -> int:
    """The seconds of `300`, `5m` or `2h`; -1 for `never`. Ends the command for anything else."""
    from entrepot.model.mirrors import NEVER

    if text == "never":
        return NEVER
    found = _TTL.fullmatch(text)
    if found is None:
        fail(f"invalid TTL {text}: write 30s, 5m, 2h, 7d or never", USAGE)
    return int(found[1]) * _UNITS[found[2] or "s"]


def read_password() -> str:
    """The password on the standard input; ends the command where there is none."""
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        fail("no password on standard input", USAGE)
    return password


def _state(mirror: "Mirror") -> str:
    if mirror.is_offline:
        return "offline"
    return mirror.backs_off_reason if mirror.back_off is not None else "online"


def _described(mirror: "Mirror") -> dict[str, object]:
    """The mirror as JSON; its password is never in it."""
    return {
        "name": mirror.name,
        "url": mirror.url,
        "preset": mirror.preset,
        "username": mirror.username,
        "has_password": bool(mirror.secret),
        "visibility": str(mirror.visibility),
        "answers_to": list(mirror.answers_to),
        "ttl": mirror.ttl,
        "size_limit": mirror.size_limit,
        "offline": mirror.is_offline,
        "allow_private_network": mirror.allows_private,
        "networks": list(mirror.networks),
        "token_hosts": list(mirror.token_hosts),
        "include": list(mirror.include),
        "exclude": list(mirror.exclude),
        "created_at": mirror.created_at.isoformat(),
        "state": _state(mirror),
    }
