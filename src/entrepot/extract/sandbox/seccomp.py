"""A seccomp filter: the few system calls that reading bytes needs; every other one fails.

Everything that is not listed answers `EPERM`: sockets, processes, signals, mounts, keys, tracing,
io_uring, and opening a file for anything but reading.
"""

import ctypes
import platform
import struct
from typing import Final

_ARCHITECTURES: Final = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
"""AUDIT_ARCH of linux/audit.h, and the column of the tables below."""

_CALLS: Final = {
    # files that are open, and looks at names
    "read": (0, 63),
    "pread64": (17, 67),
    "preadv": (295, 69),
    "readv": (19, 65),
    "write": (1, 64),
    "writev": (20, 66),
    "close": (3, 57),
    "lseek": (8, 62),
    "fstat": (5, 80),
    "newfstatat": (262, 79),
    "statx": (332, 291),
    "faccessat": (269, 48),
    "faccessat2": (439, 439),
    "readlinkat": (267, 78),
    "getcwd": (79, 17),
    "getdents64": (217, 61),
    "fstatfs": (138, 44),
    "fcntl": (72, 25),
    "dup": (32, 23),
    "dup3": (292, 24),
    "ioctl": (16, 29),
    "fadvise64": (221, 223),
    "stat": (4, None),
    "lstat": (6, None),
    "access": (21, None),
    "readlink": (89, None),
    "getdents": (78, None),
    # memory
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "munmap": (11, 215),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "brk": (12, 214),
    "membarrier": (324, 283),
    # signals to itself, clocks, waiting
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132),
    "setitimer": (38, 103),
    "getitimer": (36, 102),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "nanosleep": (35, 101),
    "gettimeofday": (96, 169),
    "time": (201, None),
    "times": (100, 153),
    "futex": (202, 98),
    "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123),
    "poll": (7, None),
    "ppoll": (271, 73),
    "select": (23, None),
    "pselect6": (270, 72),
    "restart_syscall": (219, 128),
    # what it is
    "getpid": (39, 172),
    "gettid": (186, 178),
    "getppid": (110, 173),
    "getuid": (102, 174),
    "geteuid": (107, 175),
    "getgid": (104, 176),
    "getegid": (108, 177),
    "getrlimit": (97, 163),
    "getrusage": (98, 165),
    "sysinfo": (99, 179),
    "uname": (63, 160),
    "getrandom": (318, 278),
    "arch_prctl": (158, None),
    "rseq": (334, 293),
    "set_robust_list": (273, 99),
    # the socket that it was given: it can make no other
    "sendto": (44, 206),
    "recvfrom": (45, 207),
    "recvmsg": (47, 212),
    "exit": (60, 93),
    "exit_group": (231, 94),
}
"""Numbers for x86_64 and for aarch64, where the call exists."""
_OPENING: Final = {"open": ((2, None), 1), "openat": ((257, 56), 2)}
"""Numbers, and which argument holds the flags."""
_WRITING: Final = 0o3 | 0o100 | 0o1000 | 0o20000000
"""O_ACCMODE, O_CREAT, O_TRUNC and O_TMPFILE."""

_LOAD, _AND, _EQUAL, _RETURN = 0x20, 0x54, 0x15, 0x06
_KILL: Final = 0x80000000
_REFUSE: Final = 0x00050000 | 1
_ALLOW: Final = 0x7FFF0000

_SET_SECCOMP: Final = 22
_FILTER: Final = 2


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def apply(libc: ctypes.CDLL) -> str:
    """Install the filter for this process; return why it is not active, or nothing.

    `PR_SET_NO_NEW_PRIVS` must be set.
    """
    machine = platform.machine()
    if machine not in _ARCHITECTURES:
        return f"no filter for {machine}"
    content = program(*_ARCHITECTURES[machine])
    given = _Program(len(content) // 8, content)
    if libc.prctl(_SET_SECCOMP, _FILTER, ctypes.byref(given), 0, 0) != 0:
        return "the kernel has none"
    return ""


def program(architecture: int, column: int) -> bytes:
    """The filter in the kernel's byte code (struct sock_filter)."""
    steps = [
        _step(_LOAD, 0, 0, 4),
        _step(_EQUAL, 1, 0, architecture),
        _step(_RETURN, 0, 0, _KILL),
        _step(_LOAD, 0, 0, 0),
    ]
    for numbers, argument in _OPENING.values():
        number = numbers[column]
        if number is not None:
            steps += [
                _step(_EQUAL, 0, 5, number),
                _step(_LOAD, 0, 0, 16 + 8 * argument),
                _step(_AND, 0, 0, _WRITING),
                _step(_EQUAL, 0, 1, 0),
                _step(_RETURN, 0, 0, _ALLOW),
                _step(_RETURN, 0, 0, _REFUSE),
            ]
    for numbers in _CALLS.values():
        number = numbers[column]
        if number is not None:
            steps += [_step(_EQUAL, 0, 1, number), _step(_RETURN, 0, 0, _ALLOW)]
    steps.append(_step(_RETURN, 0, 0, _REFUSE))
    return b"".join(steps)


def _step(code: int, yes: int, no: int, value: int) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)
