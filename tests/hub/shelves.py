"""A repository with a shelf of artifacts that are pushed, and then found out about."""

import io
import json
import tarfile
from collections.abc import Mapping
from datetime import timedelta
from typing import Final, cast

from entrepot.app import App
from entrepot.extract.findings import Findings, Task
from entrepot.extract.read import read_task
from entrepot.hub.contents.artifacts import Artifacts
from entrepot.hub.contents.attachments import Attachments
from entrepot.hub.contents.indexing import Indexing, ReadsContents
from entrepot.hub.contents.readmes import Readmes
from entrepot.hub.contents.summaries import Summaries
from entrepot.hub.permissions import Permissions
from entrepot.hub.security.advisories import Advisories
from entrepot.hub.security.exemptions import Exemptions
from entrepot.hub.security.findings import FindingsAggregator
from entrepot.hub.security.matching import Matching
from entrepot.hub.security.pull_evidence import PullEvidenceReader
from entrepot.hub.security.pull_policies import PullPolicies
from entrepot.hub.security.pull_verdicts import PullVerdicts
from entrepot.hub.security.trust_roots import TrustRoots
from entrepot.jobs.handlers import job_handlers
from entrepot.jobs.worker import JobWorker
from entrepot.metadata.contents import artifacts
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.events import jobs
from entrepot.metadata.registry import manifests
from entrepot.model.artifacts import Artifact, AttachmentCounts
from entrepot.model.repositories import Repository
from entrepot.oci.digests import Digest
from entrepot.oci.names import Reference, Tag
from entrepot.registry.manifests import Manifests
from entrepot.registry.quotas import Quotas
from entrepot.registry.removal import Removals
from entrepot.registry.uploads import Uploads
from entrepot.storage.memory import MemoryStorage
from tests.metadata.clocks import MovableClock
from tests.registry.bodies import body
from tests.registry.conftest import target_of
from tests.support.rendering import Inline
from tests.wire.content import CONFIG, descriptor, encode, image, index

CHART_CONFIG: Final = "application/vnd.cncf.helm.config.v1+json"
CHART_LAYER: Final = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
SPDX: Final = "application/spdx+json"
SIMPLE_SIGNING: Final = "application/vnd.dev.cosign.simplesigning.v1+json"
STATEMENT: Final = "application/vnd.in-toto+json"
ATTESTED: Final = "vnd.docker.reference.digest"


