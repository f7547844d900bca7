"""Properties of a repository that pages and lists show beside its name."""

from typing import Final

from sqlalchemy import bindparam, distinct, func, select, update

from entrepot.errors import RepositoryUnknown
from entrepot.metadata.engine import Reader, SqlStatement, Transaction, from_instant, from_optional
from entrepot.metadata.tables import blobs, repositories, repository_blobs, tags
from entrepot.model.repositories import RepositoryFacts, Visibility

_GET: Final = SqlStatement(
    select(
        repositories.c.name,
        repositories.c.visibility,
        repositories.c.description,
        repositories.c.kind,
        repositories.c.size,
        repositories.c.tag_count,
        repositories.c.pulls,
        repositories.c.stars,
        repositories.c.created_at,
        repositories.c.pushed_at,
        repositories.c.pulled_at,
        repositories.c.archived_at,
    ).where(repositories.c.id == bindparam("repository_id"))
)
_README: Final = SqlStatement(
    select(repositories.c.readme).where(repositories.c.id == bindparam("repository_id"))
)
_NAME_BY_ID: Final = SqlStatement(
    select(repositories.c.name).where(repositories.c.id == bindparam("repository_id"))
)
_SIZE: Final = SqlStatement(
    select(func.coalesce(func.sum(blobs.c.size), 0))
    .join(repository_blobs, repository_blobs.c.digest == blobs.c.digest)
    .where(repository_blobs.c.repository_id == bindparam("repository_id"))
)
_TAGS: Final = SqlStatement(
    select(func.count(distinct(tags.c.name))).where(
        tags.c.repository_id == bindparam("repository_id"), tags.c.is_hidden == 0
    )
)
_SET_SUMMARY: Final = SqlStatement(
    update(repositories)
    .where(repositories.c.id == bindparam("of"))
    .values(
        kind=bindparam("new_kind"),
        size=bindparam("new_size"),
        tag_count=bindparam("new_tag_count"),
    )
)


async def get_facts(reader: Reader, repository_id: int) -> RepositoryFacts:
    """Return the properties of the repository; raise `RepositoryUnknown` where it is gone."""
    row = await reader.one(_GET, repository_id=repository_id)
    if row is None:
        raise RepositoryUnknown
    return RepositoryFacts(
        name=row[0],
        visibility=Visibility(row[1]),
        description=row[2],
        kind=row[3],
        size=row[4],
        tag_count=row[5],
        pulls=row[6],
        stars=row[7],
        created_at=from_instant(row[8]),
        pushed_at=from_optional(row[9]),
        pulled_at=from_optional(row[10]),
        archived_at=from_optional(row[11]),
    )


async def find_readme(reader: Reader, repository_id: int) -> str:
    """Return the Markdown written for the repository, which may be long; "" without any."""
    row = await reader.one(_README, repository_id=repository_id)
    return "" if row is None else str(row[0])


async def find_name(reader: Reader, repository_id: int) -> str | None:
    """The name of the repository with that id."""
    row = await reader.one(_NAME_BY_ID, repository_id=repository_id)
    return None if row is None else str(row[0])


async def measure(reader: Reader, repository_id: int) -> tuple[int, int]:
    """The bytes of all blobs that the repository holds, and how many tags people gave."""
    size = await reader.one(_SIZE, repository_id=repository_id)
    count = await reader.one(_TAGS, repository_id=repository_id)
    return int(size[0]) if size else 0, int(count[0]) if count else 0


async def set_summary(
    tx: Transaction, repository_id: int, kind: str, size: int, tag_count: int
) -> None:
    """Write down what lists show."""
    await tx.run(
        _SET_SUMMARY, of=repository_id, new_kind=kind, new_size=size, new_tag_count=tag_count
    )
