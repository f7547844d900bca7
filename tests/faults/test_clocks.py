"""Clocks of nodes are set while clients push: nothing is lost, and nothing stays stuck."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

import faults
from faults.clock_jumps import DAY, HOUR, MINUTE, RIGHT, ClockJump, Hub
from faults.clock_jumps_command import run_jumps
from faults.soaks import Soak

pytestmark = pytest.mark.faults

SEED = int(os.environ.get("TORTURE_SEED", "20"))
GRACE = 6.0
RUNS = 5
AHEAD = [ClockJump(0, 5 * HOUR, 5.0), ClockJump(0, RIGHT, 4.0)]
ALL = [ClockJump(0, -3 * HOUR, 3.0), ClockJump(0, 3 * DAY, 3.0), ClockJump(0, RIGHT, 10.0), *AHEAD]
APART = [
    ClockJump(0, 12 * MINUTE, 2.0),
    ClockJump(1, -12 * MINUTE, 2.0),
    ClockJump(2, 2 * MINUTE, 5.0),
]


def leapt(
    make: Callable[[Path, Mapping[str, str]], Hub],
    place: Path,
    jumps: Sequence[ClockJump],
    bugs: str = "",
) -> Soak:
    """What clients found on such a hub."""
    injection = Path(faults.__file__).with_name("injection")
    settings = {"ENTREPOT_GRACE": f"PT{GRACE:.0f}S"}
    settings |= {"PYTHONPATH": str(injection), "TORTURE_MEDDLE": bugs} if bugs else {}
    return run_jumps(make(place, settings), Soak.of(SEED, GRACE), jumps, 6)


def complaints_of(
    make: Callable[[Path, Mapping[str, str]], Hub],
    place: Path,
    jumps: Sequence[ClockJump],
    bugs: str,
) -> Iterator[str]:
    """What clients complain about in some runs, one after another.

    A planted bug shows only where the clock jumps between two requests of one push; on a busy
    machine a whole run may pass without that.
    """
    for number in range(RUNS):
        run = place / str(number)
        run.mkdir()
        yield from leapt(make, run, jumps, bugs).complaints


def test_a_hub_whose_clock_leaps_loses_nothing(tmp_path: Path) -> None:
    soak = leapt(Hub.alone, tmp_path, ALL)
    assert soak.complaints == [], f"seed {SEED}"
    assert soak.counts["pushed"] > 20


@pytest.mark.postgresql
@pytest.mark.s3
def test_nodes_whose_clocks_differ_lose_nothing(tmp_path: Path) -> None:
    soak = leapt(Hub.of_three, tmp_path, APART)
    assert soak.complaints == [], f"seed {SEED}"
    assert soak.counts["pushed"] > 20


def test_a_collector_that_trusts_a_clock_is_reported(tmp_path: Path) -> None:
    complaints = complaints_of(Hub.alone, tmp_path, AHEAD, "jumps_unnoticed")
    assert any("BLOB_UNKNOWN" in text for text in complaints)


def test_an_acknowledged_manifest_without_its_bytes_is_reported(tmp_path: Path) -> None:
    bugs = "jumps_unnoticed,blobs_taken_for_granted"
    complaints = complaints_of(Hub.alone, tmp_path, AHEAD, bugs)
    assert any("/blobs/" in text and "404" in text for text in complaints)


def test_a_lease_that_outlasts_its_clock_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What never happens is not waited for as long as what must happen.
    monkeypatch.setattr("faults.clock_jumps.RECOVERS_WITHIN", 10.0)
    complaints = complaints_of(Hub.alone, tmp_path, AHEAD, "leases_to_the_letter")
    assert any("garbage is not collected" in text for text in complaints)


@pytest.mark.postgresql
@pytest.mark.s3
def test_nodes_that_go_by_their_own_clocks_are_reported(tmp_path: Path) -> None:
    complaints = complaints_of(Hub.of_three, tmp_path, APART, "own_clocks")
    assert any("BLOB_UNKNOWN" in text for text in complaints)
