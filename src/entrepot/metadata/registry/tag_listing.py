"""The rows of a tags page: filtered, sorted and paged where the tags are."""

import json
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Select, and_, bindparam, func, or_, select

from entrepot.metadata.artifact_tables import artifacts
from entrepot.metadata.contents.artifacts import ARTIFACT_COLUMNS, artifact_of
from entrepot.metadata.engines.engine import Reader, Row, SqlStatement, from_instant, from_optional
from entrepot.metadata.engines.rows import find_one, first_text, get_number, list_all
from entrepot.metadata.tables import accounts, manifests, tags
from entrepot.model.tags import Filters, TagOrder, TagRow

_WIDTH: Final = 9


COLUMNS: Final = (
    tags.c.name,
    manifests.c.id,
    manifests.c.digest,
    manifests.c.media_type,
    manifests.c.size,
    tags.c.moved_at,
    func.coalesce(accounts.c.name, tags.c.author),
    manifests.c.pulls,
    manifests.c.pulled_at,
    *ARTIFACT_COLUMNS,
)
SORT: Final[dict[TagOrder, tuple[Any, ...]]] = {
    TagOrder.VERSION: (tags.c.version_key.desc(), tags.c.name.desc()),
    TagOrder.NEWEST: (tags.c.moved_at.desc(), tags.c.name.desc()),
    TagOrder.NAME: (tags.c.name,),
    # Artifacts that are not indexed yet come last on either engine.
    TagOrder.SIZE: (artifacts.c.size.desc().nulls_last(), tags.c.name),
}
VISIBLE: Final = and_(tags.c.repository_id == bindparam("repository_id"), tags.c.is_hidden == 0)
FILTER: Final = (
    or_(bindparam("text") == "", func.lower(tags.c.name).like(bindparam("text"), escape="!")),
    or_(bindparam("kind") == "", artifacts.c.kind == bindparam("kind")),
    or_(
        bindparam("platform") == "",
        artifacts.c.platforms.like(bindparam("platform"), escape="!"),
    ),
    or_(bindparam("digest") == "", manifests.c.digest == bindparam("digest")),
)


def with_artifacts(statement: Select[Any]) -> Select[Any]:
    """Tags with their manifests, artifacts and the accounts that set them, for `COLUMNS`."""
    return (
        statement.join(manifests, manifests.c.id == tags.c.manifest_id)
        .join(artifacts, artifacts.c.manifest_id == tags.c.manifest_id, isouter=True)
        .join(accounts, accounts.c.namespace_id == tags.c.moved_by, isouter=True)
    )


def joined(statement: Select[Any]) -> Select[Any]:
    """The same, of the tags of one repository that people see."""
    return with_artifacts(statement).where(VISIBLE)


_PAGES: Final = {
    (order, is_filtered): SqlStatement(
        joined(select(*COLUMNS))
        .where(*(FILTER if is_filtered else ()))
        .order_by(*columns)
        .limit(bindparam("limit"))
        .offset(bindparam("offset"))
    )
    for order, columns in SORT.items()
    for is_filtered in (False, True)
}
_COUNT: Final = SqlStatement(select(func.count()).select_from(tags).where(VISIBLE))
_COUNT_FILTERED: Final = SqlStatement(joined(select(func.count()).select_from(tags)).where(*FILTER))
_ONE: Final = SqlStatement(joined(select(*COLUMNS)).where(tags.c.name == bindparam("tag")))
# A version key holds a comma only after the numbers of a release: tags cannot hold one.
RELEASE: Final = tags.c.version_key.like("1%,%")
# A variant (`-alpine`) is marked by a hyphen, what comes before a release by an exclamation mark.
VARIANT: Final = and_(tags.c.version_key.like("1%-%"), tags.c.version_key.not_like("%!%"))
# `4711` may be a build's number: it counts as a version only where no tag has a dot.
DOTTED: Final = tags.c.name.like("%.%")


def _greatest(*conditions: Any) -> SqlStatement:
    return SqlStatement(
        joined(select(*COLUMNS)).where(*conditions).order_by(*SORT[TagOrder.VERSION]).limit(1)
    )


