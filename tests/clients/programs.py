"""A client as a person has it: a program, a home of its own and a directory to work in."""

import base64
import itertools
import json
import os
import pty
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.server import Hub
from tests.support.tools import attempt, refuse, run, tool

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Program:
    """A client's program; calling it runs it."""

    path: Path
    env: Mapping[str, str]
    directory: Path

    def __call__(self, *words: str | Path, stdin: str = "", seconds: float = 120) -> str:
        """Run it with these words; it must succeed, and its standard output is returned."""
        return run(
            self.path, *words, env=self.env, cwd=self.directory, stdin=stdin, seconds=seconds
        )

    def aloud(self, *words: str | Path) -> str:
        """Run it with these words; it must succeed, and all it said is returned."""
        outcome = attempt(self.path, *words, env=self.env, cwd=self.directory)
        assert outcome.status == 0, outcome.said
        return outcome.said

    def refused(self, *words: str | Path, stdin: str = "") -> str:
        """Run it with these words; it must fail, and all it said is returned."""
        return refuse(self.path, *words, env=self.env, cwd=self.directory, stdin=stdin)

    def prompted(self, answer: str, *words: str | Path) -> None:
        """Run it at a terminal where somebody types this answer; it must succeed."""
        terminal, keyboard = pty.openpty()
        try:
            os.write(terminal, answer.encode() + b"\n")
            done = subprocess.run(
                [self.path, *words],
                env=dict(self.env),
                cwd=self.directory,
                stdin=keyboard,
                capture_output=True,
                check=False,
                timeout=60,
            )
        finally:
            os.close(keyboard)
            os.close(terminal)
        assert done.returncode == 0, done.stdout + done.stderr

    def object(self, *words: str | Path) -> dict[str, object]:
        """The JSON object that it prints."""
        said = json.loads(self(*words))
        assert isinstance(said, dict), said
        return said


def program(name: str, env: Mapping[str, str], directory: Path) -> Program:
    """The client of this name, working in this directory."""
    return Program(tool(name), env, directory)


def untouched(hub: Hub, stem: str) -> str:
    """A reference to a repository of the organization `docker` that no other test knows."""
    return f"{hub.host}/docker/{stem}-{next(_numbers)}"


def remember_password(hub: Hub, env: Mapping[str, str]) -> None:
    """Write the configuration that `docker login` leaves behind."""
    secret = base64.b64encode(f"{hub.username}:{hub.password}".encode()).decode()
    place = Path(env["DOCKER_CONFIG"]) / "config.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps({"auths": {hub.host: {"auth": secret}}}))
