"""A Landlock domain: no file may be opened but the program's own, and those for reading only."""

import ctypes
import os
import re
import stat
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

# The three calls have the same numbers on every architecture.
_CREATE: Final = 444
_ADD_RULE: Final = 445
_RESTRICT: Final = 446
_VERSION: Final = 1
_BENEATH: Final = 1
_READ_FILE: Final = 1 << 2
_READ_DIRECTORY: Final = 1 << 3
_NETWORK: Final = 0b11
"""Binding and connecting TCP."""
_SCOPES: Final = 0b11
"""Abstract Unix sockets and signals."""
_LIBRARY: Final = re.compile(r"(/\S+)/[^/\s]+\.so[.\d]*$")


def version(libc: ctypes.CDLL) -> int:
    """The version of the kernel's interface; 0 where there is none."""
    return max(0, int(libc.syscall(_CREATE, None, ctypes.c_size_t(0), _VERSION)))


def apply(libc: ctypes.CDLL) -> str:
    """Restrict this process; return why it is not restricted, or nothing.

    `PR_SET_NO_NEW_PRIVS` must be set.
    """
    interface = version(libc)
    if interface == 0:
        return "the kernel has none"
    attributes = _attributes(interface)
    rules = libc.syscall(_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0)
    if rules < 0:
        return "the kernel refused it"
    try:
        for path in _readable():
            _allow(libc, rules, path)
        return "" if libc.syscall(_RESTRICT, rules, 0) == 0 else "the kernel refused it"
    finally:
        os.close(rules)


def _attributes(interface: int) -> bytes:
    """struct landlock_ruleset_attr: everything is handled that this version can handle."""
    rights = (1 << 13) - 1
    for since, bit in ((2, 13), (3, 14), (5, 15)):
        if interface >= since:
            rights |= 1 << bit
    values = [rights]
    if interface >= 4:
        values.append(_NETWORK)
    if interface >= 6:
        values.append(_SCOPES)
    return struct.pack(f"={len(values)}Q", *values)


def _allow(libc: ctypes.CDLL, rules: int, path: str) -> None:
    with suppress(OSError):
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            is_directory = stat.S_ISDIR(os.fstat(place).st_mode)
            rights = _READ_FILE | (_READ_DIRECTORY if is_directory else 0)
            rule = struct.pack("=Qi", rights, place)
            libc.syscall(_ADD_RULE, rules, _BENEATH, rule, 0)
        finally:
            os.close(place)


def _readable() -> Iterator[str]:
    """Where modules come from, and the libraries that these are linked to."""
    places = {str(Path(each).resolve()) for each in sys.path if each}
    for line in Path("/proc/self/maps").read_text().splitlines():
        found = _LIBRARY.search(line)
        if found is not None:
            places.add(found[1])
    yield from places - {"/"}
    yield "/etc/ld.so.cache"
