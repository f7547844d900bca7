"""How the process that reads pushed bytes is shut in, and how much of it this machine allows.

Each wall stands by itself: a kernel or a container that refuses one still has the others. Which
ones stand is told at the start, by `entrepot check` and on the health page.
"""

import ctypes
import json
import os
import resource
import signal
import struct
import subprocess
import sys
from typing import Final

from entrepot.extract.sandbox import landlock, seccomp

LIMITS: Final = "resource limits"
NETWORK: Final = "network namespace"
PRIVILEGES: Final = "no new privileges"
LANDLOCK: Final = "Landlock"
SECCOMP: Final = "seccomp"
PROBE: Final = (sys.executable, "-I", "-m", "entrepot.extract.sandbox.confinement")
"""The command that shuts itself in and prints what came of it."""

_MEMORY: Final = 1024 * 1024 * 1024
_DEATH_SIGNAL: Final = 1
_NO_NEW_PRIVILEGES: Final = 38
_NEW_IPC, _NEW_USER, _NEW_NET = 0x08000000, 0x10000000, 0x40000000
_CAPABILITIES_VERSION: Final = 0x20080522
_READ_EVERYTHING: Final = 1 << 2
"""CAP_DAC_READ_SEARCH: root's program may lie where only root reads."""

Confinement = dict[str, str]
"""Each wall by name, and why it does not stand; nothing where it does."""


def confine() -> Confinement:
    """Give up everything that reading bytes does not need."""
    libc = ctypes.CDLL(None, use_errno=True)
    os.nice(10)
    _limit()
    found = {LIMITS: "", NETWORK: _leave_network(libc)}
    # After the namespaces: the kernel forgets it when credentials change.
    libc.prctl(_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    refused = libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0
    found[PRIVILEGES] = "the kernel refused it" if refused else ""
    found[LANDLOCK] = landlock.apply(libc)
    found[SECCOMP] = seccomp.apply(libc)
    return found


def _limit() -> None:
    limits = [
        (resource.RLIMIT_AS, _MEMORY),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 64),
    ]
    if os.getuid() != 0:
        limits.append((resource.RLIMIT_NPROC, 0))
    for limit, value in limits:
        _, hard = resource.getrlimit(limit)
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (most, most))


def _leave_network(libc: ctypes.CDLL) -> str:
    """Move to a network that has nothing in it, and drop root's powers."""
    is_root = os.geteuid() == 0
    # In a user namespace of its own root could not read what belongs to others.
    ways = ([_NEW_NET | _NEW_IPC] if is_root else []) + [_NEW_USER | _NEW_NET | _NEW_IPC]
    is_away = any(libc.unshare(way) == 0 for way in ways)
    header = struct.pack("=Ii", _CAPABILITIES_VERSION, 0)
    kept = _READ_EVERYTHING if is_root else 0
    # Permitted can only shrink: what is kept must be there already.
    libc.capset(header, struct.pack("=6I", kept, kept, 0, 0, 0, 0))
    return "" if is_away else "the kernel allows none"


def describe(confinement: Confinement) -> str:
    """One sentence for operators: which walls stand, and why others do not."""
    standing = ", ".join(name for name, problem in confinement.items() if not problem)
    missing = "; ".join(f"{name}: {problem}" for name, problem in confinement.items() if problem)
    return f"{standing} (not active: {missing})" if missing else standing


def start_probe() -> "subprocess.Popen[bytes]":
    """Start finding out what this machine allows; `read_probe` has the answer."""
    return subprocess.Popen(  # noqa: S603 - a command of our own
        PROBE, env={}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )


def read_probe(probe: "subprocess.Popen[bytes]") -> Confinement:
    """The answer of the probe, when it has ended."""
    output, _ = probe.communicate()
    return parse_probe(output)


def parse_probe(output: bytes) -> Confinement:
    """The walls that a probe printed; a probe that was brought down has none."""
    try:
        return {str(name): str(problem) for name, problem in json.loads(output).items()}
    except ValueError:
        return dict.fromkeys((NETWORK, PRIVILEGES, LANDLOCK, SECCOMP), "the probe failed")


if __name__ == "__main__":
    sys.stdout.write(json.dumps(confine()))
