"""The entries of an index: their order and their bounds."""

from datetime import timedelta

import pytest

from entrepot.hub.contents import chart_lists
from entrepot.hub.contents.chart_lists import ChartList
from entrepot.model.charts import ChartEntry
from entrepot.versions import semver
from tests.metadata.clocks import START


def entry(number: int, version: str, name: str = "a", repository: str = "") -> ChartEntry:
    """A version that was pushed at that second and has 10 bytes."""
    moment = START + timedelta(seconds=number)
    where = repository or f"acme/{name}"
    return ChartEntry(number, where, name, version, semver.key(version), "{}", 10, "x", moment)


def listed(entries: list[ChartEntry], most: int = 100) -> list[tuple[str, str]]:
    """The charts and versions that are listed."""
    charts = ChartList(most)
    charts.add(entries)
    return [(each.name, each.version) for each in charts.entries()]


def test_the_greatest_versions_of_each_chart_are_kept() -> None:
    entries = [entry(number, f"0.0.{number}") for number in range(1000)]
    entries.append(entry(1000, "1.0.0", "b"))
    assert listed(entries, 2) == [("a", "0.0.999"), ("a", "0.0.998"), ("b", "1.0.0")]
    assert listed(entries[::-1], 2) == listed(entries, 2)


def test_of_too_many_bytes_the_latest_pushes_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chart_lists, "MOST_BYTES", 25)
    entries = [entry(3, "1.0.0"), entry(1, "2.0.0"), entry(2, "3.0.0", "b")]
    assert listed(entries) == [("a", "1.0.0"), ("b", "3.0.0")]


def test_builds_of_a_version_are_versions_of_their_own() -> None:
    entries = [entry(1, "1.0.0+a"), entry(2, "1.0.0+b"), entry(3, "1.0.0")]
    assert listed(entries) == [("a", "1.0.0+b"), ("a", "1.0.0+a"), ("a", "1.0.0")]
