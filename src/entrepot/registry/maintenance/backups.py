"""Backups: the facts of one moment and the bytes they name, in a directory, while all go on."""

import asyncio
import fcntl
import gzip
import json
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import asdict
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from entrepot.errors import Conflict, EntrepotError, Invalid, Unavailable
from entrepot.metadata.engines import snapshots
from entrepot.metadata.engines.databases import Place
from entrepot.metadata.engines.engine import Clock, Metadata
from entrepot.metadata.registry import gc_leases
from entrepot.model.blobs import StoredBlob
from entrepot.oci.digests import Digest, new_hasher
from entrepot.registry.maintenance.backup_catalog import (
    FACTS,
    MARK,
    BackupCatalog,
    BackupGeneration,
    Watch,
    blobs_in,
    hash_of_file,
    list_blobs,
    runs_of,
)
from entrepot.registry.maintenance.integrity import OTHERS, cannot_be_read
from entrepot.storage.private_files import sync_directory
from entrepot.storage.protocols import BlobKey, Storage

_HOLD: Final = timedelta(minutes=10)
_RENEW: Final = 60.0


class Backups(BackupCatalog):
    """Makes the backups in one directory, checks them, and forgets old ones."""

    async def make(
        self,
        metadata: Metadata,
        storage: Storage,
        place: Place,
        now: Clock,
        watch: Watch = lambda _done, _total: None,
    ) -> BackupGeneration:
        """Back up everything as it is at one moment from now on.

        Bytes that are missing or damaged are told among the generation's `problems`. Raises
        `Conflict` while another backup is made in the directory.
        """
        with self._alone():
            return await self._make(metadata, storage, place, now, watch)

    async def _make(
        self, metadata: Metadata, storage: Storage, place: Place, now: Clock, watch: Watch
    ) -> BackupGeneration:
        began = now()
        name = began.strftime("%Y%m%dT%H%M%S.%fZ")
        directory = self.path / name
        directory.mkdir(parents=True, mode=0o700)
        async with _holding(metadata, now):
            rows, digest = await asyncio.to_thread(_write_facts, directory / FACTS, place)
            blobs = await asyncio.to_thread(list_blobs, directory / FACTS)
            total, done, problems = sum(each.size for each in blobs), 0, []
            for each in blobs:
                problem = await self._copy(storage, each)
                if problem is not None:
                    problems.append(f"{each.digest}: {problem}")
                done += each.size
                watch(done, total)
        ended = now()
        made = BackupGeneration(
            name=name,
            began=began.isoformat(),
            ended=ended.isoformat(),
            rows=rows,
            blobs=len(blobs),
            size=total,
            facts=digest,
            problems=problems,
            version=version("entrepot"),
        )
        await asyncio.to_thread(_write, directory / MARK, json.dumps(asdict(made)).encode())
        return made

    async def verify(self, watch: Watch = lambda _done, _total: None) -> list[str]:
        """Read all facts and bytes of all generations; say what is wrong.

        Damaged bytes are put aside: the next backup copies them again.
        """
        problems: list[str] = []
        blobs: dict[str, StoredBlob] = {}
        for generation in self.list_all():
            problems += [f"{generation.name} lacks {each}" for each in generation.problems]
            facts = self.facts_of(generation)
            if await asyncio.to_thread(hash_of_file, facts) != generation.facts:
                problems.append(f"the database copy in {generation.name} is damaged")
                continue
            known = {each.partition(": ")[0] for each in generation.problems}
            found = await asyncio.to_thread(list_blobs, facts)
            blobs |= {each.digest: each for each in found if each.digest not in known}
        total, done = sum(each.size for each in blobs.values()), 0
        for each in blobs.values():
            digest = Digest.parse(each.digest)
            path = self.path_of(digest)
            if not await asyncio.to_thread(_is_right, path, digest):
                problems.append(f"{each.digest} is missing or damaged")
                with suppress(FileNotFoundError):
                    path.rename(path.with_name(f"{path.name}.damaged"))
            done += each.size
            watch(done, total)
        return problems

    def keep(self, count: int) -> int:
        """Forget all but the newest `count` generations, and bytes that no other names.

        Says how many generations went. Raises `Conflict` while a backup is made there.
        """
        with self._alone():
            return self._keep(count)

    def _keep(self, count: int) -> int:
        found = self.list_all()
        whole = {each.name for each in found}
        for directory in self.path.iterdir():
            # No backup is running now: these were interrupted.
            if directory.name not in whole:
                shutil.rmtree(directory)
        gone = found[: max(0, len(found) - count)]
        for each in gone:
            directory = self.path / each.name
            # The mark first: what is half deleted is no generation.
            (directory / MARK).unlink()
            shutil.rmtree(directory)
        named: set[str] = set()
        for each in found[len(gone) :]:
            named |= {blob.digest for blob in blobs_in(self.facts_of(each))}
        for path in self.directory.glob("blobs/*/*/*"):
            if f"{path.parts[-3]}:{path.name}" not in named:
                path.unlink()
        return len(gone)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the directory: what one copies, another must not clear away."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.directory / "lock").open("wb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise Conflict(f"another backup is being made in {self.directory}") from error
            yield

    async def _copy(self, storage: Storage, blob: StoredBlob) -> str | None:
        """Have the bytes in the directory; say what is wrong with them."""
        digest = Digest.parse(blob.digest)
        path = self.path_of(digest)
        if path.is_file() and path.stat().st_size == blob.size:
            return None
        await asyncio.to_thread(_make_directory, path.parent)
        passing = path.with_name(f".{secrets.token_hex(8)}")
        hasher = new_hasher(digest.algorithm)
        try:
            with passing.open("wb") as file:
                async for run in _readable(storage.read(BlobKey(blob.key))):
                    await asyncio.to_thread(_take, file, hasher.update, run)
                if hasher.hexdigest() != digest.hex:
                    return OTHERS
                await asyncio.to_thread(_sync, file.fileno(), file.flush)
            passing.rename(path)
            await asyncio.to_thread(sync_directory, path.parent)
        except EntrepotError as error:
            return error.message
        finally:
            passing.unlink(missing_ok=True)
        return None


