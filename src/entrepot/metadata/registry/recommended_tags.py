"""The tag of each repository that people are told to pull, of many repositories at once."""

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import ScalarSelect, Select, and_, bindparam, case, func, select

from entrepot.kinds.recognition.catalogue import all_kinds
from entrepot.metadata.artifact_tables import artifacts
from entrepot.metadata.contents.search_sql import is_among, json_of
from entrepot.metadata.engines.engine import Reader, SqlStatement
from entrepot.metadata.registry.tag_listing import (
    COLUMNS,
    DOTTED,
    RELEASE,
    VARIANT,
    tag_row,
    with_artifacts,
)
from entrepot.metadata.tables import repositories, tags
from entrepot.model.tags import TagRow

_METADATA_TAGS: Final = json_of(["readme", "artifacthub.io"])
"""Tags that clients look up by name to describe a repository; people do not pull them."""
_ATTACHMENTS: Final = json_of(kind.id for kind in all_kinds() if kind.is_attachment)
# Keys of versions begin with 1: a range of the index, however many other tags there are.
_VERSIONS: Final = tags.c.version_key.between("1", "2")


def _tags_of(*conditions: Any) -> Select[tuple[str]]:
    return select(tags.c.name).where(
        tags.c.repository_id == repositories.c.id, tags.c.is_hidden == 0, *conditions
    )


def _first(statement: Select[tuple[str]], *order: Any) -> ScalarSelect[str]:
    return statement.order_by(*order).limit(1).scalar_subquery().correlate(repositories)


def _greatest(*conditions: Any) -> ScalarSelect[str]:
    found = _tags_of(_VERSIONS, *conditions)
    return _first(found, tags.c.version_key.desc(), tags.c.name.desc())


def _newest(statement: Select[tuple[str]]) -> ScalarSelect[str]:
    return _first(statement, tags.c.moved_at.desc(), tags.c.name.desc())


_FOR_PEOPLE: Final = (
    _tags_of(
        case((is_among("tags.name", "aside", "text"), 1), else_=0) == 0,
        case((is_among("artifacts.kind", "attachments", "text"), 1), else_=0) == 0,
    )
    .select_from(tags)
    .join(artifacts, artifacts.c.manifest_id == tags.c.manifest_id, isouter=True)
)
_CHOSEN: Final = (
    select(
        repositories.c.id.label("of"),
        func.coalesce(
            _greatest(RELEASE, DOTTED),
            _greatest(RELEASE),
            _greatest(VARIANT),
            _first(_tags_of(tags.c.name == "latest"), tags.c.name),
            _newest(_FOR_PEOPLE),
            _newest(_tags_of()),
        ).label("tag"),
    )
    .where(is_among("repositories.id", "ids"))
    # Keeps PostgreSQL from looking at every tag of the hub to join them.
    .limit(bindparam("most"))
    .subquery("chosen")
)
_LIST: Final = SqlStatement(
    with_artifacts(
        select(*COLUMNS, _CHOSEN.c.of)
        .select_from(_CHOSEN)
        .join(tags, and_(tags.c.repository_id == _CHOSEN.c.of, tags.c.name == _CHOSEN.c.tag))
    )
)


async def list_recommended(reader: Reader, repository_ids: Iterable[int]) -> dict[int, TagRow]:
    """Return the recommended tag of each of the repositories that has any tag, by their ids.

    The greatest stable version; else `latest`; else the tag that was pushed last. What was pushed
    last may be a backport of an old version, a release candidate or the build of a change that is
    not merged: it is recommended only where there is nothing else.
    """
    ids = list(repository_ids)
    rows = await reader.all(
        _LIST, ids=json_of(ids), most=len(ids), aside=_METADATA_TAGS, attachments=_ATTACHMENTS
    )
    return {int(row[-1]): tag_row(row[:-1]) for row in rows}
