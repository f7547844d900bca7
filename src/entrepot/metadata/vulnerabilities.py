"""By which vulnerabilities an artifact is found."""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import bindparam, delete, select

from entrepot.metadata.artifact_tables import artifact_vulnerabilities
from entrepot.metadata.engine import Statement, Transaction
from entrepot.metadata.upserts import insert
from entrepot.metadata.vulnerability_ids import folded_id

_ADD_VULNERABILITY: Final = Statement(
    insert(artifact_vulnerabilities)
    .values(
        identifier=bindparam("identifier"),
        manifest_id=bindparam("of"),
        repository_id=bindparam("within"),
        severity=bindparam("severity"),
    )
    .on_conflict_do_nothing()
)
_VULNERABILITIES: Final = Statement(
    select(artifact_vulnerabilities.c.identifier, artifact_vulnerabilities.c.severity).where(
        artifact_vulnerabilities.c.manifest_id == bindparam("manifest_id")
    )
)
_DROP_VULNERABILITY: Final = Statement(
    delete(artifact_vulnerabilities).where(
        artifact_vulnerabilities.c.identifier == bindparam("gone"),
        artifact_vulnerabilities.c.manifest_id == bindparam("of"),
    )
)


async def write_vulnerabilities(
    tx: Transaction, manifest_id: int, repository_id: int, found: Mapping[str, str]
) -> None:
    """Have the manifest found by these ids, each with its severity, and by no others.

    Rows that are right already are not written again.
    """
    rows = await tx.all(_VULNERABILITIES, manifest_id=manifest_id)
    known = {str(row[0]): str(row[1]) for row in rows}
    wanted = {folded_id(name)[:255]: severity for name, severity in found.items() if name}
    gone = [name for name in known if wanted.get(name) != known[name]]
    new = [name for name in wanted if known.get(name) != wanted[name]]
    await tx.run_many(_DROP_VULNERABILITY, [{"of": manifest_id, "gone": name} for name in gone])
    await tx.run_many(
        _ADD_VULNERABILITY,
        [
            {
                "identifier": name,
                "severity": wanted[name],
                "of": manifest_id,
                "within": repository_id,
            }
            for name in new
        ],
    )