@asynccontextmanager
async def _holding(metadata: Metadata, now: Clock) -> AsyncIterator[None]:
    """Let nothing be deleted that the facts may name; a backup that dies holds it for minutes."""
    name = f"backup-{secrets.token_hex(8)}"

    async def hold() -> None:
        async with metadata.begin() as tx:
            await gc_leases.lock_holds(tx)
            await gc_leases.set_hold(tx, name, now() + _HOLD)

    async def renew() -> None:
        while True:
            await asyncio.sleep(_RENEW)
            with suppress(EntrepotError):
                await hold()

    await hold()
    renewing = asyncio.create_task(renew())
    try:
        yield
    finally:
        renewing.cancel()
        async with metadata.begin() as tx:
            await gc_leases.drop_hold(tx, name)


async def _readable(runs: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """One blob that the disk does not give must not end the backup of the others."""
    try:
        async for run in runs:
            yield run
    except OSError as error:
        raise Unavailable(cannot_be_read(error)) from error


def _make_directory(path: Path) -> None:
    """Make it, and sync the directories that name it."""
    if path.is_dir():
        return
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    for each in list(path.parents)[:3]:
        sync_directory(each)


def _write_facts(path: Path, place: Place) -> tuple[int, str]:
    rows = 0
    with path.open("wb") as file, gzip.GzipFile("", "wb", 4, file, mtime=0) as packed:
        for line in snapshots.dump(place):
            rows += isinstance(line, list)
            packed.write(snapshots.encode(line))
    with path.open("rb") as written:
        os.fsync(written.fileno())
    return rows, hash_of_file(path)


def _is_right(path: Path, digest: Digest) -> bool:
    hasher = new_hasher(digest.algorithm)
    try:
        for run in runs_of(path):
            hasher.update(run)
    except Invalid:
        return False
    return hasher.hexdigest() == digest.hex


def _take(file: Any, update: Callable[[bytes], None], run: bytes) -> None:
    update(run)
    file.write(run)


def _write(path: Path, content: bytes) -> None:
    passing = path.with_name(f".{path.name}")
    with passing.open("wb") as file:
        file.write(content)
        _sync(file.fileno(), file.flush)
    passing.rename(path)
    for each in (path.parent, path.parent.parent, path.parent.parent.parent):
        sync_directory(each)


def _sync(descriptor: int, flush: Callable[[], None] = lambda: None) -> None:
    flush()
    os.fsync(descriptor)
