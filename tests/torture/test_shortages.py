"""A server that runs short of something refuses clearly, lets people pull, and comes back."""

from pathlib import Path

import pytest

from torture.commands import free_port
from torture.servers import ServerFailed
from torture.shortages import KINDS, run

pytestmark = pytest.mark.torture

SEED = 3


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_comes_back_by_itself(tmp_path: Path, kind: str) -> None:
    found = run(tmp_path, kind, free_port(), seed=SEED)
    assert found.complaints == []
    assert set(found.refused) <= {0, 503, 507}
    assert found.resumed == 1


def test_a_server_that_stays_away_is_reported(tmp_path: Path) -> None:
    found = run(tmp_path, "pushes", free_port(), seed=SEED, bug="full_disk_forgotten", patience=9)
    assert any("pushes do not go on" in text for text in found.complaints), found


def test_a_server_that_dies_of_a_full_disk_is_reported(tmp_path: Path) -> None:
    """Metrics in files without blocks of their own: the next page written ends the process."""
    try:
        found = run(tmp_path, "bytes", free_port(), seed=SEED, bug="sparse_metrics", patience=3)
    except ServerFailed:
        return
    assert found.complaints
