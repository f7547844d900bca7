"""Alembic's entry: runs the scripts on the engine that `entrepot.metadata.migrate` hands over."""

from alembic import context
from sqlalchemy import Connection, Engine, inspect, text

from entrepot.metadata.migrate import COMPATIBLE_SINCE, is_older
from entrepot.metadata.schema import SCHEMA

_LOCK = 7227_0001
"""Any number that nobody else uses as a PostgreSQL advisory lock in this database."""


def run() -> None:
    """Upgrade inside one transaction that keeps other nodes out."""
    engine: Engine = context.config.attributes["engine"]
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        else:
            connection.execute(text("BEGIN IMMEDIATE"))
        if not is_older(*_revision_of(connection)):
            # Another node was quicker, it may be one of a later version.
            connection.rollback()
            return
        context.configure(connection=connection, target_metadata=SCHEMA)
        with context.begin_transaction():
            context.run_migrations()
        _tell_older_programs(connection)
        if connection.dialect.name == "sqlite":
            connection.execute(text("COMMIT"))


def _revision_of(connection: Connection) -> tuple[str | None, str | None]:
    if not inspect(connection).has_table("alembic_version"):
        return None, None
    row = connection.execute(text("SELECT * FROM alembic_version")).mappings().first()
    return (None, None) if row is None else (row["version_num"], row.get("compatible_since"))


def _tell_older_programs(connection: Connection) -> None:
    columns = inspect(connection).get_columns("alembic_version")
    if any(column["name"] == "compatible_since" for column in columns):
        statement = text("UPDATE alembic_version SET compatible_since = :since")
        connection.execute(statement, {"since": COMPATIBLE_SINCE})


run()
