"""Facts about artifacts that rules about pulls ask for."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import select

from entrepot.metadata.advisory_tables import artifact_findings
from entrepot.metadata.artifact_tables import artifact_packages, packages
from entrepot.metadata.contents.search_sql import is_among, json_of
from entrepot.metadata.engines.engine import Reader, SqlStatement, from_instant
from entrepot.model.security.advisories import ArtifactFinding

_MOST: Final = 100_000
_F: Final = artifact_findings.c
_FINDINGS: Final = SqlStatement(
    select(
        _F.identifier,
        _F.package,
        _F.version,
        _F.aliases,
        _F.fixed,
        _F.severity,
        _F.state,
        _F.source,
        _F.first_seen,
    )
    .where(is_among("artifact_findings.manifest_id", "ids"))
    .limit(_MOST)
)
_LICENSES: Final = SqlStatement(
    select(packages.c.name, packages.c.licenses)
    .distinct()
    .join(artifact_packages, artifact_packages.c.package_id == packages.c.id)
    .where(is_among("artifact_packages.manifest_id", "ids"), packages.c.licenses != "")
    .limit(_MOST)
)


async def list_findings_with_times(
    reader: Reader, manifest_ids: Sequence[int]
) -> list[tuple[ArtifactFinding, datetime]]:
    """The findings of these manifests, each with the moment at which it was first seen."""
    rows = await reader.all(_FINDINGS, ids=json_of(manifest_ids))
    return [
        (
            ArtifactFinding(row[0], row[1], row[2], tuple(json.loads(row[3])), *row[4:8]),
            from_instant(row[8]),
        )
        for row in rows
    ]


async def list_licenses(reader: Reader, manifest_ids: Sequence[int]) -> dict[str, str]:
    """The licences of the packages that these manifests list, by the package's name.

    Of a package with several the expressions are joined by AND.
    """
    found: dict[str, str] = {}
    for name, licenses in await reader.all(_LICENSES, ids=json_of(manifest_ids)):
        found[name] = f"{found[name]} AND {licenses}" if name in found else licenses
    return found
