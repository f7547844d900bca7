"""A bar on the standard error of whoever sits at a terminal."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


@dataclass(frozen=True, slots=True)
class Bar:
    """A progress bar."""

    progress: "Progress"
    task: "TaskID"

    def advance(self, count: int) -> None:
        """Advance the bar by that much."""
        self.progress.advance(self.task, count)

    def reach(self, done: int, total: int) -> None:
        """Set the bar to the part done of the total."""
        self.progress.update(self.task, completed=done, total=total)


@contextmanager
def showing(title: str, total: int | None, *, in_bytes: bool = False) -> Iterator[Bar]:
    """Show how far something is; `None` is a total that nobody knows."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(file=sys.stderr)
    bytes_of = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
    )
    columns = bytes_of if in_bytes else Progress.get_default_columns()
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        yield Bar(progress, progress.add_task(title, total=total))
