"""Settings that a repository's administrators change."""

from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, update

from entrepot.metadata.engines.engine import SqlStatement, Transaction, to_instant
from entrepot.metadata.tables import repositories
from entrepot.oci.names import RepositoryName

_THIS: Final = repositories.c.id == bindparam("repository_id")
_DESCRIBE: Final = SqlStatement(
    update(repositories)
    .where(_THIS)
    .values(description=bindparam("new_description"), readme=bindparam("new_readme"))
)
_ARCHIVE: Final = SqlStatement(
    update(repositories).where(_THIS).values(archived_at=bindparam("moment"))
)
_MOVE: Final = SqlStatement(
    update(repositories)
    .where(_THIS)
    .values(name=bindparam("new_name"), namespace_id=bindparam("new_namespace_id"))
)


async def describe(tx: Transaction, repository_id: int, description: str, readme: str) -> None:
    """Replace the one line and the page that say what the repository is for."""
    await tx.run(
        _DESCRIBE, repository_id=repository_id, new_description=description, new_readme=readme
    )


async def set_archived(tx: Transaction, repository_id: int, moment: datetime | None) -> None:
    """Make the repository one that can only be read, or (`None`) no longer."""
    instant = to_instant(moment) if moment else None
    await tx.run(_ARCHIVE, repository_id=repository_id, moment=instant)


async def move(
    tx: Transaction, repository_id: int, name: RepositoryName, namespace_id: int | None
) -> None:
    """Call the repository by another name, perhaps in another namespace; the name must be free."""
    await tx.run(
        _MOVE, repository_id=repository_id, new_name=name.text, new_namespace_id=namespace_id
    )
