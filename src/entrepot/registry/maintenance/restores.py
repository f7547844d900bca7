"""Restoring: a hub is made of a backup, where there is none yet."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from entrepot.errors import Invalid
from entrepot.metadata.engines import snapshots
from entrepot.metadata.engines.databases import Place
from entrepot.model.blobs import StoredBlob
from entrepot.oci.digests import Digest
from entrepot.registry.maintenance.backup_catalog import (
    BackupCatalog,
    BackupGeneration,
    Watch,
    hash_of_file,
    lines_of,
    list_blobs,
    runs_of,
)
from entrepot.storage.protocols import BlobKey, Storage
from entrepot.storage.put_blob import store


class Restores:
    """Makes a hub of a backup; what was done is written into `journal`, until all of it is."""

    def __init__(self, generations: BackupCatalog, journal: Path) -> None:
        self._generations = generations
        self._journal = journal

    async def restore(
        self,
        generation: BackupGeneration,
        storage: Storage,
        place: Place,
        watch: Watch = lambda _done, _total: None,
    ) -> int:
        """Put bytes, then facts, where nothing is yet; say how many rows.

        Raises `Invalid` where there is a hub already, the backup lacks something, or a later
        version made it. A restore that was ended goes on where it was when it is begun again.
        """
        facts = self._generations.facts_of(generation)
        if await asyncio.to_thread(hash_of_file, facts) != generation.facts:
            raise Invalid(f"the database copy in {generation.name} is damaged")
        self._check_version(generation, facts)
        await asyncio.to_thread(snapshots.begin, place, lines_of(facts))
        blobs = await asyncio.to_thread(list_blobs, facts)
        keys = await self._put_all(generation, blobs, storage, watch)
        rows = await asyncio.to_thread(snapshots.load, place, lines_of(facts), keys.get)
        self._journal.unlink(missing_ok=True)
        return rows

    def _check_version(self, generation: BackupGeneration, facts: Path) -> None:
        revision = snapshots.revision_of(lines_of(facts))
        if not snapshots.is_known(revision):
            maker = generation.version or "the version that made it"
            raise Invalid(
                f"the backup {generation.name} was made by a newer version than "
                f"{version('entrepot')} (database revision {revision} is unknown): "
                f"install {maker} and restore with it"
            )

    async def _put_all(
        self, generation: BackupGeneration, blobs: list[StoredBlob], storage: Storage, watch: Watch
    ) -> dict[str, str]:
        """Where the bytes of each digest are now."""
        missing = {each.partition(": ")[0] for each in generation.problems}
        put = dict(self._read_journal())
        total, done, keys = sum(each.size for each in blobs), 0, dict[str, str]()
        for each in blobs:
            if each.digest not in missing:
                keys[each.digest] = await self._put(storage, each, put.get(each.digest))
            done += each.size
            watch(done, total)
        return keys

    async def _put(self, storage: Storage, blob: StoredBlob, known: str | None) -> str:
        # It was compared with its digest before it was written down; the check that follows a
        # restore reads all of it again.
        if known is not None and await storage.find_size(BlobKey(known)) == blob.size:
            return known
        digest = Digest.parse(blob.digest)
        runs = _waiting(runs_of(self._generations.path_of(digest)))
        key = await store(storage, digest, runs)
        if key is None:
            raise Invalid(f"the backup of {blob.digest} is damaged")
        with self._journal.open("a") as file:
            file.write(json.dumps([blob.digest, key]) + "\n")
        return key

    def _read_journal(self) -> Iterator[tuple[str, str]]:
        if not self._journal.exists():
            return
        for line in self._journal.read_text().splitlines():
            # The last line may be half of one.
            with suppress(ValueError):
                digest, key = json.loads(line)
                yield digest, key


async def _waiting(runs: Iterator[bytes]) -> AsyncIterator[bytes]:
    for run in runs:
        yield run
