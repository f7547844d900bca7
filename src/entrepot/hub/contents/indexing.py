"""Finds out what was pushed, after the push: its kind, its contents, what it is attached to."""

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final, Protocol

from msgspec import json, structs

from entrepot.errors import EntrepotError, OutOfSpace, Unavailable
from entrepot.extract.findings import Blob, ExtractionState, Findings, Task
from entrepot.hub.contents.artifact_writer import (
    COUNTED,
    ArtifactLocation,
    ArtifactWriter,
    Contents,
    Counting,
    is_there,
)
from entrepot.hub.contents.artifacts import Artifacts, Described, unknown_artifact
from entrepot.hub.contents.attachments import Attachments
from entrepot.hub.contents.chart_entries import read_chart
from entrepot.hub.contents.contributions import (
    ENTRY,
    Contribution,
    ContributionScope,
    Counted,
    Counts,
    contribution,
    counting_of,
    weight_of,
)
from entrepot.hub.contents.readmes import Readmes
from entrepot.hub.security.effective_roots import list_for_tasks
from entrepot.hub.security.matching import Matching
from entrepot.kinds.recognition.kind import Extractor
from entrepot.metadata.contents import artifact_relations, artifact_revisions, artifacts, packages
from entrepot.metadata.engines.engine import Clock, Metadata, Transaction
from entrepot.metadata.events import jobs
from entrepot.metadata.registry import blobs, manifests
from entrepot.metadata.security import trusted_keys
from entrepot.model.artifacts import StoredDocument
from entrepot.model.manifests import StoredManifest
from entrepot.oci.aside import aside
from entrepot.oci.descriptors import Descriptor
from entrepot.oci.digests import Digest
from entrepot.oci.manifests import read_manifest
from entrepot.storage.protocols import BlobKey, HasPaths, Storage

_log = logging.getLogger(__name__)

READER: Final = 5
"""The version of what reads contents: greater, and `entrepot reindex` reads everything again."""
FINDINGS: Final = "findings"
"""The document that holds all that was found but the texts, which are documents themselves."""
CONTRIBUTION: Final = "marks"
"""The document that says what an attachment adds to the marks of its subject."""
WORDS: Final = "words"
"""The document of the words that are searched for and shown elsewhere: labels and annotations."""
_SOON: Final = timedelta(seconds=1)
_QUICK: Final = 1024 * 1024
"""Bytes of an artifact that is read at once: it takes less than a page to load."""
CHILDREN: Final = 200
"""Children of an index that what is attached is gathered from."""
_ASKED_AT_ONCE: Final = 100
_LARGEST: Final = 512 * 1024 * 1024


class ReadsContents(Protocol):
    """Reads blobs where they can do no harm."""

    async def read(self, task: Task) -> Findings:
        """Return the findings; never raises because of a blob's content."""


