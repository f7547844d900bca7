"""Opens the SQLite file: which library may, and how. Imports nothing that is slow to."""

from pathlib import Path
from typing import Final

from entrepot.errors import Unavailable
from entrepot.metadata.engines.sentinels import WRAPPED
from entrepot.metadata.engines.sqlite_driver import dbapi2

WAIT_FOR_LOCK: Final = 10.0
"""Seconds to wait for another process that writes."""


def check_library_version() -> None:
    """Raise `Unavailable` unless the loaded SQLite is one that keeps what it committed.

    3.7.0 to 3.51.2 can lose a committed transaction in WAL mode when two connections write and
    checkpoint at once; 3.44.6 and 3.50.7 have the fix as well.
    """
    version = tuple(int(part) for part in dbapi2.sqlite_version.split("."))
    backported = version[:2] in ((3, 44), (3, 50)) and version >= (
        (3, 44, 6) if version[1] == 44 else (3, 50, 7)
    )
    if version < (3, 51, 3) and not backported:
        raise Unavailable(f"SQLite {dbapi2.sqlite_version} can lose data: 3.51.3 is needed")


def connect(path: Path) -> dbapi2.Connection:
    """Open the file as every connection of ours does: WAL, and a commit survives a power cut.

    Raises `Unavailable` where the file cannot be opened, or holds something else.
    """
    try:
        return _connect(path)
    except dbapi2.DatabaseError as error:
        raise Unavailable(f"cannot open {path}: {error}") from error


def _connect(path: Path) -> dbapi2.Connection:
    connection = dbapi2.connect(
        str(path),
        timeout=WAIT_FOR_LOCK,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=512,
    )
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        "journal_size_limit = 67108864",
        "cache_size = -16384",
        "temp_store = MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def has_wrapped_secrets(path: Path) -> bool:
    """Say whether the database holds secrets that are wrapped by a key."""
    connection = connect(path)
    try:
        secrets = ("accounts", "totp_secret"), ("webhooks", "secret"), ("mirrors", "secret")
        for table, column in secrets:
            found = connection.execute(
                f"SELECT 1 FROM {table} WHERE substr({column}, 1, ?) = ? LIMIT 1",  # noqa: S608
                (len(WRAPPED), WRAPPED),
            ).fetchone()
            if found is not None:
                return True
        return False
    finally:
        connection.close()
