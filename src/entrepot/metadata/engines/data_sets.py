"""Files of advisories that were imported."""

from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, select

from entrepot.metadata.advisory_tables import data_sets
from entrepot.metadata.engines.engine import Reader, SqlStatement, Transaction, to_instant
from entrepot.metadata.engines.rows import list_all, row_mapper
from entrepot.metadata.engines.upserts import insert
from entrepot.model.security.advisories import DataSet

_COLUMNS: Final = (
    "name",
    "documents",
    "changed",
    "skipped",
    "newest",
    "started_at",
    "finished_at",
)
_WRITE: Final = SqlStatement(
    insert(data_sets)
    .values({name: bindparam(name) for name in _COLUMNS})
    .on_conflict_do_update(
        index_elements=["name"], set_={name: bindparam(name) for name in _COLUMNS[1:]}
    )
)
_LIST: Final = SqlStatement(
    select(*(data_sets.c[name] for name in _COLUMNS)).order_by(data_sets.c.name).limit(1000)
)

_data_set: Final = row_mapper(DataSet)


async def write_data_set(tx: Transaction, found: DataSet) -> None:
    """Note how far an import has come."""
    finished: datetime | None = found.finished_at
    await tx.run(
        _WRITE,
        name=found.name,
        documents=found.documents,
        changed=found.changed,
        skipped=found.skipped,
        newest=found.newest,
        started_at=to_instant(found.started_at),
        finished_at=None if finished is None else to_instant(finished),
    )


async def list_data_sets(reader: Reader) -> list[DataSet]:
    """List what was imported, by name."""
    return await list_all(reader, _data_set, _LIST)
