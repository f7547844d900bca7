"""Packages of SBOMs with their places in ecosystems, and the advisories that they match."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from sqlalchemy import bindparam, delete, null, select, update

from entrepot.metadata.advisory_tables import (
    advisories,
    package_changes,
    package_coordinates,
    package_matches,
)
from entrepot.metadata.artifact_tables import artifact_packages, packages
from entrepot.metadata.contents.search_sql import is_among
from entrepot.metadata.engines.engine import Reader, Row, SqlStatement, Transaction, Value, storable
from entrepot.metadata.engines.rows import first_number, list_all, row_mapper
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.security.advisories import LOCK
from entrepot.model.security.advisories import Coordinates, Match

NOWHERE: Final = 0
"""In place of the version of the rules: no advisory speaks of such packages."""
_UNPLACED: Final = select(
    packages.c.id, packages.c.name, packages.c.version, packages.c.purl
).where(packages.c.matcher.is_(None))
_LIST_UNPLACED: Final = SqlStatement(_UNPLACED.order_by(packages.c.id).limit(bindparam("limit")))
_LIST_UNPLACED_OF: Final = SqlStatement(
    _UNPLACED.join(artifact_packages, artifact_packages.c.package_id == packages.c.id)
    .where(artifact_packages.c.manifest_id == bindparam("manifest_id"))
    .limit(bindparam("limit"))
)
_DROP: Final = SqlStatement(
    delete(package_coordinates).where(is_among("package_coordinates.package_id", "among"))
)
_ADD: Final = SqlStatement(
    insert(package_coordinates)
    .values(
        ecosystem=bindparam("ecosystem"),
        name=bindparam("name"),
        key=bindparam("key"),
        package_id=bindparam("package"),
    )
    .on_conflict_do_nothing()
)
_SETTLE: Final = SqlStatement(
    update(packages).where(is_among("packages.id", "among")).values(matcher=bindparam("version"))
)
_FORGET: Final = SqlStatement(
    update(packages)
    .where(packages.c.id > bindparam("after"), packages.c.id <= bindparam("until"))
    .values(matcher=null())
)
_LAST: Final = SqlStatement(select(packages.c.id).order_by(packages.c.id.desc()).limit(1))
_LIST: Final = SqlStatement(
    select(
        artifact_packages.c.manifest_id,
        advisories.c.identifier,
        advisories.c.aliases,
        advisories.c.severity,
        advisories.c.score,
        advisories.c.summary,
        advisories.c.url,
        packages.c.name,
        packages.c.version,
        packages.c.purl,
        package_matches.c.fixed,
    )
    .select_from(artifact_packages)
    .join(package_matches, package_matches.c.package_id == artifact_packages.c.package_id)
    .join(packages, packages.c.id == artifact_packages.c.package_id)
    .join(advisories, advisories.c.id == package_matches.c.advisory_id)
    .where(is_among("artifact_packages.manifest_id", "among"))
    .order_by(advisories.c.identifier, packages.c.id, artifact_packages.c.manifest_id)
)
_CHANGES: Final = SqlStatement(
    select(package_changes.c.package_id, package_changes.c["count"])
    .order_by(package_changes.c.package_id)
    .limit(bindparam("limit"))
)
_DROP_CHANGES: Final = SqlStatement(
    delete(package_changes).where(
        package_changes.c.package_id == bindparam("package"),
        package_changes.c["count"] == bindparam("seen"),
    )
)
_MANIFESTS: Final = SqlStatement(
    select(artifact_packages.c.manifest_id)
    .distinct()
    .where(
        is_among("artifact_packages.package_id", "among"),
        artifact_packages.c.manifest_id > bindparam("after"),
    )
    .order_by(artifact_packages.c.manifest_id)
    .limit(bindparam("limit"))
)


_match: Final = row_mapper(
    Match, aliases=lambda text: tuple(json.loads(text)), score=lambda tenths: tenths / 10
)
_change: Final = row_mapper(tuple[int, int])


async def list_unplaced(reader: Reader, limit: int) -> list[tuple[int, str, str, str]]:
    """Id, name, version and purl of packages that were never looked at, the oldest first."""
    return [_package(row) for row in await reader.all(_LIST_UNPLACED, limit=limit)]


async def list_unplaced_of(
    reader: Reader, manifest_id: int, limit: int
) -> list[tuple[int, str, str, str]]:
    """As `list_unplaced`, of the packages that a manifest lists."""
    rows = await reader.all(_LIST_UNPLACED_OF, manifest_id=manifest_id, limit=limit)
    return [_package(row) for row in rows]


def _package(row: Row) -> tuple[int, str, str, str]:
    return int(row[0]), row[1], row[2], row[3]


async def place(tx: Transaction, placed: Mapping[int, Sequence[Coordinates]], version: int) -> None:
    """Write where advisories look for these packages, by rules of that version."""
    await tx.lock(LOCK)
    among = json.dumps(list(placed))
    await tx.run(_DROP, among=among)
    rows: list[dict[str, Value]] = [
        {
            "package": package,
            "ecosystem": each.ecosystem,
            # `%00` in a package URL is a NUL in the name.
            "name": storable(each.name),
            "key": each.key,
        }
        for package, places in placed.items()
        for each in places
    ]
    await tx.run_many(_ADD, rows)
    nowhere = [package for package, places in placed.items() if not places]
    await tx.run(_SETTLE, among=among, version=version)
    await tx.run(_SETTLE, among=json.dumps(nowhere), version=NOWHERE)


async def forget_places(tx: Transaction, after: int, limit: int) -> int:
    """Have up to `limit` packages behind an id looked at again; return the id they end at."""
    row = await tx.one(_LAST)
    until = min(after + limit, int(row[0]) if row else 0)
    await tx.run(_FORGET, after=after, until=until)
    return until


async def list_matches(reader: Reader, manifest_ids: Collection[int]) -> list[Match]:
    """The advisories that the packages of these manifests match, in the order of their ids."""
    return await list_all(reader, _match, _LIST, among=json.dumps(list(manifest_ids)))


async def list_changes(reader: Reader, limit: int) -> dict[int, int]:
    """Packages whose matches have changed, the lowest ids first, each with how often."""
    return dict(await list_all(reader, _change, _CHANGES, limit=limit))


async def drop_changes(tx: Transaction, changes: Mapping[int, int]) -> None:
    """Note that whatever lists these will be counted anew; further changes since then stay."""
    await tx.run_many(
        _DROP_CHANGES, [{"package": each, "seen": seen} for each, seen in changes.items()]
    )


async def list_holders(
    reader: Reader, package_ids: Collection[int], after: int, limit: int
) -> list[int]:
    """Ids of manifests behind `after` that list any of the packages, in their order."""
    among = json.dumps(list(package_ids))
    return await list_all(reader, first_number, _MANIFESTS, among=among, after=after, limit=limit)
