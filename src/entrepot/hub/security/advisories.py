"""Imports advisories in the format of OSV: a zip of documents, or one document.

A file is read a few hundred documents at a time, and those that have changed are written in slices.
What is written waits to be matched. An import that was interrupted is repeated: it goes on behind
what is there already.
"""

import asyncio
import logging
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Final

from entrepot.errors import Invalid
from entrepot.extract.security.osv import hash_of, parse_advisory
from entrepot.hub.security.matching import Matching
from entrepot.metadata.engines import data_sets
from entrepot.metadata.engines.engine import Clock, Metadata, Transaction
from entrepot.metadata.engines.slices import write_slices
from entrepot.metadata.security import advisories
from entrepot.model.security.advisories import Advisory, AdvisoryNumbers, DataSet

_log = logging.getLogger(__name__)

_MAX_DOCUMENT: Final = 16 * 1024 * 1024
"""Bytes of one document; the largest of OSV's has a few megabytes."""
_MAX_DOCUMENTS: Final = 2_000_000
_MAX_FILE: Final = 4 * 1024 * 1024 * 1024
_AT_ONCE: Final = 200
_MOST_REASONS: Final = 5

Notice = Callable[[int, int], None]
"""Told how many documents were read, and of how many."""


@dataclass(frozen=True, slots=True)
class ImportResult:
    """The result of an import; `reasons` are some of why documents were skipped."""

    data_set: DataSet
    matched: int
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Entry:
    """A document of the file; `content` is `None` where it is too large to be read."""

    name: str
    content: bytes | None


@dataclass(slots=True)
class _Batch:
    """Documents that were read together."""

    changed: list[Advisory] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def added_to(self, data_set: DataSet, documents: int) -> DataSet:
        """Return the data set with these documents too."""
        return replace(
            data_set,
            documents=data_set.documents + documents,
            changed=data_set.changed + len(self.changed),
            skipped=data_set.skipped + len(self.reasons),
            newest=max([data_set.newest, *(each.modified for each in self.changed)]),
        )


class Advisories:
    """The advisories of the hub, and the files that they came from."""

    def __init__(self, metadata: Metadata, matching: Matching, now: Clock) -> None:
        self._metadata = metadata
        self._matching = matching
        self._now = now
        self._tasks: set[asyncio.Task[ImportResult]] = set()

    def start_import(self, path: Path, name: str) -> "asyncio.Task[ImportResult]":
        """Begin to import a file, which is deleted when that ends."""

        async def run() -> ImportResult:
            try:
                return await self.import_file(path, name)
            except Exception as error:
                _log.warning("import failed", extra={"file": name, "error": str(error)})
                raise
            finally:
                await asyncio.to_thread(path.unlink, missing_ok=True)

        task = asyncio.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def import_file(
        self, path: Path, name: str, notice: Notice = lambda done, total: None
    ) -> ImportResult:
        """Write the advisories of a file that have changed, and match them.

        `name` is what the file is called from now on. Raises `Invalid` where the file is neither a
        zip nor an advisory; documents in a zip that are none are skipped.
        """
        data_set = DataSet(name[:200], 0, 0, 0, "", self._now(), None)
        reasons: list[str] = []
        with closing(await asyncio.to_thread(_open, path)) as source:
            while entries := await asyncio.to_thread(source.read, _AT_ONCE):
                batch = await self._parse(entries)
                await write_slices(
                    self._metadata,
                    batch.changed,
                    _write,
                    lambda advisory: 2 + len(advisory.aliases) + len(advisory.ranges),
                )
                data_set = batch.added_to(data_set, len(entries))
                reasons += batch.reasons[: _MOST_REASONS - len(reasons)]
                await self._note(data_set)
                notice(data_set.documents, source.total)
        matched = await self._matching.match_waiting()
        data_set = replace(data_set, finished_at=self._now())
        await self._note(data_set)
        return ImportResult(data_set, matched, tuple(reasons))

    async def list_data_sets(self) -> list[DataSet]:
        """List the files that were imported, by name."""
        return await data_sets.list_data_sets(self._metadata.reader)

    async def count(self) -> AdvisoryNumbers:
        """Count advisories, packages and matches."""
        return await advisories.count_all(self._metadata.reader)

    async def _note(self, data_set: DataSet) -> None:
        async with self._metadata.begin() as tx:
            await data_sets.write_data_set(tx, data_set)

    async def _parse(self, entries: Sequence[_Entry]) -> _Batch:
        # A document's file is called by its id: what has not changed is not parsed.
        names = [PurePosixPath(entry.name).stem for entry in entries]
        known = await advisories.find_hashes(self._metadata.reader, names)
        batch = await asyncio.to_thread(_parse, list(zip(names, entries, strict=True)), known)
        others = [each.identifier for each in batch.changed if each.identifier not in known]
        known = await advisories.find_hashes(self._metadata.reader, others)
        distinct = {
            each.identifier: each
            for each in batch.changed
            if known.get(each.identifier) != each.hash
        }
        batch.changed = list(distinct.values())
        return batch


async def _write(tx: Transaction, some: Sequence[Advisory]) -> bool:
    await advisories.write_advisories(tx, some)
    return True


def _parse(entries: Sequence[tuple[str, _Entry]], known: dict[str, bytes]) -> _Batch:
    batch = _Batch()
    for name, entry in entries:
        if entry.content is None:
            batch.reasons.append(f"{entry.name}: larger than {_MAX_DOCUMENT // 1024**2} MiB")
        elif known.get(name) != hash_of(entry.content):
            try:
                batch.changed.append(parse_advisory(entry.content))
            except Invalid as error:
                batch.reasons.append(f"{entry.name}: {error.message}"[:300])
    return batch


class _Documents:
    """The documents of a zip, or a single one, a few at a time."""

    def __init__(self, entries: Iterator[_Entry], total: int, close: Callable[[], None]) -> None:
        self._entries = entries
        self.total = total
        self.close = close

    def read(self, count: int) -> list[_Entry]:
        """Return the next documents, none behind the last; raise `Invalid` where one is damaged."""
        try:
            return list(islice(self._entries, count))
        except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError) as error:
            raise Invalid(f"the file is damaged: {error}") from error


def _open(path: Path) -> _Documents:
    if path.stat().st_size > _MAX_FILE:
        raise Invalid(f"{path.name} is larger than {_MAX_FILE // 1024**3} GiB")
    if not zipfile.is_zipfile(path):
        return _single(path)
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise Invalid(f"{path.name} is no zip that can be read: {error}") from error
    found = [each for each in archive.infolist() if each.filename.lower().endswith(".json")]
    if not found or len(found) > _MAX_DOCUMENTS:
        archive.close()
        raise Invalid(f"{path.name} holds {len(found):,} advisories in JSON")
    entries = (_Entry(each.filename, _read(archive, each)) for each in found)
    return _Documents(entries, len(found), archive.close)


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes | None:
    # The size that the archive states may be wrong: no more than the limit is unpacked.
    with archive.open(member) as file:
        content = file.read(_MAX_DOCUMENT + 1)
    return content if len(content) <= _MAX_DOCUMENT else None


def _single(path: Path) -> _Documents:
    with path.open("rb") as file:
        content = file.read(_MAX_DOCUMENT + 1)
    if len(content) > _MAX_DOCUMENT:
        raise Invalid(f"{path.name} is neither a zip nor an OSV document")
    parse_advisory(content)
    return _Documents(iter([_Entry(path.name, content)]), 1, lambda: None)
