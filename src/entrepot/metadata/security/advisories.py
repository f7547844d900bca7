"""Advisories, and which packages of SBOMs they say are vulnerable."""

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import and_, bindparam, delete, func, literal_column, select, update

from entrepot.metadata.advisory_tables import (
    advisories,
    advisory_ids,
    advisory_ranges,
    package_changes,
    package_coordinates,
    package_matches,
)
from entrepot.metadata.artifact_tables import packages
from entrepot.metadata.contents.search_sql import is_among
from entrepot.metadata.engines.engine import (
    Reader,
    SqlStatement,
    Transaction,
    Value,
    storable,
    to_instant,
)
from entrepot.metadata.engines.rows import first_number, first_text, get_number, list_all
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.security.vulnerability_ids import folded_id
from entrepot.model.security.advisories import Advisory, AdvisoryNumbers

LOCK: Final = "vulnerabilities"
"""Held while packages or advisories are matched: each of two at once would miss the other's."""

_HASHES: Final = SqlStatement(
    select(advisories.c.identifier, advisories.c.hash).where(
        is_among("advisories.identifier", "among", "text")
    )
)
_COLUMNS: Final = (
    "aliases",
    "modified",
    "published",
    "summary",
    "severity",
    "score",
    "url",
    "is_withdrawn",
    "hash",
    "is_pending",
)
_WRITE: Final = SqlStatement(
    insert(advisories)
    .values(identifier=bindparam("of"), **{name: bindparam(name) for name in _COLUMNS})
    .on_conflict_do_update(
        index_elements=["identifier"], set_={name: bindparam(name) for name in _COLUMNS}
    )
)
_ID_OF: Final = (
    select(advisories.c.id).where(advisories.c.identifier == bindparam("of")).scalar_subquery()
)
_DROP_IDS: Final = SqlStatement(delete(advisory_ids).where(advisory_ids.c.advisory_id == _ID_OF))
_DROP_RANGES: Final = SqlStatement(
    delete(advisory_ranges).where(advisory_ranges.c.advisory_id == _ID_OF)
)
_ADD_ID: Final = SqlStatement(
    insert(advisory_ids)
    .values(identifier=bindparam("identifier"), advisory_id=_ID_OF)
    .inline()
    .on_conflict_do_nothing()
)
_RANGE: Final = ("number", "ecosystem", "name", "low", "high", "fixed")
_ADD_RANGE: Final = SqlStatement(
    insert(advisory_ranges)
    .values(advisory_id=_ID_OF, **{name: bindparam(name) for name in _RANGE})
    .inline()
)
_PENDING: Final = SqlStatement(
    select(advisories.c.id)
    .where(advisories.c.is_pending == 1)
    .order_by(advisories.c.id)
    .limit(bindparam("limit"))
)
_SET_PENDING: Final = SqlStatement(
    update(advisories)
    .where(advisories.c.id > bindparam("after"), advisories.c.id <= bindparam("until"))
    .values(is_pending=1)
)
_LAST_ID: Final = SqlStatement(select(func.coalesce(func.max(advisories.c.id), 0)))
_SETTLE: Final = SqlStatement(
    update(advisories).where(is_among("advisories.id", "among")).values(is_pending=0)
)
_FITS: Final = and_(
    package_coordinates.c.ecosystem == advisory_ranges.c.ecosystem,
    package_coordinates.c.name == advisory_ranges.c.name,
    package_coordinates.c.key >= advisory_ranges.c.low,
    package_coordinates.c.key < advisory_ranges.c.high,
)
_FOUND: Final = (
    select(
        package_coordinates.c.package_id,
        advisory_ranges.c.advisory_id,
        func.max(advisory_ranges.c.fixed).label("fixed"),
    )
    .select_from(advisory_ranges)
    .join(package_coordinates, _FITS)
    .group_by(package_coordinates.c.package_id, advisory_ranges.c.advisory_id)
)
_FOUND_BY_ADVISORIES: Final = SqlStatement(
    _FOUND.where(is_among("advisory_ranges.advisory_id", "among"))
)
_FOUND_BY_PACKAGES: Final = SqlStatement(
    _FOUND.where(is_among("package_coordinates.package_id", "among"))
)
_MATCHES: Final = SqlStatement(
    select(
        package_matches.c.package_id, package_matches.c.advisory_id, package_matches.c.fixed
    ).where(is_among("package_matches.advisory_id", "among"))
)
_ADD_MATCH: Final = SqlStatement(
    insert(package_matches)
    .values(
        package_id=bindparam("package"),
        advisory_id=bindparam("advisory"),
        fixed=bindparam("fixed"),
        first_seen=bindparam("first_seen"),
    )
    .on_conflict_do_update(
        index_elements=["package_id", "advisory_id"], set_={"fixed": bindparam("fixed")}
    )
)
_DROP_MATCH: Final = SqlStatement(
    delete(package_matches).where(
        package_matches.c.package_id == bindparam("package"),
        package_matches.c.advisory_id == bindparam("advisory"),
    )
)
_ONCE_MORE: Final = {"count": package_changes.c["count"] + 1}
_ADD_CHANGE: Final = SqlStatement(
    insert(package_changes)
    .values(package_id=bindparam("package"), count=1)
    .on_conflict_do_update(index_elements=["package_id"], set_=_ONCE_MORE)
)
_CHANGE_ALL: Final = SqlStatement(
    insert(package_changes)
    .from_select(
        ["package_id", "count"],
        select(package_matches.c.package_id, literal_column("1"))
        .distinct()
        .where(is_among("package_matches.advisory_id", "among")),
    )
    .on_conflict_do_update(index_elements=["package_id"], set_=_ONCE_MORE)
)
_SAME_IDS: Final = advisory_ids.alias("same")
_GROUP: Final = SqlStatement(
    select(_SAME_IDS.c.identifier)
    .distinct()
    .join(advisory_ids, advisory_ids.c.advisory_id == _SAME_IDS.c.advisory_id)
    .where(advisory_ids.c.identifier == bindparam("identifier"))
    .limit(200)
)
_NUMBERS: Final = SqlStatement(
    select(
        select(func.count()).select_from(advisories).scalar_subquery(),
        select(func.count()).select_from(advisory_ranges).scalar_subquery(),
        select(func.count()).select_from(packages).scalar_subquery(),
        select(func.count())
        .select_from(packages)
        .where(packages.c.matcher == 0)  # NOWHERE of `package_matches`
        .scalar_subquery(),
        select(func.count())
        .select_from(packages)
        .where(packages.c.matcher.is_(None))
        .scalar_subquery(),
        select(func.count()).select_from(package_matches).scalar_subquery(),
    )
)


