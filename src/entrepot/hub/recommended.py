"""The tag of a repository that people are told to pull or install."""

from typing import Final

from entrepot.kinds.catalogue import kind_of_id
from entrepot.metadata import tag_groups, tag_listing
from entrepot.metadata.engine import Reader
from entrepot.model.tags import Filters, TagOrder, TagRow

_METADATA_TAGS: Final = frozenset({"readme", "artifacthub.io"})
"""Tags that clients look up by name to describe a repository; people do not pull them."""
_LOOKED_AT: Final = 20


async def find_recommended(reader: Reader, repository_id: int) -> TagRow | None:
    """The greatest stable version; else `latest`; else the tag that was pushed last.

    What was pushed last may be a backport of an old version, a release candidate or the build of a
    change that is not merged: it is recommended only where there is nothing else.
    """
    stable = await tag_listing.find_stable(reader, repository_id)
    if stable is not None:
        return stable
    latest = await tag_listing.find_row(reader, repository_id, "latest")
    if latest is not None:
        return latest
    rows = await tag_listing.list_rows(
        reader, repository_id, TagOrder.NEWEST, Filters(), limit=_LOOKED_AT, offset=0
    )
    return next(filter(_is_for_people, rows), rows[0] if rows else None)


async def list_versions(reader: Reader, repository_id: int, limit: int) -> list[TagRow]:
    """One tag of each of the `limit` greatest versions; without versions, of the newest pushes."""
    has_versions = await tag_listing.find_stable(reader, repository_id) is not None
    order = TagOrder.VERSION if has_versions else TagOrder.NEWEST
    groups = await tag_groups.list_groups(
        reader, repository_id, order, Filters(), limit=limit, offset=0
    )
    return [group.row for group in groups]


def _is_for_people(row: TagRow) -> bool:
    if row.tag in _METADATA_TAGS:
        return False
    return row.artifact is None or not kind_of_id(row.artifact.kind).is_attachment
