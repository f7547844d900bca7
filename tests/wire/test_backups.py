"""A backup taken while clients push and delete is one moment between its start and its end."""

import itertools
import os
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from entrepot.oci.digests import Digest
from entrepot.oci.media_types import OCI_MANIFEST
from tests.metadata.postgres import serving as serving_postgres
from tests.support.s3 import BUCKET, CREDENTIALS, S3Server
from tests.support.server import (
    ORGANIZATION,
    PASSWORD,
    PROGRAM,
    USER,
    Hub,
    operate,
    serving,
    serving_again,
)
from tests.wire.content import image

pytestmark = pytest.mark.wire

CLIENTS = 4
ROUNDS = int(os.environ.get("ENTREPOT_TEST_BACKUPS", "2"))


@dataclass(slots=True)
class Journal:
    """What one client's tag was, and when: between `sent` and `known` it became `digest`."""

    repository: str
    moves: list[tuple[float, float, str | None]] = field(default_factory=list)

    def possible(self, began: float, ended: float) -> set[str | None]:
        """Where the tag may have pointed at some moment between the two."""
        found: set[str | None] = set()
        for number, (sent, _, digest) in enumerate(self.moves):
            later = self.moves[number + 1 :]
            gone = later[0][1] if later else float("inf")
            if sent <= ended and gone >= began:
                found.add(digest)
        if not self.moves or self.moves[0][1] >= began:
            found.add(None)
        return found


def work(hub: Hub, journal: Journal, is_over: Callable[[], bool]) -> None:
    """Push, move and delete a tag again and again."""
    base = f"/v2/{journal.repository}"
    with httpx.Client(base_url=hub.url, auth=(USER, PASSWORD), timeout=60) as client:
        for number in itertools.count():
            if is_over():
                return
            layer = f"{journal.repository} {number} ".encode() * 500
            for content in (layer, b"{}"):
                digest = str(Digest.of(content))
                done = client.post(
                    f"{base}/blobs/uploads/", params={"digest": digest}, content=content
                )
                assert done.status_code == 201, done.text
            manifest = image(layer)
            sent = time.time()
            put = client.put(
                f"{base}/manifests/v1", content=manifest, headers={"content-type": OCI_MANIFEST}
            )
            assert put.status_code == 201, put.text
            journal.moves.append((sent, time.time(), str(Digest.of(manifest))))
            if number % 5 == 4:
                sent = time.time()
                gone = client.delete(f"{base}/manifests/{Digest.of(manifest)}")
                assert gone.status_code == 202, gone.text
                journal.moves.append((sent, time.time(), None))


def backups_of(hub: Hub, directory: Path) -> list[tuple[float, float]]:
    """Back up some times while clients work; say between which moments each was made."""
    moments = []
    for _ in range(ROUNDS):
        began = time.time()
        hub.cli("backup", str(directory))
        moments.append((began, time.time()))
    return moments


def see_restored(hub: Hub, journals: list[Journal], began: float, ended: float) -> None:
    """Every tag is where it was at some moment of the backup, and all of it can be pulled."""
    with httpx.Client(base_url=hub.url, auth=(USER, PASSWORD), timeout=60) as client:
        for journal in journals:
            got = client.get(f"/v2/{journal.repository}/manifests/v1")
            digest = got.headers["docker-content-digest"] if got.status_code == 200 else None
            assert digest in journal.possible(began, ended), journal.repository
            if digest is None:
                continue
            assert str(Digest.of(got.content)) == digest
            for layer in got.json()["layers"]:
                blob = client.get(f"/v2/{journal.repository}/blobs/{layer['digest']}")
                assert str(Digest.of(blob.content)) == layer["digest"]


def backed_up(hub: Hub, directory: Path) -> tuple[list[Journal], list[tuple[float, float]]]:
    """Clients at work, and backups meanwhile."""
    journals = [Journal(f"{ORGANIZATION}/app-{number}") for number in range(CLIENTS)]
    over = threading.Event()
    threads = [threading.Thread(target=work, args=(hub, each, over.is_set)) for each in journals]
    for each in threads:
        each.start()
    try:
        while min(len(each.moves) for each in journals) < 3:
            time.sleep(0.05)
        moments = backups_of(hub, directory)
    finally:
        over.set()
        for each in threads:
            each.join()
    assert all(len(each.moves) > 3 for each in journals)
    return journals, moments


def test_a_backup_under_load_is_one_moment(tmp_path: Path) -> None:
    backups = tmp_path / "backups"
    quick = {"ENTREPOT_GRACE": "PT1S", "ENTREPOT_COLLECT_EVERY": "PT1S"}
    with serving(tmp_path / "data", tls=False, **quick) as hub:
        journals, moments = backed_up(hub, backups)
        assert "no problems" in hub.cli("backup", str(backups), "--verify")
        names = sorted(path.name for path in (backups / "generations").iterdir())
    for name, (began, ended) in zip(names, moments, strict=True):
        other = tmp_path / f"restored-{name}"
        said = operate(other, "restore", str(backups), "--generation", name)
        assert "Restored" in said
        with serving_again(other) as restored:
            see_restored(restored, journals, began, ended)
            assert "no problems" in restored.cli("check")


@pytest.mark.postgresql
@pytest.mark.s3
def test_a_hub_moves_to_postgresql_and_s3_by_its_backup(
    tmp_path: Path, s3_server: S3Server
) -> None:
    backups = tmp_path / "backups"
    with serving(tmp_path / "data") as hub:
        journals, moments = backed_up(hub, backups)
    with ExitStack() as stack:
        settings = CREDENTIALS | {
            "ENTREPOT_DATABASE": stack.enter_context(serving_postgres()),
            "ENTREPOT_STORAGE": f"s3://{BUCKET}/restored",
            "ENTREPOT_S3_ENDPOINT": s3_server.url,
        }
        other = tmp_path / "other"
        operate(other, "restore", str(backups), settings=settings)
        restored = stack.enter_context(serving_again(other, tls=False, **settings))
        see_restored(restored, journals, *moments[-1])
        # Ids go on after those that were restored.
        restored.cli("user", "add", "newcomer", "--password-stdin", stdin=PASSWORD)
        work(restored, Journal(f"{ORGANIZATION}/new"), iter([False, True]).__next__)
        again = subprocess.run(
            [PROGRAM, "restore", str(backups), "--data", str(other)],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | settings,
        )
        assert again.returncode == 1
        assert "there is a hub already" in again.stderr


def test_a_damaged_blob_is_put_aside_and_healed_by_the_next_push(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as hub:
        journal = Journal(f"{ORGANIZATION}/app")
        work(hub, journal, iter([False, True]).__next__)
        layer = f"{journal.repository} 0 ".encode() * 500
        digest = Digest.of(layer)
        path = hub.data / "blobs" / "sha256" / digest.hex[:2] / digest.hex
        path.write_bytes(bytes([layer[0] ^ 1]) + layer[1:])
        done = subprocess.run(
            [PROGRAM, "scrub", "--data", str(hub.data)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        found = f"{digest}: the bytes do not match the digest; referenced by {journal.repository}"
        assert found in done.stdout
        with httpx.Client(base_url=hub.url, auth=(USER, PASSWORD)) as client:
            target = f"/v2/{journal.repository}/blobs/{digest}"
            assert client.head(target).status_code == 404
            assert client.get(target).status_code == 404
            work(hub, journal, iter([False, True]).__next__)
            assert client.get(target).content == layer
        assert "none damaged" in hub.cli("scrub", "--rate", "100M")