async def find_hashes(reader: Reader, identifiers: Collection[str]) -> dict[str, bytes]:
    """Return the hashes of the documents of those advisories that are here."""
    among = json.dumps(list(identifiers))
    return {row[0]: bytes(row[1]) for row in await reader.all(_HASHES, among=among)}


async def write_advisories(tx: Transaction, changed: Sequence[Advisory]) -> None:
    """Add or replace advisories; they wait for `match_pending` then."""
    await tx.run_many(_WRITE, [_row(advisory) for advisory in changed])
    own: list[dict[str, Value]] = [{"of": advisory.identifier} for advisory in changed]
    await tx.run_many(_DROP_IDS, own)
    await tx.run_many(_DROP_RANGES, own)
    await tx.run_many(
        _ADD_ID,
        [
            {"of": advisory.identifier, "identifier": folded_id(name)[:255]}
            for advisory in changed
            for name in (advisory.identifier, *advisory.aliases)
        ],
    )
    await tx.run_many(
        _ADD_RANGE,
        [
            {
                "of": advisory.identifier,
                "number": number,
                "ecosystem": storable(each.ecosystem),
                "name": storable(each.name),
                "low": each.low,
                "high": each.high,
                "fixed": storable(each.fixed),
            }
            for advisory in changed
            for number, each in enumerate(advisory.ranges)
        ],
    )


def _row(advisory: Advisory) -> dict[str, Value]:
    return {
        "of": advisory.identifier,
        "aliases": json.dumps(advisory.aliases),
        "modified": storable(advisory.modified),
        "published": storable(advisory.published),
        "summary": storable(advisory.summary),
        "severity": advisory.severity,
        "score": round(advisory.score * 10),
        "url": storable(advisory.url),
        "is_withdrawn": int(advisory.is_withdrawn),
        "hash": advisory.hash,
        "is_pending": 1,
    }


async def match_pending(tx: Transaction, limit: int, now: datetime) -> int:
    """Compare up to `limit` waiting advisories with all packages; return how many those were."""
    await tx.lock(LOCK)
    pending = await list_all(tx, first_number, _PENDING, limit=limit)
    if not pending:
        return 0
    among = json.dumps(pending)
    stored = {(row[0], row[1]): row[2] for row in await tx.all(_MATCHES, among=among)}
    found = {(row[0], row[1]): row[2] for row in await tx.all(_FOUND_BY_ADVISORIES, among=among)}
    gone = [pair for pair in stored if pair not in found]
    new = {pair: fixed for pair, fixed in found.items() if stored.get(pair) != fixed}
    await tx.run_many(_DROP_MATCH, [{"package": one, "advisory": other} for one, other in gone])
    await _add_matches(tx, new, now)
    # Its severity or its names may differ where the same packages match.
    await tx.run(_CHANGE_ALL, among=among)
    await add_changes(tx, {package for package, _ in gone})
    await tx.run(_SETTLE, among=among)
    return len(pending)


async def match_packages(tx: Transaction, package_ids: Collection[int], now: datetime) -> set[int]:
    """Compare packages with all advisories; return those that match any."""
    await tx.lock(LOCK)
    among = json.dumps(list(package_ids))
    rows = await tx.all(_FOUND_BY_PACKAGES, among=among)
    await _add_matches(tx, {(row[0], row[1]): row[2] for row in rows}, now)
    return {row[0] for row in rows}


async def _add_matches(tx: Transaction, found: dict[tuple[int, int], str], now: datetime) -> None:
    at = to_instant(now)
    rows: list[dict[str, Value]] = [
        {"package": package, "advisory": advisory, "fixed": fixed, "first_seen": at}
        for (package, advisory), fixed in sorted(found.items())
    ]
    await tx.run_many(_ADD_MATCH, rows)


async def add_changes(tx: Transaction, package_ids: Collection[int]) -> None:
    """Have everything counted anew that lists these packages."""
    await tx.run_many(_ADD_CHANGE, [{"package": each} for each in sorted(package_ids)])


async def set_pending(tx: Transaction, after: int, limit: int) -> int:
    """Have up to `limit` advisories behind an id matched again; return the id they end at."""
    until = min(after + limit, await get_number(tx, _LAST_ID))
    await tx.run(_SET_PENDING, after=after, until=until)
    return until


async def list_same(reader: Reader, identifier: str) -> set[str]:
    """The ids of all advisories that know this id, and all that they call themselves."""
    own = folded_id(identifier)[:255]
    return {own, *await list_all(reader, first_text, _GROUP, identifier=own)}


async def count_all(reader: Reader) -> AdvisoryNumbers:
    """Count advisories, packages and matches."""
    row = await reader.one(_NUMBERS)
    return AdvisoryNumbers(*(int(each) for each in row or (0,) * 6))
