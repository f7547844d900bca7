"""Three nodes lose nothing while parts of the hub fail, and the check would notice if they had."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from faults.clusters import OPEN, Cluster
from faults.node_chaos_commands import run_soak_across_jumps
from faults.soaks import SETTINGS, Soak

pytestmark = [pytest.mark.faults, pytest.mark.postgresql, pytest.mark.s3]

SEED = int(os.environ.get("TORTURE_SEED", "20"))
SLIPSHOD = """
from entrepot.errors import Unavailable
from entrepot.storage.object_store import ObjectStorage
from entrepot.storage.buckets import Bucket
from entrepot.storage.object_uploads import ObjectUpload

put, find_size = Bucket.put, ObjectStorage.find_size


async def hopeful(self, path, content):
    try:
        return await put(self, path, content)
    except Unavailable:
        return None


async def trusting(self, name, etag, size):
    pass


async def sure(self, key):
    return await find_size(self, key) or 1


Bucket.put, ObjectUpload._prove, ObjectStorage.find_size = hopeful, trusting, sure
"""


def equally(*kinds: str) -> Mapping[str, int]:
    """Each of them as often as the others."""
    return dict.fromkeys(kinds, 1)


def test_nodes_a_database_and_a_store_that_fail_lose_nothing(tmp_path: Path) -> None:
    kinds = equally("node", "database", "connections", "read-only", "store")
    result, note = run_soak_across_jumps(tmp_path, kinds, count=5, clients=4, seed=SEED)
    assert result.complaints == [], f"seed {SEED}"
    assert result.acknowledged > 200, note


def test_a_store_that_fails_and_lies_loses_nothing(tmp_path: Path) -> None:
    kinds = equally("error", "lost", "cut", "false-200")
    result, note = run_soak_across_jumps(tmp_path, kinds, count=4, clients=4, seed=SEED, lease=0)
    assert result.complaints == [], f"seed {SEED}"
    assert result.acknowledged > 100, note


def test_commits_that_a_database_forgets_are_reported(tmp_path: Path) -> None:
    def forget(cluster: Cluster) -> None:
        cluster.database.run("ALTER DATABASE postgres SET synchronous_commit = off")
        cluster.database.run("ALTER SYSTEM SET wal_writer_delay = '10s'")
        cluster.database.run("SELECT pg_reload_conf()")

    result, _ = run_soak_across_jumps(
        tmp_path, equally("database"), count=2, clients=4, seed=SEED, nodes=2, plant=forget, lease=0
    )
    assert any(text.startswith(("lost: ", "torn: ")) for text in result.complaints), result


def test_a_hub_that_takes_the_word_of_its_store_is_reported(tmp_path: Path) -> None:
    (tmp_path / "planted").mkdir()
    (tmp_path / "planted" / "sitecustomize.py").write_text(SLIPSHOD)
    settings = {**OPEN, "PYTHONPATH": str(tmp_path / "planted")}
    result, _ = run_soak_across_jumps(
        tmp_path,
        equally("false-200"),
        count=2,
        clients=4,
        seed=SEED,
        nodes=2,
        lease=0,
        settings=settings,
    )
    assert any(text.startswith(("lost: ", "a lie: ")) for text in result.complaints), (
        result.complaints[:5]
    )


def soaked(place: Path, seconds: float, **settings: str) -> Soak:
    """What a short soak of two nodes found."""
    cluster = Cluster.create(place, 2, {**SETTINGS, **settings})
    soak = Soak.of(SEED)
    try:
        cluster.start()
        asyncio.run(soak.run(cluster.ports, 6, seconds))
        soak.complaints += cluster.check()
    finally:
        cluster.stop()
    return soak


def test_nothing_is_collected_that_a_client_was_promised(tmp_path: Path) -> None:
    soak = soaked(tmp_path, 25.0)
    assert soak.complaints == [], f"seed {SEED}"
    assert soak.counts["pushed"] > 20


def test_a_collector_that_does_not_wait_is_reported(tmp_path: Path) -> None:
    soak = soaked(tmp_path, 12.0, ENTREPOT_GRACE="PT1S")
    assert any("BLOB_UNKNOWN" in text for text in soak.complaints), soak.complaints
