"""`entrepot repo`: repositories."""

from datetime import datetime
from typing import Annotated

import typer
from msgspec import Struct
from msgspec.structs import asdict

from entrepot.cli.common.output import (
    USAGE,
    Data,
    Json,
    confirm,
    fail,
    print_json,
    print_table,
    printable,
)
from entrepot.cli.common.references import parse_name
from entrepot.cli.hubs.choice import HubOption, open_hub

app = typer.Typer(no_args_is_help=True, help="Manage repositories.", rich_markup_mode=None)

Name = Annotated[str, typer.Argument(help="The repository's name, such as docker/demo.")]
_TAGS_SHOWN = 100


class Listed(Struct, kw_only=True):
    """A repository in a list."""

    name: str
    visibility: str
    description: str
    kind: str
    tag_count: int
    pulls: int
    stars: int
    created_at: datetime
    pushed_at: datetime | None
    archived: bool


class Repository(Struct, kw_only=True):
    """A repository."""

    name: str
    visibility: str
    description: str
    kind: str
    size: int
    tag_count: int
    pulls: int
    stars: int
    created_at: datetime
    pushed_at: datetime | None
    pulled_at: datetime | None
    archived_at: datetime | None
    recommended: str | None


class _Tag(Struct):
    """A tag, by its name."""

    tag: str


@app.command("list")
def list_repos(
    namespace: Annotated[
        str | None, typer.Option("--namespace", help="Only those of an account or organization.")
    ] = None,
    hub: HubOption = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """List the repositories."""
    with open_hub(hub, data) as it:
        found = it.list_all("/repositories", Listed, sort="name", namespace=namespace)
    if as_json:
        print_json(found)
        return
    rows = [(each.name, each.visibility, each.pulls) for each in found]
    print_table(("NAME", "VISIBILITY", "PULLS"), rows, "There are no repositories yet.")


@app.command("show")
def show(name: Name, hub: HubOption = None, data: Data = None, as_json: Json = False) -> None:
    """Show a repository and its first tags."""
    path = f"/repositories/{parse_name(name)}"
    with open_hub(hub, data) as it:
        found = it.get(path, Repository)
        listed = it.list_all(f"{path}/-/tags", _Tag, _TAGS_SHOWN + 1, sort="name")
    tags, more = [each.tag for each in listed[:_TAGS_SHOWN]], len(listed) > _TAGS_SHOWN
    if as_json:
        print_json({**asdict(found), "tags": tags, "more_tags": more})
        return
    print(f"Name         {found.name}")
    if found.description:
        print(f"Description  {printable(found.description)}")
    print(f"Visibility   {found.visibility}")
    print(f"Created      {found.created_at:%Y-%m-%d %H:%M}")
    print(f"Size         {found.size:,} bytes")
    print(f"Pulls        {found.pulls}")
    print(f"Tags         {', '.join(tags) or 'none'}{' and more' if more else ''}")


@app.command("visibility")
def visibility(
    name: Name,
    value: Annotated[str, typer.Argument(metavar="public|private", help="public or private.")],
    hub: HubOption = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Make a repository public or private."""
    path = f"/repositories/{parse_name(name)}"
    if value not in ("public", "private"):
        fail(f"invalid visibility {value}: use public or private", USAGE)
    with open_hub(hub, data) as it:
        it.act("PATCH", path, {"visibility": value})
    if as_json:
        print_json({"name": name, "visibility": value})
    else:
        print(f"{name} is now {value}.")


@app.command("delete")
def delete(
    name: Name,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", "--force", help="Do not ask for confirmation.")
    ] = False,
    hub: HubOption = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Delete a repository with all its tags and manifests."""
    path = f"/repositories/{parse_name(name)}"
    with open_hub(hub, data) as it:
        if not yes:
            confirm(f"Delete {name} with all its tags and manifests{it.suffix}?")
        it.act("DELETE", path)
    if as_json:
        print_json({"name": name, "deleted": True})
    else:
        print(f"Deleted {name}.")
