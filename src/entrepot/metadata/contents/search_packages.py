"""Which artifacts ship a package, as their SBOMs say."""

from dataclasses import replace
from typing import Final

from sqlalchemy import Select, bindparam, func, select, union

from entrepot.metadata.artifact_tables import artifact_packages, packages
from entrepot.metadata.contents.search_filters import is_package, package_values
from entrepot.metadata.engines.engine import Reader, Row, SqlStatement, Value
from entrepot.metadata.engines.rows import row_mapper
from entrepot.metadata.tables import manifest_references, manifests, repositories, tags
from entrepot.metadata.visibility import IS_SEEN, VisibleTo
from entrepot.model.search import Shipped, ShippedPage

MOST: Final = 10_000
"""How far a list goes: `lib*` may be shipped a hundred thousand times."""
MOST_PACKAGES: Final = 1000
"""Names with versions that are looked into, in their order."""
MOST_TAGS: Final = 5
"""Tags that are listed of one artifact: its newest versions."""


_DIGEST: Final = func.coalesce(manifests.c.subject, manifests.c.digest)


def _shipped() -> Select[tuple[str, str, str, str, str, str, int]]:
    """One row even where several SBOMs say the same."""
    meant = (
        select(packages)
        .where(is_package("of"))
        .order_by(packages.c.name, packages.c.version)
        .limit(MOST_PACKAGES)
        .subquery("meant")
    )
    return (
        select(
            repositories.c.name.label("repository"),
            _DIGEST.label("digest"),
            meant.c.name.label("package"),
            meant.c.version.label("version"),
            meant.c.purl,
            meant.c.licenses,
            repositories.c.id,
        )
        .distinct()
        .select_from(meant)
        .join(artifact_packages, artifact_packages.c.package_id == meant.c.id)
        .join(repositories, repositories.c.id == artifact_packages.c.repository_id)
        .join(manifests, manifests.c.id == artifact_packages.c.manifest_id)
    )


def _page(statement: Select[tuple[str, str, str, str, str, str, int]]) -> SqlStatement:
    page = statement.order_by("package", "version", "repository", "digest")
    return SqlStatement(page.limit(bindparam("limit")).offset(bindparam("offset")))


def _count(statement: Select[tuple[str, str, str, str, str, str, int]]) -> SqlStatement:
    return SqlStatement(select(func.count()).select_from(statement.limit(MOST).subquery()))


_PAGE: Final = {False: _page(_shipped()), True: _page(_shipped().where(IS_SEEN))}
_COUNT: Final = {False: _count(_shipped()), True: _count(_shipped().where(IS_SEEN))}
_IS_ARTIFACT: Final = (
    manifests.c.repository_id == bindparam("repository_id"),
    manifests.c.digest == bindparam("digest"),
)
_TAGS: Final = SqlStatement(
    union(
        select(tags.c.name, tags.c.version_key)
        .join(manifests, manifests.c.id == tags.c.manifest_id)
        .where(*_IS_ARTIFACT, tags.c.is_hidden == 0),
        # An index's tags are those of the images that it lists.
        select(tags.c.name, tags.c.version_key)
        .join(manifest_references, manifest_references.c.manifest_id == tags.c.manifest_id)
        .where(
            manifest_references.c.repository_id == bindparam("repository_id"),
            manifest_references.c.digest == bindparam("digest"),
            manifest_references.c.role == "manifest",
            tags.c.is_hidden == 0,
        ),
    )
    .order_by("version_key")
    .limit(1000)
)


_entry: Final = row_mapper(Shipped, 6)


async def packages_of(
    reader: Reader, package: str, visible_to: VisibleTo, *, limit: int = 50, offset: int = 0
) -> ShippedPage:
    """List the visible artifacts with `name`, `prefix*`, `name@version` or `name@3.0.*`."""
    values: dict[str, Value] = {f"{name}_of": value for name, value in package_values(package)}
    if visible_to.is_limited:
        values |= visible_to.values
    counted = await reader.one(_COUNT[visible_to.is_limited], **values)
    page: dict[str, Value] = {"limit": limit, "offset": min(offset, MOST)}
    rows = await reader.all(_PAGE[visible_to.is_limited], **values, **page)
    entries = [await _with_tags(reader, row) for row in rows]
    return ShippedPage(int(counted[0]) if counted else 0, tuple(entries))


async def _with_tags(reader: Reader, row: Row) -> Shipped:
    found = await reader.all(_TAGS, repository_id=row[6], digest=row[1])
    newest = [str(each[0]) for each in reversed(found)]
    return replace(_entry(row), tags=tuple(newest[:MOST_TAGS]))
