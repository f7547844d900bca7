"""A server that runs short of something refuses clearly, lets people pull, and comes back."""

from pathlib import Path

import pytest

from faults import full_databases
from faults.commands import free_port
from faults.servers import ServerFailed
from faults.shortages import KINDS, run
from tests.support.requirements import IS_ROOT, require

pytestmark = pytest.mark.faults

SEED = 3


@pytest.fixture(autouse=True)
def _small_disk() -> None:
    """Each of these runs on a disk that is mounted for it."""
    require(IS_ROOT)


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_comes_back_by_itself(tmp_path: Path, kind: str) -> None:
    found = run(tmp_path, kind, free_port(), seed=SEED)
    assert found.complaints == []
    assert set(found.refused) <= {0, 503, 507}
    assert found.resumed == 1


@pytest.mark.postgresql
@pytest.mark.parametrize("kind", full_databases.KINDS)
def test_a_server_comes_back_when_its_database_does(tmp_path: Path, kind: str) -> None:
    found = full_databases.run(tmp_path, kind, free_port(), seed=SEED)
    assert found.complaints == []
    assert found.refused
    assert found.resumed == 1


@pytest.mark.postgresql
def test_a_full_database_that_is_taken_for_one_that_is_away_is_reported(tmp_path: Path) -> None:
    bug = "full_database_unnamed"
    found = full_databases.run(tmp_path, "tables", free_port(), seed=SEED, bug=bug)
    assert any("not a clear refusal" in text for text in found.complaints), found


@pytest.mark.postgresql
def test_a_server_that_does_not_find_its_database_again_is_reported(tmp_path: Path) -> None:
    bug, kind = "full_database_forgotten", "read-only database"
    found = full_databases.run(tmp_path, kind, free_port(), seed=SEED, bug=bug, patience=9)
    assert any("pushes do not go on" in text for text in found.complaints), found


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
