"""How commands speak: a table or JSON on success, one line and an exit status on failure."""

import asyncio
import json
import re
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn, TypeVar

import msgspec
import typer

if TYPE_CHECKING:
    from entrepot.app import App
    from entrepot.settings import Settings

T = TypeVar("T")

FAILED: Final = 1
USAGE: Final = 2
_CONTROLS: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")

Data = Annotated[
    Path | None,
    typer.Option("--data", help="The hub's data directory.", show_default="./data"),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]


def fail(message: str, status: int = FAILED) -> NoReturn:
    """End the command with one line on the standard error."""
    print(f"entrepot: {message}", file=sys.stderr)
    raise typer.Exit(status)


def explain(error: OSError) -> str:
    """One line for what the machine refused: which file, and why."""
    reason = error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {reason}" if error.filename is not None else reason


def confirm(question: str) -> None:
    """Go on if the answer, typed or piped, is yes; else end the command."""
    try:
        agreed = typer.confirm(question, err=True)
    except typer.Abort:
        fail("no confirmation: pass --yes", USAGE)
    if not agreed:
        fail("nothing was changed")


def read_line_of_stdin() -> str:
    """Return the password or token on the standard input; exit with status 2 without one."""
    try:
        text = sys.stdin.buffer.readline().decode().rstrip("\r\n")
    except UnicodeDecodeError:
        fail("the password on the standard input is not UTF-8", USAGE)
    if not text:
        fail("no password on the standard input", USAGE)
    return text


def find_settings(data: Path | None) -> "Settings":
    """Return the settings of the hub in the data directory; without a hub the command ends."""
    from entrepot.cli.common.configuration import read_settings

    settings = read_settings(data=data)
    if settings.database is None and not settings.sqlite_file.exists():
        fail(f"there is no hub in {settings.data} (start one with: entrepot serve)")
    return settings


def with_app(data: Path | None, work: "Callable[[App], Awaitable[T]]") -> T:
    """Do some work on the hub's hub; what has a name and goes wrong ends the command."""
    from entrepot.app import open_app

    settings = find_settings(data)

    async def run() -> T:
        async with open_app(settings) as hub:
            return await work(hub)

    return asyncio.run(run())


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number and its noun, such as `1 blob`, `2 blobs` and `no blobs`."""
    return f"{f'{number:,}' if number else 'no'} {noun if number == 1 else plural or noun + 's'}"


def print_json(value: object) -> None:
    """Print one JSON document."""
    print(json.dumps(msgspec.to_builtins(value, enc_hook=str), indent=2))


def printable(value: object) -> str:
    """The text of a cell, without what would move a terminal's cursor: others wrote it."""
    return "" if value is None else _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", str(value))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], empty: str) -> None:
    """Print rows under headings, or the sentence `empty`."""
    if not rows:
        print(empty)
        return
    cells = [list(columns), *[[printable(cell) for cell in row] for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    for row in cells:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(padded).rstrip())
