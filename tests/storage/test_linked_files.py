"""Files that become blobs without being copied."""

import errno
from pathlib import Path

import pytest

from entrepot.oci.digests import Digest
from entrepot.storage.filesystem import FileStorage

CONTENT = b"fetched" * 1000


async def test_a_file_becomes_a_blob_and_stays(tmp_path: Path) -> None:
    storage = FileStorage(tmp_path)
    storage.prepare()
    path = tmp_path / "arrived"
    path.write_bytes(CONTENT)
    digest = Digest.of(CONTENT)
    for _ in range(2):
        key = await storage.take_file(path, digest)
        assert key is not None
        blob = storage.path_of(key)
        assert blob.read_bytes() == CONTENT
        assert path.stat().st_ino == blob.stat().st_ino
    assert list((tmp_path / "uploads").iterdir()) == []


async def test_a_file_of_another_file_system_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise OSError(errno.EXDEV, "cross-device link")

    storage = FileStorage(tmp_path)
    storage.prepare()
    path = tmp_path / "arrived"
    path.write_bytes(CONTENT)
    monkeypatch.setattr(Path, "hardlink_to", refuse)
    assert await storage.take_file(path, Digest.of(CONTENT)) is None
