"""What a long run found, written down for whoever reads the documentation."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path


def write(
    path: Path, title: str, facts: Mapping[str, object], table: Sequence[Sequence[object]]
) -> None:
    """Write a page: a list of facts, and a table whose first row is its head."""
    lines = [f"# {title}", "", f"- date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"]
    lines += [f"- {name}: {fact}" for name, fact in facts.items()]
    if table:
        head, *rows = table
        lines += ["", _row(head), _row("---" for _ in head), *(_row(row) for row in rows)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def _row(cells: Iterable[object]) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"
