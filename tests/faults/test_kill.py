"""A server killed while clients push has lost nothing, and the check would notice if it had."""

import asyncio
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from faults.kills import KillRun, Moment, Result
from faults.servers import Server

pytestmark = pytest.mark.faults

SEED = int(os.environ.get("TORTURE_SEED", "20"))


def killed(
    data: Path,
    moments: list[Moment],
    meddle: Callable[[Path], None] | None = None,
) -> Result:
    """What a run through these moments found."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = Server(data, port)
    try:
        run = KillRun(server, seed=SEED, clients=8, meddle=meddle, ready_within=60.0)
        return asyncio.run(run.run(moments))
    finally:
        server.stop()


EVERY_KIND = [
    Moment(1, "all", 0.05, None, 0.0),
    Moment(2, "all", 0.8, None, 0.001),
    Moment(3, "all", 2.0, 100, 0.002),
    Moment(4, "worker", 0.5, None, 0.0),
    Moment(5, "start", 0.6, None, 0.0),
    Moment(6, "term", 0.5, None, 0.0),
    Moment(7, "all", 2.0, 250, 0.0005),
    Moment(8, "all", 2.0, 333, 0.0),
]


def test_a_killed_server_has_lost_nothing(tmp_path: Path) -> None:
    result = killed(tmp_path / "data", EVERY_KIND)
    assert result.complaints == [], f"seed {SEED}"
    assert result.moments == len(EVERY_KIND)
    assert result.acknowledged > 200


def busy() -> list[Moment]:
    return [Moment(1, "all", 3.0, 400, 0.0)]


def test_a_blob_lost_behind_the_back_of_the_server_is_reported(tmp_path: Path) -> None:
    def lose(data: Path) -> None:
        _largest(data / "blobs").unlink()

    assert is_noticed(killed(tmp_path / "data", busy(), lose))


def test_a_blob_changed_behind_the_back_of_the_server_is_reported(tmp_path: Path) -> None:
    def flip(data: Path) -> None:
        path = _largest(data / "blobs")
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)

    assert is_noticed(killed(tmp_path / "data", busy(), flip))


def test_a_database_set_back_in_time_is_reported(tmp_path: Path) -> None:
    """Every row that was written into the log since the last checkpoint is lost."""

    def forget(data: Path) -> None:
        (data / "entrepot.db-wal").unlink()
        (data / "entrepot.db-shm").unlink(missing_ok=True)

    # Killed right after a checkpoint, the log has nothing that the file lacks.
    results = (killed(tmp_path / f"data-{number}", busy(), forget) for number in range(5))
    assert any(map(is_noticed, results))


def is_noticed(result: Result) -> bool:
    """Whether the read back found a loss, or a lie; the server's own check is not needed."""
    return any(text.startswith(("lost: ", "a lie: ")) for text in result.complaints)


def _largest(directory: Path) -> Path:
    return max((path for path in directory.rglob("*") if path.is_file()), key=_size)


def _size(path: Path) -> int:
    return path.stat().st_size
