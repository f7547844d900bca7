"""Brings a database to this version's schema."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from entrepot.errors import Unavailable
from entrepot.metadata.engines.failures import as_unavailable
from entrepot.metadata.engines.sqlite_driver import dbapi2
from entrepot.metadata.engines.sqlite_file import check_library_version, connect

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Engine

HEAD: Final = "0031"
"""The newest revision; a test compares it with the scripts, so that a start can skip Alembic."""

COMPATIBLE_SINCE: Final = "0008"
"""The oldest revision whose programs work on this schema, which was only added to since.

It is written beside the revision, so that older programs know it: they start on a newer schema.
"""

_URL: Final = (
    "the URL of the database cannot be read: it is postgresql://USER:PASSWORD@HOST:PORT/NAME,"
    " with %23 for # and the like in the password"
)
_SCRIPTS: Final = Path(__file__).parent / "migrations"
SQLITE_SCHEMA: Final = _SCRIPTS / "sqlite.sql"
"""The schema that the scripts give a new SQLite file (`just schema` writes it, a test compares).

A first start takes it as it is: Alembic alone would take longer than everything else together.
"""


def upgrade_sqlite(path: Path) -> None:
    """Create or upgrade the file's schema; repeating it does nothing."""
    check_library_version()
    with as_unavailable(path):
        connection = connect(path)
        try:
            if _is_empty(connection):
                _create(connection)
            if not is_older(*_revision_of(connection, path)):
                return
        finally:
            connection.close()
        upgrade_sqlite_by_scripts(path)


def upgrade_sqlite_by_scripts(path: Path) -> None:
    """As `upgrade_sqlite`, always by Alembic's scripts."""
    upgrade(open_engine(path))


def upgrade_postgresql(url: str) -> None:
    """Create or upgrade the database's schema; nodes that start together wait for one another."""
    with as_unavailable(url):
        upgrade(open_engine(url))


def is_older(revision: str | None, since: str | None) -> bool:
    """Say whether a schema lacks scripts of this version; `since` is what the schema says.

    Raises `Unavailable` for one of a later version that programs like this one cannot use.
    """
    if revision is None or revision < HEAD:
        return True
    if revision == HEAD or (since is not None and since <= HEAD):
        return False
    raise Unavailable(
        f"the database has schema {revision} of a later version of Entrepot, and this one knows"
        f" schemas up to {HEAD}: install that version again, or restore a backup made before"
    )


def open_engine(place: Path | str) -> "Engine":
    """SQLAlchemy's own engine over a SQLite file or the database of a PostgreSQL URL."""
    # Late: SQLAlchemy's engine and Alembic are slow to import, and seldom needed.
    from sqlalchemy import create_engine
    from sqlalchemy.exc import ArgumentError
    from sqlalchemy.pool import NullPool

    if isinstance(place, Path):
        return create_engine(
            "sqlite://", module=dbapi2, creator=lambda: connect(place), poolclass=NullPool
        )
    scheme, separator, rest = place.partition("://")
    if scheme not in ("postgresql", "postgres") or not separator:
        raise ValueError("a PostgreSQL URL begins with postgresql://")
    try:
        return create_engine(f"postgresql+psycopg://{rest}", poolclass=NullPool)
    except (ArgumentError, ValueError) as error:
        raise Unavailable(_URL) from error


def upgrade(engine: object, revision: str = "head") -> None:
    """Run the scripts that the engine's database has not seen, in one transaction."""
    from alembic import command

    config = _config()
    config.attributes["engine"] = engine
    command.upgrade(config, revision)


def list_revisions() -> list[str]:
    """Every revision that there has been, the newest first."""
    from alembic.script import ScriptDirectory

    return [each.revision for each in ScriptDirectory.from_config(_config()).walk_revisions()]


def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    return config


def dump_sqlite_schema(path: Path) -> str:
    """The statements that make a file like this one."""
    connection = connect(path)
    try:
        rows = connection.execute(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"
            # The tables behind a search index come with it.
            " AND name NOT LIKE 'search_%' ORDER BY rowid"
        ).fetchall()
    finally:
        connection.close()
    statements = [" ".join(str(row[0]).split()) + ";\n" for row in rows]
    statements.append("INSERT INTO rights_revision (revision) VALUES (0);\n")
    statements.append(
        "INSERT INTO alembic_version (version_num, compatible_since)"  # noqa: S608 - our own
        f" VALUES ('{HEAD}', '{COMPATIBLE_SINCE}');\n"
    )
    return "".join(statements)


def _create(connection: dbapi2.Connection) -> None:
    """Make the schema in one transaction; of several that try, one does."""
    connection.execute("BEGIN IMMEDIATE")
    if _is_empty(connection):
        for statement in SQLITE_SCHEMA.read_text().splitlines():
            connection.execute(statement)
    connection.execute("COMMIT")


def _is_empty(connection: dbapi2.Connection) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None


def _revision_of(connection: dbapi2.Connection, path: Path) -> tuple[str | None, str | None]:
    try:
        cursor = connection.execute("SELECT * FROM alembic_version")
    except dbapi2.OperationalError as error:
        if "no such table" not in str(error):
            raise
        raise Unavailable(f"{path} is not the database of a hub") from error
    row = cursor.fetchone()
    # Before a column said it, no older program could have used a newer schema.
    return (None, None) if row is None else (row[0], row[1] if len(row) > 1 else None)
