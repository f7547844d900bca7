"""A bar on the standard error of whoever sits at a terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def showing(title: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show how far something is; what this yields is called with how much more is done.

    `None` is a total that nobody knows.
    """
    from rich.console import Console
    from rich.progress import Progress

    console = Console(file=sys.stderr)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(title, total=total)
        yield lambda count: progress.advance(task, count)
