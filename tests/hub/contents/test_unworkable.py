"""What cannot be worked with says so, and keeps nothing else from being found."""

import json

import pytest

from entrepot.errors import Unavailable
from entrepot.extract.findings import ExtractionState
from entrepot.hub.contents.artifacts import MAX_SIZE, Artifacts
from entrepot.hub.contents.search import Search
from entrepot.hub.permissions import Permissions
from entrepot.metadata.contents import packages
from entrepot.metadata.engines.engine import Metadata, storable
from entrepot.metadata.events import jobs
from entrepot.metadata.registry import manifests
from entrepot.model.manifests import NewManifest
from entrepot.oci.digests import Digest
from entrepot.oci.media_types import OCI_INDEX
from entrepot.oci.names import Tag
from tests.hub.contents.test_summaries import found
from tests.hub.shelves import Shelf, push_chart
from tests.metadata.clocks import START


@pytest.fixture
def search(metadata: Metadata, permissions: Permissions) -> Search:
    """Finds repositories."""
    return Search(metadata.reader, permissions)


async def store(shelf: Shelf, document: object, tag: str) -> Digest:
    """Store an index as a version without today's checks at the push has stored it."""
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    digest = Digest.of(content)
    new = NewManifest(digest, OCI_INDEX, content, None, None, None, frozenset(), frozenset())
    async with shelf.metadata.begin() as tx:
        manifest_id = await manifests.insert_manifest(tx, shelf.repository.id, new, None, START)
        await manifests.move_tag(tx, shelf.repository.id, Tag(tag), manifest_id, None, START)
        await jobs.add_job(tx, jobs.INDEX, str(manifest_id), shelf.clock())
    return digest


def index_of(*entries: dict[str, object], **more: object) -> dict[str, object]:
    """An index of entries that name nothing that is here."""
    listed = [
        {
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": str(Digest.of(str(number).encode())),
            "size": 2,
            **entry,
        }
        for number, entry in enumerate(entries)
    ]
    return {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed, **more}


@pytest.mark.parametrize(
    "document",
    [
        index_of({"platform": {"os": "\ud800", "architecture": "amd64"}}),
        index_of({"platform": {"os": "li\0nux", "architecture": "\udfff"}}),
        index_of(annotations={"org.opencontainers.image.title": "a\ud800", "b": "\0"}),
        index_of({"size": 2**63 - 1}, {"size": 2**63 - 1}),
        index_of(*[{"mediaType": "application/octet-stream", "size": 2**63 - 1}] * 2),
        b"no manifest at all",
        b"{}",
    ],
)
async def test_one_odd_manifest_keeps_no_later_push_from_being_found(
    shelf: Shelf, search: Search, document: object
) -> None:
    digest = await store(shelf, document, "odd")
    await push_chart(shelf, "1.0.0", readme="# How to zymurgise\n")
    await shelf.settle()
    assert await found(search, "zymurgise") == ["shop/shelf"]
    artifact = await shelf.get(digest)
    assert 0 < artifact.size <= MAX_SIZE
    assert (artifact.state == ExtractionState.FAILED) == bool(artifact.reason)
    # A version without these checks has written such platforms down.
    assert [storable(each) for each in artifact.platforms] == [*artifact.platforms]


async def test_a_bug_marks_the_artifact_and_what_passes_is_tried_again(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise error

    error: Exception = Unavailable("away")
    await push_chart(shelf, "1.0.0")
    with monkeypatch.context() as patch:
        patch.setattr(Artifacts, "describe", fail)
        await shelf.worker.drain()
        assert await shelf.find(Tag("1.0.0")) is None
        assert (jobs.INDEX, jobs.QUEUED) in await jobs.count_jobs(shelf.metadata.reader)
        error = RuntimeError("a secret path")
        await shelf.reindex()
    marked = await shelf.get(Tag("1.0.0"))
    assert (marked.state, marked.reason) == (
        ExtractionState.FAILED,
        "it cannot be worked with: RuntimeError",
    )
    await shelf.reindex()
    assert (await shelf.get(Tag("1.0.0"))).state == ExtractionState.DONE


async def test_packages_with_hostile_names_are_stored(shelf: Shelf) -> None:
    await push_chart(shelf, "1.0.0")
    await shelf.settle()
    artifact = await shelf.get(Tag("1.0.0"))
    async with shelf.metadata.begin() as tx:
        row = ("a\ud800", "\0", "pkg:generic/a", "MIT")
        await packages.add_packages(tx, artifact.manifest_id, shelf.repository.id, [row])
