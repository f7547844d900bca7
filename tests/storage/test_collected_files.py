"""A commit that comes while an old file is taken away is what stays."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from entrepot.oci.digests import Digest
from entrepot.storage import filesystem
from entrepot.storage.filesystem import FileStorage
from entrepot.storage.protocols import UploadId
from tests.contracts.test_uploads import commit, read

HOUR = timedelta(hours=1)


@pytest.fixture
def storage(tmp_path: Path) -> FileStorage:
    """A store with its directories."""
    storage = FileStorage(tmp_path)
    storage.prepare()
    return storage


def renewing(path: Path, moments: set[int]) -> Callable[[Path, datetime], int | None]:
    """Looks at the age as ever; another process commits the blob anew after these looks."""
    count = 0
    real = filesystem._old_size

    def look(looked_at: Path, before: datetime) -> int | None:
        nonlocal count
        count += 1
        found = real(looked_at, before)
        if count in moments:
            new = path.with_name("new")
            new.write_bytes(b"content")
            new.rename(path)
        return found

    return look


def make_old(path: Path) -> None:
    """Have the file be two hours old."""
    old = (datetime.now(UTC) - 2 * HOUR).timestamp()
    os.utime(path, (old, old))


@pytest.mark.parametrize("moments", [{1}, {2}, {1, 2}])
async def test_the_newer_bytes_stay(
    storage: FileStorage, monkeypatch: pytest.MonkeyPatch, moments: set[int]
) -> None:
    key = await commit(storage, b"content")
    path = storage.path_of(key)
    make_old(path)
    monkeypatch.setattr(filesystem, "_old_size", renewing(path, moments))
    await storage.delete_older([key], datetime.now(UTC) - HOUR)
    assert await read(storage, key) == b"content"
    found = await storage.find_committed(key)
    assert found is not None
    assert found.at > datetime.now(UTC) - HOUR


async def test_an_old_upload_becomes_a_young_blob(storage: FileStorage, tmp_path: Path) -> None:
    """The last byte may have come a day before the request that finishes the upload."""
    async with storage.open(UploadId("one"), lambda _: None) as staged:
        await staged.write(b"content")
        await staged.sync()
    make_old(tmp_path / "uploads" / "one")
    async with storage.open(UploadId("one"), lambda _: None) as staged:
        key = await staged.commit(Digest.of(b"content"))
    assert not await storage.delete_older([key], datetime.now(UTC) - HOUR)


async def test_a_file_that_is_taken_away_is_soon_nowhere(
    storage: FileStorage, tmp_path: Path
) -> None:
    key = await commit(storage, b"content")
    make_old(storage.path_of(key))
    assert await storage.delete_older([key], datetime.now(UTC) - HOUR)
    assert await storage.find_size(key) is None
    # Whatever else the store does comes after the unlinking: its threads take turns.
    storage._pool.shutdown()
    assert list((tmp_path / "uploads").iterdir()) == []
