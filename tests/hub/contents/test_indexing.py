"""What was pushed is found out after the push: kinds, contents, and how far reading has come."""

import pytest

from entrepot.errors import EntrepotError
from entrepot.extract.findings import ExtractionState, Findings
from entrepot.extract.sandbox.reader import SandboxedReader
from entrepot.hub.contents.artifacts import Artifacts
from entrepot.hub.contents.indexing import READER, Indexing
from entrepot.metadata.contents import artifacts
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.events import jobs
from entrepot.metadata.registry import manifests
from entrepot.model.artifacts import AttachmentCounts
from entrepot.oci.digests import Digest
from entrepot.oci.names import Tag
from entrepot.storage.memory import MemoryStorage
from tests.hub.shelves import (
    CHART_LAYER,
    SPDX,
    HereAndNow,
    Shelf,
    attestation_of,
    chart_archive,
    chart_config,
    push_chart,
    spdx,
)
from tests.metadata.clocks import MovableClock
from tests.wire.content import CONFIG, descriptor, encode, image

V1 = Tag("1.0.0")


async def documents_of(shelf: Shelf, reference: Tag | Digest) -> set[str]:
    """Which documents were read out of an artifact."""
    found = await shelf.get(reference)
    return set(await artifacts.list_document_names(shelf.metadata.reader, found.manifest_id))


async def test_a_chart_is_found_out(shelf: Shelf) -> None:
    await push_chart(shelf, "1.0.0")
    assert await shelf.find(V1) is None
    await shelf.settle()
    found = await shelf.get(V1)
    assert (found.kind, found.title, found.version) == ("helm-chart", "demo", "1.0.0")
    assert (found.state, found.reason, found.reader) == (ExtractionState.DONE, "", READER)
    expected = len(chart_archive("demo", "1.0.0")) + len(chart_config("demo", "1.0.0"))
    assert found.size == expected + (await shelf.manifests.get(shelf.repository, V1)).size
    assert {"readme", "readme.html", "values", "findings"} <= await documents_of(shelf, V1)


async def test_a_real_process_reads_the_same(
    metadata: Metadata, storage: MemoryStorage, clock: MovableClock, shelf: Shelf
) -> None:
    await push_chart(shelf, "1.0.0")
    await shelf.settle()
    here = await documents_of(shelf, V1)
    reader = SandboxedReader()
    described = Artifacts(metadata, storage)
    indexing = Indexing(
        metadata,
        storage,
        described,
        shelf.attachments,
        reader,
        shelf.readmes,
        shelf.matching,
        clock,
    )
    found = await shelf.get(V1)
    async with metadata.begin() as tx:
        names = await artifacts.list_document_names(tx, found.manifest_id)
        await artifacts.drop_documents(tx, found.manifest_id, names)
    await indexing.index(found.manifest_id)
    await reader.close()
    assert await documents_of(shelf, V1) == here
    assert await shelf.get(V1) == found


async def test_indexing_again_gives_the_same(shelf: Shelf) -> None:
    await push_chart(shelf, "1.0.0")
    await shelf.push_built("v1")
    await shelf.push_referrer(
        Digest.of((await shelf.manifests.get(shelf.repository, V1)).content),
        encode(spdx("bash", "zlib")),
        SPDX,
    )
    await shelf.settle()
    ids = await artifacts.list_to_read(shelf.metadata.reader, 2**31, 0, 100)
    before = [await artifacts.find_artifact(shelf.metadata.reader, each) for each in ids]
    assert len(before) == 7
    assert all(before)
    for _ in range(2):
        await shelf.reindex()
        after = [await artifacts.find_artifact(shelf.metadata.reader, each) for each in ids]
        assert after == before


async def test_a_manifest_that_is_gone_is_no_error(shelf: Shelf) -> None:
    digest = await push_chart(shelf, "1.0.0")
    await shelf.manifests.delete(shelf.repository, digest, None)
    await shelf.settle()
    await shelf.indexing.index(999_999)
    await shelf.indexing.count_marks(shelf.repository.id, str(digest))
    await shelf.indexing.count_marks(999_999, str(digest))
    assert await shelf.find(digest) is None


