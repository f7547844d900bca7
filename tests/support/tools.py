"""Real clients: found, run, and their output kept for the failure message."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.requirements import ROOT, TOOLS, find_program, missing

__all__ = ["ROOT", "TOOLS", "Outcome", "attempt", "refuse", "run", "tool"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command said."""

    status: int
    stdout: str
    stderr: str

    @property
    def said(self) -> str:
        """All of it."""
        return self.stdout + self.stderr


def tool(name: str) -> Path:
    """The program's path; without it the test is skipped, or under CI fails."""
    found = find_program(name)
    if found is None:
        missing(f"{name} is not installed: make test brings it")
    return found


def attempt(
    *command: str | Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str = "",
    seconds: float = 120,
) -> Outcome:
    """Run a command to its end, whatever that is."""
    done = subprocess.run(
        [str(word) for word in command],
        env=None if env is None else dict(env),
        cwd=cwd,
        input=stdin,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=seconds,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def run(
    *command: str | Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str = "",
    seconds: float = 120,
) -> str:
    """Run a command that must succeed; return its standard output."""
    outcome = attempt(*command, env=env, cwd=cwd, stdin=stdin, seconds=seconds)
    assert outcome.status == 0, f"{_shown(command)}\n-> {outcome.status}\n{outcome.said}"
    return outcome.stdout


def refuse(
    *command: str | Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str = "",
    seconds: float = 120,
) -> str:
    """Run a command that must fail; return all it said."""
    outcome = attempt(*command, env=env, cwd=cwd, stdin=stdin, seconds=seconds)
    assert outcome.status != 0, f"{_shown(command)}\nsucceeded:\n{outcome.said}"
    return outcome.said


def _shown(command: Sequence[str | Path]) -> str:
    return " ".join(str(word) for word in command)