class HereAndNow:
    """Reads contents in this process, as the child does, and keeps the tasks."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []
        self.instead: Findings | None = None

    async def read(self, task: Task) -> Findings:
        """What was found, or what a test says was found."""
        self.tasks.append(task)
        return self.instead or read_task(task)


class Shelf:
    """One repository: push to it, let the worker work, and look at what it knows."""

    def __init__(
        self,
        metadata: Metadata,
        storage: MemoryStorage,
        repository: Repository,
        clock: MovableClock,
        reader: ReadsContents,
    ) -> None:
        self.metadata = metadata
        self.repository = repository
        self.clock = clock
        self.uploads = Uploads(metadata, storage, clock)
        self.manifests = Manifests(metadata, self.uploads, accept_sparse=False, now=clock)
        self.removals = Removals(metadata, clock)
        self.quotas = Quotas(metadata)
        self.attachments = Attachments(metadata)
        self.matching = Matching(metadata, clock)
        self.advisories = Advisories(metadata, self.matching, clock)
        self.findings = FindingsAggregator(metadata, self.attachments, self.matching)
        self.readmes = Readmes(metadata, Inline(), clock)
        self.summaries = Summaries(metadata, self.readmes)
        evidence = PullEvidenceReader(metadata, self.attachments, self.findings)
        self.pull_verdicts = PullVerdicts(metadata, evidence, clock)
        permissions = Permissions(metadata.reader, is_open=False)
        self.pull_policies = PullPolicies(metadata, permissions, self.pull_verdicts, clock)
        self.exemptions = Exemptions(metadata, permissions, self.pull_verdicts, clock)
        self.trust_roots = TrustRoots(metadata, clock)
        described = Artifacts(metadata, storage)
        self.indexing = Indexing(
            metadata,
            storage,
            described,
            self.attachments,
            reader,
            self.readmes,
            self.matching,
            clock,
        )
        self.worker = JobWorker(metadata, job_handlers(cast(App, self)), clock)

    async def push(self, content: bytes, *blobs: bytes, tag: str = "") -> Digest:
        """Push blobs and a manifest of them."""
        target = target_of(self.repository)
        for each in blobs:
            await self.uploads.put(target, body(each), Digest.of(each))
        tags = [Tag(tag)] if tag else []
        pushed = await self.manifests.put(target, content, None, digest=None, tags=tags, by=None)
        return pushed.digest

    async def settle(self) -> None:
        """Let the worker do all that there is to do, and all that follows from that."""
        for _ in range(3):
            await self.worker.drain()
            self.clock.advance(timedelta(seconds=2))
        assert await jobs.count_jobs(self.metadata.reader) == {}

    async def reindex(self) -> None:
        """Find out everything anew."""
        for each in await artifacts.list_to_read(self.metadata.reader, 2**31, 0, 10_000):
            async with self.metadata.begin() as tx:
                await jobs.add_job(tx, jobs.INDEX, str(each), self.clock())
        await self.settle()

    async def find(self, reference: Reference) -> Artifact | None:
        """What is known of that manifest."""
        facts = await manifests.find_facts(self.metadata.reader, self.repository.id, reference)
        return await artifacts.find_artifact(self.metadata.reader, facts.id) if facts else None

    async def get(self, reference: Reference) -> Artifact:
        """As `find`, of one that is known."""
        found = await self.find(reference)
        assert found is not None
        return found

    async def marks(self, reference: Reference) -> AttachmentCounts:
        """What is said to be attached to it."""
        return (await self.get(reference)).marks

    async def attached(self, digest: Digest) -> list[tuple[str, str]]:
        """The kind of everything attached, and how."""
        found = await self.attachments.list_of(self.repository.id, str(digest))
        return [(each.artifact.kind, each.how) for each in found]

    async def push_image(self, architecture: str = "amd64", tag: str = "") -> Digest:
        """An image of one small layer."""
        config = image_config(architecture)
        layer = tar_gz({f"bin/{architecture}": b"program"})
        manifest = image(layer, config=descriptor(config, CONFIG))
        return await self.push(manifest, config, layer, tag=tag)

    async def push_referrer(
        self, subject: Digest | None, content: bytes, media_type: str, tag: str = "", **more: object
    ) -> Digest:
        """A document that says what it is attached to, or that a tag does."""
        fields: dict[str, object] = {"artifactType": media_type, **more}
        if subject is not None:
            fields["subject"] = await self._descriptor(subject)
        config = descriptor(b"{}", "application/vnd.oci.empty.v1+json")
        layers = [descriptor(content, media_type)]
        manifest = image(config=config, layers=layers, **fields)
        return await self.push(manifest, content, tag=tag)

    async def push_index(self, *children: tuple[Digest, Mapping[str, object]], tag: str) -> Digest:
        """An index of these manifests, each with more fields for its descriptor."""
        entries = [{**await self._descriptor(digest), **more} for digest, more in children]
        return await self.push(index(*entries), tag=tag)

    async def push_built(self, tag: str, attested: int = 2) -> tuple[Digest, list[Digest]]:
        """An index of two platforms as BuildKit makes it, of which some have an SBOM."""
        images = [await self.push_image(each) for each in ("amd64", "arm64")]
        entries: list[tuple[Digest, Mapping[str, object]]] = [
            (each, {"platform": {"os": "linux", "architecture": name}})
            for each, name in zip(images, ("amd64", "arm64"), strict=True)
        ]
        for each in images[:attested]:
            entries.append((await self.push_attestation(each), attestation_of(each)))
        return await self.push_index(*entries, tag=tag), images

    async def push_attestation(self, of: Digest) -> Digest:
        """What BuildKit says of an image: an SBOM, beside it in the index."""
        predicate = "https://spdx.dev/Document"
        content = statement(of, predicate, spdx("bash"))
        config = image_config("unknown", os="unknown")
        layer = descriptor(content, STATEMENT, annotations={"in-toto.io/predicate-type": predicate})
        manifest = image(config=descriptor(config, CONFIG), layers=[layer])
        return await self.push(manifest, config, content)

    async def _descriptor(self, digest: Digest) -> dict[str, object]:
        found = await manifests.find_facts(self.metadata.reader, self.repository.id, digest)
        media_type = found.media_type if found else "application/vnd.oci.image.manifest.v1+json"
        size = found.size if found else 2
        return {"mediaType": media_type, "digest": str(digest), "size": size}


def image_config(architecture: str, os: str = "linux") -> bytes:
    """The config of an image of one layer."""
    diff = str(Digest.of(architecture.encode()))
    rootfs = {"type": "layers", "diff_ids": [diff]}
    return encode({"os": os, "architecture": architecture, "rootfs": rootfs, "config": {}})


def attestation_of(digest: Digest) -> dict[str, object]:
    """How an index of BuildKit's lists an attestation."""
    said = {"vnd.docker.reference.type": "attestation-manifest", ATTESTED: str(digest)}
    return {"annotations": said, "platform": {"os": "unknown", "architecture": "unknown"}}


