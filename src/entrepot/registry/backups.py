"""Backups: the facts of one moment and the bytes they name, in a directory, while all go on.

    blobs/sha256/ab/abcd…          bytes, each digest once for all generations
    generations/NAME/facts.jsonl.gz, generation.json

`generation.json` is written last, and says that the generation is whole. A generation holds no
bytes of its own: a second backup copies only what is new.
"""

import asyncio
import fcntl
import gzip
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, cast

from entrepot.errors import Conflict, EntrepotError, Invalid, NotFound, Unavailable
from entrepot.metadata import holds, snapshots
from entrepot.metadata.databases import Place
from entrepot.metadata.engine import Clock, Metadata
from entrepot.metadata.snapshots import Line
from entrepot.oci.digests import Digest, new_hasher
from entrepot.registry.damage import OTHERS, cannot_be_read
from entrepot.storage.protocols import BlobKey, Storage
from entrepot.storage.staged import sync_directory
from entrepot.storage.storing import store

FACTS: Final = "facts.jsonl.gz"
MARK: Final = "generation.json"
_HOLD: Final = timedelta(minutes=10)
_RENEW: Final = 60.0
_RUN: Final = 1024 * 1024

Watch = Callable[[int, int], None]
"""Told how many bytes of how many are done."""


@dataclass(frozen=True, slots=True)
class Generation:
    """One backup that is whole: its moment lies between `began` and `ended`."""

    name: str
    began: str
    ended: str
    rows: int
    blobs: int
    size: int
    facts: str
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Blob:
    """A blob that the facts name."""

    digest: str
    size: int
    key: str


