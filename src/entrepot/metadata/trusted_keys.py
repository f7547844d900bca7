"""Public keys whose signatures a namespace vouches for."""

from typing import Final

from sqlalchemy import bindparam, select

from entrepot.metadata.engine import Reader, Statement
from entrepot.metadata.people_tables import trusted_keys
from entrepot.metadata.tables import repositories

_PEMS: Final = Statement(
    select(trusted_keys.c.pem)
    .join(repositories, repositories.c.namespace_id == trusted_keys.c.namespace_id)
    .where(repositories.c.id == bindparam("repository_id"))
    .order_by(trusted_keys.c.id)
    .limit(100)
)


async def list_pems(reader: Reader, repository_id: int) -> list[str]:
    """The keys, in PEM, that the repository's namespace trusts; at most 100."""
    return [str(row[0]) for row in await reader.all(_PEMS, repository_id=repository_id)]
