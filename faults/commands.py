"""What every command of `python -m faults` has in common."""

import argparse
import secrets
import shutil
import socket
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from faults.servers import Server, ServerFailed

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Command:
    """A word of the command line: what it takes, and what it does.

    `run` is given a directory of its own, and returns what it found wrong; nothing is good news.
    """

    name: str
    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace, Console, Path], Sequence[str]]


def parse(commands: Sequence[Command], about: str | None) -> argparse.Namespace:
    """The command line as one of the commands takes it."""
    parser = argparse.ArgumentParser(prog="python -m faults", description=about)
    words = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in commands:
        word = words.add_parser(command.name, help=command.help)
        word.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="repeat a run")
        command.add_arguments(word)
        word.set_defaults(command=command)
    return parser.parse_args()


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Do what was asked in a new directory; 1, and it is kept, when anything is wrong."""
    place = Path(tempfile.mkdtemp(prefix="entrepot-faults-"))
    command: Command = arguments.command
    complaints = command.run(arguments, console, place)
    for complaint in complaints[:SHOWN]:
        console.print(complaint, style="red", markup=False, highlight=False)
    if len(complaints) > SHOWN:
        console.print(f"and {len(complaints) - SHOWN} more")
    if complaints:
        note = f"{len(complaints)} complaints, seed {arguments.seed}; everything is kept in {place}"
        console.print(note, soft_wrap=True)
        return 1
    shutil.rmtree(place)
    return 0


def stop(server: Server, complaints: list[str]) -> None:
    """End a server; one that does not end in time is one more complaint."""
    try:
        server.stop()
    except ServerFailed as failure:
        complaints.append(str(failure))


def last_words(server: Server) -> list[str]:
    """What a server printed at the end, for somebody who looks for the reason."""
    with suppress(OSError):
        return [f"the server's last words:\n{server.tail()}"]
    return []


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
