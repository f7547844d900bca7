"""What the tests need of a machine besides Python, and what this one lacks of it.

`make test` brings every program (scripts/packages.sh, scripts/tools.sh). What no user can install
is here too: root, and what only some kernels have. pytest prints what is lacking before the first
test; such a test is skipped, or fails where `CI=true`.
"""

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

import pytest

ROOT: Final = Path(__file__).parents[2]
TOOLS: Final = Path(os.environ.get("ENTREPOT_TEST_TOOLS", ROOT / ".tools" / "bin"))
PRIVATE: Final = ROOT / ".tools" / "debian" / "bin"
"""Where scripts/packages.sh puts programs for who is not root."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """Something that a machine has or has not."""

    name: str
    tests: str
    """Which tests need it."""
    is_met: Callable[[], bool]


def find_program(name: str) -> Path | None:
    """The program in `.tools` or on `PATH`; PostgreSQL's also where Debian puts them."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    # Servers are not on the PATH of who is not root.
    places = [TOOLS, PRIVATE, *os.environ["PATH"].split(os.pathsep), "/usr/sbin", *debian]
    found = shutil.which(name, path=os.pathsep.join(map(str, places)))
    return None if found is None else Path(found)


def _program(name: str, tests: str) -> Requirement:
    return Requirement(name, tests, lambda: find_program(name) is not None)


def _ptrace_scope() -> str:
    setting = Path("/proc/sys/kernel/yama/ptrace_scope")
    return setting.read_text().strip() if setting.exists() else "0"


IS_ROOT: Final = Requirement(
    "root", "engines (docker, podman, buildah), disks to mount", lambda: os.geteuid() == 0
)
LOOP_DEVICES: Final = Requirement(
    "root and loop devices",
    "power cuts and full disks",
    lambda: os.geteuid() == 0 and Path("/dev/loop-control").exists(),
)
MAY_TRACE: Final = Requirement(
    "root, or kernel.yama.ptrace_scope=0",
    "system calls that fail",
    lambda: os.geteuid() == 0 or _ptrace_scope() == "0",
)
SYSTEMD_DIRECTORY: Final = Requirement(
    "root or /run/systemd",
    "the systemd unit is verified",
    lambda: os.geteuid() == 0 or Path("/run/systemd").exists(),
)
REQUIREMENTS: Final[Sequence[Requirement]] = (
    IS_ROOT,
    LOOP_DEVICES,
    MAY_TRACE,
    SYSTEMD_DIRECTORY,
    _program("oras", "clients"),
    _program("crane", "clients"),
    _program("regctl", "clients"),
    _program("regsync", "clients"),
    _program("helm3", "clients"),
    _program("helm4", "clients"),
    _program("cosign", "clients"),
    _program("cue", "clients"),
    _program("skopeo", "clients"),
    _program("registry", "clients, replication"),
    _program("curl", "clients, pasted commands"),
    _program("gpgconf", "clients"),
    _program("conformance", "conformance"),
    _program("slapd", "directories"),
    _program("initdb", "everything on PostgreSQL"),
    _program("versitygw", "everything on S3"),
    _program("nginx", "many nodes"),
    _program("caddy", "deploy"),
    _program("apache2", "deploy"),
    _program("systemd-analyze", "deploy"),
    _program("chromium", "browser"),
    _program("chromedriver", "browser"),
    _program("strace", "faults: failing system calls"),
)


def require(requirement: Requirement) -> None:
    """Go on only where the machine has it."""
    if not requirement.is_met():
        missing(f"needs {requirement.name}")


def missing(message: str) -> NoReturn:
    """Something that the test stands on is not there: skip it, or under CI fail it."""
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


def table_of_lacking() -> list[str]:
    """Lines that say what this machine lacks and which tests that leaves out; none if nothing."""
    lacking = [each for each in REQUIREMENTS if not each.is_met()]
    if not lacking:
        return []
    width = max(len(each.name) for each in lacking)
    outcome = "fail" if os.environ.get("CI") == "true" else "are skipped"
    return [
        f"this machine lacks what some tests need; they {outcome}:",
        *(f"  {each.name:<{width}}  {each.tests}" for each in lacking),
    ]
