"""Idle, slow and vanishing clients keep nobody from working; files left open are noticed."""

from pathlib import Path

import pytest

from faults.commands import free_port
from faults.crowds import run

pytestmark = pytest.mark.faults

SEED = 5


def test_a_crowd_keeps_nobody_from_working(tmp_path: Path) -> None:
    found = run(tmp_path, free_port(), idle=2500, slow=40, seed=SEED)
    assert found.complaints == []
    assert found.done == 22
    assert found.vanished == 40


def test_files_that_stay_open_are_reported(tmp_path: Path) -> None:
    found = run(
        tmp_path, free_port(), idle=10, slow=10, seed=SEED, bug="uploads_left_open", patience=3
    )
    assert any("left over" in text for text in found.complaints), found
