"""A server whose disk loses its power has lost nothing, and the check would notice if it had."""

import os
from pathlib import Path

import pytest

from faults.disks import KINDS
from faults.kills import Moment, Result
from faults.power_command import cut_power
from tests.support.requirements import LOOP_DEVICES, require
from tests.support.tools import tool

pytestmark = pytest.mark.faults

SEED = int(os.environ.get("TORTURE_SEED", "21"))
MOMENTS = [
    Moment(1, "power", 0.4, None, 0.001),
    Moment(2, "power", 2.0, 150, 0.002),
    Moment(3, "power", 2.0, 77, 0.0),
    Moment(4, "power", 0.9, None, 0.0),
]
MEDDLING = Path(__file__).parents[2] / "faults" / "injection"


def cut(kind: str, place: Path, moments: list[Moment], **environment: str) -> Result:
    """Go through the cuts on a disk of this kind."""
    require(LOOP_DEVICES)
    tool(f"mkfs.{kind}")
    return cut_power(kind, place, moments, seed=SEED, environment=environment)


@pytest.mark.parametrize("kind", KINDS)
def test_a_power_cut_loses_nothing(tmp_path: Path, kind: str) -> None:
    result = cut(kind, tmp_path, MOMENTS)
    assert result.complaints == [], f"seed {SEED}"
    assert result.moments == len(MOMENTS)
    assert result.acknowledged > 50


def test_a_server_that_does_not_sync_is_noticed(tmp_path: Path) -> None:
    environment = {"PYTHONPATH": str(MEDDLING), "TORTURE_MEDDLE": "nothing_synced"}
    result = cut("ext4", tmp_path, [Moment(1, "power", 3.0, 300, 0.0)], **environment)
    assert any(text.startswith(("lost: ", "a lie: ", "GET of")) for text in result.complaints), (
        result
    )
