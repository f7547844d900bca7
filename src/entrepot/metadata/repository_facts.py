"""Properties of a repository that pages and lists show beside its name."""

from typing import Final

from sqlalchemy import bindparam, distinct, func, select, update

from entrepot.errors import RepositoryUnknown
from entrepot.metadata.engines.engine import Reader, SqlStatement, Transaction
from entrepot.metadata.engines.rows import find_one, first_text, get_number, row_mapper
from entrepot.metadata.tables import blobs, repositories, repository_blobs, tags
from entrepot.model.repositories import RepositoryFacts

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


_facts: Final = row_mapper(RepositoryFacts)


async def get_facts(reader: Reader, repository_id: int) -> RepositoryFacts:
    """Return the properties of the repository; raise `RepositoryUnknown` where it is gone."""
    facts = await find_one(reader, _facts, _GET, repository_id=repository_id)
    if facts is None:
        raise RepositoryUnknown
    return facts


async def find_readme(reader: Reader, repository_id: int) -> str:
    """Return the Markdown written for the repository, which may be long; "" without any."""
    return await find_one(reader, first_text, _README, repository_id=repository_id) or ""


async def find_name(reader: Reader, repository_id: int) -> str | None:
    """The name of the repository with that id."""
    return await find_one(reader, first_text, _NAME_BY_ID, repository_id=repository_id)


async def measure(reader: Reader, repository_id: int) -> tuple[int, int]:
    """The bytes of all blobs that the repository holds, and how many tags people gave."""
    size = await get_number(reader, _SIZE, repository_id=repository_id)
    return size, await get_number(reader, _TAGS, repository_id=repository_id)


async def set_summary(
    tx: Transaction, repository_id: int, kind: str, size: int, tag_count: int
) -> None:
    """Write down what lists show."""
    await tx.run(
        _SET_SUMMARY, of=repository_id, new_kind=kind, new_size=size, new_tag_count=tag_count
    )