def spdx(*packages: str) -> dict[str, object]:
    """An SBOM that lists these packages."""
    listed = [
        {"name": each, "versionInfo": "1.2", "licenseDeclared": "MIT", "SPDXID": f"SPDXRef-{each}"}
        for each in packages
    ]
    return {"spdxVersion": "SPDX-2.3", "name": "sbom", "packages": listed}


def statement(of: Digest, predicate_type: str, predicate: object) -> bytes:
    """An in-toto statement about a manifest."""
    subject = [{"name": "it", "digest": {of.algorithm: of.hex}}]
    return encode(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": subject,
            "predicateType": predicate_type,
            "predicate": predicate,
        }
    )


def signed_payload(of: Digest) -> bytes:
    """What cosign signs."""
    said = {
        "image": {"docker-manifest-digest": str(of)},
        "type": "cosign container image signature",
    }
    return encode({"critical": said, "optional": None})


def tar_gz(files: Mapping[str, bytes]) -> bytes:
    """An archive of these files, the same every time."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def chart_archive(name: str, version: str, readme: str = "# It\n") -> bytes:
    """A small Helm chart as `helm package` makes it."""
    said = {"apiVersion": "v2", "name": name, "version": version, "description": "A fine chart"}
    said["keywords"] = ["frobnication"]  # type: ignore[assignment]
    return tar_gz(
        {
            f"{name}/Chart.yaml": json.dumps(said).encode(),
            f"{name}/values.yaml": b"replicas: 1\n",
            f"{name}/README.md": readme.encode(),
            f"{name}/templates/NOTES.txt": b"It runs.\n",
        }
    )


def chart_config(name: str, version: str) -> bytes:
    """A chart's config as `helm push` makes it."""
    return encode(
        {"apiVersion": "v2", "name": name, "version": version, "description": "A fine chart"}
    )


async def push_chart(shelf: Shelf, version: str, readme: str = "# It\n") -> Digest:
    """A chart under its version's tag."""
    archive, config = chart_archive("demo", version, readme), chart_config("demo", version)
    layers = [descriptor(archive, CHART_LAYER)]
    manifest = image(config=descriptor(config, CHART_CONFIG), layers=layers)
    return await shelf.push(manifest, config, archive, tag=version)
