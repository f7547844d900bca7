"""Tags that another hub has replicated here, with the moments at which they were set there."""

from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import BindParameter, bindparam, select

from entrepot.metadata.engines.engine import Reader, SqlStatement, Transaction, to_instant
from entrepot.metadata.engines.rows import find_one, row_mapper
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.replication_tables import replicated_tags
from entrepot.metadata.tables import manifests, tags


class ReplicatedTag(NamedTuple):
    """Where another hub has pointed a tag, when that was, and when it came here."""

    digest: str
    """Empty: the tag was deleted there."""
    authored_at: datetime
    noted_at: datetime


class MovedTag(NamedTuple):
    """Where a tag points, and when it was set here."""

    digest: str
    moved_at: datetime


_THIS: Final = (
    replicated_tags.c.repository_id == bindparam("repository"),
    replicated_tags.c.tag == bindparam("name"),
)
_FIND: Final = SqlStatement(
    select(
        replicated_tags.c.digest, replicated_tags.c.authored_at, replicated_tags.c.noted_at
    ).where(*_THIS)
)
_FIND_MOVED: Final = SqlStatement(
    select(manifests.c.digest, tags.c.moved_at)
    .join(manifests, manifests.c.id == tags.c.manifest_id)
    .where(tags.c.repository_id == bindparam("repository"), tags.c.name == bindparam("name"))
)
_CHANGED: Final[dict[str, BindParameter[object]]] = {
    "digest": bindparam("new_digest"),
    "authored_at": bindparam("authored"),
    "noted_at": bindparam("noted"),
}
_NOTE: Final = SqlStatement(
    insert(replicated_tags)
    .values(repository_id=bindparam("repository"), tag=bindparam("name"), **_CHANGED)
    .on_conflict_do_update(index_elements=["repository_id", "tag"], set_=_CHANGED)
)
_replicated: Final = row_mapper(ReplicatedTag)
_moved: Final = row_mapper(MovedTag)


async def find_replicated(reader: Reader, repository_id: int, tag: str) -> ReplicatedTag | None:
    """The last arrival of the tag from another hub; `None` where there was none."""
    return await find_one(reader, _replicated, _FIND, repository=repository_id, name=tag)


async def find_moved(reader: Reader, repository_id: int, tag: str) -> MovedTag | None:
    """Where the tag points; `None` where there is none."""
    return await find_one(reader, _moved, _FIND_MOVED, repository=repository_id, name=tag)


async def note_replicated(
    tx: Transaction, repository_id: int, tag: str, found: ReplicatedTag
) -> None:
    """Record what another hub says of the tag."""
    await tx.run(
        _NOTE,
        repository=repository_id,
        name=tag,
        new_digest=found.digest,
        authored=to_instant(found.authored_at),
        noted=to_instant(found.noted_at),
    )
