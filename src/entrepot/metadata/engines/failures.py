"""Database failures as one sentence for operators."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from entrepot.errors import OutOfSpace, Unavailable
from entrepot.metadata.engines.sqlite_driver import dbapi2

_PASSWORD = re.compile(r"(?<=:)[^:@/]*(?=@)|(?<=password=)[^&\s]*")
_NO_DRIVER = (
    "PostgreSQL needs the Python package psycopg, which is not installed:"
    " install Entrepot with its extra `postgresql`"
)


def shown(place: Path | str) -> str:
    """A database's file or URL without its password."""
    return _PASSWORD.sub("…", str(place))


@contextmanager
def as_unavailable(place: Path | str) -> Iterator[None]:
    """Raise `Unavailable` with one line for every failure of a driver, or `OutOfSpace`."""
    try:
        yield
    except dbapi2.Error as error:
        if "full" in str(error):
            raise OutOfSpace from error
        raise _unavailable(place, error) from error
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in ("psycopg", "psycopg_pool"):
            raise
        raise Unavailable(_NO_DRIVER) from error
    except Exception as error:
        # Their modules are slow to import, or not there: they are known by name.
        owner = type(error).__module__.partition(".")[0]
        if owner == "sqlalchemy":
            raise _unavailable(place, getattr(error, "orig", None) or error) from error
        if owner in ("psycopg", "psycopg_pool"):
            raise _unavailable(place, error) from error
        raise


def _unavailable(place: Path | str, error: BaseException) -> Unavailable:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not isinstance(place, Path) and "parse" in str(error):
        # The driver's words would repeat the URL, password included.
        lines = ["its URL cannot be read"]
    return Unavailable(f"cannot use the database {shown(place)}: {lines[0] if lines else 'failed'}")
