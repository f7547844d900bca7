"""Keeps the data directory to the user that the hub runs as; what was readable before is mended.

Light, like `entrepot.settings`: a cold start waits for it.
"""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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


@contextmanager
def locked_directory(directory: Path) -> Iterator[None]:
    """Keep other processes that ask for the same out until the end; the system ends a dead one's.

    Nothing is written for it: the lock is on the directory itself.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write_private(path: Path, content: bytes) -> None:
    """Replace the file, readable by its owner alone: durable on return, and never half there.

    Two processes that may write the same file take turns by `locked_directory`.
    """
    passing = path.with_name(f"{path.name}.new")
    # Left by a crash, and then perhaps with the rights of another time.
    passing.unlink(missing_ok=True)
    descriptor = os.open(passing, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    passing.replace(path)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
