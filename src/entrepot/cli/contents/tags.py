"""`entrepot tag`: tags, and what became of them."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer
from msgspec import Struct

from entrepot.cli.common.output import (
    Data,
    Json,
    Yes,
    confirm,
    counted,
    fail,
    print_json,
    print_table,
)
from entrepot.cli.common.references import parse_name
from entrepot.cli.hubs.choice import HubOption, open_hub

app = typer.Typer(
    no_args_is_help=True, help="Manage the tags of a repository.", rich_markup_mode=None
)

Name = Annotated[str, typer.Argument(help="The repository's name, such as docker/demo.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="The number of entries.")]


class Sort(StrEnum):
    """How tags are sorted."""

    VERSION = "version"
    NEWEST = "newest"
    NAME = "name"
    SIZE = "size"


class Tag(Struct, kw_only=True):
    """A tag and its manifest."""

    tag: str
    digest: str
    media_type: str
    manifest_size: int
    moved_at: datetime
    moved_by: str | None
    pulls: int
    pulled_at: datetime | None


class Event(Struct, kw_only=True):
    """An event of a tag; `previous` is the digest that it pointed to before."""

    id: int
    tag: str
    action: str
    digest: str
    previous: str | None
    at: datetime
    by: str | None
    promoted_from: str


class _Going(Struct):
    """A tag that would be removed, and the other tags of its manifest."""

    tag: str
    digest: str
    others: list[str]


class Removal(Struct):
    """The effect of a deletion."""

    going: list[_Going]
    manifests: list[str]
    attachments: int
    freed: int


@app.command("list")
def list_tags(
    name: Name,
    text: Annotated[str | None, typer.Option("--text", help="A part of the tags.")] = None,
    sort: Annotated[
        Sort, typer.Option("--sort", help="The greatest version, the newest, names, or size first.")
    ] = Sort.VERSION,
    limit: Limit = 100,
    hub: HubOption = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """List the tags of a repository, the greatest version first."""
    path = f"/repositories/{parse_name(name)}/-/tags"
    with open_hub(hub, data) as it:
        found = it.list_all(path, Tag, limit, q=text, sort=sort)
    if as_json:
        print_json(found)
        return
    rows = [
        (each.tag, each.digest, f"{each.moved_at:%Y-%m-%d %H:%M}", each.moved_by, each.pulls)
        for each in found
    ]
    print_table(("TAG", "DIGEST", "PUSHED", "BY", "PULLS"), rows, "There are no tags.")


@app.command("delete")
def delete(
    name: Name,
    tags: Annotated[list[str], typer.Argument(metavar="TAG...", help="The tags to remove.")],
    whole: Annotated[
        bool, typer.Option("--manifest", help="Delete the manifests and all their tags too.")
    ] = False,
    yes: Yes = False,
    hub: HubOption = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Remove tags; they can be restored at first. Their manifests stay, unless told otherwise."""
    path = f"/repositories/{parse_name(name)}/-/delete"
    with open_hub(hub, data) as it:
        removal = it.get(path, Removal, tag=tags, whole=whole)
        missing = sorted(set(tags) - {each.tag for each in removal.going})
        if missing:
            fail(f"{name} has no tag {missing[0]}")
        others = sorted({tag for each in removal.going for tag in each.others} - set(tags))
        if not yes:
            confirm(_question(name, tags, others if whole else [], removal) + f"{it.suffix}?")
        going = [{"tag": each.tag, "digest": each.digest} for each in removal.going]
        it.act("POST", path, {"tags": going, "whole": whole, "others": others if whole else []})
    gone = [*tags, *others] if whole else tags
    if as_json:
        print_json({"name": name, "tags": gone, "manifests": removal.manifests if whole else []})
    else:
        print(f"Removed {', '.join(gone)} from {name}.")


def _question(name: str, tags: list[str], others: list[str], removal: Removal) -> str:
    also = f" and with it {', '.join(others)}" if others else ""
    manifests = len(removal.manifests)
    whole = f" and delete {counted(manifests, 'manifest')}" if manifests else ""
    return f"Remove {', '.join(tags)}{also}{whole} from {name}"


@app.command("history")
def history(
    name: Name,
    tag: Annotated[str | None, typer.Argument(help="A tag; by default all tags.")] = None,
    limit: Limit = 50,
    hub: HubOption = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """List the events of tags, the newest first."""
    path = f"/repositories/{parse_name(name)}/-/history"
    with open_hub(hub, data) as it:
        found = it.list_all(path, Event, limit, tag=tag)
    if as_json:
        print_json(found)
        return
    rows = [
        (each.id, f"{each.at:%Y-%m-%d %H:%M}", each.tag, each.action, each.digest, each.by)
        for each in found
    ]
    print_table(("ID", "AT", "TAG", "EVENT", "DIGEST", "BY"), rows, "There are no events.")


@app.command("restore")
def restore(
    name: Name,
    event: Annotated[
        int, typer.Argument(metavar="ID", min=1, help="The event to undo, from the history.")
    ],
    hub: HubOption = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Move a tag back to its digest before an event; a deleted tag is restored."""
    path = f"/repositories/{parse_name(name)}/-/undo"
    with open_hub(hub, data) as it:
        made = it.ask("POST", path, Event, {"event": event})
    if as_json:
        print_json(made)
    else:
        print(f"{name}:{made.tag} is {made.digest} again.")
