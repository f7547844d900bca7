"""By which vulnerabilities an artifact is found."""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import bindparam, delete, select

from entrepot.metadata.artifact_tables import artifact_vulnerabilities
from entrepot.metadata.contents.search_sql import is_among
from entrepot.metadata.engines.engine import Reader, SqlStatement, Transaction
from entrepot.metadata.engines.rows import list_all, row_mapper
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.security.vulnerability_ids import folded_id

_ADD: Final = SqlStatement(
    insert(artifact_vulnerabilities)
    .values(
        identifier=bindparam("identifier"),
        manifest_id=bindparam("of"),
        repository_id=bindparam("within"),
        severity=bindparam("severity"),
    )
    .on_conflict_do_update(
        index_elements=["identifier", "manifest_id"], set_={"severity": bindparam("severity")}
    )
)
_LIST: Final = SqlStatement(
    select(artifact_vulnerabilities.c.identifier, artifact_vulnerabilities.c.severity)
    .where(
        artifact_vulnerabilities.c.manifest_id == bindparam("manifest_id"),
        artifact_vulnerabilities.c.identifier > bindparam("after"),
    )
    .order_by(artifact_vulnerabilities.c.identifier)
    .limit(bindparam("limit"))
)
_DROP: Final = SqlStatement(
    delete(artifact_vulnerabilities).where(
        artifact_vulnerabilities.c.manifest_id == bindparam("of"),
        is_among("artifact_vulnerabilities.identifier", "gone", "text"),
    )
)


def folded(found: Mapping[str, str]) -> dict[str, str]:
    """Ids as they are kept, each with its severity."""
    return {folded_id(name)[:255]: severity for name, severity in found.items() if name}


_vulnerability: Final = row_mapper(tuple[str, str])


async def list_vulnerabilities(
    reader: Reader, manifest_id: int, after: str, limit: int
) -> list[tuple[str, str]]:
    """The first `limit` ids after `after` that the manifest is found by, with their severities."""
    return await list_all(
        reader, _vulnerability, _LIST, manifest_id=manifest_id, after=after, limit=limit
    )


async def add_vulnerabilities(
    tx: Transaction, manifest_id: int, repository_id: int, found: Mapping[str, str]
) -> None:
    """Have the manifest found by these ids too, each with its severity."""
    await tx.run_many(
        _ADD,
        [
            {
                "identifier": name,
                "severity": severity,
                "of": manifest_id,
                "within": repository_id,
            }
            for name, severity in folded(found).items()
        ],
    )


async def drop_vulnerabilities(tx: Transaction, manifest_id: int, names: Sequence[str]) -> None:
    """Have the manifest found by these ids no more."""
    await tx.run(_DROP, of=manifest_id, gone=json.dumps(list(names)))
