"""Findings of artifacts: each vulnerability of each package once, since when it is known."""

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    delete,
    func,
    null,
    or_,
    select,
    union,
)

from entrepot.metadata.advisory_tables import artifact_findings
from entrepot.metadata.artifact_tables import artifact_vulnerabilities
from entrepot.metadata.contents.search_sql import is_among
from entrepot.metadata.engines.engine import (
    Reader,
    SqlStatement,
    Transaction,
    Value,
    storable,
    to_instant,
)
from entrepot.metadata.engines.rows import first_text, get_number, list_all, row_mapper
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.security.vulnerability_ids import folded_id
from entrepot.metadata.tables import manifest_references, manifests, repositories, tags
from entrepot.metadata.visibility import IS_SEEN, VisibleTo
from entrepot.model.security.advisories import AffectedArtifact, ArtifactFinding

MOST: Final = 10_000
"""How far a list goes that is counted."""
MOST_COUNTED: Final = 100_000
"""Findings of the whole hub that are counted by severity: the newest."""
_KEY: Final = ("identifier", "package", "version")
_REST: Final = ("aliases", "fixed", "severity", "state", "source")
_ROWS: Final = artifact_findings.c
_LIST: Final = SqlStatement(
    select(*(_ROWS[name] for name in (*_KEY, *_REST)))
    .where(_ROWS.manifest_id == bindparam("manifest_id"))
    .order_by(*(_ROWS[name] for name in _KEY))
)
_WRITE: Final = SqlStatement(
    insert(artifact_findings)
    .values(
        manifest_id=bindparam("of"),
        repository_id=bindparam("within"),
        first_seen=bindparam("first_seen"),
        **{name: bindparam(name) for name in (*_KEY, *_REST)},
    )
    .on_conflict_do_update(
        index_elements=["manifest_id", *_KEY], set_={name: bindparam(name) for name in _REST}
    )
)
_DROP: Final = SqlStatement(
    delete(artifact_findings).where(
        _ROWS.manifest_id == bindparam("of"),
        *(_ROWS[name] == bindparam(f"gone_{name}") for name in _KEY),
    )
)
_DROP_SOME: Final = SqlStatement(
    delete(artifact_findings).where(
        _ROWS.manifest_id == bindparam("of"),
        _ROWS.identifier.in_(
            select(_ROWS.identifier)
            .where(_ROWS.manifest_id == bindparam("of"))
            .limit(bindparam("limit"))
            .scalar_subquery()
        ),
    )
)
_SAME: Final = SqlStatement(
    select(_ROWS.identifier)
    .distinct()
    .join(artifact_vulnerabilities, artifact_vulnerabilities.c.manifest_id == _ROWS.manifest_id)
    .where(
        artifact_vulnerabilities.c.identifier == bindparam("identifier"),
        _ROWS.aliases.like(bindparam("like"), escape="!"),
    )
    .limit(100)
)
_TAGS_OF_INDEXES: Final = and_(
    manifest_references.c.repository_id == manifests.c.repository_id,
    manifest_references.c.digest == manifests.c.digest,
    manifest_references.c.role == "manifest",
)
_IS_TAGGED: Final = and_(tags.c.manifest_id == manifests.c.id, tags.c.is_hidden == 0)
_IS_WITHIN_TAGGED: Final = and_(
    tags.c.manifest_id == manifest_references.c.manifest_id, tags.c.is_hidden == 0
)


def _affected(tag: ColumnElement[Any]) -> Select[Any]:
    return (
        select(
            repositories.c.name.label("repository"),
            tag.label("tag"),
            manifests.c.digest.label("digest"),
            *(_ROWS[name].label(name) for name in (*_KEY, *_REST, "first_seen")),
        )
        .select_from(artifact_findings)
        .join(manifests, manifests.c.id == _ROWS.manifest_id)
        .join(repositories, repositories.c.id == _ROWS.repository_id)
        .where(is_among("artifact_findings.identifier", "among", "text"))
    )


def _with_tags(*conditions: ColumnElement[bool]) -> Any:
    """Once for each tag, also of the indexes that list it; once without where there is none."""
    own = select(tags.c.name).where(_IS_TAGGED).exists()
    listed = (
        select(tags.c.name)
        .join(manifest_references, _IS_WITHIN_TAGGED)
        .where(_TAGS_OF_INDEXES)
        .exists()
    )
    return union(
        _affected(tags.c.name).join(tags, _IS_TAGGED).where(*conditions),
        _affected(tags.c.name)
        .join(manifest_references, _TAGS_OF_INDEXES)
        .join(tags, _IS_WITHIN_TAGGED)
        .where(*conditions),
        _affected(null()).where(~own, ~listed, *conditions),
    )


_ORDER: Final = ("repository", "tag", "digest", "package", "version", "identifier")


def _page(*conditions: ColumnElement[bool]) -> SqlStatement:
    found = _with_tags(*conditions).subquery("found")
    ordered = select(found).order_by(*(found.c[name] for name in _ORDER))
    return SqlStatement(ordered.limit(bindparam("limit")).offset(bindparam("offset")))


def _count(*conditions: ColumnElement[bool]) -> SqlStatement:
    found = _with_tags(*conditions).limit(MOST).subquery()
    return SqlStatement(select(func.count()).select_from(found))