async def test_a_manifest_that_goes_while_it_is_read_leaves_nothing(
    shelf: Shelf, reader: HereAndNow, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = await push_chart(shelf, "1.0.0")
    read = reader.read

    async def delete_meanwhile(task: object) -> Findings:
        found = await read(task)  # type: ignore[arg-type]
        await shelf.manifests.delete(shelf.repository, digest, None)
        # The id is given to the next manifest.
        await push_chart(shelf, "2.0.0")
        return found

    monkeypatch.setattr(reader, "read", delete_meanwhile)
    assert await shelf.worker.do_some() == 1
    monkeypatch.undo()
    assert await shelf.find(Tag("2.0.0")) is None
    await shelf.settle()
    assert (await shelf.get(Tag("2.0.0"))).version == "2.0.0"


@pytest.mark.parametrize(
    "state", [ExtractionState.FAILED, ExtractionState.TOO_LARGE, ExtractionState.UNSUPPORTED]
)
async def test_how_far_reading_came_is_seen(
    shelf: Shelf, reader: HereAndNow, state: ExtractionState
) -> None:
    reader.instead = Findings(state=state, reason="for this reason")
    await push_chart(shelf, "1.0.0")
    await shelf.settle()
    found = await shelf.get(V1)
    assert (found.state, found.reason) == (state, "for this reason")
    assert (found.kind, found.title) == ("helm-chart", "demo")
    reader.instead = None
    await shelf.reindex()
    found = await shelf.get(V1)
    assert (found.state, found.reason) == (ExtractionState.DONE, "")


async def test_a_chart_that_is_none_fails_and_is_seen_to(shelf: Shelf) -> None:
    config = chart_config("demo", "1.0.0")
    layers = [descriptor(b"not an archive", CHART_LAYER)]
    media_type = "application/vnd.cncf.helm.config.v1+json"
    manifest = image(config=descriptor(config, media_type), layers=layers)
    await shelf.push(manifest, config, b"not an archive", tag="1.0.0")
    await shelf.settle()
    found = await shelf.get(V1)
    assert (found.kind, found.state) == ("helm-chart", ExtractionState.FAILED)
    assert found.reason


async def test_bytes_that_cannot_be_had_fail_the_reading_only(
    shelf: Shelf, storage: MemoryStorage
) -> None:
    await push_chart(shelf, "1.0.0")
    storage.blobs.clear()
    await shelf.settle()
    found = await shelf.get(V1)
    assert (found.kind, found.state) == ("helm-chart", ExtractionState.FAILED)


async def test_platforms_and_sizes_of_an_index_are_its_childrens(shelf: Shelf) -> None:
    _, images = await shelf.push_built("v1")
    await shelf.settle()
    found = await shelf.get(Tag("v1"))
    assert (found.kind, found.state) == ("image", ExtractionState.DONE)
    assert found.platforms == ("linux/amd64", "linux/arm64")
    assert found.size > sum([(await shelf.get(each)).size for each in images])
    assert (await shelf.get(images[1])).platforms == ("linux/arm64",)


async def test_an_index_pushed_before_its_children_is_found_out_again(shelf: Shelf) -> None:
    digest = Digest.of(b"absent")
    await shelf.push_index((digest, {}), (digest, attestation_of(digest)), tag="v1")
    await shelf.settle()
    assert (await shelf.get(Tag("v1"))).marks == AttachmentCounts()


async def test_a_hostile_annotation_stops_nothing(shelf: Shelf) -> None:
    child = await shelf.push_image()
    said = {"annotations": {"vnd.docker.reference.digest": "no digest '; --"}}
    await shelf.push_index((child, said), tag="v1")
    cut = f"sha512-{'a' * 64}.sig"
    await shelf.push_referrer(None, b"{}", SPDX, tag=cut)
    await shelf.settle()
    assert (await shelf.get(Tag("v1"))).marks == AttachmentCounts()
    digest = Digest.of((await shelf.manifests.get(shelf.repository, Tag("v1"))).content)
    await shelf.manifests.delete(shelf.repository, digest, None)
    await shelf.manifests.untag(shelf.repository, Tag(cut), None)
    await shelf.settle()


async def test_a_job_whose_subject_is_no_number_fails_alone(shelf: Shelf) -> None:
    await push_chart(shelf, "1.0.0")
    async with shelf.metadata.begin() as tx:
        await jobs.add_job(tx, jobs.INDEX, "x", shelf.clock())
    await shelf.worker.drain()
    assert (await shelf.get(V1)).kind == "helm-chart"
    assert await jobs.count_jobs(shelf.metadata.reader) == {
        (jobs.INDEX, jobs.QUEUED): 1,
        (jobs.SUMMARIZE, jobs.QUEUED): 1,
    }


async def test_deleting_a_manifest_takes_what_was_found_out(shelf: Shelf) -> None:
    digest = await push_chart(shelf, "1.0.0")
    await shelf.settle()
    found = await shelf.get(V1)
    await shelf.manifests.delete(shelf.repository, digest, None)
    await shelf.settle()
    reader = shelf.metadata.reader
    assert await artifacts.find_artifact(reader, found.manifest_id) is None
    assert await artifacts.list_document_names(reader, found.manifest_id) == []
    with pytest.raises(EntrepotError):
        await shelf.manifests.get(shelf.repository, digest)
    assert await manifests.find_by_id(reader, found.manifest_id) is None


async def test_a_title_that_was_read_is_what_it_is_called(
    shelf: Shelf, storage: MemoryStorage
) -> None:
    document = {**spdx("bash"), "name": "my document"}
    sbom = await shelf.push_referrer(None, encode(document), SPDX, tag="v1")
    await shelf.settle()
    stored = await shelf.manifests.get(shelf.repository, sbom)
    assert (await shelf.get(sbom)).title == "my document"
    described = await Artifacts(shelf.metadata, storage).describe(shelf.repository.id, stored)
    assert described.artifact.title == "my document"
    await shelf.reindex()
    assert (await shelf.get(sbom)).title == "my document"


async def test_images_of_one_system_and_several_versions_of_it_are_told_apart(shelf: Shelf) -> None:
    versions = ("10.0.17763.1", "10.0.20348.1")
    digests = []
    for version in versions:
        said = {"os": "windows", "architecture": "amd64", "os.version": version}
        config = encode({**said, "rootfs": {"type": "layers", "diff_ids": []}, "config": {}})
        manifest = image(config=descriptor(config, CONFIG), layers=[])
        digests.append(await shelf.push(manifest, config))
    children = [
        (digest, {"platform": {"os": "windows", "architecture": "amd64", "os.version": version}})
        for digest, version in zip(digests, versions, strict=True)
    ]
    await shelf.push_index(*children, tag="all")
    await shelf.settle()
    both = tuple(f"windows/amd64:{each}" for each in versions)
    assert (await shelf.get(Tag("all"))).platforms == both
    assert (await shelf.get(digests[0])).platforms == both[:1]
