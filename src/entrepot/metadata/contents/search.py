"""Finding repositories, and counting what the found ones are.

The ids of everything that matches are fetched first, in order: 10,000 of them take some
milliseconds. The page and the counts are then short statements over ids.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from sqlalchemy import ColumnElement, bindparam, case, func, literal_column, select

from entrepot.metadata.artifact_tables import repository_facets
from entrepot.metadata.contents.search_filters import Shape, condition_of, demands_of
from entrepot.metadata.contents.search_sql import (
    DELETE,
    IS_EXACTLY,
    TEXTS,
    WRITE,
    document,
    is_among,
    json_of,
    matches,
    matching,
    misses,
)
from entrepot.metadata.engines.engine import Reader, Row, SqlStatement, Transaction, Value
from entrepot.metadata.engines.rows import first_text, list_all, row_mapper
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.tables import repositories
from entrepot.metadata.visibility import IS_SEEN, VisibleTo
from entrepot.model.search import Facet, FacetCounts, Hit, Query, SearchOrder, SearchResult

MOST_VALUES: Final = 20
"""Values that are counted per facet, the most frequent; those asked for come on top."""
_FEW: Final = 1000


@dataclass(frozen=True, slots=True)
class _Matched:
    """Ids of what matches, and by facet of what only its filters leave out."""

    ids: list[int]
    but_for: dict[Facet, list[int]]


NOTHING: Final = SearchResult(0, (), {})

_DROP_FACETS: Final = SqlStatement(
    repository_facets.delete().where(repository_facets.c.repository_id == bindparam("of"))
)
_ADD_FACET: Final = SqlStatement(
    insert(repository_facets)
    .values(facet=bindparam("facet"), value=bindparam("value"), repository_id=bindparam("of"))
    .on_conflict_do_nothing()
)
HIT_COLUMNS: Final = (
    repositories.c.id,
    repositories.c.name,
    repositories.c.description,
    repositories.c.kind,
    repositories.c.stars,
    repositories.c.pulls,
    repositories.c.pushed_at,
    repositories.c.visibility,
    repositories.c.archived_at,
    repositories.c.tag_count,
    repositories.c.created_at,
)
_HITS: Final = SqlStatement(select(*HIT_COLUMNS).where(is_among("repositories.id", "ids")))


def _counting(column: str, *conditions: ColumnElement[bool]) -> SqlStatement:
    return SqlStatement(
        select(repository_facets.c.facet, repository_facets.c.value, func.count())
        .where(is_among(column, "ids"), *conditions)
        .group_by(repository_facets.c.facet, repository_facets.c.value)
    )


_OTHER_FACETS: Final = (repository_facets.c.facet != bindparam("facet"),)
_ONE_FACET: Final = (repository_facets.c.facet == bindparam("facet"),)
# Few repositories: look each one up. Many: walk all facets in their order. The plus tells SQLite.
_COUNT_OF_FEW: Final = _counting("repository_facets.repository_id")
_COUNT_OF_MANY: Final = _counting("+repository_facets.repository_id")
_COUNT_ONE: Final = _counting("+repository_facets.repository_id", *_ONE_FACET)


hit_of: Final = row_mapper(Hit, len(HIT_COLUMNS), archived=lambda instant: instant is not None)


async def write_document(
    tx: Transaction, repository_id: int, name: str, title: str, body: str
) -> None:
    """Find the repository by these texts from now on, and by no others."""
    await tx.run(WRITE, of=repository_id, **document(name, title, body))


async def delete_document(tx: Transaction, repository_id: int) -> None:
    """Find the repository by no word any more; where it was not found, nothing changes."""
    await tx.run(DELETE, of=repository_id)


async def set_facets(
    tx: Transaction, repository_id: int, values: Iterable[tuple[Facet, str]]
) -> None:
    """Count the repository under these values, and under no others."""
    await tx.run(_DROP_FACETS, of=repository_id)
    rows: list[dict[str, Value]] = [
        {"facet": facet, "value": value, "of": repository_id} for facet, value in values
    ]
    await tx.run_many(_ADD_FACET, rows)


async def search(
    reader: Reader,
    query: Query,
    visible_to: VisibleTo,
    *,
    order: SearchOrder = SearchOrder.RELEVANCE,
    limit: int = 25,
    offset: int = 0,
) -> SearchResult:
    """One page of the repositories that match and are seen, and counts over all of them."""
    if any(not term.tokens for term in query.terms):
        return NOTHING
    matched = await _match(reader, query, visible_to, order)
    hits = await _hits(reader, matched.ids[offset : offset + limit])
    return SearchResult(len(matched.ids), hits, await _facets(reader, query, matched))


async def list_hits(
    reader: Reader, query: Query, visible_to: VisibleTo, limit: int
) -> tuple[Hit, ...]:
    """The best `limit` of what matches and is seen, without counts: for suggestions."""
    if any(not term.tokens for term in query.terms):
        return ()
    matched = await _match(reader, query, visible_to, SearchOrder.RELEVANCE)
    return await _hits(reader, matched.ids[:limit])


async def list_seen_names(reader: Reader, visible_to: VisibleTo, limit: int) -> list[str]:
    """Names of repositories that are seen, the most popular first."""
    statement = _SEEN_NAMES if visible_to.is_limited else _ALL_NAMES
    values = visible_to.values if visible_to.is_limited else {}
    return await list_all(reader, first_text, statement, **values, limit=limit)


async def _hits(reader: Reader, ids: Sequence[int]) -> tuple[Hit, ...]:
    if not ids:
        return ()
    hits = await list_all(reader, hit_of, _HITS, ids=json_of(ids))
    found = {hit.repository_id: hit for hit in hits}
    # One may have gone since.
    return tuple(found[each] for each in ids if each in found)


async def _facets(reader: Reader, query: Query, matched: _Matched) -> FacetCounts:
    """Each facet is counted without its own filters: what would be found instead."""
    chosen = _chosen(query)
    counts: FacetCounts = {facet: [] for facet in Facet}
    if matched.ids:
        statement = _COUNT_OF_FEW if len(matched.ids) <= _FEW else _COUNT_OF_MANY
        _add(counts, await reader.all(statement, ids=json_of(matched.ids)), without=chosen)
    for facet in chosen:
        ids = [*matched.ids, *matched.but_for[facet]]
        _add(counts, await reader.all(_COUNT_ONE, ids=json_of(ids), facet=facet))
    return {facet: _most(values, chosen.get(facet, set())) for facet, values in counts.items()}


def _chosen(query: Query) -> dict[Facet, set[str]]:
    """The values that were asked for, in lower case."""
    chosen: dict[Facet, set[str]] = {}
    for each in query.filters:
        if isinstance(each.name, Facet) and not each.is_excluded:
            chosen.setdefault(each.name, set()).add(each.value.lower())
    return chosen


def _add(counts: FacetCounts, rows: Iterable[Row], without: Iterable[Facet] = ()) -> None:
    for name, value, count in rows:
        if name in counts and name not in without:
            counts[Facet(name)].append((str(value), int(count)))


def _most(values: list[tuple[str, int]], chosen: set[str]) -> list[tuple[str, int]]:
    values.sort(key=lambda each: (-each[1], each[0]))
    kept = [each for each in values[MOST_VALUES:] if each[0].lower() in chosen]
    return values[:MOST_VALUES] + kept


async def _match(
    reader: Reader, query: Query, visible_to: VisibleTo, order: SearchOrder
) -> _Matched:
    """Everything that matches, in that order, and what fails the filters of one facet only."""
    demands = tuple(demands_of(query.filters))
    values: dict[str, Value] = {}
    for demand in demands:
        values |= demand.values
    if query.terms:
        values |= _values_of_terms(query)
    if query.excluded:
        values |= matching("excluded", query.excluded, any_of=True)
    if visible_to.is_limited:
        values |= visible_to.values
    shapes = tuple(demand.shape for demand in demands)
    statement = _statement(
        bool(query.terms), bool(query.excluded), shapes, visible_to.is_limited, order
    )
    return _sorted_out(await reader.all(statement, **values), _facets_of(shapes))


def _facets_of(shapes: Iterable[Shape]) -> list[Shape]:
    """The demands that widen when their facet is counted."""
    return [each for each in shapes if isinstance(each.name, Facet) and not each.is_excluded]


def _sorted_out(rows: Sequence[Row], facets: Sequence[Shape]) -> _Matched:
    if not facets:
        return _Matched([row[0] for row in rows], {})
    matched = _Matched([], {Facet(each.name): [] for each in facets})
    groups = [matched.ids, *matched.but_for.values()]
    for repository_id, failing in rows:
        groups[failing].append(repository_id)
    return matched


def _values_of_terms(query: Query) -> dict[str, Value]:
    last = query.terms[-1].text.lower()
    escaped = last.replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return {
        **matching("words", query.terms),
        **matching("in_name", query.terms, columns=["name"]),
        **matching("in_title", query.terms, columns=["name", "title"]),
        # Of several words none alone is the name.
        "exactly": f"%/{escaped}" if len(query.terms) == 1 else "/",
    }


@lru_cache(maxsize=512)
def _statement(
    by_words: bool, excluding: bool, shapes: tuple[Shape, ...], is_limited: bool, order: SearchOrder
) -> SqlStatement:
    """The statement of a search of that form; there are few forms, and making one takes long."""
    facets = _facets_of(shapes)
    fails = [case((condition_of(each), 0), else_=1) for each in facets]
    # Of the facets, which one fails: 0 for none. Where several do, the row is not counted.
    failing = (place * each for place, each in enumerate(fails, 1))
    statement = select(repositories.c.id, sum(failing, start=literal_column("0")))
    if by_words:
        statement = statement.join(TEXTS, TEXTS.c.id == repositories.c.id)
    if is_limited:
        statement = statement.where(IS_SEEN)
    if excluding:
        statement = statement.where(misses("excluded"))
    if len(fails) > 1:
        statement = statement.where(sum(fails[1:], start=fails[0]) <= 1)
    statement = statement.where(*(condition_of(each) for each in shapes if each not in facets))
    return SqlStatement(statement.order_by(*_order(order, by_words=by_words)))


def _order(order: SearchOrder, *, by_words: bool) -> Sequence[ColumnElement[object]]:
    if order is SearchOrder.RELEVANCE and by_words:
        return (_TIER, _FIT, *_POPULAR)
    return _ORDERS[order]


_POPULAR: Final = (
    repositories.c.stars.desc(),
    repositories.c.pulls.desc(),
    repositories.c.name,
)
_ORDERS: Final[dict[SearchOrder, Sequence[ColumnElement[object]]]] = {
    SearchOrder.RELEVANCE: _POPULAR,
    SearchOrder.STARS: _POPULAR,
    SearchOrder.PULLS: (
        repositories.c.pulls.desc(),
        repositories.c.stars.desc(),
        repositories.c.name,
    ),
    # Instants are positive; what was never pushed to comes last on either engine.
    SearchOrder.NEWEST: (func.coalesce(repositories.c.pushed_at, 0).desc(), repositories.c.name),
    SearchOrder.NAME: (repositories.c.name,),
}
# It is called that; all words are in the name; in the name or title; anywhere.
_TIER: Final = case((IS_EXACTLY, 0), (matches("in_name"), 1), (matches("in_title"), 2), else_=3)
# Those that only say it somewhere are told apart by how much they do.
_FIT: Final = case((IS_EXACTLY, 0), (matches("in_title"), 0), else_=TEXTS.c.fit)
_NAMES: Final = select(repositories.c.name).order_by(*_POPULAR).limit(bindparam("limit"))
_ALL_NAMES: Final = SqlStatement(_NAMES)
_SEEN_NAMES: Final = SqlStatement(_NAMES.where(IS_SEEN))
