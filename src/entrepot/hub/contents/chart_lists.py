"""The entries of an index: by chart, the greatest version first, within bounds."""

from collections.abc import Iterable, Sequence
from typing import Final

from entrepot.model.charts import ChartEntry, ChartFile

MOST_BYTES: Final = 45_000_000
"""Bytes of an index; Flux refuses indexes of more than 50 MiB."""


class ChartList:
    """Collects versions of charts, and keeps the greatest `most_versions` of each chart."""

    def __init__(self, most_versions: int) -> None:
        self._most_versions = most_versions
        self._charts: dict[tuple[str, str], list[ChartEntry]] = {}

    def add(self, entries: Iterable[ChartEntry]) -> None:
        """Take more versions, in any order."""
        for entry in entries:
            # Charts of the same name in one namespace are one.
            key = (entry.name, entry.repository.partition("/")[0])
            versions = self._charts.setdefault(key, [])
            versions.append(entry)
            if len(versions) > 2 * self._most_versions + 100:
                self._charts[key] = self._greatest(versions)

    def entries(self) -> list[ChartEntry]:
        """Return the versions by name; of more than `MOST_BYTES` those that were pushed last."""
        found = [
            entry
            for _, versions in sorted(self._charts.items())
            for entry in self._greatest(versions)
        ]
        if sum(entry.size for entry in found) <= MOST_BYTES:
            return found
        kept, size = set[int](), 0
        for entry in sorted(found, key=lambda entry: entry.pushed_at, reverse=True):
            size += entry.size
            if size > MOST_BYTES:
                break
            kept.add(entry.manifest_id)
        return [entry for entry in found if entry.manifest_id in kept]

    def _greatest(self, versions: Sequence[ChartEntry]) -> list[ChartEntry]:
        """The greatest versions, each once: where repositories share one, one of them has it."""
        ordered = sorted(versions, key=precedence)
        distinct = {entry.version: entry for entry in ordered}.values()
        greatest = sorted(distinct, key=lambda entry: (entry.order, entry.version), reverse=True)
        return greatest[: self._most_versions]


def precedence(chart: ChartEntry | ChartFile) -> tuple[bool, float]:
    """The greater one has a version that several repositories hold.

    It is that of the repository which is named like the chart, then the one that was pushed last.
    """
    is_own = chart.repository.rpartition("/")[2] == chart.name
    return is_own, chart.pushed_at.timestamp()
