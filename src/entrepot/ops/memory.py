"""Keeps a worker's memory from growing with what passed through it."""

import ctypes
from typing import Final

_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8


def keep_memory_flat() -> None:
    """Have glibc give large blocks back at once, and keep few arenas; elsewhere do nothing.

    Unset, its threshold grows with the first large block that is freed (a password's hash takes
    19 MiB), and from then on such blocks stay with the process.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(_M_MMAP_THRESHOLD, 512 * 1024)
    mallopt(_M_ARENA_MAX, 2)
