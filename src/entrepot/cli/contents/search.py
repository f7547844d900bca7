"""`entrepot search`: repositories by words and filters."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer
from msgspec import Struct

from entrepot.cli.common.output import Data, Json, counted, print_json, print_table
from entrepot.cli.hubs.choice import HubOption, open_hub

_LONGEST = 60


class Sort(StrEnum):
    """How results are sorted."""

    RELEVANCE = "relevance"
    NEWEST = "newest"
    STARS = "stars"
    PULLS = "pulls"
    NAME = "name"


class Found(Struct, kw_only=True):
    """A repository that was found."""

    name: str
    kind: str
    description: str
    visibility: str
    stars: int
    pulls: int
    tag_count: int
    pushed_at: datetime | None


class Results(Struct, kw_only=True):
    """The first results, and how many there are; names that look alike where there are none."""

    total: int
    items: list[Found]
    suggestions: list[str]


def search(
    words: Annotated[
        list[str], typer.Argument(metavar="WORD...", help="Words and filters, such as kind:chart.")
    ],
    sort: Annotated[Sort, typer.Option("--sort", help="The order.")] = Sort.RELEVANCE,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=100, help="The number of results.")
    ] = 25,
    hub: HubOption = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Search the repositories by words and filters."""
    with open_hub(hub, data) as it:
        found = it.get("/search", Results, q=" ".join(words), sort=sort, limit=limit)
    if as_json:
        print_json(found)
        return
    rows = [
        (each.name, each.kind, each.stars, each.pulls, each.description[:_LONGEST])
        for each in found.items
    ]
    alike = f" Similar names: {', '.join(found.suggestions)}." if found.suggestions else ""
    columns = ("NAME", "KIND", "STARS", "PULLS", "DESCRIPTION")
    print_table(columns, rows, f"There are no results.{alike}")
    if found.total > len(rows):
        print(f"… of {counted(found.total, 'result')}.")
