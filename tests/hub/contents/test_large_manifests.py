"""Large manifests and long indexes keep nobody else waiting: what they cost, in counts."""

import threading
from dataclasses import replace

import pytest

from entrepot.extract.findings import Findings
from entrepot.hub.contents.artifacts import Artifacts
from entrepot.kinds import files
from entrepot.kinds.recognition import catalogue
from entrepot.kinds.recognition.catalogue import LOOKED_AT
from entrepot.kinds.recognition.manifest_view import ManifestView
from entrepot.metadata.engines.sqlite import SqliteReader
from entrepot.oci.digests import Digest
from entrepot.oci.manifests import Manifest, parse_manifest
from entrepot.oci.names import Tag
from entrepot.registry.referrers import Referrers
from entrepot.storage.memory import MemoryStorage
from tests.hub.contents.test_attachments import legacy
from tests.hub.shelves import SPDX, Shelf, attestation_of
from tests.wire.content import EMPTY_TYPE, descriptor, image

PAD = "x" * 200_000


@pytest.fixture
def queries(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement that is read from here on."""
    asked: list[str] = []
    query = SqliteReader._query

    def count(self: SqliteReader, statement: object, values: object) -> object:
        asked.append(str(statement))
        return query(self, statement, values)  # type: ignore[arg-type]

    monkeypatch.setattr(SqliteReader, "_query", count)
    return asked


async def push_long_index(shelf: Shelf, count: int, tag: str = "long", pad: str = "") -> Digest:
    """An index of so many images that are all here, some of them attested."""
    images = [await shelf.push_image(f"{tag}{number}") for number in range(count)]
    said = {"annotations": {"pad": pad}}
    entries = [(each, said) for each in images]
    attested = (await shelf.push_attestation(images[0]), attestation_of(images[0]))
    return await shelf.push_index(*entries, attested, tag=tag)


@pytest.mark.parametrize("name", ["parse_manifest", "parse_pushed_manifest"])
async def test_a_large_manifest_is_parsed_beside_the_event_loop_only(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    threads: set[str] = set()
    sizes: set[int] = set()

    def note(content: bytes, media_type: str | None) -> Manifest:
        if len(content) > len(PAD):
            threads.add(threading.current_thread().name)
            sizes.add(len(content))
        return parse_manifest(content, media_type)

    monkeypatch.setattr(f"entrepot.oci.manifests.{name}", note)
    monkeypatch.setattr("entrepot.oci.manifests._REMEMBERED_BYTES", 0)
    long = await push_long_index(shelf, 2, pad=PAD)
    await shelf.push_referrer(long, b"{}", SPDX, annotations={"pad": PAD})
    await shelf.settle()
    await shelf.findings.gather(shelf.repository.id, str(long), Findings())
    assert len(sizes) == 2
    assert threading.main_thread().name not in threads


async def test_a_large_manifest_that_was_pushed_is_not_parsed_again(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(content: bytes, media_type: str | None) -> Manifest:
        assert len(content) < len(PAD)
        return parse_manifest(content, media_type)

    monkeypatch.setattr("entrepot.oci.manifests.parse_manifest", refuse)
    long = await push_long_index(shelf, 2, pad=PAD)
    await shelf.settle()
    described = Artifacts(shelf.metadata, MemoryStorage())
    stored = await shelf.manifests.get(shelf.repository, long)
    found = await described.describe(shelf.repository.id, stored)
    assert found.manifest == parse_manifest(stored.content, stored.media_type)


async def test_children_are_looked_up_together_however_many_there_are(
    shelf: Shelf, queries: list[str]
) -> None:
    described = Artifacts(shelf.metadata, MemoryStorage())
    asked = []
    for count in (2, 40):
        await push_long_index(shelf, count, tag=f"v{count}")
        await shelf.settle()
        stored = await shelf.manifests.get(shelf.repository, Tag(f"v{count}"))
        queries.clear()
        found = await described.describe(shelf.repository.id, stored)
        assert [each.kind for each in found.view.children].count("image") == count
        asked.append(len(queries))
    assert asked[0] == asked[1] <= 3


async def test_evidence_of_an_index_is_gathered_from_children_that_have_some(
    shelf: Shelf, queries: list[str]
) -> None:
    asked = []
    for count in (2, 40):
        long = await push_long_index(shelf, count, tag=f"v{count}")
        await shelf.settle()
        queries.clear()
        found = await shelf.findings.gather(shelf.repository.id, str(long), Findings())
        assert [each.name for each in found.packages] == ["bash"]
        asked.append(len(queries))
    assert asked[0] == asked[1] <= 15


async def test_attachments_are_counted_without_looking_at_each(
    shelf: Shelf, queries: list[str]
) -> None:
    image_ = await shelf.push_image()
    referrers = [await shelf.push_referrer(image_, b"%d" % each, SPDX) for each in range(20)]
    by_tag = await shelf.push_referrer(None, b"by tag", SPDX, tag=legacy(image_, "sbom"))
    both: list[tuple[Digest, dict[str, object]]] = [(each, {}) for each in (*referrers[:3], by_tag)]
    await shelf.push_index(*both, tag=legacy(image_, ""))
    await shelf.settle()
    queries.clear()
    assert await shelf.attachments.count_of(shelf.repository.id, str(image_)) == 21
    assert len(queries) <= 6
    queries.clear()
    assert len(await shelf.attachments.list_of(shelf.repository.id, str(image_))) == 21
    assert len(queries) <= 6


async def test_more_attachments_than_are_listed_are_counted(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("entrepot.hub.contents.attachments.MAX_LISTED", 2)
    image_ = await shelf.push_image()
    for each in range(3):
        await shelf.push_referrer(image_, b"%d" % each, SPDX)
    await shelf.settle()
    assert len(await shelf.attachments.list_of(shelf.repository.id, str(image_))) == 2
    assert await shelf.attachments.count_of(shelf.repository.id, str(image_)) == 3


async def test_what_a_fallback_tag_lists_is_looked_up_together(
    shelf: Shelf, queries: list[str]
) -> None:
    subject = await shelf.push_image()
    many = [await shelf.push_image(f"cpu{number}") for number in range(30)]
    await shelf.push_index(*((each, {}) for each in many), tag=legacy(subject, ""))
    queries.clear()
    page = await Referrers(shelf.metadata).list_page(shelf.repository, subject, frozenset(), 0)
    assert len(page.descriptors) == 30
    assert len(queries) <= 4


def test_of_long_lists_only_the_beginning_decides_what_an_artifact_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = descriptor(b"{}", EMPTY_TYPE)
    notes = {f"note-{number}": "x" for number in range(3 * LOOKED_AT)}
    layers = [config] * (3 * LOOKED_AT)
    manifest = parse_manifest(image(config=config, layers=layers, annotations=notes), None)
    lengths: set[int] = set()

    def note(evidence: ManifestView) -> bool:
        lengths.update((len(evidence.manifest.annotations), len(evidence.manifest.layers)))
        return False

    curious = replace(files.UNKNOWN, recognizes=note)
    monkeypatch.setattr(catalogue, "KINDS", (curious,))
    catalogue.recognize(ManifestView(manifest))
    assert lengths == {LOOKED_AT}
