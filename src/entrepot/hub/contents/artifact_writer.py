"""Writes down what was found out about a manifest: in one short transaction, or in slices.

Only what differs from what is there is written, so that search goes on finding what stays. A writer
in slices says first that it writes, and stops where another has begun since.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from entrepot.errors import Unavailable
from entrepot.extract.findings import ExtractionState
from entrepot.metadata.contents import (
    artifact_findings,
    artifact_revisions,
    artifacts,
    charts,
    packages,
)
from entrepot.metadata.contents.artifact_revisions import Revision
from entrepot.metadata.contents.artifacts import PackedDocument
from entrepot.metadata.contents.packages import Package
from entrepot.metadata.engines.engine import Clock, Metadata, Transaction
from entrepot.metadata.engines.slices import AT_ONCE, Pace, cost_of, write_slices
from entrepot.metadata.security import vulnerabilities
from entrepot.model.artifacts import Artifact, AttachmentCounts
from entrepot.model.charts import NewChart
from entrepot.model.security.advisories import ArtifactFinding

T = TypeVar("T")

COUNTED: Final = "counted"
"""The document that keeps what was counted of an artifact."""
_TRIES: Final = 20
_PAGE: Final = 2000


@dataclass(frozen=True, slots=True)
class ArtifactLocation:
    """A manifest and where it is. Ids are given anew: the digest tells it from the next one."""

    manifest_id: int
    repository_id: int
    digest: str


@dataclass(frozen=True, slots=True)
class Contents:
    """All that was read out of a manifest; the artifact is as it is when all is written."""

    artifact: Artifact
    documents: Sequence[PackedDocument]
    packages: Sequence[Package]
    chart: NewChart | None = None


@dataclass(frozen=True, slots=True)
class Counting:
    """Counts of a document, the identifiers that it is found by, and its findings."""

    marks: AttachmentCounts
    document: PackedDocument | None
    identifiers: dict[str, str]
    findings: Sequence[ArtifactFinding] = ()


Count = Callable[[], Awaitable[Counting | None]]
"""Counts; `None` where nothing is to be written."""
Finish = Callable[[Transaction], Awaitable[bool]]
"""Writes the rest in the last transaction; `False`, and nothing, where others write that."""


@dataclass(frozen=True, slots=True)
class _Changes:
    """The rows that differ from those that are stored."""

    gone_documents: Sequence[str]
    documents: Sequence[PackedDocument]
    gone_packages: Sequence[int]
    packages: Sequence[Package]

    @property
    def cost(self) -> int:
        rows = (self.gone_documents, self.gone_packages, self.packages)
        return sum(map(len, rows)) + sum(map(_cost, self.documents))


@dataclass(frozen=True, slots=True)
class _CountedChanges:
    """The ids and findings that differ from those that are stored."""

    gone_ids: Sequence[str] = ()
    ids: Mapping[str, str] = field(default_factory=dict)
    gone_findings: Sequence[ArtifactFinding] = ()
    findings: Sequence[ArtifactFinding] = ()

    @property
    def cost(self) -> int:
        return sum(map(len, (self.gone_ids, self.ids, self.gone_findings, self.findings)))


class ArtifactWriter:
    """Writes what is known of artifacts; any number may write the same one, the last one stays."""

    def __init__(self, metadata: Metadata, now: Clock) -> None:
        self._metadata = metadata
        self._now = now

    async def write(
        self,
        location: ArtifactLocation,
        contents: Contents,
        since: Revision,
        count: Count,
        finish: Finish,
    ) -> bool:
        """Replace all that is kept; say whether it is: others may have begun after `since`.

        The artifact is as `contents` says with the last of its rows, and queued until then.
        """
        changes = await self._changes(location, contents)
        revision = since.contents
        if changes.cost > AT_ONCE:
            if not await self._write_slices(location, contents.artifact, changes, revision):
                return False
            revision, changes = revision + 1, _Changes((), (), (), ())

        async def finish_contents(tx: Transaction) -> bool:
            found = await artifact_revisions.find_revision(tx, location.manifest_id)
            if found.contents != revision:
                return False
            await artifacts.write_artifact(tx, contents.artifact)
            await artifact_revisions.begin_contents(tx, location.manifest_id)
            await _apply(tx, location, changes)
            of, repository_id = location.manifest_id, location.repository_id
            await charts.write_chart(tx, of, repository_id, contents.chart, self._now())
            return await finish(tx)

        return await self.write_counts(location, count, finish_contents, contents.artifact)

    async def write_counts(
        self,
        location: ArtifactLocation,
        count: Count,
        finish: Finish,
        artifact: Artifact | None = None,
    ) -> bool:
        """Write down what counts; anew where others have written it meanwhile.

        Say whether it is written. `artifact` is what `finish` writes where nothing is stored yet.
        Raises `Unavailable` where others do not cease.
        """
        for _ in range(_TRIES):
            found = await artifact_revisions.find_revision(
                self._metadata.reader, location.manifest_id
            )
            counting = await count()
            if counting is None:
                return False
            is_written = await self._write_counting(
                location, counting, found.counts, finish, artifact
            )
            if is_written is not None:
                return is_written
        raise Unavailable("others go on counting the same")

    async def _write_counting(
        self,
        location: ArtifactLocation,
        counting: Counting,
        before: int,
        finish: Finish,
        artifact: Artifact | None,
    ) -> bool | None:
        """As `write_counts`; `None` where others have written since `before`."""
        of = location.manifest_id
        changes = await self._counted_changes(of, counting)
        if changes.cost > AT_ONCE:
            if not await self._write_counted(location, changes, before, artifact):
                return None
            before, changes = before + 1, _CountedChanges()
        async with self._metadata.begin() as tx:
            if not await is_there(tx, location):
                return False
            if (await artifact_revisions.find_revision(tx, of)).counts != before:
                return None
            if not await finish(tx):
                return False
            await artifact_revisions.begin_counts(tx, of)
            await artifacts.set_marks(tx, of, counting.marks)
            if counting.document is None:
                await artifacts.drop_documents(tx, of, [COUNTED])
            else:
                await artifacts.write_documents(tx, of, [counting.document])
            if changes.gone_ids:
                await vulnerabilities.drop_vulnerabilities(tx, of, changes.gone_ids)
            within = location.repository_id
            await vulnerabilities.add_vulnerabilities(tx, of, within, changes.ids)
            await artifact_findings.drop_findings(tx, of, changes.gone_findings)
            await self._write_findings(tx, location, changes.findings)
        return True

    async def has_findings(self, manifest_id: int, found: Sequence[ArtifactFinding]) -> bool:
        """Say whether these, and no others, are stored for the manifest."""
        return set(found) == set(
            await artifact_findings.list_findings(self._metadata.reader, manifest_id)
        )

    async def _write_findings(
        self, tx: Transaction, location: ArtifactLocation, found: Sequence[ArtifactFinding]
    ) -> None:
        of, within = location.manifest_id, location.repository_id
        await artifact_findings.write_findings(tx, of, within, found, self._now())

    async def forget_ids(self, location: ArtifactLocation) -> None:
        """Have the manifest found by no vulnerability any more."""
        of, pace, reader = location.manifest_id, Pace(), self._metadata.reader
        while await vulnerabilities.list_vulnerabilities(
            reader, of, "", 1
        ) or await artifact_findings.list_findings(reader, of):
            began = time.monotonic()
            async with self._metadata.begin() as tx:
                if not await is_there(tx, location):
                    return
                some = await vulnerabilities.list_vulnerabilities(tx, of, "", pace.size)
                await artifact_revisions.begin_counts(tx, of)
                await vulnerabilities.drop_vulnerabilities(tx, of, [name for name, _ in some])
                await artifact_findings.drop_some_findings(tx, of, pace.size)
            await pace.rest(began)

    async def _changes(self, location: ArtifactLocation, contents: Contents) -> _Changes:
        of, reader = location.manifest_id, self._metadata.reader
        kept = {document.name for document in contents.documents} | {COUNTED}
        names = await artifacts.list_document_names(reader, of)
        wanted, gone = dict.fromkeys(contents.packages), []
        after = 0
        while page := await packages.list_packages(reader, of, after, _PAGE):
            after = page[-1][0]
            for package_id, package in page:
                if package in wanted:
                    del wanted[package]
                else:
                    gone.append(package_id)
            await asyncio.sleep(0)  # requests come first
        return _Changes(
            [name for name in names if name not in kept], contents.documents, gone, list(wanted)
        )

    async def _write_slices(
        self, location: ArtifactLocation, artifact: Artifact, changes: _Changes, before: int
    ) -> bool:
        """Write the changes; `False` as soon as the manifest is gone or another writes it."""
        of, within = location.manifest_id, location.repository_id
        async with self._metadata.begin() as tx:
            if (await _revision_there(tx, location)).contents != before:
                return False
            # Done is what has all its rows: a crash from here on leaves it queued.
            await artifacts.write_artifact(tx, replace(artifact, state=ExtractionState.QUEUED))
            await artifact_revisions.begin_contents(tx, of)

        async def may_go_on(tx: Transaction) -> bool:
            return (await _revision_there(tx, location)).contents == before + 1

        slices = _Slices(self._metadata, may_go_on)
        return (
            await slices.write(
                changes.documents, lambda tx, some: artifacts.write_documents(tx, of, some), _cost
            )
            and await slices.write(
                changes.packages, lambda tx, some: packages.add_packages(tx, of, within, some)
            )
            and await slices.write(
                changes.gone_packages, lambda tx, some: packages.drop_packages(tx, of, some)
            )
            and await slices.write(
                changes.gone_documents, lambda tx, some: artifacts.drop_documents(tx, of, some)
            )
        )

    async def _counted_changes(self, manifest_id: int, counting: Counting) -> _CountedChanges:
        """The ids and findings that are there and should not be, and those to be written."""
        wanted, gone, after = vulnerabilities.folded(counting.identifiers), [], ""
        reader = self._metadata.reader
        while page := await vulnerabilities.list_vulnerabilities(reader, manifest_id, after, _PAGE):
            after = page[-1][0]
            for name, severity in page:
                if name not in wanted:
                    gone.append(name)
                elif wanted[name] == severity:
                    del wanted[name]
            await asyncio.sleep(0)
        stored = set(await artifact_findings.list_findings(reader, manifest_id))
        new = [finding for finding in counting.findings if finding not in stored]
        keys = {finding.key for finding in counting.findings}
        lost = [finding for finding in stored if finding.key not in keys]
        return _CountedChanges(gone, wanted, lost, new)

    async def _write_counted(
        self,
        location: ArtifactLocation,
        changes: _CountedChanges,
        before: int,
        artifact: Artifact | None,
    ) -> bool:
        """Write them in slices; `False` as soon as the manifest is gone or another counts it."""
        of, within = location.manifest_id, location.repository_id
        async with self._metadata.begin() as tx:
            if (await _revision_there(tx, location)).counts != before:
                return False
            # What is attached may have come first: the number of writers needs a row to stand in.
            if artifact is not None and await artifacts.find_artifact(tx, of) is None:
                await artifacts.write_artifact(tx, replace(artifact, state=ExtractionState.QUEUED))
            await artifact_revisions.begin_counts(tx, of)

        async def may_go_on(tx: Transaction) -> bool:
            return (await _revision_there(tx, location)).counts == before + 1

        slices = _Slices(self._metadata, may_go_on)
        return (
            await slices.write(
                list(changes.ids.items()),
                lambda tx, some: vulnerabilities.add_vulnerabilities(tx, of, within, dict(some)),
            )
            and await slices.write(
                changes.gone_ids,
                lambda tx, some: vulnerabilities.drop_vulnerabilities(tx, of, some),
            )
            and await slices.write(
                changes.findings, lambda tx, some: self._write_findings(tx, location, some)
            )
            and await slices.write(
                changes.gone_findings,
                lambda tx, some: artifact_findings.drop_findings(tx, of, some),
            )
        )


@dataclass(frozen=True, slots=True)
class _Slices:
    """Writes in slices, each of which looks first whether it may."""

    metadata: Metadata
    may_go_on: Callable[[Transaction], Awaitable[bool]]

    async def write(
        self,
        things: Sequence[T],
        apply: Callable[[Transaction, Sequence[T]], Awaitable[None]],
        cost: Callable[[T], int] = lambda _: 1,
    ) -> bool:
        """Apply it to all things; `False` as soon as it may not go on."""

        async def write(tx: Transaction, some: Sequence[T]) -> bool:
            if not await self.may_go_on(tx):
                return False
            await apply(tx, some)
            return True

        return await write_slices(self.metadata, things, write, cost)


async def is_there(tx: Transaction, location: ArtifactLocation) -> bool:
    """Lock the repository; say whether the manifest is still the one that was looked at."""
    return await artifact_revisions.lock_manifest(
        tx, location.repository_id, location.manifest_id, location.digest
    )


_GONE: Final = Revision(-1, -1)


async def _revision_there(tx: Transaction, location: ArtifactLocation) -> Revision:
    """Lock the repository and return the artifact's revision; of one that is gone, no writer's."""
    if not await is_there(tx, location):
        return _GONE
    return await artifact_revisions.find_revision(tx, location.manifest_id)


def _cost(document: PackedDocument) -> int:
    return cost_of(len(document.content))


async def _apply(tx: Transaction, location: ArtifactLocation, changes: _Changes) -> None:
    of = location.manifest_id
    await artifacts.drop_documents(tx, of, changes.gone_documents)
    await artifacts.write_documents(tx, of, changes.documents)
    if changes.gone_packages:
        await packages.drop_packages(tx, of, changes.gone_packages)
    await packages.add_packages(tx, of, location.repository_id, changes.packages)
