"""The tag of a repository that people are told to pull or install, and its newest versions."""

from entrepot.metadata.engines.engine import Reader
from entrepot.metadata.registry import recommended_tags, tag_groups, tag_listing
from entrepot.model.tags import Filters, TagOrder, TagRow


async def find_recommended(reader: Reader, repository_id: int) -> TagRow | None:
    """The greatest stable version; else `latest`; else the tag that was pushed last."""
    found = await recommended_tags.list_recommended(reader, [repository_id])
    return found.get(repository_id)


async def list_versions(reader: Reader, repository_id: int, limit: int) -> list[TagRow]:
    """One tag of each of the `limit` greatest versions; without versions, of the newest pushes."""
    has_versions = await tag_listing.find_stable(reader, repository_id) is not None
    order = TagOrder.VERSION if has_versions else TagOrder.NEWEST
    groups = await tag_groups.list_groups(
        reader, repository_id, order, Filters(), limit=limit, offset=0
    )
    return [group.row for group in groups]
