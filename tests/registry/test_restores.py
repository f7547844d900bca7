"""A restore that was ended goes on where it was; what cannot be restored is told."""

import gzip
import json
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from entrepot.errors import Invalid, Unavailable
from entrepot.metadata.engines import snapshots
from entrepot.metadata.migrate import HEAD
from entrepot.metadata.repositories import find_repository
from entrepot.oci.digests import Digest
from entrepot.oci.names import RepositoryName
from entrepot.registry.maintenance import restores
from entrepot.registry.maintenance.backup_catalog import MARK, BackupGeneration, hash_of_file
from entrepot.storage.memory import MemoryStorage
from entrepot.storage.protocols import BlobKey, Storage
from entrepot.storage.put_blob import store
from tests.metadata.rows import add_account
from tests.registry.test_backups import Plant, plant
from tests.registry.test_history import Shop, history, removals, shop

OLDER = "0010"
"""A revision whose tables that snapshots hold have this version's columns, but for later ones."""
LATER_TABLES = {
    "advisories",
    "advisory_ids",
    "advisory_ranges",
    "artifact_findings",
    "chart_versions",
    "data_sets",
    "exemptions",
    "grant_trusts",
    "grants",
    "group_mappings",
    "group_members",
    "issuers",
    "mirror_checks",
    "mirrors",
    "package_changes",
    "package_coordinates",
    "package_matches",
    "pull_days",
    "pull_judgements",
    "pull_rule_tags",
    "pull_rules",
    "rendered_readmes",
    "replicated_tags",
    "replication_rules",
    "replication_tasks",
    "trust_roots",
    "trusts",
    "upload_reservations",
}
LATER_COLUMNS = {
    "accounts": {"admin_from"},
    "artifacts": {"contents_revision", "counts_revision"},
    "external_identities": {"suspended_at"},
    "jobs": {"namespace_id", "repository_id"},
    "manifests": {"pull_verdict"},
    "members": {"from_groups"},
    "namespace_policies": {"pull_rules"},
    "packages": {"matcher"},
    "repositories": {"is_mirrored"},
    "repository_policies": {"pull_rules"},
    "tag_history": {"author", "promoted_from"},
    "tags": {"author", "pull_verdict"},
    "team_members": {"from_groups"},
    "webhooks": {"format", "header"},
}

__all__ = ["history", "plant", "removals", "shop"]


class Store:
    """Puts blobs into a storage until it ends, and counts them."""

    def __init__(self) -> None:
        self.left = 10**9
        self.put: list[str] = []

    async def __call__(
        self, storage: Storage, digest: Digest, runs: AsyncIterator[bytes]
    ) -> BlobKey | None:
        """Put one more."""
        if not self.left:
            raise Unavailable("the storage is away")
        self.left -= 1
        self.put.append(str(digest))
        return await store(storage, digest, runs)


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> Store:
    """What a restore puts."""
    replaced = Store()
    monkeypatch.setattr(restores, "store", replaced)
    return replaced


async def test_a_restore_that_was_ended_puts_only_what_is_not_there(
    plant: Plant, shop: Shop, stored: Store
) -> None:
    await add_account(plant.metadata, "alice")
    for content in (b"first", b"second", b"third"):
        await shop.image(content, "v1")
    made = await plant.make()
    place, storage = plant.data / "other" / "entrepot.db", MemoryStorage(plant.clock)
    stored.left = 3
    with pytest.raises(Unavailable):
        await plant.put(made, storage, place)
    one, two, three = stored.put
    # One of them is gone meanwhile, one is cut, and the last word was never finished.
    storage.blobs.pop(BlobKey(one))
    storage.blobs[BlobKey(two)] = b"cut"
    with plant.journal.open("a") as file:
        file.write('["sha256:')
    stored.left, stored.put = 9, []
    await plant.put(made, storage, place)
    assert len(stored.put) == made.blobs - 1
    assert three not in stored.put
    assert sorted(storage.blobs.values()) == sorted(plant.storage.blobs.values())
    assert not plant.journal.exists()
    with pytest.raises(Invalid, match="there is a hub already"):
        await plant.put(made, storage, place)


def rewrite(
    plant: Plant, made: BackupGeneration, revision: str, version: str = ""
) -> BackupGeneration:
    """A backup whose facts are of another revision."""
    path = plant.backups.facts_of(made)
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    head = json.dumps({"format": 1, "revision": revision}).encode() + b"\n"
    path.write_bytes(gzip.compress(b"".join([head, *without_later_tables(lines[1:])])))
    found = replace(made, facts=hash_of_file(path), version=version)
    told = {**asdict(found), "later": "said more"}
    path.with_name(MARK).write_text(json.dumps(told))
    return plant.backups.get()


def without_later_tables(lines: list[bytes]) -> list[bytes]:
    """As revision 0010 had it: neither later tables nor later columns."""
    kept: list[bytes] = []
    table, columns, later = "", list[str](), set[str]()
    for line in lines:
        said = json.loads(line)
        if isinstance(said, dict):
            table, columns = said["table"], said["columns"]
            later = LATER_COLUMNS.get(table, set())
            said["columns"] = [name for name in columns if name not in later]
        else:
            row = zip(columns, said, strict=True)
            said = [value for name, value in row if name not in later]
        kept += [] if table in LATER_TABLES else [json.dumps(said).encode() + b"\n"]
    return kept


async def test_an_older_backup_is_restored_and_brought_up_to_date(plant: Plant, shop: Shop) -> None:
    await add_account(plant.metadata, "alice")
    await shop.image(b"first", "v1")
    older = rewrite(plant, await plant.make(), OLDER)
    restored, _ = await plant.restore(older, "other")
    assert await find_repository(restored.reader, RepositoryName("a/b")) is not None
    await restored.close()
    head = {"format": snapshots.FORMAT, "revision": HEAD}
    assert next(snapshots.dump(plant.data / "other" / "entrepot.db")) == head


async def test_an_older_backup_needs_a_database_without_tables(
    plant: Plant, shop: Shop, empty_database: Path
) -> None:
    await add_account(plant.metadata, "alice")
    older = rewrite(plant, await plant.make(), OLDER)
    with pytest.raises(Invalid, match=f"revision {HEAD} and the snapshot {OLDER}"):
        await plant.put(older, MemoryStorage(plant.clock), empty_database)


@pytest.mark.parametrize(("version", "said"), [("9.8.7", "9.8.7"), ("", "the version that made")])
async def test_a_later_backup_says_what_to_install(
    plant: Plant, shop: Shop, version: str, said: str
) -> None:
    later = rewrite(plant, await plant.make(), "0099", version=version)
    place = plant.data / "other" / "entrepot.db"
    with pytest.raises(Invalid, match=rf"revision 0099 .* install {said}"):
        await plant.put(later, MemoryStorage(plant.clock), place)
    assert not place.exists()
