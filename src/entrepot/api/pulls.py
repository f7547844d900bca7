"""Pulls of a repository or of one of its tags, day by day."""

from datetime import date, timedelta
from typing import Annotated, Final

from msgspec import Meta, Struct

from entrepot.api.fields import Asked, TagText
from entrepot.api.requests import ApiRequest, route
from entrepot.http.authorize import AccessRule
from entrepot.hub.pull_counts import MAX_DAYS
from entrepot.oci.names import Tag


class PullQuery(Asked, frozen=True, kw_only=True):
    """The days and the tag whose pulls are counted."""

    days: Annotated[int, Meta(ge=1, le=MAX_DAYS, description="Days, today included.")] = 90
    tag: TagText | None = None


class DayOfPulls(Struct, frozen=True):
    """The pulls of a day, which ends at midnight UTC."""

    day: date
    pulls: int


class PullsByDay(Struct, frozen=True):
    """Pulls of each day, the oldest first; `total` is their sum."""

    total: int
    days: list[DayOfPulls]


async def count_pulls(request: ApiRequest, query: PullQuery) -> PullsByDay:
    """Return the pulls of each day: of the repository, or of those who asked for a tag.

    Days are kept for 400 days. A pull is written down within seconds.
    """
    tag = Tag(query.tag) if query.tag else None
    found = await request.app.pull_counts.list_days(request.repository, query.days, tag)
    days = [
        DayOfPulls(found.first + timedelta(days=number), count)
        for number, count in enumerate(found.counts)
    ]
    return PullsByDay(found.total, days)


ROUTES: Final = (route("GET", "/repositories/{repository}/-/pulls", AccessRule.PULL, count_pulls),)