class Indexing:
    """Writes down what manifests are; repeating it gives the same."""

    def __init__(
        self,
        metadata: Metadata,
        storage: Storage,
        described: Artifacts,
        attachments: Attachments,
        reader: ReadsContents,
        readmes: Readmes,
        matching: Matching,
        now: Clock,
    ) -> None:
        self._metadata = metadata
        self._storage = storage
        self._artifacts = described
        self._attachments = attachments
        self._reader = reader
        self._readmes = readmes
        self._now = now
        self._matching = matching
        self._writer = ArtifactWriter(metadata, now)

    async def index(self, manifest_id: int) -> ArtifactLocation | None:
        """Describe one manifest and all that depends on it; return its place, `None` if it is gone.

        A manifest that cannot be read records why, and does not delay others; raises `Unavailable`
        and `OutOfSpace` only, which pass.
        """
        found = await manifests.find_by_id(self._metadata.reader, manifest_id)
        if found is None:
            return None
        stored, repository_id = found
        place = ArtifactLocation(stored.id, repository_id, stored.digest)
        try:
            await self._index(stored, place)
        except (Unavailable, OutOfSpace):
            raise
        except Exception as error:  # pushed content causes it: trying it again gives the same
            _log.exception("indexing failed", extra={"manifest": manifest_id})
            await self._mark_failed(stored, place, error)
        return place

    async def _mark_failed(
        self, stored: StoredManifest, place: ArtifactLocation, error: Exception
    ) -> None:
        said = error.message if isinstance(error, EntrepotError) else type(error).__name__
        reason = f"it cannot be worked with: {said}"[:2000]
        async with self._metadata.begin() as tx:
            if not await is_there(tx, place):
                return
            written = await artifacts.find_artifact(tx, stored.id)
            artifact = written or unknown_artifact(stored, place.repository_id)
            await artifacts.write_artifact(
                tx, replace(artifact, state=ExtractionState.FAILED, reason=reason, reader=READER)
            )
            await self._summarize(tx, place.repository_id)

    async def _index(self, stored: StoredManifest, place: ArtifactLocation) -> None:
        repository_id = place.repository_id
        since = await artifact_revisions.find_revision(self._metadata.reader, stored.id)
        described = await self._artifacts.describe(repository_id, stored)
        if described.artifact.size > _QUICK:
            async with self._metadata.begin() as tx:
                if await is_there(tx, place):
                    await artifacts.write_artifact(tx, described.artifact)
        found_in = await self._read(repository_id, described)
        findings = await self._readmes.with_html(described, found_in)
        before = described.artifact.marks
        own = contribution(findings)
        subjects = await self._attachments.subjects_of(
            repository_id, stored.id, stored.digest, described.manifest
        )
        is_searched = not await self._are_here(repository_id, subjects)
        counted: list[Counts] = []

        async def count() -> Counting:
            # A large artifact's packages have their rows by now; others get theirs with the counts.
            await self._matching.match_manifest(stored.id)
            counts = await self._count(repository_id, stored.id, stored.digest, own)
            counted.append(counts)
            return await counting_of(counts, is_searched=is_searched)

        async def finish(tx: Transaction) -> bool:
            await self._summarize(tx, repository_id)
            return True

        contents = await aside(weight_of(findings), lambda: _contents(described, findings))
        if not await self._writer.write(place, contents, since, count, finish):
            return
        is_new = counted[-1].marks != before or bool(counted[-1].counted.found)
        await self._follow(place, subjects, is_new=is_new)

    async def _follow(self, place: ArtifactLocation, subjects: set[str], *, is_new: bool) -> None:
        """Match the packages, and have whatever depends on the artifact counted anew."""
        within, digest = place.repository_id, place.digest
        # What attachments found is looked for by the artifact that it is true of.
        for one in await self._attachments.list_of(within, digest):
            owner = ArtifactLocation(one.artifact.manifest_id, within, one.digest)
            await self._writer.forget_ids(owner)
        own = {digest} if await self._matching.match_manifest(place.manifest_id) else set()
        parents = await self._parents(within, digest) if is_new else set()
        await self._recount(within, subjects | own | parents)

    async def count_outdated(self, *, everything: bool) -> int:
        """How many manifests `ask_again` would ask for."""
        newest = READER + 1 if everything else READER
        return await artifacts.count_to_read(self._metadata.reader, newest)

    async def ask_again(self, *, everything: bool) -> AsyncIterator[int]:
        """Have manifests read again that an older reader read, or all; tell how many, bit by bit.

        They are but asked for: workers read them, whether they serve a hub or not.
        """
        newest, after = READER + 1 if everything else READER, 0
        reader = self._metadata.reader
        while found := await artifacts.list_to_read(reader, newest, after, _ASKED_AT_ONCE):
            async with self._metadata.begin() as tx:
                for each in found:
                    await jobs.add_job(tx, jobs.INDEX, str(each), self._now())
            after = found[-1]
            yield len(found)

    async def _read(self, repository_id: int, described: Described) -> Findings:
        kind, stored = described.kind, described.stored
        if kind.extractor is Extractor.NOTHING or described.view.children:
            return Findings()
        async with AsyncExitStack() as stack:
            try:
                found = [
                    await stack.enter_async_context(self._open(repository_id, index, blob))
                    for index, blob in described.readable
                ]
            except EntrepotError as error:
                return Findings(state=ExtractionState.FAILED, reason=error.message)
            return await self._reader.read(
                Task(
                    extractor=kind.extractor,
                    kind=kind.id,
                    blobs=found,
                    subject=await self._attachments.subject_of(
                        repository_id, stored.id, stored.digest, described.manifest
                    ),
                    annotations=described.manifest.annotations,
                    now=self._now().isoformat(),
                    keys=await trusted_keys.list_pems(self._metadata.reader, repository_id),
                    roots=await list_for_tasks(self._metadata.reader),
                )
            )

    @asynccontextmanager
    async def _open(self, repository_id: int, index: int, blob: Descriptor) -> AsyncIterator[Blob]:
        """The blob as a file: its own where bytes are files, a passing copy elsewhere."""
        found = await blobs.find_blob(self._metadata.reader, repository_id, blob.digest)
        path = Path()
        title = blob.annotations.get("org.opencontainers.image.title", "")
        size = found.size if found else 0
        with ExitStack() as stack:
            if found is None or size > _LARGEST:
                size = blob.size
            elif isinstance(self._storage, HasPaths):
                path = self._storage.path_of(BlobKey(found.key))
            else:
                made = tempfile.TemporaryDirectory(prefix="entrepot-")
                path = Path(stack.enter_context(made)) / "blob"
                with path.open("wb") as file:
                    async for run in self._storage.read(BlobKey(found.key)):
                        file.write(run)
            await asyncio.sleep(0)  # requests come first
            given = str(path) if path.name else ""
            yield Blob(index, blob.media_type, size, given, title, blob.annotations)

    async def _summarize(self, tx: Transaction, repository_id: int) -> None:
        # Soon, not now: a push of many manifests is described once.
        await jobs.add_job(tx, jobs.SUMMARIZE, str(repository_id), self._now() + _SOON)

    async def _recount(self, repository_id: int, digests: Iterable[str]) -> None:
        # Work of its own, asked for once however many ask: a hundred attachments that are pushed
        # together are counted together, for their subject and for each index that lists it.
        if not (asked := sorted(digests)):  # a commit of nothing is a commit too
            return
        async with self._metadata.begin() as tx:
            for digest in asked:
                await jobs.add_job(tx, jobs.RECOUNT, f"{repository_id} {digest}", self._now())

    async def _parents(self, repository_id: int, digest: str) -> set[str]:
        found = await artifacts.list_parents(self._metadata.reader, repository_id, digest)
        return {parent for _, parent in found}

    async def reassess(self, manifest_id: int) -> None:
        """Have a manifest and its subjects counted anew: its packages match something else now."""
        found = await manifests.find_by_id(self._metadata.reader, manifest_id)
        if found is None:
            return
        stored, repository_id = found
        manifest, digest = await read_manifest(stored.content, stored.media_type), stored.digest
        subjects = await self._attachments.subjects_of(repository_id, stored.id, digest, manifest)
        await self._recount(repository_id, {digest, *subjects})

    async def count_marks(self, repository_id: int, digest: str) -> None:
        """Count anew what is attached to a digest; have it counted for indexes that list it."""
        reader = self._metadata.reader
        facts = await manifests.find_facts(reader, repository_id, Digest.parse(digest))
        if facts is None or await artifacts.find_artifact(reader, facts.id) is None:
            return
        own = await self._contribution_of(facts.id)

        async def count() -> Counting | None:
            counts = await self._count(repository_id, facts.id, digest, own)
            now = await artifacts.find_artifact(reader, facts.id)
            same = now is not None and counts.marks == now.marks
            attached = own is not None and await self._is_attached(repository_id, facts.id, digest)
            counting = await counting_of(counts, is_searched=not attached)
            same = same and counts.counted == await self._counted_of(facts.id)
            same = same and await self._writer.has_findings(facts.id, counting.findings)
            return None if same else counting

        async def finish(tx: Transaction) -> bool:
            await self._summarize(tx, repository_id)
            return True

        place = ArtifactLocation(facts.id, repository_id, digest)
        if await self._writer.write_counts(place, count, finish):
            await self._recount(repository_id, await self._parents(repository_id, digest))

    async def _count(
        self, repository_id: int, manifest_id: int, digest: str, own: Contribution | None
    ) -> Counts:
        """Return the counts of the manifest's attachments, its own findings and its children."""
        scope = ContributionScope(digest)
        if own is not None:
            scope.take(own, is_own=True)
        attached = await self._attachments.list_of(repository_id, digest)
        of = [manifest_id, *(each.artifact.manifest_id for each in attached)]
        for matches in (await self._matching.list_of(of)).values():
            scope.evidence.found += matches
        for each in attached:
            await asyncio.sleep(0)  # requests come first
            said = await self._contribution_of(each.artifact.manifest_id)
            if said is not None:
                scope.take(said)
        reader = self._metadata.reader
        listed = await artifact_relations.list_children(
            reader, repository_id, manifest_id, CHILDREN
        )
        children = [
            (f"child:{each.manifest_id}", each.marks, await self._counted_of(each.manifest_id))
            for each in listed
        ]
        # Telling findings apart takes a while where there are many: others go on meanwhile.
        lists = [scope.evidence.found, *(counted.found for *_, counted in children)]
        return await aside(ENTRY * sum(map(len, lists)), lambda: scope.with_children(children))

    async def _contribution_of(self, manifest_id: int) -> Contribution | None:
        document = await artifacts.find_document(self._metadata.reader, manifest_id, CONTRIBUTION)
        return None if document is None else json.decode(document.text, type=Contribution)

    async def _counted_of(self, manifest_id: int) -> Counted:
        document = await artifacts.find_document(self._metadata.reader, manifest_id, COUNTED)
        return Counted() if document is None else json.decode(document.text, type=Counted)

    async def _is_attached(self, repository_id: int, manifest_id: int, digest: str) -> bool:
        """Say whether the manifest is attached to something that is here."""
        found = await manifests.find_by_id(self._metadata.reader, manifest_id)
        if found is None:
            return False
        manifest = await read_manifest(found[0].content, found[0].media_type)
        subjects = await self._attachments.subjects_of(repository_id, manifest_id, digest, manifest)
        return await self._are_here(repository_id, subjects)

    async def _are_here(self, repository_id: int, digests: Iterable[str]) -> bool:
        """Say whether one of these manifests is in the repository."""
        for each in digests:
            reader = self._metadata.reader
            if await manifests.find_facts(reader, repository_id, Digest.parse(each)) is not None:
                return True
        return False


