"""Tables for the terminal, Markdown and JSON for the archive."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from bench.cases import FLAT, Case
from bench.measures import Measure
from bench.scale import MOST, ScaleResult
from bench.search import SearchResult, search_row

IDLE_AT_MOST = 200 * 1024 * 1024
STARTS_WITHIN = 1.5


@dataclass(frozen=True, slots=True)
class CaseResult:
    """A case's measures, a round each."""

    case: Case
    peer_name: str
    entrepot: list[Measure]
    peer: list[Measure]

    @property
    def ratio(self) -> float:
        """Entrepot's median rate over the peer's."""
        return _rate(self.entrepot) / _rate(self.peer)

    @property
    def processor_ratio(self) -> float | None:
        """Entrepot's processor time for one of what is counted, over the peer's."""
        ours, theirs = _processor(self.entrepot), _processor(self.peer)
        return ours / theirs if ours is not None and theirs else None

    @property
    def grown(self) -> int | None:
        """The most that Entrepot grew by in any round."""
        return max((each.grown for each in self.entrepot if each.grown is not None), default=None)

    @property
    def misses(self) -> list[str]:
        """The bars that were not reached."""
        found = []
        if self.ratio < self.case.least:
            found.append(f"ratio below {self.case.least}")
        ours, theirs = _tail(self.entrepot), _tail(self.peer)
        if ours is not None and theirs is not None and ours > theirs:
            found.append(f"p99 above that of {self.peer_name}")
        if self.grown is not None and self.grown > FLAT:
            found.append("grew by more than 64 MiB")
        return found


@dataclass(frozen=True, slots=True)
class Footprint:
    """Idle memory of the process tree in bytes, and seconds to the first 200."""

    idle: int
    first_start: float
    start: float


def print_cases(results: Sequence[CaseResult], console: Console) -> None:
    """The table of ratios."""
    table = Table(*_case_heads(results))
    for each in results:
        table.add_row(*_case_row(each))
    console.print(table)


def print_scale(results: Sequence[ScaleResult], console: Console) -> None:
    """The table of small against large."""
    table = Table("page", "small us", "large us", "ratio", "bar", "met")
    for each in results:
        table.add_row(*_scale_row(each))
    console.print(table)


def print_footprint(footprint: Footprint, console: Console) -> None:
    """The table of memory and start-up."""
    table = Table("footprint", "measured", "bar", "met")
    for fact in _footprint_rows(footprint):
        table.add_row(*fact)
    console.print(table)


def write(
    directory: Path,
    cases: Sequence[CaseResult],
    scale: Sequence[ScaleResult],
    footprint: Footprint | None,
    searches: Sequence[SearchResult],
) -> Path:
    """Write what was measured to `DATE.md` and `DATE.json`; return the first."""
    directory.mkdir(parents=True, exist_ok=True)
    stem = directory / datetime.now().astimezone().strftime("%Y-%m-%d-%H%M")
    lines = [f"# Measured {datetime.now().astimezone():%Y-%m-%d %H:%M}", "", _machine(), ""]
    if cases:
        lines += [*_markdown(_case_heads(cases), [_case_row(each) for each in cases]), ""]
    if footprint is not None:
        facts = _footprint_rows(footprint)
        lines += [*_markdown(("footprint", "measured", "bar", "met"), facts), ""]
    if scale:
        columns = ("page", "small us", "large us", "ratio", "bar", "met")
        lines += [*_markdown(columns, [_scale_row(each) for each in scale]), ""]
    if searches:
        columns_of_searches = ("search", "found", "median ms", "longest ms", "met")
        lines += [*_markdown(columns_of_searches, [search_row(each) for each in searches]), ""]
    path = stem.with_suffix(".md")
    path.write_text("\n".join(lines))
    stem.with_suffix(".json").write_text(
        json.dumps(_document(cases, scale, footprint, searches), indent=1)
    )
    return path


def _rate(measures: Sequence[Measure]) -> float:
    return median(each.rate for each in measures)


def _tail(measures: Sequence[Measure]) -> float | None:
    tails = [each.p99 for each in measures if each.p99 is not None]
    return median(tails) if tails else None


def _processor(measures: Sequence[Measure]) -> float | None:
    taken = [each.processor for each in measures if each.processor is not None]
    return median(taken) if taken else None


def _case_heads(results: Sequence[CaseResult]) -> tuple[str, ...]:
    peer = results[0].peer_name if results else "peer"
    return ("case", "Entrepot", peer, "ratio", "bar", "processor", "p99 ms", "grown", "met")


def _case_row(each: CaseResult) -> tuple[str, ...]:
    ours, theirs = _tail(each.entrepot), _tail(each.peer)
    tails = f"{ours:.1f} / {theirs:.1f}" if ours is not None and theirs is not None else ""
    grown = f"{each.grown / 2**20:.0f} MiB" if each.grown is not None else ""
    return (
        each.case.name,
        f"{_rate(each.entrepot):,.0f} {each.case.unit}",
        f"{_rate(each.peer):,.0f} {each.case.unit}",
        f"{each.ratio:.2f}",
        f">= {each.case.least}",
        _processor_cell(each),
        tails,
        grown,
        ", ".join(each.misses) or "yes",
    )


def _processor_cell(each: CaseResult) -> str:
    """Milliseconds for one, and the ratio to the peer's."""
    ours, ratio = _processor(each.entrepot), each.processor_ratio
    return "" if ours is None or ratio is None else f"{ours:.3f} ms, {ratio:.2f}"


def _scale_row(each: ScaleResult) -> tuple[str, ...]:
    met = "yes" if each.ratio <= MOST else "no"
    small, large = f"{each.small:,.0f}", f"{each.large:,.0f}"
    return each.name, small, large, f"{each.ratio:.2f}", f"<= {MOST}", met


def _footprint_rows(each: Footprint) -> list[tuple[str, ...]]:
    def row(name: str, text: str, bar: str, met: bool) -> tuple[str, ...]:
        return name, text, bar, "yes" if met else "no"

    idle = f"{each.idle / 2**20:.0f} MiB"
    return [
        row("idle memory, 2 workers", idle, "<= 200 MiB", each.idle <= IDLE_AT_MOST),
        row(
            "first start to first 200",
            f"{each.first_start:.2f} s",
            "<= 1.5 s",
            each.first_start <= STARTS_WITHIN,
        ),
        row("start to first 200", f"{each.start:.2f} s", "<= 1.5 s", each.start <= STARTS_WITHIN),
    ]


def _machine() -> str:
    system = f"{platform.system()} {platform.release()}, {os.cpu_count()} processors"
    load = os.getloadavg()[0]
    return f"{system}, Python {platform.python_version()}, load {load:.1f}"


def _markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [
        f"| {' | '.join(heads)} |",
        f"|{' --- |' * len(heads)}",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]


def _document(
    cases: Sequence[CaseResult],
    scale: Sequence[ScaleResult],
    footprint: Footprint | None,
    searches: Sequence[SearchResult],
) -> dict[str, object]:
    return {
        "machine": _machine(),
        "cases": [
            {
                "case": each.case.name,
                "unit": each.case.unit,
                "ratio": each.ratio,
                "processor_ratio": each.processor_ratio,
                "bar": each.case.least,
                "misses": each.misses,
                "entrepot": [asdict(one) for one in each.entrepot],
                each.peer_name: [asdict(one) for one in each.peer],
            }
            for each in cases
        ],
        "searches": [asdict(each) for each in searches],
        "scale": [asdict(each) | {"ratio": each.ratio} for each in scale],
        "footprint": None if footprint is None else asdict(footprint),
    }
