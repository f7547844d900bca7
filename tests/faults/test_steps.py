"""Whoever dies at whichever step of a node: nothing is lost, or the sweep says so."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from faults.clusters import Cluster
from faults.node_sweeps import STEP, NodeSweep
from faults.sweeps import Swept

pytestmark = [pytest.mark.faults, pytest.mark.postgresql, pytest.mark.s3]

SEED = 5


def swept(
    place: Path,
    operations: Sequence[str],
    victim: str,
    bug: str | None = None,
    plant: Callable[[Cluster], None] = lambda _: None,
) -> Swept:
    """What it did that somebody died at each step."""
    sweep = NodeSweep.create(place, seed=SEED, bug=bug, plant=plant)
    try:
        return asyncio.run(sweep.run(operations, [victim], [STEP]))
    finally:
        sweep.stop()


def test_a_node_killed_at_each_step_has_lost_nothing(tmp_path: Path) -> None:
    found = swept(tmp_path, ["mount", "move a tag"], "node")
    assert found.complaints == []
    for step in ("before commit", "after commit"):
        assert found.struck["mount", "node", step] == 1
        assert found.struck["move a tag", "node", step] >= 1


def test_a_collector_killed_at_each_step_has_lost_nothing(tmp_path: Path) -> None:
    found = swept(tmp_path, ["collect"], "node")
    assert found.complaints == []
    assert found.struck["collect", "node", "before s3 delete"] >= 1


@pytest.mark.parametrize("victim", ["database", "store"])
def test_what_a_node_stands_on_dies_at_each_step_of_a_mount(tmp_path: Path, victim: str) -> None:
    found = swept(tmp_path, ["mount"], victim)
    assert found.complaints == []
    assert found.faults >= 3


def test_bytes_that_come_after_their_answer_are_reported(tmp_path: Path) -> None:
    found = swept(tmp_path, ["push"], "node", "bytes_put_later")
    assert any("lost: " in text for text in found.complaints), found


def test_commits_that_a_database_forgets_are_reported(tmp_path: Path) -> None:
    def forget(cluster: Cluster) -> None:
        cluster.database.run("ALTER DATABASE postgres SET synchronous_commit = off")
        cluster.database.run("ALTER SYSTEM SET wal_writer_delay = '10s'")
        cluster.database.run("SELECT pg_reload_conf()")
        cluster.database.run("CHECKPOINT")
        cluster.database.cut_all()

    found = swept(tmp_path, ["push"], "database", plant=forget)
    assert any("lost: " in text for text in found.complaints), found
