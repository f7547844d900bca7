"""Packages that SBOMs list, and the artifacts that are found by them."""

import json
from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import BindParameter, bindparam, delete, select

from entrepot.metadata.artifact_tables import artifact_packages, packages
from entrepot.metadata.contents.package_names import base_name
from entrepot.metadata.contents.search_sql import is_among
from entrepot.metadata.engines.engine import Reader, SqlStatement, Transaction, Value, storable
from entrepot.metadata.engines.upserts import insert

Package = tuple[str, str, str, str]
"""Name, version, purl and licences."""

_PACKAGE: Final[dict[str, BindParameter[str]]] = {
    name: bindparam(name) for name in ("name", "version", "purl", "licenses")
}
_ADD: Final = SqlStatement(
    insert(packages)
    .values({**_PACKAGE, "base_name": bindparam("base_name")})
    .on_conflict_do_nothing()
)
_LINK: Final = SqlStatement(
    insert(artifact_packages)
    .from_select(
        ["package_id", "manifest_id", "repository_id"],
        select(packages.c.id, bindparam("of"), bindparam("within")).where(
            *(packages.c[name] == bind for name, bind in _PACKAGE.items())
        ),
    )
    .on_conflict_do_nothing()
)
_LIST: Final = SqlStatement(
    select(packages.c.id, *(packages.c[name] for name in _PACKAGE))
    .join(artifact_packages, artifact_packages.c.package_id == packages.c.id)
    .where(
        artifact_packages.c.manifest_id == bindparam("manifest_id"),
        artifact_packages.c.package_id > bindparam("after"),
    )
    .order_by(artifact_packages.c.package_id)
    .limit(bindparam("limit"))
)
_DROP: Final = SqlStatement(
    delete(artifact_packages).where(
        artifact_packages.c.manifest_id == bindparam("of"),
        is_among("artifact_packages.package_id", "gone"),
    )
)


def distinct(found: Iterable[Package]) -> list[Package]:
    """The packages as every engine stores them, each once."""
    rows: dict[Package, None] = {}
    for name, version, purl, licenses in found:
        rows[storable(name), storable(version), storable(purl), storable(licenses)] = None
    return list(rows)


async def list_packages(
    reader: Reader, manifest_id: int, after: int, limit: int
) -> list[tuple[int, Package]]:
    """The first `limit` packages with an id above `after` that the manifest is found by, by id."""
    rows = await reader.all(_LIST, manifest_id=manifest_id, after=after, limit=limit)
    return [(int(row[0]), (row[1], row[2], row[3], row[4])) for row in rows]


async def add_packages(
    tx: Transaction, manifest_id: int, repository_id: int, found: Sequence[Package]
) -> None:
    """Have the manifest found by these packages too; repeating it changes nothing."""
    keys = [dict(zip(_PACKAGE, package, strict=True)) for package in distinct(found)]
    rows: list[dict[str, Value]] = [{**key, "base_name": base_name(key["name"])} for key in keys]
    await tx.run_many(_ADD, rows)
    links: list[dict[str, Value]] = [
        {**key, "of": manifest_id, "within": repository_id} for key in keys
    ]
    await tx.run_many(_LINK, links)


async def drop_packages(tx: Transaction, manifest_id: int, package_ids: Sequence[int]) -> None:
    """Have the manifest found by these packages no more."""
    await tx.run(_DROP, of=manifest_id, gone=json.dumps(list(package_ids)))