_STABLE: Final = (_greatest(RELEASE, DOTTED), _greatest(RELEASE))
_STABLE_VARIANT: Final = _greatest(VARIANT)
_MOST_LOOKED_AT: Final = 1000
_NEWEST: Final = (
    select(tags.c.manifest_id)
    .where(VISIBLE)
    .order_by(tags.c.moved_at.desc(), tags.c.name.desc())
    .limit(_MOST_LOOKED_AT)
    .subquery("newest")
)
_PLATFORMS: Final = SqlStatement(
    select(artifacts.c.platforms)
    .distinct()
    .join(_NEWEST, _NEWEST.c.manifest_id == artifacts.c.manifest_id)
)
_ALIASES: Final = SqlStatement(
    select(tags.c.name)
    .where(tags.c.manifest_id == bindparam("manifest_id"), tags.c.is_hidden == 0)
    .order_by(tags.c.version_key.desc(), tags.c.name)
    .limit(50)
)


async def list_rows(
    reader: Reader,
    repository_id: int,
    order: TagOrder,
    filters: Filters,
    *,
    limit: int,
    offset: int,
) -> list[TagRow]:
    """`limit` tags from `offset` on, in that order; never one that clients attach things by."""
    values = {"repository_id": repository_id, "limit": limit, "offset": offset}
    statement = _PAGES[order, not filters.is_empty]
    narrowed = {} if filters.is_empty else filter_values(filters)
    return await list_all(reader, tag_row, statement, **values, **narrowed)


async def count_rows(reader: Reader, repository_id: int, filters: Filters) -> int:
    """How many tags there are that the filters let through."""
    if filters.is_empty:
        return await get_number(reader, _COUNT, repository_id=repository_id)
    values = filter_values(filters)
    return await get_number(reader, _COUNT_FILTERED, repository_id=repository_id, **values)


async def find_row(reader: Reader, repository_id: int, tag: str) -> TagRow | None:
    """One tag."""
    return await find_one(reader, tag_row, _ONE, repository_id=repository_id, tag=tag)


async def find_stable(reader: Reader, repository_id: int) -> TagRow | None:
    """The tag of the greatest version that is a release; of variants only where nothing else is.

    Versions before a release (`2.0.0-rc.1`), commits and names of branches are none.
    """
    for statement in (*_STABLE, _STABLE_VARIANT):
        found = await find_one(reader, tag_row, statement, repository_id=repository_id)
        if found is not None:
            return found
    return None


async def list_platforms(reader: Reader, repository_id: int) -> list[str]:
    """The platforms of the newest 1,000 tags' artifacts, by name."""
    rows = await reader.all(_PLATFORMS, repository_id=repository_id)
    return sorted({str(each) for row in rows for each in json.loads(row[0])})


async def list_aliases(reader: Reader, manifest_id: int) -> list[str]:
    """The tags on one manifest, versions first; at most 50."""
    return await list_all(reader, first_text, _ALIASES, manifest_id=manifest_id)


def filter_values(filters: Filters) -> dict[str, str]:
    """The values that `FILTER` compares with."""
    return {
        "text": _like(filters.text.lower()),
        "kind": filters.kind,
        # Platforms are a JSON list: the quotes keep `arm` from meaning `arm64`.
        "platform": _like(f'"{filters.platform}') if filters.platform else "",
        "digest": filters.digest,
    }


def _like(text: str) -> str:
    if not text:
        return ""
    # No backslash: SQLAlchemy doubles it for PostgreSQL, which then takes two for none.
    for special in ("!", "%", "_"):
        text = text.replace(special, f"!{special}")
    return f"%{text}%"


def tag_row(row: Row) -> TagRow:
    """A row of `COLUMNS` as a value."""
    rest: Sequence[Any] = row[_WIDTH:]
    return TagRow(
        tag=row[0],
        manifest_id=row[1],
        digest=row[2],
        media_type=row[3],
        manifest_size=row[4],
        moved_at=from_instant(row[5]),
        moved_by=row[6],
        pulls=row[7],
        pulled_at=from_optional(row[8]),
        artifact=None if rest[0] is None else artifact_of(rest),
    )
