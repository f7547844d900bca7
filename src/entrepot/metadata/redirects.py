"""Names that repositories had before: they lead to where the repository is now."""

from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, delete, select

from entrepot.metadata.artifact_tables import redirects
from entrepot.metadata.engines.engine import Reader, SqlStatement, Transaction, to_instant
from entrepot.metadata.engines.rows import find_one, first_text, list_all
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.repositories import COLUMNS, repository_of
from entrepot.metadata.tables import repositories
from entrepot.model.repositories import Repository
from entrepot.oci.names import RepositoryName

_FIND: Final = SqlStatement(
    select(*COLUMNS)
    .join(redirects, redirects.c.repository_id == repositories.c.id)
    .where(redirects.c.name == bindparam("name"))
)
_LIST: Final = SqlStatement(
    select(redirects.c.name)
    .where(redirects.c.repository_id == bindparam("repository_id"))
    .order_by(redirects.c.name)
)
_SET: Final = SqlStatement(
    insert(redirects)
    .values(
        name=bindparam("name"),
        repository_id=bindparam("repository_id"),
        created_at=bindparam("created_at"),
    )
    .on_conflict_do_update(
        index_elements=["name"],
        set_={
            "repository_id": bindparam("repository_id"),
            "created_at": bindparam("created_at"),
        },
    )
)
_DELETE: Final = SqlStatement(delete(redirects).where(redirects.c.name == bindparam("old_name")))
_DELETE_OF: Final = SqlStatement(
    delete(redirects).where(redirects.c.repository_id == bindparam("repo_id"))
)


async def find_redirected(reader: Reader, name: RepositoryName) -> Repository | None:
    """The repository that had this name before."""
    return await find_one(reader, repository_of, _FIND, name=name.text)


async def list_redirects(reader: Reader, repository_id: int) -> list[str]:
    """The names that lead to the repository."""
    return await list_all(reader, first_text, _LIST, repository_id=repository_id)


async def set_redirect(
    tx: Transaction, name: RepositoryName, repository_id: int, now: datetime
) -> None:
    """Let the name lead to the repository, wherever it led before."""
    await tx.run(_SET, name=name.text, repository_id=repository_id, created_at=to_instant(now))


async def delete_redirect(tx: Transaction, name: RepositoryName) -> None:
    """Let the name lead nowhere, for something is there again."""
    await tx.run(_DELETE, old_name=name.text)


async def delete_redirects_to(tx: Transaction, repository_id: int) -> None:
    """Forget every name that leads to the repository."""
    await tx.run(_DELETE_OF, repo_id=repository_id)