class Backups:
    """The backups in one directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._generations = directory / "generations"

    def list_all(self) -> list[Generation]:
        """Every generation that is whole, the oldest first."""
        marks = sorted(self._generations.glob(f"*/{MARK}"))
        return [Generation(**json.loads(mark.read_text())) for mark in marks]

    def get(self, name: str | None = None) -> Generation:
        """The generation of that name, or the newest; else `NotFound`."""
        found = [each for each in self.list_all() if name in (None, each.name)]
        if not found:
            raise NotFound(
                f"there is no backup in {self._directory}" + (f": {name}" if name else "")
            )
        return found[-1]

    async def make(
        self,
        metadata: Metadata,
        storage: Storage,
        place: Place,
        now: Clock,
        watch: Watch = lambda _done, _total: None,
    ) -> Generation:
        """Back up everything as it is at one moment from now on.

        Bytes that are missing or damaged are told among the generation's `problems`. Raises
        `Conflict` while another backup is made in the directory.
        """
        with self._alone():
            return await self._make(metadata, storage, place, now, watch)

    async def _make(
        self, metadata: Metadata, storage: Storage, place: Place, now: Clock, watch: Watch
    ) -> Generation:
        began = now()
        name = began.strftime("%Y%m%dT%H%M%S.%fZ")
        directory = self._generations / name
        directory.mkdir(parents=True, mode=0o700)
        async with _holding(metadata, now):
            rows, digest = await asyncio.to_thread(_write_facts, directory / FACTS, place)
            blobs = await asyncio.to_thread(_list_blobs, directory / FACTS)
            total, done, problems = sum(each.size for each in blobs), 0, []
            for each in blobs:
                problem = await self._copy(storage, each)
                if problem is not None:
                    problems.append(f"{each.digest}: {problem}")
                done += each.size
                watch(done, total)
        ended = now()
        made = Generation(
            name, began.isoformat(), ended.isoformat(), rows, len(blobs), total, digest, problems
        )
        await asyncio.to_thread(_write, directory / MARK, json.dumps(asdict(made)).encode())
        return made

    async def verify(self, watch: Watch = lambda _done, _total: None) -> list[str]:
        """Read all facts and bytes of all generations; say what is wrong.

        Damaged bytes are put aside: the next backup copies them again.
        """
        problems: list[str] = []
        blobs: dict[str, Blob] = {}
        for generation in self.list_all():
            problems += [f"{generation.name} lacks {each}" for each in generation.problems]
            facts = self._generations / generation.name / FACTS
            if await asyncio.to_thread(_hash_of_file, facts) != generation.facts:
                problems.append(f"the facts of {generation.name} are damaged")
                continue
            known = {each.partition(": ")[0] for each in generation.problems}
            found = await asyncio.to_thread(_list_blobs, facts)
            blobs |= {each.digest: each for each in found if each.digest not in known}
        total, done = sum(each.size for each in blobs.values()), 0
        for each in blobs.values():
            path = self._path_of(each.digest)
            if not await asyncio.to_thread(_is_right, path, each.digest):
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
        for directory in self._generations.iterdir():
            # Nobody makes one now: these were ended.
            if directory.name not in whole:
                shutil.rmtree(directory)
        gone = found[: max(0, len(found) - count)]
        for each in gone:
            directory = self._generations / each.name
            # The mark first: what is half deleted is no generation.
            (directory / MARK).unlink()
            shutil.rmtree(directory)
        named: set[str] = set()
        for each in found[len(gone) :]:
            named |= {blob.digest for blob in _blobs_in(self._generations / each.name / FACTS)}
        for path in self._directory.glob("blobs/*/*/*"):
            if f"{path.parts[-3]}:{path.name}" not in named:
                path.unlink()
        return len(gone)

    async def restore(
        self,
        generation: Generation,
        storage: Storage,
        place: Place,
        watch: Watch = lambda _done, _total: None,
    ) -> int:
        """Put bytes, then facts, where nothing is yet; say how many rows.

        Raises `Invalid` where there is a hub already, or the backup lacks something. A restore that
        was ended can be begun again.
        """
        facts = self._generations / generation.name / FACTS
        if await asyncio.to_thread(_hash_of_file, facts) != generation.facts:
            raise Invalid(f"the facts of {generation.name} are damaged")
        if not await asyncio.to_thread(snapshots.is_empty, place):
            raise Invalid("there is a hub already: restore into an empty one")
        blobs = await asyncio.to_thread(_list_blobs, facts)
        missing = {each.partition(": ")[0] for each in generation.problems}
        total, done, keys = sum(each.size for each in blobs), 0, dict[str, str]()
        for each in blobs:
            if each.digest not in missing:
                keys[each.digest] = await self._put(storage, each)
            done += each.size
            watch(done, total)
        return await asyncio.to_thread(snapshots.load, place, _lines_of(facts), keys.get)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the directory: what one copies, another must not clear away."""
        self._generations.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self._directory / "lock").open("wb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise Conflict(f"another backup is being made in {self._directory}") from error
            yield

    def _path_of(self, digest: str) -> Path:
        algorithm, _, name = digest.partition(":")
        return self._directory / "blobs" / algorithm / name[:2] / name

    async def _copy(self, storage: Storage, blob: Blob) -> str | None:
        """Have the bytes in the directory; say what is wrong with them."""
        path = self._path_of(blob.digest)
        if path.is_file() and path.stat().st_size == blob.size:
            return None
        await asyncio.to_thread(_make_directory, path.parent)
        passing = path.with_name(f".{secrets.token_hex(8)}")
        digest = Digest.parse(blob.digest)
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

    async def _put(self, storage: Storage, blob: Blob) -> str:
        runs = _waiting(_runs_of(self._path_of(blob.digest)))
        key = await store(storage, Digest.parse(blob.digest), runs)
        if key is None:
            raise Invalid(f"the backup of {blob.digest} is damaged")
        return key


async def _waiting(runs: Iterator[bytes]) -> AsyncIterator[bytes]:
    for run in runs:
        yield run


@asynccontextmanager
async def _holding(metadata: Metadata, now: Clock) -> AsyncIterator[None]:
    """Let nothing be deleted that the facts may name; a backup that dies holds it for minutes."""
    name = f"backup-{secrets.token_hex(8)}"

    async def hold() -> None:
        async with metadata.begin() as tx:
            await holds.lock_holds(tx)
            await holds.set_hold(tx, name, now() + _HOLD)

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
            await holds.drop_hold(tx, name)


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
    return rows, _hash_of_file(path)


def _lines_of(path: Path) -> Iterator[Line]:
    with gzip.open(path, "rb") as file:
        for line in file:
            yield cast(Line, json.loads(line))


def _blobs_in(path: Path) -> Iterator[Blob]:
    columns: list[str] | None = None
    for line in _lines_of(path):
        if isinstance(line, dict):
            columns = list(line["columns"]) if line.get("table") == "blobs" else None
        elif columns is not None:
            row: dict[str, Any] = dict(zip(columns, line, strict=True))
            yield Blob(row["digest"], row["size"], row["storage_key"])


def _list_blobs(path: Path) -> list[Blob]:
    return list(_blobs_in(path))


def _runs_of(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while run := file.read(_RUN):
                yield run
    except FileNotFoundError as error:
        raise Invalid(f"the backup lacks {path.name}") from error


def _is_right(path: Path, digest: str) -> bool:
    parsed = Digest.parse(digest)
    hasher = new_hasher(parsed.algorithm)
    try:
        for run in _runs_of(path):
            hasher.update(run)
    except Invalid:
        return False
    return hasher.hexdigest() == parsed.hex


def _hash_of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
