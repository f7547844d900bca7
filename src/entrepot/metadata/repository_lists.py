"""Lists of repositories that are an account's own: of its namespaces, starred, used recently."""

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import Select, bindparam, func, or_, select

from entrepot.metadata.contents.search import HIT_COLUMNS, hit_of
from entrepot.metadata.contents.search_sql import is_among, json_of
from entrepot.metadata.engines.engine import Reader, SqlStatement, Value
from entrepot.metadata.engines.rows import list_all
from entrepot.metadata.people_tables import stars
from entrepot.metadata.tables import repositories
from entrepot.metadata.visibility import IS_SEEN, VisibleTo
from entrepot.model.search import Hit, SearchOrder

_TEXT: Final = bindparam("text", type_=repositories.c.description.type)
_KIND: Final = bindparam("kind", type_=repositories.c.kind.type)
_MINE: Final = (
    is_among("repositories.namespace_id", "namespaces"),
    or_(
        _TEXT == "",
        repositories.c.name.like(_TEXT, escape="!"),
        func.lower(repositories.c.description).like(_TEXT, escape="!"),
    ),
)
_OF_KIND: Final = or_(_KIND == "", repositories.c.kind == _KIND)
_ORDERS: Final[dict[SearchOrder, tuple[Any, ...]]] = {
    SearchOrder.NEWEST: (func.coalesce(repositories.c.pushed_at, 0).desc(), repositories.c.name),
    SearchOrder.PULLS: (repositories.c.pulls.desc(), repositories.c.name),
    SearchOrder.NAME: (repositories.c.name,),
}


def _page(order: SearchOrder) -> SqlStatement:
    found = select(*HIT_COLUMNS).where(*_MINE, _OF_KIND).order_by(*_ORDERS[order])
    return SqlStatement(found.limit(bindparam("limit")).offset(bindparam("offset")))


_PAGES: Final = {order: _page(order) for order in _ORDERS}
_COUNT_KINDS: Final = SqlStatement(
    select(repositories.c.kind, func.count())
    .where(*_MINE)
    .group_by(repositories.c.kind)
    .order_by(func.count().desc(), repositories.c.kind)
)


def _seen(statement: Select[Any]) -> dict[bool, SqlStatement]:
    """The statement for those who see everything, and for all others."""
    return {False: SqlStatement(statement), True: SqlStatement(statement.where(IS_SEEN))}


_NAMED: Final = _seen(select(*HIT_COLUMNS).where(is_among("repositories.name", "names", "text")))
_STARRED: Final = _seen(
    select(*HIT_COLUMNS)
    .join(stars, stars.c.repository_id == repositories.c.id)
    .where(stars.c.account_id == bindparam("who"))
    .order_by(stars.c.created_at.desc(), repositories.c.name)
    .limit(bindparam("limit"))
)


async def list_owned(
    reader: Reader,
    namespace_ids: Iterable[int],
    *,
    text: str = "",
    kind: str = "",
    order: SearchOrder = SearchOrder.NEWEST,
    limit: int = 25,
    offset: int = 0,
) -> list[Hit]:
    """One page of the repositories of some namespaces whose name or description has the text."""
    values = _values(namespace_ids, text)
    statement = _PAGES.get(order, _PAGES[SearchOrder.NEWEST])
    return await list_all(
        reader, hit_of, statement, **values, kind=kind, limit=limit, offset=offset
    )


async def count_owned_kinds(
    reader: Reader, namespace_ids: Iterable[int], text: str = ""
) -> dict[str, int]:
    """How many of these repositories there are of each kind, the most frequent kind first."""
    rows = await reader.all(_COUNT_KINDS, **_values(namespace_ids, text))
    return {str(kind): int(count) for kind, count in rows}


async def list_named(reader: Reader, names: Iterable[str], visible_to: VisibleTo) -> list[Hit]:
    """The repositories of these names that are seen, in the order of the names."""
    wanted = list(names)
    values = visible_to.values if visible_to.is_limited else {}
    found = await list_all(
        reader, hit_of, _NAMED[visible_to.is_limited], **values, names=json_of(wanted)
    )
    return sorted(found, key=lambda hit: wanted.index(hit.name))


async def list_starred_hits(
    reader: Reader, account_id: int, visible_to: VisibleTo, limit: int
) -> list[Hit]:
    """The account's newest `limit` stars that it sees."""
    values = visible_to.values if visible_to.is_limited else {}
    statement = _STARRED[visible_to.is_limited]
    return await list_all(reader, hit_of, statement, **values, who=account_id, limit=limit)


def _values(namespace_ids: Iterable[int], text: str) -> dict[str, Value]:
    for special in ("!", "%", "_"):
        text = text.replace(special, f"!{special}")
    return {
        "namespaces": json_of(namespace_ids),
        "text": f"%{text.lower()}%" if text else "",
    }
