"""`INSERT … ON CONFLICT`, which both engines understand alike.

SQLite's construct serves both. Importing PostgreSQL's dialect takes a seventh of a start, which a
hub on SQLite need not wait for.
"""

from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.dialects.sqlite.dml import OnConflictDoNothing, OnConflictDoUpdate

__all__ = ["insert", "teach_postgresql"]


def teach_postgresql() -> None:
    """Give the constructs what PostgreSQL's compiler asks of its own: no named constraint."""
    for construct in (OnConflictDoNothing, OnConflictDoUpdate):
        construct.constraint_target = None  # type: ignore[union-attr]
