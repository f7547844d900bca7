"""The manifests of a tags page, each with its tags: grouped, sorted and paged by the engine."""

from collections.abc import Sequence
from typing import Any, Final

from msgspec import json
from sqlalchemy import (
    LABEL_STYLE_TABLENAME_PLUS_COL,
    Select,
    bindparam,
    case,
    distinct,
    func,
    or_,
    select,
)

from entrepot.metadata.artifact_tables import artifacts
from entrepot.metadata.contents.search_sql import is_among
from entrepot.metadata.engines.engine import Reader, Row, SqlStatement
from entrepot.metadata.engines.rows import first_number, get_number, list_all
from entrepot.metadata.registry.tag_listing import (
    COLUMNS,
    FILTER,
    SORT,
    VISIBLE,
    filter_values,
    joined,
    tag_row,
)
from entrepot.metadata.tables import tags
from entrepot.model.tags import Filters, TagGroup, TagOrder, TagRow

MOST_LISTED: Final = 100
"""Tags of one manifest that are listed with it; `TagGroup.count` has the number of all."""


_GROUP_SORT: Final[dict[TagOrder, tuple[Any, ...]]] = {
    TagOrder.VERSION: (func.max(tags.c.version_key).desc(), func.max(tags.c.name).desc()),
    TagOrder.NEWEST: (func.max(tags.c.moved_at).desc(), func.max(tags.c.name).desc()),
    TagOrder.NAME: (func.min(tags.c.name),),
    TagOrder.SIZE: (func.max(artifacts.c.size).desc().nulls_last(), func.min(tags.c.name)),
}
# Two tags may have one version key, never one name; the last resort keeps pages apart all the same.
_LAST: Final = tags.c.manifest_id


def _grouped(order: TagOrder, *, is_filtered: bool) -> SqlStatement:
    found = select(tags.c.manifest_id)
    # Without a filter only the order by size looks at anything but tags.
    if is_filtered or order is TagOrder.SIZE:
        found = joined(found)
    found = found.where(VISIBLE, *(FILTER if is_filtered else ()))
    return SqlStatement(
        found.group_by(tags.c.manifest_id)
        .order_by(*_GROUP_SORT[order], _LAST)
        .limit(bindparam("limit"))
        .offset(bindparam("offset"))
    )


_PAGES: Final = {
    (order, is_filtered): _grouped(order, is_filtered=is_filtered)
    for order in TagOrder
    for is_filtered in (False, True)
}
_COUNTED: Final = select(func.count(distinct(tags.c.manifest_id))).select_from(tags)
_COUNT: Final = SqlStatement(_COUNTED.where(VISIBLE))
_COUNT_FILTERED: Final = SqlStatement(joined(_COUNTED).where(*FILTER))
_MATCHES_FIRST: Final = case(
    (
        or_(bindparam("text") == "", func.lower(tags.c.name).like(bindparam("text"), escape="!")),
        0,
    ),
    else_=1,
)


def _members(order: TagOrder) -> SqlStatement:
    """Every tag of some manifests, numbered within each; only the first ones are given."""
    within = tags.c.manifest_id
    sort = SORT[TagOrder.VERSION] if order is TagOrder.SIZE else SORT[order]
    numbered: Select[Any] = joined(
        select(
            *COLUMNS,
            func.row_number()
            .over(partition_by=within, order_by=(_MATCHES_FIRST, *sort))
            .label("place"),
            func.count().over(partition_by=within).label("of"),
        )
    ).where(is_among("tags.manifest_id", "manifest_ids"))
    # The same column name may come from two tables: each gets one of its own.
    inner = numbered.set_label_style(LABEL_STYLE_TABLENAME_PLUS_COL).subquery()
    return SqlStatement(select(inner).where(inner.c.place <= MOST_LISTED).order_by(inner.c.place))


_MEMBERS: Final = {order: _members(order) for order in TagOrder}


async def list_groups(
    reader: Reader,
    repository_id: int,
    order: TagOrder,
    filters: Filters,
    *,
    limit: int,
    offset: int,
) -> list[TagGroup]:
    """`limit` manifests from `offset` on, in that order; each is on one page only."""
    values = {"repository_id": repository_id, "limit": limit, "offset": offset}
    wanted = filter_values(filters)
    statement = _PAGES[order, not filters.is_empty]
    narrowed = {} if filters.is_empty else wanted
    found = await list_all(reader, first_number, statement, **values, **narrowed)
    if not found:
        return []
    members = await reader.all(
        _MEMBERS[order],
        repository_id=repository_id,
        manifest_ids=json.encode(found).decode(),
        text=wanted["text"],
    )
    return _groups(found, members)


async def count_groups(reader: Reader, repository_id: int, filters: Filters) -> int:
    """How many manifests have a tag that the filters let through."""
    if filters.is_empty:
        return await get_number(reader, _COUNT, repository_id=repository_id)
    values = filter_values(filters)
    return await get_number(reader, _COUNT_FILTERED, repository_id=repository_id, **values)


def _groups(manifest_ids: Sequence[int], members: Sequence[Row]) -> list[TagGroup]:
    rows: dict[int, list[TagRow]] = {each: [] for each in manifest_ids}
    counts: dict[int, int] = {}
    for member in members:
        row = tag_row(member[:-2])
        rows[row.manifest_id].append(row)
        counts[row.manifest_id] = int(member[-1])
    # A manifest may have lost its tags between the two statements.
    return [
        TagGroup(first, tuple(row.tag for row in others), counts[first.manifest_id])
        for first, *others in filter(None, rows.values())
    ]
