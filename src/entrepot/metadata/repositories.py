"""Repositories: `namespace/name`, the unit of permission."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from itertools import islice
from typing import Final

from sqlalchemy import Select, bindparam, delete, exists, select, update

from entrepot.errors import RepositoryUnknown
from entrepot.metadata.contents.search_sql import DELETE as DELETE_WORDS
from entrepot.metadata.engines.engine import (
    Reader,
    Row,
    SqlStatement,
    Transaction,
    to_instant,
)
from entrepot.metadata.engines.rows import find_one, first_text, list_all, row_mapper
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.tables import (
    manifest_references,
    manifests,
    repositories,
    repository_blobs,
    tags,
    uploads,
)
from entrepot.model.repositories import ChangeType, Repository, RepositoryChange, Visibility
from entrepot.oci.names import RepositoryName

COLUMNS: Final = (
    repositories.c.id,
    repositories.c.name,
    repositories.c.namespace_id,
    repositories.c.visibility,
    repositories.c.created_at,
    repositories.c.pulls,
    repositories.c.description,
    repositories.c.archived_at,
    repositories.c.pushed_at,
    repositories.c.stars,
    repositories.c.kind,
    repositories.c.size,
    repositories.c.tag_count,
    repositories.c.is_mirrored,
)
"""The columns that `repository_of` makes a repository of."""
_FIND: Final = SqlStatement(
    select(*COLUMNS).where(repositories.c.name == bindparam("name")), is_short=True
)
_FIND_BY_ID: Final = SqlStatement(select(*COLUMNS).where(repositories.c.id == bindparam("id")))
_LOCK: Final = SqlStatement(
    select(repositories.c.id).where(repositories.c.id == bindparam("id")).with_for_update()
)
_INSERT: Final = SqlStatement(
    insert(repositories)
    .values(
        namespace_id=bindparam("namespace_id"),
        name=bindparam("name"),
        visibility=bindparam("visibility"),
        created_at=bindparam("created_at"),
        is_mirrored=bindparam("is_mirrored"),
    )
    .on_conflict_do_nothing()
)
_SET_VISIBILITY: Final = SqlStatement(
    update(repositories)
    .where(repositories.c.id == bindparam("repository_id"))
    .values(visibility=bindparam("new_visibility"))
)
_ADD_PULLS: Final = SqlStatement(
    update(repositories)
    .where(repositories.c.id == bindparam("repository_id"))
    .values(pulls=repositories.c.pulls + bindparam("count"), pulled_at=bindparam("moment"))
)
_LIST_ALL: Final = SqlStatement(select(*COLUMNS).order_by(repositories.c.name))
_DELETE: Final = tuple(
    SqlStatement(delete(table).where(table.c.repository_id == bindparam("repository_id")))
    for table in (tags, manifest_references, manifests, repository_blobs, uploads)
)
_DELETE_ROW: Final = SqlStatement(
    delete(repositories).where(repositories.c.id == bindparam("repository_id"))
)


def _catalog(statement: Select[tuple[str]]) -> SqlStatement:
    """A page of names; a repository is listed once it has a manifest."""
    return SqlStatement(
        statement.where(
            repositories.c.name > bindparam("last"),
            exists().where(manifests.c.repository_id == repositories.c.id),
        )
        .order_by(repositories.c.name)
        .limit(bindparam("limit"))
    )


_NAMES: Final = select(repositories.c.name)
_CATALOG_ALL: Final = _catalog(_NAMES)
_CATALOG_PUBLIC: Final = _catalog(
    _NAMES.where(repositories.c.visibility == bindparam("visibility"))
)
_CATALOG_NAMESPACE: Final = _catalog(
    _NAMES.where(
        repositories.c.namespace_id == bindparam("namespace_id"),
        repositories.c.visibility == bindparam("visibility"),
    )
)


repository_of: Final = row_mapper(Repository)
"""The repository whose columns (`COLUMNS`) these are."""


async def find_repository(reader: Reader, name: RepositoryName) -> Repository | None:
    """The repository of that name."""
    # Each request asks this: one call fewer than by `find_one`.
    row = await reader.one(_FIND, name=name.text)
    return None if row is None else repository_of(row)


async def find_by_id(reader: Reader, repository_id: int) -> Repository | None:
    """The repository with that id."""
    return await find_one(reader, repository_of, _FIND_BY_ID, id=repository_id)


async def ensure_repository(
    tx: Transaction,
    name: RepositoryName,
    namespace_id: int | None,
    visibility: Visibility,
    now: datetime,
) -> Repository:
    """The repository of that name, created where there is none."""
    await insert_repository(tx, name, namespace_id, visibility, now)
    found = await find_repository(tx, name)
    if found is None:
        raise RepositoryUnknown
    return found


async def insert_repository(
    tx: Transaction,
    name: RepositoryName,
    namespace_id: int | None,
    visibility: Visibility,
    now: datetime,
    *,
    is_mirrored: bool = False,
) -> bool:
    """Make a repository; `False` where there is one of that name."""
    await lock_name(tx, name)
    count = await tx.run(
        _INSERT,
        namespace_id=namespace_id,
        name=name.text,
        visibility=visibility,
        created_at=to_instant(now),
        is_mirrored=int(is_mirrored),
    )
    return count > 0


async def lock_name(tx: Transaction, name: RepositoryName) -> None:
    """Lock the name of a repository until this transaction ends."""
    await tx.lock(f"repository:{name.text}")


async def lock_repository(tx: Transaction, repository: Repository) -> None:
    """Let one transaction at a time change the repository; raise where it is gone."""
    if not await lock_by_id(tx, repository.id):
        raise RepositoryUnknown


async def lock_by_id(tx: Transaction, repository_id: int) -> bool:
    """As `lock_repository`; say whether the repository is there.

    First in every transaction that changes what belongs to a repository: rows of it are locked by
    their foreign keys too, and two that begin at different ends would wait for one another.
    """
    return await tx.one(_LOCK, id=repository_id) is not None


async def set_visibility(tx: Transaction, repository_id: int, visibility: Visibility) -> None:
    """Change the visibility."""
    await tx.run(_SET_VISIBILITY, repository_id=repository_id, new_visibility=visibility)


async def add_pulls(tx: Transaction, repository_id: int, count: int, moment: datetime) -> None:
    """Count `count` more pulls, the last one at `moment`."""
    await tx.run(_ADD_PULLS, repository_id=repository_id, count=count, moment=to_instant(moment))


async def list_repositories(reader: Reader) -> list[Repository]:
    """Every repository, by name."""
    return await list_all(reader, repository_of, _LIST_ALL)


async def delete_repository(tx: Transaction, repository_id: int) -> None:
    """Forget the repository with its tags, manifests, blob links, uploads and words."""
    for statement in _DELETE:
        await tx.run(statement, repository_id=repository_id)
    # No key leads there, and the next repository may be given this id.
    await tx.run(DELETE_WORDS, of=repository_id)
    await tx.run(_DELETE_ROW, repository_id=repository_id)


async def list_all_names(reader: Reader, last: str, limit: int) -> list[str]:
    """The first `limit` names after `last` in byte order."""
    return await list_all(reader, first_text, _CATALOG_ALL, last=last, limit=limit)


async def list_names_of(
    reader: Reader, namespace_ids: Sequence[int], last: str, limit: int
) -> list[str]:
    """As `list_all_names`: the public ones and those of the namespaces.

    One short walk of an index per namespace: the cost does not grow with what is not listed.
    """
    rows = await reader.all(_CATALOG_PUBLIC, visibility=Visibility.PUBLIC, last=last, limit=limit)
    pages = [_texts(rows)]
    for namespace_id in namespace_ids:
        rows = await reader.all(
            _CATALOG_NAMESPACE,
            namespace_id=namespace_id,
            visibility=Visibility.PRIVATE,
            last=last,
            limit=limit,
        )
        pages.append(_texts(rows))
    return list(islice(merge(*pages), limit))


def _texts(rows: Sequence[Row]) -> list[str]:
    return [str(row[0]) for row in rows]


ChangeListener = Callable[[Transaction, RepositoryChange], Awaitable[None]]
"""Told of a change in the transaction that makes it."""


@dataclass(frozen=True, slots=True)
class PushTarget:
    """Where a push goes: a repository that exists, or the one that this push creates."""

    name: RepositoryName
    namespace_id: int | None
    visibility: Visibility
    found: Repository | None
    listener: ChangeListener | None = None
    is_mirrored: bool = False

    async def ensure(self, tx: Transaction, now: datetime) -> Repository:
        """The repository, created where there is none, locked for this transaction."""
        if self.found is not None:
            await lock_repository(tx, self.found)
            return self.found
        new = await insert_repository(
            tx,
            self.name,
            self.namespace_id,
            self.visibility,
            now,
            is_mirrored=self.is_mirrored,
        )
        made = await find_repository(tx, self.name)
        if made is None:
            raise RepositoryUnknown
        if not new:
            await lock_repository(tx, made)
        elif self.listener is not None:
            await self.listener(tx, RepositoryChange(ChangeType.CREATED, made))
        return made