def _contents(described: Described, findings: Findings) -> Contents:
    artifact, said = described.artifact, described.kind.describe(described.view)
    artifact = replace(
        artifact,
        title=(said.title or findings.title)[:2000],
        description=(said.description or findings.description)[:2000],
        licenses=(said.licenses or findings.licenses)[:2000],
        state=findings.state,
        reason=findings.reason[:2000],
        reader=READER,
    )
    listed = [(each.name, each.version, each.purl, each.licenses) for each in findings.packages]
    documents = artifacts.pack(_documents(described, findings))
    chart = read_chart(described.manifest, described.view.config)
    return Contents(artifact, documents, packages.distinct(listed), chart)


def _documents(described: Described, findings: Findings) -> Sequence[StoredDocument]:
    found = [
        StoredDocument(each.name, each.media_type, each.text, each.is_cut)
        for each in findings.documents
    ]
    rest = json.encode(structs.replace(findings, documents=[])).decode()
    found.append(StoredDocument(FINDINGS, "application/json", rest, is_cut=False))
    words = described.words
    if words:
        found.append(StoredDocument(WORDS, "text/plain", words, is_cut=False))
    said = findings.vulnerabilities or findings.assessments or findings.issues
    if described.kind.is_attachment or said:
        marks = json.encode(contribution(findings)).decode()
        found.append(StoredDocument(CONTRIBUTION, "application/json", marks, is_cut=False))
    return found
