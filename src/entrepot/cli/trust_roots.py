"""`entrepot trust-root`: authorities that say who signed, as sigstore and the Notary Project do."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from entrepot.cli.common.output import Data, Json, fail, print_json, print_table, with_app
from entrepot.cli.maintenance.reindex import do_due_jobs

if TYPE_CHECKING:
    from entrepot.app import App
    from entrepot.model.security.trust_roots import StoredRoot

app = typer.Typer(
    no_args_is_help=True,
    help="Trust roots: authorities that say who signed; rules about pulls say who may.",
    rich_markup_mode=None,
)

Name = Annotated[str, typer.Argument(help="The trust root's name.")]


@app.command("add")
def add(
    file: Annotated[
        str,
        typer.Argument(
            help="A sigstore trusted_root.json, or certificates in PEM for notation;"
            " public-good for the root that is shipped."
        ),
    ],
    name: Annotated[str, typer.Option(help="Its name; by default that of the file.")] = "",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Trust a root from now on; signatures that are there are verified again."""
    from entrepot.model.security.trust_roots import PUBLIC_GOOD

    place = Path(file)
    is_shipped = file == PUBLIC_GOOD and not name and not place.exists()
    if not is_shipped and not place.is_file():
        fail(f"no such file: {file}")
    content = "" if is_shipped else place.read_text(errors="replace")

    async def work(hub: "App") -> "StoredRoot":
        if is_shipped:
            root = await hub.trust_roots.restore_shipped()
        else:
            root = await hub.trust_roots.add(name or place.stem.lower(), content)
        await do_due_jobs(hub)
        return root

    root = with_app(data, work)
    if as_json:
        print_json(_described(root))
    else:
        until = f", until {root.expires_at:%Y-%m-%d}" if root.expires_at else ""
        print(f"Added trust root {root.name} ({root.kind}{until}).")


@app.command("list")
def list_roots(data: Data = None, as_json: Json = False) -> None:
    """List the trust roots by name."""
    found = with_app(data, lambda hub: hub.trust_roots.list_all())
    if as_json:
        print_json([_described(each) for each in found])
        return
    rows = [(each.name, each.kind, _source(each), _day(each.expires_at)) for each in found]
    print_table(("NAME", "KIND", "SOURCE", "EXPIRES"), rows, "The hub trusts no root.")


@app.command("show")
def show(name: Name, data: Data = None, as_json: Json = False) -> None:
    """Show the authorities and logs of a trust root, and until when each counts."""
    from entrepot.hub.security.trust_roots import parse_root_file

    root = with_app(data, lambda hub: hub.trust_roots.get(name))
    parts = parse_root_file(root.content).parts
    if as_json:
        said = []
        for each in parts:
            start, end = each.bounds
            said.append({"what": each.what, "name": each.name, "from": start, "until": end})
        print_json({**_described(root), "parts": said})
        return
    rows = [(each.what, each.name, *map(_day, each.bounds)) for each in parts]
    print_table(("WHAT", "NAME", "FROM", "UNTIL"), rows, "It holds nothing.")


@app.command("remove")
def remove(name: Name, data: Data = None, as_json: Json = False) -> None:
    """Trust a root no longer; signatures that it vouched for are read again."""

    async def work(hub: "App") -> None:
        await hub.trust_roots.remove(name)
        await do_due_jobs(hub)

    with_app(data, work)
    if as_json:
        print_json({"removed": name})
    else:
        print(f"Removed trust root {name}.")


def _described(root: "StoredRoot") -> dict[str, object]:
    return {
        "name": root.name,
        "kind": root.kind.value,
        "source": _source(root),
        "expires_at": root.expires_at and root.expires_at.isoformat(),
        "created_at": root.created_at and root.created_at.isoformat(),
    }


def _source(root: "StoredRoot") -> str:
    return "shipped" if root.is_shipped else "uploaded"


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d}" if moment else ""
