"""Versions of Helm charts: written with what a manifest is, listed for an index."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from sqlalchemy import BindParameter, and_, bindparam, delete, exists, func, or_, select

from entrepot.metadata.artifact_tables import chart_versions as charts
from entrepot.metadata.contents.search_filters import LAST
from entrepot.metadata.contents.search_sql import is_among
from entrepot.metadata.engines.engine import (
    Reader,
    SqlStatement,
    Transaction,
    Value,
    storable,
    to_instant,
)
from entrepot.metadata.engines.rows import first_number, list_all, row_mapper
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.repositories import COLUMNS, repository_of
from entrepot.metadata.tables import manifests, repositories, tags
from entrepot.model.charts import ChartEntry, ChartFile, ChartScope, ChartState, NewChart
from entrepot.model.repositories import Repository

MOST_REPOSITORIES: Final = 10_000
"""Repositories whose charts are listed together."""
_SAME_NAMES: Final = 100
_AROUND: Final = 250
"""Bytes that an index writes around an entry: the address, the digest and the time."""


_WRITTEN: Final = ("repository_id", "name", "version", "version_order", "filename")
_VALUES: Final[dict[str, BindParameter[Value]]] = {
    name: bindparam(name)
    for name in (*_WRITTEN, "content_digest", "provenance_digest", "size", "written_at", "entry")
}
_WRITE: Final = SqlStatement(
    insert(charts)
    .values(manifest_id=bindparam("of"), **_VALUES)
    .on_conflict_do_update(index_elements=["manifest_id"], set_=_VALUES)
)
_DROP: Final = SqlStatement(delete(charts).where(charts.c.manifest_id == bindparam("of")))
_IN_SCOPE: Final = or_(
    repositories.c.name == bindparam("exact"),
    and_(repositories.c.name >= bindparam("low"), repositories.c.name < bindparam("high")),
)
_REPOSITORIES: Final = SqlStatement(
    select(*COLUMNS)
    .where(_IN_SCOPE, exists().where(charts.c.repository_id == repositories.c.id))
    .order_by(repositories.c.name)
    .limit(MOST_REPOSITORIES)
)
_IS_TAGGED: Final = exists().where(
    tags.c.manifest_id == charts.c.manifest_id, tags.c.is_hidden == 0
)
_LISTED: Final = (is_among("chart_versions.repository_id", "among"), _IS_TAGGED)
_STATES: Final = SqlStatement(
    select(
        charts.c.repository_id,
        func.count(),
        func.sum(charts.c.manifest_id),
        func.max(charts.c.written_at),
        func.sum(charts.c.size),
    )
    .where(*_LISTED)
    .group_by(charts.c.repository_id)
    .order_by(charts.c.repository_id)
)
_ENTRY: Final = (
    select(
        charts.c.manifest_id,
        repositories.c.name,
        charts.c.name,
        charts.c.version,
        charts.c.version_order,
        charts.c.entry,
        charts.c.size,
        charts.c.content_digest,
        manifests.c.pushed_at,
    )
    .join(manifests, manifests.c.id == charts.c.manifest_id)
    .join(repositories, repositories.c.id == charts.c.repository_id)
)
_ENTRIES: Final = SqlStatement(_ENTRY.where(*_LISTED))
_PAGE: Final = SqlStatement(
    _ENTRY.where(
        charts.c.repository_id == bindparam("repository_id"),
        charts.c.manifest_id > bindparam("after"),
        _IS_TAGGED,
    )
    .order_by(charts.c.manifest_id)
    .limit(bindparam("limit"))
)
# Entries are joined last: the sort before it would carry them.
_RANKED: Final = (
    select(
        charts.c.manifest_id.label("ranked_id"),
        func.row_number()
        .over(partition_by=charts.c.repository_id, order_by=charts.c.version_order.desc())
        .label("place"),
    )
    .where(*_LISTED)
    .subquery("ranked")
)
_GREATEST: Final = SqlStatement(
    _ENTRY.join(_RANKED, _RANKED.c.ranked_id == charts.c.manifest_id)
    .where(_RANKED.c.place <= bindparam("most_versions"))
    .order_by(repositories.c.name, charts.c.version_order.desc())
)
_FILES: Final = SqlStatement(
    select(
        charts.c.manifest_id,
        manifests.c.digest,
        charts.c.repository_id,
        repositories.c.name,
        charts.c.name,
        charts.c.version,
        charts.c.entry,
        charts.c.content_digest,
        charts.c.provenance_digest,
        select(func.min(tags.c.name))
        .where(tags.c.manifest_id == charts.c.manifest_id, tags.c.is_hidden == 0)
        .scalar_subquery(),
        manifests.c.pushed_at,
    )
    .join(manifests, manifests.c.id == charts.c.manifest_id)
    .join(repositories, repositories.c.id == charts.c.repository_id)
    .where(charts.c.filename == bindparam("filename"), *_LISTED)
    .order_by(manifests.c.pushed_at.desc(), charts.c.manifest_id.desc())
    .limit(_SAME_NAMES)
)

_WITH_TAG: Final = SqlStatement(
    select(tags.c.repository_id).where(
        is_among("tags.repository_id", "among"), tags.c.name == bindparam("tag")
    )
)

_state: Final = row_mapper(ChartState, **dict.fromkeys(("manifests", "size"), int))
_entry: Final = row_mapper(ChartEntry)
_file: Final = row_mapper(ChartFile)


async def write_chart(
    tx: Transaction, manifest_id: int, repository_id: int, chart: NewChart | None, now: datetime
) -> None:
    """List the manifest as this version of a chart, or as none."""
    if chart is None:
        await tx.run(_DROP, of=manifest_id)
        return
    entry = storable(chart.entry)
    await tx.run(
        _WRITE,
        of=manifest_id,
        repository_id=repository_id,
        name=chart.name,
        version=chart.version,
        version_order=chart.order,
        filename=chart.filename,
        content_digest=chart.content,
        provenance_digest=chart.provenance,
        size=len(entry.encode()) + len(chart.filename) + _AROUND,
        written_at=to_instant(now),
        entry=entry,
    )


async def list_repositories(reader: Reader, scope: ChartScope) -> list[Repository]:
    """The repositories of the scope that hold charts, by name; at most `MOST_REPOSITORIES`."""
    values = {"exact": "", "low": "", "high": LAST}
    if scope.path:
        # A slash sorts right before a zero.
        values = {"exact": scope.path, "low": f"{scope.path}/", "high": f"{scope.path}0"}
    return await list_all(reader, repository_of, _REPOSITORIES, **values)


async def list_states(reader: Reader, among: Iterable[int]) -> list[ChartState]:
    """Counts and sums of the tagged charts of each of these repositories that has any."""
    return await list_all(reader, _state, _STATES, among=json.dumps(list(among)))


async def list_entries(reader: Reader, among: Iterable[int]) -> list[ChartEntry]:
    """All tagged charts of these repositories, in no order."""
    return await list_all(reader, _entry, _ENTRIES, among=json.dumps(list(among)))


async def list_entries_after(
    reader: Reader, repository_id: int, after: int, limit: int
) -> list[ChartEntry]:
    """The tagged charts of a repository whose manifests come after that one; at most `limit`."""
    values = {"repository_id": repository_id, "after": after, "limit": limit}
    return await list_all(reader, _entry, _PAGE, **values)


async def list_greatest(
    reader: Reader, among: Iterable[int], most_versions: int
) -> list[ChartEntry]:
    """The greatest versions of each of these repositories, by repository, the greatest first."""
    return await list_all(
        reader, _entry, _GREATEST, among=json.dumps(list(among)), most_versions=most_versions
    )


async def list_files(reader: Reader, among: Iterable[int], filename: str) -> list[ChartFile]:
    """The tagged charts of these repositories with that `name-version`, the latest push first."""
    return await list_all(reader, _file, _FILES, among=json.dumps(list(among)), filename=filename)


async def list_with_tag(reader: Reader, among: Iterable[int], tag: str) -> list[int]:
    """Those of the repositories that have the tag."""
    return await list_all(reader, first_number, _WITH_TAG, among=json.dumps(list(among)), tag=tag)
