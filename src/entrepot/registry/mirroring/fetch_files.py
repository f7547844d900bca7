"""Files of blobs that arrive: locked by their writer, read by everybody else."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Final

from entrepot.oci.digests import Hasher
from entrepot.storage.staged import named_failures

RUN: Final = 1024 * 1024
"""Bytes that are read or written at a time."""


def lock(descriptor: int) -> bool:
    """Lock the file until it is closed; `False` where another process has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_free(path: Path) -> bool:
    """Say whether nobody has the file locked."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return lock(descriptor)
    finally:
        os.close(descriptor)


def is_same_file(descriptor: int, path: Path) -> bool:
    """Say whether the path still names the file: a writer removes it at its end."""
    try:
        there, ours = path.stat(), os.fstat(descriptor)
    except FileNotFoundError:
        return False
    return (there.st_ino, there.st_dev) == (ours.st_ino, ours.st_dev)


def hash_file(descriptor: int, hasher: Hasher) -> int:
    """Hash what the file has, and return its size."""
    at = 0
    while run := os.pread(descriptor, RUN, at):
        hasher.update(run)
        at += len(run)
    return at


def write_and_hash(descriptor: int, data: bytes, offset: int, hasher: Hasher) -> None:
    """Write at the offset, and hash, all of the bytes; raise `OutOfSpace` or `Unavailable`."""
    view = memoryview(data)
    with named_failures():
        while view:
            count = os.pwrite(descriptor, view, offset)
            view, offset = view[count:], offset + count
    hasher.update(data)


def read_cached(descriptor: int, length: int, offset: int) -> bytes:
    """The bytes that memory has of the file there; none where the disk must be waited for."""
    buffer = bytearray(length)
    try:
        count = os.preadv(descriptor, [buffer], offset, os.RWF_NOWAIT)
    except OSError:  # not in memory, or a file system that cannot say
        return b""
    return bytes(memoryview(buffer)[:count])


async def read_runs(descriptor: int) -> AsyncIterator[bytes]:
    """The file's bytes, from its start."""
    at = 0
    while run := await asyncio.to_thread(partial(os.pread, descriptor, RUN, at)):
        at += len(run)
        yield run
