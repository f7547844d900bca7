"""Pulls of each day: of repositories, and of their tags."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Final

from sqlalchemy import bindparam, delete, select

from entrepot.metadata.contents.search_sql import is_among, json_of
from entrepot.metadata.engines.engine import Reader, SqlStatement, Transaction, Value
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.tables import pull_days, repositories

WHOLE: Final = ""
"""In place of a tag: the repository as a whole."""

# From the repository's row: a repository that was deleted meanwhile is no failure.
_ADD: Final = SqlStatement(
    insert(pull_days)
    .from_select(
        ["repository_id", "tag", "day", "count"],
        select(
            repositories.c.id,
            bindparam("of_tag", type_=pull_days.c.tag.type),
            bindparam("on_day", type_=pull_days.c.day.type),
            bindparam("more", type_=pull_days.c["count"].type),
        ).where(repositories.c.id == bindparam("of")),
    )
    .on_conflict_do_update(
        index_elements=["repository_id", "tag", "day"],
        set_={"count": pull_days.c["count"] + bindparam("more", type_=pull_days.c["count"].type)},
    )
)
_LIST: Final = SqlStatement(
    select(pull_days.c.day, pull_days.c["count"])
    .where(
        pull_days.c.repository_id == bindparam("repository_id"),
        pull_days.c.tag == bindparam("tag"),
        pull_days.c.day >= bindparam("first"),
    )
    .order_by(pull_days.c.day)
)
_LIST_OF_MANY: Final = SqlStatement(
    select(pull_days.c.repository_id, pull_days.c.day, pull_days.c["count"]).where(
        is_among("pull_days.repository_id", "ids"),
        pull_days.c.tag == WHOLE,
        pull_days.c.day >= bindparam("first"),
    )
)
_DELETE: Final = SqlStatement(delete(pull_days).where(pull_days.c.day < bindparam("first")))


async def add_pulls(tx: Transaction, day: date, counts: Mapping[tuple[int, str], int]) -> None:
    """Count more pulls of that day, by repository and tag (`WHOLE` for all of a repository's)."""
    # In one order, so that two workers that write at once never wait for each other.
    rows: list[dict[str, Value]] = [
        {"of": repository_id, "of_tag": tag, "on_day": day.toordinal(), "more": count}
        for (repository_id, tag), count in sorted(counts.items())
    ]
    await tx.run_many(_ADD, rows)


async def list_days(reader: Reader, repository_id: int, tag: str, first: date) -> dict[date, int]:
    """Pulls of each day since `first` that has any; of a tag, or of `WHOLE`."""
    rows = await reader.all(_LIST, repository_id=repository_id, tag=tag, first=first.toordinal())
    return {date.fromordinal(int(row[0])): int(row[1]) for row in rows}


async def list_days_of_many(
    reader: Reader, repository_ids: Iterable[int], first: date
) -> dict[tuple[int, date], int]:
    """Pulls by repository and day since `first`, where there are any."""
    rows = await reader.all(_LIST_OF_MANY, ids=json_of(repository_ids), first=first.toordinal())
    return {(int(of), date.fromordinal(int(day))): int(count) for of, day, count in rows}


async def delete_days(tx: Transaction, first: date) -> int:
    """Forget the days before `first`; return how many rows that were."""
    return await tx.run(_DELETE, first=first.toordinal())
