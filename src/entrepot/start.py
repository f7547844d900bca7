"""What happens before a hub can serve: directories, schema, and the first word to its operator.

Light, like `entrepot.settings`: a cold start waits for it.
"""

import sys
from contextlib import suppress

from entrepot.metadata.engine import Metadata
from entrepot.metadata.migrate import upgrade_postgresql, upgrade_sqlite
from entrepot.metadata.sqlite import SqliteMetadata
from entrepot.settings import Settings
from entrepot.storage.filesystem import FileStorage

_EVERYWHERE = ("127.0.0.1", "0.0.0.0", "::1", "::")  # noqa: S104 - addresses that name no host


def prepare(settings: Settings) -> None:
    """Make the data directory and bring its schema up to date; repeating it does nothing."""
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o750)
    FileStorage(settings.data).prepare()
    if settings.database is None:
        upgrade_sqlite(settings.sqlite_file)
    else:
        upgrade_postgresql(settings.database)


async def open_metadata(settings: Settings) -> Metadata:
    """The database of the settings, ready to be asked."""
    if settings.database is None:
        return SqliteMetadata(settings.sqlite_file)
    # Late: a hub on SQLite need not have psycopg, nor wait for it.
    from entrepot.metadata.postgresql import PostgresMetadata

    metadata = PostgresMetadata(settings.database)
    await metadata.open()
    return metadata


def public_url(settings: Settings) -> str:
    """The address to give to people."""
    scheme = "https" if settings.is_tls else "http"
    host = "localhost" if settings.host in _EVERYWHERE else settings.host
    return settings.url or f"{scheme}://{host}:{settings.port}"


def greet(settings: Settings, password: str, link_secret: str) -> None:
    """Print the generated password of a first start, and how to use it."""
    url = public_url(settings)
    lines = [
        "",
        "This is its first start. Sign in as",
        "  name      admin",
        f"  password  {password}",
        f"  at        {url}/",
        "or choose a password of your own, with this link that works once:",
        f"  {url}/welcome/{link_secret}",
        "The password is shown once; `entrepot user password admin` replaces it.",
        "",
    ]
    for stream in (sys.stdout, sys.stderr):
        # Nobody may be reading the one; a hub that serves matters more than its greeting.
        with suppress(OSError):
            print("\n".join(lines), file=stream, flush=True)
            return
