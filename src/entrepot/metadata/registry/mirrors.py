"""Mirrors, and when their upstreams were asked for tags."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, exists, func, null, select, update

from entrepot.metadata.engines.engine import Reader, SqlStatement, Transaction, to_instant
from entrepot.metadata.engines.rows import find_one, first_moment, get_number, list_all, row_mapper
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.mirror_tables import mirror_checks, mirrors
from entrepot.metadata.tables import blobs as blobs_table
from entrepot.metadata.tables import (
    manifest_references,
    manifests,
    namespaces,
    repositories,
    repository_blobs,
)
from entrepot.model.mirrors import BackOff, Mirror
from entrepot.model.repositories import Visibility

LOCK: Final = "mirrors"
"""Held by who changes what mirrors answer to."""
_SETTINGS: Final = (
    "url",
    "visibility",
    "username",
    "secret",
    "preset",
    "ttl",
    "size_limit",
    "is_offline",
    "allows_private",
    "networks",
    "token_hosts",
    "answers_to",
    "include",
    "exclude",
)
_MIRROR: Final = select(
    namespaces.c.id,
    namespaces.c.name,
    mirrors.c.url,
    mirrors.c.visibility,
    mirrors.c.created_at,
    *(mirrors.c[name] for name in _SETTINGS[2:]),
    mirrors.c.backs_off_until,
    mirrors.c.backs_off_status,
    mirrors.c.backs_off_reason,
    mirrors.c.failures,
).join(namespaces, namespaces.c.id == mirrors.c.namespace_id)
_FIND: Final = SqlStatement(_MIRROR.where(mirrors.c.namespace_id == bindparam("id")))
_LIST: Final = SqlStatement(_MIRROR.order_by(namespaces.c.name))
_SAVE: Final = SqlStatement(
    insert(mirrors)
    .values(
        namespace_id=bindparam("id"),
        created_at=bindparam("created_at"),
        **{name: bindparam(name) for name in _SETTINGS},
    )
    .on_conflict_do_update(
        index_elements=["namespace_id"],
        set_={name: bindparam(name) for name in _SETTINGS}
        | {"backs_off_until": null(), "failures": 0},
    )
)
_BACK_OFF: Final = SqlStatement(
    update(mirrors)
    .where(mirrors.c.namespace_id == bindparam("id"))
    .values(
        backs_off_until=bindparam("until"),
        backs_off_status=bindparam("status"),
        backs_off_reason=bindparam("reason"),
        failures=bindparam("count"),
    )
)
_CLEAR: Final = SqlStatement(
    update(mirrors)
    .where(mirrors.c.namespace_id == bindparam("id"))
    .values(backs_off_until=null(), backs_off_status=0, backs_off_reason="", failures=0)
)
_REPLACE_SECRET: Final = SqlStatement(
    update(mirrors)
    .where(mirrors.c.namespace_id == bindparam("id"), mirrors.c.secret == bindparam("old"))
    .values(secret=bindparam("new"))
)
_OPEN: Final = SqlStatement(
    update(repositories)
    .where(repositories.c.namespace_id == bindparam("id"))
    .values(visibility=bindparam("new_visibility"))
)
_CHECKED: Final = SqlStatement(
    select(mirror_checks.c.checked_at).where(
        mirror_checks.c.repository_id == bindparam("repository_id"),
        mirror_checks.c.tag == bindparam("name"),
    )
)
_CHECK: Final = SqlStatement(
    insert(mirror_checks)
    .values(
        repository_id=bindparam("repository_id"),
        tag=bindparam("name"),
        checked_at=bindparam("moment"),
    )
    .on_conflict_do_update(
        index_elements=["repository_id", "tag"], set_={"checked_at": bindparam("moment")}
    )
)
_LISTING: Final = SqlStatement(
    select(manifests.c.id, manifests.c.content)
    .join(manifest_references, manifest_references.c.manifest_id == manifests.c.id)
    .where(
        manifest_references.c.repository_id == bindparam("repository_id"),
        manifest_references.c.role == "blob",
        manifest_references.c.digest == bindparam("blob"),
    )
    .order_by(manifests.c.id)
    .limit(bindparam("limit"))
)
_LACKING: Final = SqlStatement(
    select(func.count())
    .select_from(manifest_references)
    .where(
        manifest_references.c.manifest_id == bindparam("manifest_id"),
        manifest_references.c.role == "blob",
        manifest_references.c.digest.not_in(
            select(repository_blobs.c.digest).where(
                repository_blobs.c.repository_id == bindparam("repository_id")
            )
        ),
    )
)
_MEASURE: Final = SqlStatement(
    select(func.coalesce(func.sum(blobs_table.c.size), 0)).where(
        blobs_table.c.digest.in_(
            select(repository_blobs.c.digest)
            .join(repositories, repositories.c.id == repository_blobs.c.repository_id)
            .where(repositories.c.namespace_id == bindparam("id"))
        )
    )
)


_PARENTS: Final = manifest_references.alias("parents")
_SUBJECTS: Final = manifests.alias("subjects")
_PULLED: Final = func.coalesce(manifests.c.pulled_at, manifests.c.pushed_at)
_OLDEST: Final = SqlStatement(
    select(manifests.c.id, manifests.c.repository_id)
    .join(repositories, repositories.c.id == manifests.c.repository_id)
    .where(
        repositories.c.namespace_id == bindparam("id"),
        bindparam("before") > _PULLED,
        ~exists().where(
            _PARENTS.c.repository_id == manifests.c.repository_id,
            _PARENTS.c.digest == manifests.c.digest,
            _PARENTS.c.role == "manifest",
        ),
        ~exists().where(
            _SUBJECTS.c.repository_id == manifests.c.repository_id,
            _SUBJECTS.c.digest == manifests.c.subject,
        ),
    )
    .order_by(_PULLED, manifests.c.id)
    .limit(bindparam("limit"))
)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_mirror: Final = row_mapper(
    Mirror,
    networks=_words,
    token_hosts=_words,
    answers_to=_words,
    include=_words,
    exclude=_words,
)
_listing: Final = row_mapper(tuple[int, bytes])
_oldest: Final = row_mapper(tuple[int, int])


async def find_mirror(reader: Reader, namespace_id: int) -> Mirror | None:
    """Return the mirror with this id; `None` where another kind of namespace has it."""
    return await find_one(reader, _mirror, _FIND, id=namespace_id)


async def list_mirrors(reader: Reader) -> list[Mirror]:
    """Every mirror, by name."""
    return await list_all(reader, _mirror, _LIST)


async def save_mirror(tx: Transaction, mirror: Mirror) -> None:
    """Make the namespace a mirror, or change what it is; what failed before is forgotten."""
    await tx.run(
        _SAVE,
        id=mirror.id,
        created_at=to_instant(mirror.created_at),
        url=mirror.url,
        visibility=mirror.visibility,
        username=mirror.username,
        secret=mirror.secret,
        preset=mirror.preset,
        ttl=mirror.ttl,
        size_limit=mirror.size_limit,
        is_offline=int(mirror.is_offline),
        allows_private=int(mirror.allows_private),
        networks=" ".join(mirror.networks),
        token_hosts=" ".join(mirror.token_hosts),
        answers_to=" ".join(mirror.answers_to),
        include=" ".join(mirror.include),
        exclude=" ".join(mirror.exclude),
    )


async def replace_secret(tx: Transaction, namespace_id: int, old: str, new: str) -> int:
    """Store the secret in another form; say how many rows that changed: 1, or 0 where it is new."""
    return await tx.run(_REPLACE_SECRET, id=namespace_id, old=old, new=new)


async def set_visibility_of_all(tx: Transaction, namespace_id: int, visibility: Visibility) -> None:
    """Open or close every repository of the namespace."""
    await tx.run(_OPEN, id=namespace_id, new_visibility=visibility)


async def set_back_off(tx: Transaction, namespace_id: int, back_off: BackOff | None) -> None:
    """Record that the upstream failed, or (`None`) that it answers."""
    if back_off is None:
        await tx.run(_CLEAR, id=namespace_id)
        return
    await tx.run(
        _BACK_OFF,
        id=namespace_id,
        until=to_instant(back_off.until),
        status=back_off.status,
        reason=back_off.reason,
        count=back_off.failures,
    )


async def find_checked_at(reader: Reader, repository_id: int, tag: str) -> datetime | None:
    """When the upstream last said where the tag points; `None` where it never did."""
    return await find_one(reader, first_moment, _CHECKED, repository_id=repository_id, name=tag)


async def set_checked_at(tx: Transaction, repository_id: int, tag: str, moment: datetime) -> None:
    """Record that the upstream said where the tag points."""
    await tx.run(_CHECK, repository_id=repository_id, name=tag, moment=to_instant(moment))


async def list_manifests_of_blob(
    reader: Reader, repository_id: int, digest: str, limit: int
) -> Sequence[tuple[int, bytes]]:
    """The first `limit` manifests of the repository that name the blob: ids and bytes."""
    return await list_all(
        reader, _listing, _LISTING, repository_id=repository_id, blob=digest, limit=limit
    )


async def count_lacking(reader: Reader, repository_id: int, manifest_id: int) -> int:
    """How many of the manifest's blobs the repository does not hold."""
    return await get_number(reader, _LACKING, repository_id=repository_id, manifest_id=manifest_id)


async def measure(reader: Reader, namespace_id: int) -> int:
    """The bytes of all blobs that the namespace's repositories hold, each counted once."""
    return await get_number(reader, _MEASURE, id=namespace_id)


async def list_longest_unpulled(
    reader: Reader, namespace_id: int, before: datetime, limit: int
) -> list[tuple[int, int]]:
    """The `limit` manifests whose last pull is longest ago, with their repositories' ids.

    Only those whose last pull, or else whose arrival, was before that moment; neither children of
    an index that is there, nor what is attached to something that is.
    """
    return await list_all(
        reader, _oldest, _OLDEST, id=namespace_id, before=to_instant(before), limit=limit
    )
