"""Keeps the data directory to the user that the hub runs as; what was readable before is mended.

Light, like `entrepot.settings`: a cold start waits for it.
"""

import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

UMASK: Final = 0o077
_OTHERS: Final = 0o077
_SECRET: Final = ("entrepot.db", "entrepot.db-wal", "entrepot.db-shm", "secret.key")


def make_private(data: Path) -> list[str]:
    """Take the data directory and the files that hold secrets from others; repeating is harmless.

    Returns what an operator must know: paths that others can read and that are not ours to change.
    """
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    return [warning for path in _paths(data) if (warning := _take_from_others(path))]


def _paths(data: Path) -> Iterator[Path]:
    yield data
    for name in _SECRET:
        yield data / name
    yield from sorted((data / "tls").glob("*.key"))


def _take_from_others(path: Path) -> str:
    with suppress(FileNotFoundError):
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & _OTHERS:
            try:
                path.chmod(mode & ~_OTHERS)
            except PermissionError:
                return _warning(path, mode)
    return ""


def _warning(path: Path, mode: int) -> str:
    # A group of the hub's own is how Kubernetes shares a volume with the pod alone (fsGroup).
    if not mode & stat.S_IRWXO:
        return ""
    return (
        f"{path} is open to other users (mode {mode:o}) and belongs to somebody else:"
        f" chmod o-rwx {path}"
    )
