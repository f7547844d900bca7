"""Calls of the system that fail are never acknowledged, and the sweep would notice if they were."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from faults.commands import free_port
from faults.servers import Server
from faults.sweeps import REPEATABLE, Sweep, Swept
from tests.support.requirements import MAY_TRACE, require

pytestmark = pytest.mark.faults

SEED = 7


@pytest.fixture(autouse=True)
def _tracer() -> None:
    """Each of these traces the server's processes."""
    require(MAY_TRACE)


def swept(
    place: Path,
    operations: Sequence[str],
    errors: Sequence[str],
    calls: Sequence[str],
    bug: str | None = None,
) -> Swept:
    """What these calls, failing in turn, did to the server."""
    meddle = {"TORTURE_MEDDLE": f"{REPEATABLE['TORTURE_MEDDLE']},{bug}"} if bug else {}
    server = Server(place / "data", free_port(), 1, environment=REPEATABLE | meddle)
    sweep = Sweep(server, place, seed=SEED)

    async def everything() -> None:
        await sweep.run([each for each in operations if each != "collect"], errors, calls)
        if "collect" in operations:
            await sweep.collect(errors, calls)

    try:
        asyncio.run(everything())
    finally:
        server.stop()
    return sweep.result


def test_what_the_disk_did_not_sync_is_not_acknowledged(tmp_path: Path) -> None:
    operations = ["push", "push in chunks", "collect"]
    found = swept(tmp_path, operations, ["EIO"], ["fdatasync", "fsync", "rename", "unlink"])
    assert found.complaints == []
    assert found.struck["push", "EIO", "fdatasync"] == 2
    assert found.struck["push", "EIO", "rename"] == 2
    assert ("collect", "EIO", "rename") in found.struck


def test_a_disk_that_is_full_for_a_moment_is_told_of(tmp_path: Path) -> None:
    found = swept(tmp_path, ["push in chunks"], ["ENOSPC"], ["pwrite64"])
    assert found.complaints == []
    assert found.struck["push in chunks", "ENOSPC", "pwrite64"] >= 10


def test_a_server_killed_at_each_step_of_a_push_has_lost_nothing(tmp_path: Path) -> None:
    found = swept(tmp_path, ["push in chunks"], ["SIGKILL"], ["fdatasync"])
    assert found.complaints == []
    assert found.struck["push in chunks", "SIGKILL", "fdatasync"] >= 1


@pytest.mark.parametrize("bug", ["sync_failures_ignored", "sync_tried_again"])
def test_a_failed_sync_that_is_acknowledged_is_reported(tmp_path: Path, bug: str) -> None:
    found = swept(tmp_path, ["push"], ["EIO"], ["fdatasync"], bug)
    assert any("acknowledged all the same" in text for text in found.complaints), found


def test_an_upload_that_outlives_its_failed_sync_is_reported(tmp_path: Path) -> None:
    found = swept(tmp_path, ["push in chunks"], ["EIO"], ["fdatasync"], "failed_uploads_kept")
    assert any("lost: " in text for text in found.complaints), found
