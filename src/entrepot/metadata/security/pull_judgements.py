"""Judgements of manifests by the rules about pulls, and the verdicts that pulls read."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from msgspec import json
from sqlalchemy import bindparam, delete, func, null, select, update

from entrepot.metadata.engines.engine import (
    Reader,
    SqlStatement,
    Transaction,
    Value,
    to_instant,
)
from entrepot.metadata.engines.rows import find_one, first_text, get_number, list_all
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.policy_tables import pull_judgements
from entrepot.metadata.tables import manifest_references, manifests, tags
from entrepot.model.security.pull_decisions import Judgement
from entrepot.model.security.pull_policies import PullVerdict

_OWN_TAGS: Final = SqlStatement(
    select(tags.c.name, tags.c.pull_verdict)
    .where(tags.c.manifest_id == bindparam("manifest_id"), tags.c.is_hidden == 0)
    .order_by(tags.c.name)
)
_TAGS_OF_INDEXES: Final = SqlStatement(
    select(tags.c.name)
    .distinct()
    .join(manifest_references, manifest_references.c.manifest_id == tags.c.manifest_id)
    .where(
        manifest_references.c.repository_id == bindparam("repository_id"),
        manifest_references.c.digest == bindparam("digest"),
        manifest_references.c.role == "manifest",
        tags.c.is_hidden == 0,
    )
    .limit(10_000)
)
_FIND_JUDGEMENT: Final = SqlStatement(
    select(pull_judgements.c.content).where(
        pull_judgements.c.manifest_id == bindparam("manifest_id")
    )
)
_FIND_REVISION: Final = SqlStatement(
    select(pull_judgements.c.revision).where(
        pull_judgements.c.manifest_id == bindparam("manifest_id")
    )
)
_WRITE_JUDGEMENT: Final = SqlStatement(
    insert(pull_judgements)
    .values(
        manifest_id=bindparam("of"),
        repository_id=bindparam("within"),
        content=bindparam("content"),
        revision=1,
        again_at=bindparam("again_at"),
    )
    .on_conflict_do_update(
        index_elements=["manifest_id"],
        set_={
            "content": bindparam("content"),
            "revision": pull_judgements.c.revision + 1,
            "again_at": bindparam("again_at"),
        },
    )
)
_SET_VERDICT: Final = SqlStatement(
    update(manifests)
    .where(
        manifests.c.id == bindparam("of"),
        func.coalesce(manifests.c.pull_verdict, 0) != bindparam("verdict"),
    )
    .values(pull_verdict=bindparam("verdict"))
)
_SET_TAG_VERDICT: Final = SqlStatement(
    update(tags)
    .where(
        tags.c.repository_id == bindparam("within"),
        tags.c.name == bindparam("tag"),
        tags.c.manifest_id == bindparam("of"),
    )
    .values(pull_verdict=bindparam("verdict"))
)
_CLEAR: Final = (
    SqlStatement(
        update(manifests)
        .where(
            manifests.c.repository_id == bindparam("within"), manifests.c.pull_verdict.is_not(None)
        )
        .values(pull_verdict=null())
    ),
    SqlStatement(
        update(tags)
        .where(tags.c.repository_id == bindparam("within"), tags.c.pull_verdict.is_not(None))
        .values(pull_verdict=null())
    ),
    SqlStatement(
        delete(pull_judgements).where(pull_judgements.c.repository_id == bindparam("within"))
    ),
)
_LIST_DUE: Final = SqlStatement(
    select(pull_judgements.c.repository_id, manifests.c.digest)
    .join(manifests, manifests.c.id == pull_judgements.c.manifest_id)
    .where(pull_judgements.c.again_at <= bindparam("now"))
    .order_by(pull_judgements.c.again_at)
    .limit(bindparam("limit"))
)


async def list_index_tags(reader: Reader, repository_id: int, digest: str) -> list[str]:
    """The tags of indexes that list the manifest."""
    return await list_all(
        reader, first_text, _TAGS_OF_INDEXES, repository_id=repository_id, digest=digest
    )


async def list_own_tags(reader: Reader, manifest_id: int) -> dict[str, int | None]:
    """The tags of the manifest that people gave, each with its verdict so far."""
    rows = await reader.all(_OWN_TAGS, manifest_id=manifest_id)
    return {str(row[0]): row[1] for row in rows}


async def find_judgement(reader: Reader, manifest_id: int) -> Judgement | None:
    """The last judgement of the manifest; `None` where there was none."""
    text = await find_one(reader, first_text, _FIND_JUDGEMENT, manifest_id=manifest_id)
    return None if text is None else json.decode(text, type=Judgement)


async def find_revision(reader: Reader, manifest_id: int) -> int:
    """How often a judgement of the manifest was written."""
    return await get_number(reader, _FIND_REVISION, manifest_id=manifest_id)


async def write_judgement(
    tx: Transaction,
    repository_id: int,
    manifest_id: int,
    judgement: Judgement,
    by_digest: PullVerdict,
    by_tag: Mapping[str, PullVerdict],
) -> None:
    """Keep what the rules say, and the verdicts that pulls read."""
    again_at = datetime.fromisoformat(judgement.again_at) if judgement.again_at else None
    await tx.run(
        _WRITE_JUDGEMENT,
        of=manifest_id,
        within=repository_id,
        content=json.encode(judgement).decode(),
        again_at=to_instant(again_at) if again_at else None,
    )
    await tx.run(_SET_VERDICT, of=manifest_id, verdict=int(by_digest))
    rows: list[dict[str, Value]] = [
        {"within": repository_id, "of": manifest_id, "tag": tag, "verdict": int(verdict)}
        for tag, verdict in by_tag.items()
    ]
    await tx.run_many(_SET_TAG_VERDICT, rows)


async def clear(tx: Transaction, repository_id: int) -> None:
    """Forget all verdicts of the repository: it has no rules any more."""
    for statement in _CLEAR:
        await tx.run(statement, within=repository_id)


async def list_due(reader: Reader, now: datetime, limit: int) -> list[tuple[int, str]]:
    """Repository and digest of manifests that time alone may have changed the verdict of."""
    rows = await reader.all(_LIST_DUE, now=to_instant(now), limit=limit)
    return [(int(row[0]), str(row[1])) for row in rows]
