"""Brings a database to this version's schema."""

from pathlib import Path
from typing import Final

from entrepot.metadata.sqlite import check_library_version, connect

HEAD: Final = "0001"
"""The newest revision; a test compares it with the scripts, so that a start can skip Alembic."""

_SCRIPTS: Final = Path(__file__).parent / "migrations"


def upgrade_sqlite(path: Path) -> None:
    """Create or upgrade the file's schema; repeating it does nothing."""
    check_library_version()
    connection = connect(path)
    try:
        if _revision_of(connection) == HEAD:
            return
    finally:
        connection.close()
    import pysqlite3  # late: SQLAlchemy's engine and Alembic are slow to import
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    upgrade(
        create_engine(
            "sqlite://", module=pysqlite3.dbapi2, creator=lambda: connect(path), poolclass=NullPool
        )
    )


def upgrade_postgresql(url: str) -> None:
    """Create or upgrade the database's schema; nodes that start together wait for one another."""
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    scheme, separator, rest = url.partition("://")
    if scheme not in ("postgresql", "postgres") or not separator:
        raise ValueError("a PostgreSQL URL begins with postgresql://")
    upgrade(create_engine(f"postgresql+psycopg://{rest}", poolclass=NullPool))


def upgrade(engine: object) -> None:
    """Run the scripts that the engine's database has not seen, in one transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.attributes["engine"] = engine
    command.upgrade(config, "head")


def _revision_of(connection: object) -> str | None:
    execute = connection.execute  # type: ignore[attr-defined]
    known = execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
    row = execute("SELECT version_num FROM alembic_version").fetchone() if known else None
    return None if row is None else str(row[0])
