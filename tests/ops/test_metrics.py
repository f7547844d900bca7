"""Where the numbers of workers are: a full disk must not end a worker that counts."""

import errno
import os
from pathlib import Path

import pytest

from entrepot.ops.metrics import share_between_workers

SHARED_IN = "PROMETHEUS_MULTIPROC_DIR"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SHARED_IN, "set by nobody")


def test_files_mapped_into_memory_have_all_their_room(tmp_path: Path) -> None:
    share_between_workers(tmp_path / "metrics")
    files = [path.stat() for path in (tmp_path / "metrics").iterdir()]
    assert len(files) == 3
    assert all(each.st_blocks * 512 >= each.st_size > 0 for each in files)
    assert os.environ[SHARED_IN] == str(tmp_path / "metrics")


def test_a_worker_that_finds_no_room_keeps_its_numbers_to_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", fail)
    share_between_workers(tmp_path / "metrics")
    assert SHARED_IN not in os.environ
