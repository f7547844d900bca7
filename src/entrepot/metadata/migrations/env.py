"""Alembic's entry: runs the scripts on the engine that `entrepot.metadata.migrate` hands over."""

from alembic import context
from sqlalchemy import Engine, text

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
        context.configure(connection=connection, target_metadata=SCHEMA)
        with context.begin_transaction():
            context.run_migrations()
        if connection.dialect.name == "sqlite":
            connection.execute(text("COMMIT"))


run()
