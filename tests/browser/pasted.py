"""What a page tells people to type, taken from its text, and typed into a shell."""

import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.browser.browsers import Browser
from tests.support.tools import Outcome, attempt, tool

_CLIENTS: Final = ("oras", "crane", "regctl", "cosign", "skopeo", "curl", "cue", "sha256sum", "tar")
_READ: Final = """
return JSON.stringify([...document.querySelectorAll('.commands [data-tool]')].flatMap(group =>
  [...group.querySelectorAll('.command')].map(box => [
    group.dataset.tool, box.previousElementSibling.textContent,
    box.querySelector('code').textContent])));
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """One command of a page."""

    tool: str
    title: str
    text: str


def commands_on(browser: Browser, path: str) -> list[Shown]:
    """Every command on a page, of whichever client."""
    browser.open(path)
    found = json.loads(str(browser.run(_READ)))
    return [Shown(*each) for each in found]


def command(shown: Iterable[Shown], client: str, title: str) -> Shown:
    """The command of this client under this title."""
    return next(each for each in shown if (each.tool, each.title) == (client, title))


@dataclass(frozen=True, slots=True)
class Shell:
    """A terminal in an empty directory, with every client on the path."""

    directory: Path
    env: Mapping[str, str]

    def type(self, text: str, *, stdin: str = "") -> Outcome:
        """What became of a command."""
        return attempt("sh", "-ec", text, env=self.env, cwd=self.directory, stdin=stdin)

    def run(self, text: str, *, stdin: str = "") -> str:
        """Type a command that must work; what it printed."""
        outcome = self.type(text, stdin=stdin)
        assert outcome.status == 0, f"{text}\n{outcome.said}"
        return outcome.stdout

    def anew(self) -> "Shell":
        """The same terminal in a directory that is empty again."""
        shutil.rmtree(self.directory)
        self.directory.mkdir()
        return self


def shell(place: Path, env: Mapping[str, str], helm: str, **more: str) -> Shell:
    """A shell where `helm` is the Helm of this name."""
    programs, work = place / f"programs-{helm}", place / "shell"
    programs.mkdir(exist_ok=True)
    work.mkdir(exist_ok=True)
    for name, program in [("helm", helm), *((each, each) for each in _CLIENTS)]:
        if not (programs / name).exists():
            (programs / name).symlink_to(tool(program))
    return Shell(work, {**env, **more, "PATH": f"{programs}:{env['PATH']}"})