_PAGE: Final = {False: _page(), True: _page(IS_SEEN)}
_COUNT: Final = {False: _count(), True: _count(IS_SEEN)}
_COUNTED: Final = (
    select(_ROWS.severity, _ROWS.identifier)
    .where(
        or_(_ROWS.state == "affected", _ROWS.state == "under_investigation"),
        _ROWS.first_seen >= bindparam("since"),
    )
    .order_by(_ROWS.first_seen.desc())
    .limit(MOST_COUNTED)
    .subquery()
)
_SEVERITIES: Final = SqlStatement(
    select(
        _COUNTED.c.severity, func.count(func.distinct(_COUNTED.c.identifier)), func.count()
    ).group_by(_COUNTED.c.severity)
)
_NEWEST: Final = SqlStatement(
    select(
        repositories.c.name,
        null(),
        manifests.c.digest,
        *(_ROWS[name] for name in (*_KEY, *_REST, "first_seen")),
    )
    .join(manifests, manifests.c.id == _ROWS.manifest_id)
    .join(repositories, repositories.c.id == _ROWS.repository_id)
    .where(_ROWS.first_seen >= bindparam("since"), _ROWS.state == "affected")
    .order_by(_ROWS.first_seen.desc(), repositories.c.name, _ROWS.identifier)
    .limit(bindparam("limit"))
)


def _names(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))


_finding: Final = row_mapper(ArtifactFinding, aliases=_names)
_artifact: Final = row_mapper(AffectedArtifact, aliases=_names)


async def list_findings(reader: Reader, manifest_id: int) -> list[ArtifactFinding]:
    """The findings that are stored for a manifest, by id and package."""
    return await list_all(reader, _finding, _LIST, manifest_id=manifest_id)


async def write_findings(
    tx: Transaction,
    manifest_id: int,
    repository_id: int,
    found: Sequence[ArtifactFinding],
    now: datetime,
) -> None:
    """Add findings, or change them; known ones keep the moment that they were first seen."""
    rows: list[dict[str, Value]] = [
        {
            "of": manifest_id,
            "within": repository_id,
            "identifier": finding.identifier,
            "package": finding.package,
            "version": finding.version,
            "aliases": json.dumps(finding.aliases),
            "fixed": finding.fixed,
            "severity": finding.severity,
            "state": finding.state,
            "source": finding.source,
            "first_seen": to_instant(now),
        }
        for finding in found
    ]
    await tx.run_many(_WRITE, rows)


async def drop_findings(tx: Transaction, manifest_id: int, gone: Sequence[ArtifactFinding]) -> None:
    """Forget findings of a manifest."""
    rows: list[dict[str, Value]] = [
        {
            "of": manifest_id,
            "gone_identifier": finding.identifier,
            "gone_package": finding.package,
            "gone_version": finding.version,
        }
        for finding in gone
    ]
    await tx.run_many(_DROP, rows)


async def drop_some_findings(tx: Transaction, manifest_id: int, limit: int) -> int:
    """Forget findings of up to `limit` rows' ids; return how many rows those were."""
    return await tx.run(_DROP_SOME, of=manifest_id, limit=limit)


def _short(text: str, size: int) -> str:
    """The text in as many bytes: all of a key must have room in PostgreSQL's index."""
    return storable(text).encode()[:size].decode(errors="ignore")


def stored(finding: ArtifactFinding) -> ArtifactFinding:
    """The finding as every engine keeps it."""
    return ArtifactFinding(
        folded_id(_short(finding.identifier, 500)),
        _short(finding.package, 1000),
        _short(finding.version, 500),
        tuple(storable(each)[:255] for each in finding.aliases[:50]),
        storable(finding.fixed)[:255],
        finding.severity,
        finding.state,
        finding.source,
    )


async def list_same(reader: Reader, identifier: str) -> list[str]:
    """Ids of findings that reports give this alias."""
    own = folded_id(identifier)[:255]
    escaped = own.replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return await list_all(reader, first_text, _SAME, identifier=own, like=f'%"{escaped}"%')


async def list_affected(
    reader: Reader, identifiers: Collection[str], visible_to: VisibleTo, limit: int, offset: int
) -> list[AffectedArtifact]:
    """The visible artifacts with one of these vulnerabilities, by repository and tag."""
    values = _values(identifiers, visible_to) | {"limit": limit, "offset": min(offset, MOST)}
    return await list_all(reader, _artifact, _PAGE[visible_to.is_limited], **values)


async def count_affected(
    reader: Reader, identifiers: Collection[str], visible_to: VisibleTo
) -> int:
    """How many that are, at most `MOST`."""
    statement = _COUNT[visible_to.is_limited]
    return await get_number(reader, statement, **_values(identifiers, visible_to))


def _values(identifiers: Collection[str], visible_to: VisibleTo) -> dict[str, Value]:
    values: dict[str, Value] = {"among": json.dumps(sorted(identifiers))}
    return values | visible_to.values if visible_to.is_limited else values


async def count_by_severity(reader: Reader, since: datetime | None) -> dict[str, tuple[int, int]]:
    """Vulnerabilities and findings that count, by severity; first seen since then, or ever.

    Of more than `MOST_COUNTED` findings the newest are counted.
    """
    rows = await reader.all(_SEVERITIES, since=to_instant(since) if since else 0)
    return {row[0]: (int(row[1]), int(row[2])) for row in rows}


async def list_newest(reader: Reader, since: datetime, limit: int) -> list[AffectedArtifact]:
    """The findings that were first seen last, without tags."""
    return await list_all(reader, _artifact, _NEWEST, since=to_instant(since), limit=limit)
