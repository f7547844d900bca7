"""What was found out about manifests, as every engine keeps it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from entrepot.metadata.contents import artifact_relations, artifact_revisions, artifacts, packages
from entrepot.metadata.contents.artifact_revisions import Revision
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.registry import manifests
from entrepot.metadata.security import vulnerabilities
from entrepot.model.artifacts import Artifact, AttachmentCounts, StoredDocument
from entrepot.model.repositories import Repository
from entrepot.oci.digests import Digest
from entrepot.oci.names import Tag
from tests.metadata.clocks import START
from tests.metadata.rows import add_manifest, add_organization, add_repository

SUBJECT = Digest.of(b"subject")


@pytest.fixture
async def repository(metadata: Metadata) -> Repository:
    """A repository without content."""
    return await add_repository(metadata, "a/b", namespace_id=await add_organization(metadata, "a"))


def artifact(repository: Repository, manifest_id: int, **changes: object) -> Artifact:
    """An image of that manifest, as it was found."""
    found = Artifact(
        manifest_id=manifest_id,
        repository_id=repository.id,
        kind="image",
        size=2**40,
        title="a title",
        version="1.0",
        description="übel 名",
        licenses="MIT",
        created="2026-01-02T03:04:05Z",
        platforms=("linux/amd64", "linux/arm64/v8"),
        state="done",
        reason="",
        reader=1,
    )
    return replace(found, **changes)  # type: ignore[arg-type]


async def add(
    metadata: Metadata, repository: Repository, content: bytes = b"{}", **changes: object
) -> Artifact:
    """A manifest of these bytes with what was found out about it."""
    named = {name: changes.pop(name) for name in ("subject", "children") if name in changes}
    manifest_id = await add_manifest(metadata, repository, content, **named)
    found = artifact(repository, manifest_id, **changes)
    async with metadata.begin() as tx:
        await artifacts.write_artifact(tx, found)
    return found


async def tag(metadata: Metadata, found: Artifact, name: str, minutes: int = 0) -> None:
    """Point a tag at an artifact, some minutes after the start."""
    async with metadata.begin() as tx:
        moment = START + timedelta(minutes=minutes)
        await manifests.move_tag(
            tx, found.repository_id, Tag(name), found.manifest_id, None, moment
        )


async def test_what_was_found_out_is_found_and_replaced(
    metadata: Metadata, repository: Repository
) -> None:
    assert await artifacts.find_artifact(metadata.reader, 1) is None
    found = await add(metadata, repository)
    assert await artifacts.find_artifact(metadata.reader, found.manifest_id) == found
    marks = AttachmentCounts(3, 1, 2, 4, {"critical": 5, "unknown": 6})
    async with metadata.begin() as tx:
        await artifacts.set_marks(tx, found.manifest_id, marks)
        await artifacts.write_artifact(tx, replace(found, kind="chart", platforms=()))
    changed = replace(found, kind="chart", platforms=(), marks=marks)
    assert await artifacts.find_artifact(metadata.reader, found.manifest_id) == changed
    async with metadata.begin() as tx:
        await artifacts.set_marks(tx, found.manifest_id, AttachmentCounts())
        await artifacts.set_state(tx, found.manifest_id, "failed", "it is broken")
    changed = replace(changed, marks=AttachmentCounts(), state="failed", reason="it is broken")
    assert await artifacts.find_artifact(metadata.reader, found.manifest_id) == changed


async def test_documents_are_written_in_place_of_those_of_their_names(
    metadata: Metadata, repository: Repository
) -> None:
    found = await add(metadata, repository)
    readme = StoredDocument("readme", "text/markdown", "# Ünï 名\n" * 999, is_cut=True)
    values = StoredDocument("values", "application/yaml", "a: 1\n", is_cut=False)
    twice = replace(values, text="a: 2\n")
    async with metadata.begin() as tx:
        await artifacts.write_documents(
            tx, found.manifest_id, artifacts.pack([values, readme, twice])
        )
    reader = metadata.reader
    assert await artifacts.list_document_names(reader, found.manifest_id) == ["readme", "values"]
    namespace_id = repository.namespace_id
    assert namespace_id is not None
    listed = [found.manifest_id]
    for only, expected in ((0, listed), (repository.id, listed), (repository.id + 1, [])):
        for name, ids in (("readme", expected), ("absent", [])):
            assert ids == await artifacts.list_with_document(
                reader, namespace_id, name, repository_id=only
            )
    assert await artifacts.list_with_document(reader, namespace_id + 1, "readme") == []
    for after, ids in ((0, listed), (found.manifest_id, [])):
        assert await artifacts.list_all_with_document(reader, "readme", after, 10) == ids
    assert await artifacts.list_all_with_document(reader, "absent", 0, 10) == []
    assert await artifacts.find_document(reader, found.manifest_id, "readme") == readme
    assert await artifacts.find_document(reader, found.manifest_id, "values") == twice
    assert await artifacts.find_document(reader, found.manifest_id, "no") is None
    ids = [found.manifest_id, 0]
    texts = await artifacts.list_texts(reader, ids, "readme")
    assert texts == {found.manifest_id: readme.text}
    assert await artifacts.list_texts(reader, ids, "no") == {}
    sizes = await artifacts.list_document_sizes(reader, found.manifest_id)
    packed = artifacts.pack([readme, twice])
    assert sizes == [(document.name, len(document.content)) for document in packed]
    async with metadata.begin() as tx:
        await artifacts.drop_documents(tx, found.manifest_id, ["readme", "values", "absent"])
    assert await artifacts.list_document_names(reader, found.manifest_id) == []


async def test_packages_are_written_once_and_dropped_by_their_ids(
    metadata: Metadata, repository: Repository
) -> None:
    found = await add(metadata, repository)
    of, other = found.manifest_id, (await add(metadata, repository, b"other")).manifest_id
    bash, zlib = ("bash", "5.2", "pkg:deb/bash@5.2", "GPL-3.0"), ("zlib", "", "", "")
    for _ in range(2):
        async with metadata.begin() as tx:
            await packages.add_packages(tx, of, repository.id, [bash, bash, zlib])
            await packages.add_packages(tx, other, repository.id, [bash])
            await packages.add_packages(tx, of, repository.id, [])
    reader = metadata.reader
    (first, second) = await packages.list_packages(reader, of, 0, 10)
    assert [first[1], second[1]] == [bash, zlib]
    assert await packages.list_packages(reader, of, 0, 1) == [first]
    assert await packages.list_packages(reader, of, first[0], 10) == [second]
    async with metadata.begin() as tx:
        await packages.drop_packages(tx, of, [first[0], 10**9])
    assert await packages.list_packages(reader, of, 0, 10) == [second]
    assert await packages.list_packages(reader, other, 0, 10) == [first]


async def test_vulnerabilities_are_written_once_with_their_newest_severity(
    metadata: Metadata, repository: Repository
) -> None:
    of = (await add(metadata, repository)).manifest_id
    for severity in ("low", "high"):
        async with metadata.begin() as tx:
            await vulnerabilities.add_vulnerabilities(
                tx, of, repository.id, {"cve-1": severity, "CVE-2": "low", "": "low"}
            )
    reader = metadata.reader
    listed = await vulnerabilities.list_vulnerabilities(reader, of, "", 10)
    assert listed == [("CVE-1", "high"), ("CVE-2", "low")]
    assert await vulnerabilities.list_vulnerabilities(reader, of, "", 1) == listed[:1]
    assert await vulnerabilities.list_vulnerabilities(reader, of, "CVE-1", 10) == listed[1:]
    async with metadata.begin() as tx:
        await vulnerabilities.drop_vulnerabilities(tx, of, ["CVE-1", "absent"])
    assert await vulnerabilities.list_vulnerabilities(reader, of, "", 10) == listed[1:]


async def test_whoever_begins_to_write_makes_the_revision_greater(
    metadata: Metadata, repository: Repository
) -> None:
    never = await add_manifest(metadata, repository, b"never")
    found = await add(metadata, repository)
    of, reader = found.manifest_id, metadata.reader
    assert await artifact_revisions.find_revision(reader, never) == Revision()
    assert await artifact_revisions.find_revision(reader, of) == Revision()
    async with metadata.begin() as tx:
        await artifact_revisions.begin_contents(tx, of)
        await artifact_revisions.begin_counts(tx, of)
        await artifact_revisions.begin_counts(tx, of)
        await artifacts.write_artifact(tx, found)
    found_now = await artifact_revisions.find_revision(reader, of)
    assert found_now == Revision(contents=1, counts=2)


async def test_what_is_attached_is_found_by_its_subject(
    metadata: Metadata, repository: Repository
) -> None:
    other = await add_repository(metadata, "a/other")
    await add(metadata, other, b"theirs", subject=SUBJECT)
    await add_manifest(metadata, repository, b"not looked at", subject=SUBJECT)
    first = await add(metadata, repository, b"first", subject=SUBJECT, kind="signature")
    second = await add(metadata, repository, b"second", subject=SUBJECT)
    found = await artifacts.list_attached(metadata.reader, repository.id, str(SUBJECT))
    assert found == [(str(Digest.of(b"first")), first), (str(Digest.of(b"second")), second)]
    assert await artifacts.list_attached(metadata.reader, repository.id, "sha256:0") == []


async def test_indexes_are_found_by_their_children(
    metadata: Metadata, repository: Repository
) -> None:
    child = Digest.of(b"child")
    for name in (b"one", b"two"):
        await add_manifest(metadata, repository, name, children=frozenset({child}))
    await add_manifest(metadata, repository, b"as a layer", blobs=frozenset({child}))
    found = await artifacts.list_parents(metadata.reader, repository.id, str(child))
    assert {digest for _, digest in found} == {str(Digest.of(each)) for each in (b"one", b"two")}
    assert await artifacts.list_parents(metadata.reader, repository.id + 1, str(child)) == []


async def test_kinds_are_counted_by_the_tags_that_people_gave(
    metadata: Metadata, repository: Repository
) -> None:
    chart = await add(metadata, repository, b"chart", kind="chart")
    image = await add(metadata, repository, b"image")
    await add(metadata, repository, b"untagged", kind="model")
    signature = await add(metadata, repository, b"signature", kind="signature")
    await tag(metadata, chart, "0.1")
    for name in ("1", "2"):
        await tag(metadata, image, name)
    await tag(metadata, signature, f"sha256-{'0' * 64}.sig")
    kinds = await artifacts.count_kinds(metadata.reader, repository.id)
    assert list(kinds.items()) == [("image", 2), ("chart", 1)]


async def test_the_newest_are_those_whose_tags_moved_last_each_once(
    metadata: Metadata, repository: Repository
) -> None:
    old = await add(metadata, repository, b"old")
    new = await add(metadata, repository, b"new")
    await tag(metadata, old, "1", 1)
    for number, name in enumerate(["2", "2.0", "latest"]):
        await tag(metadata, new, name, 2 + number)
    reader = metadata.reader
    assert await artifacts.list_newest(reader, repository.id, 10) == [new, old]
    await tag(metadata, old, "again", 10)
    assert await artifacts.list_newest(reader, repository.id, 10) == [old, new]
    assert await artifacts.list_newest(reader, repository.id, 1) == [old]


async def test_what_is_to_be_read_was_read_by_an_older_reader_or_by_none(
    metadata: Metadata, repository: Repository
) -> None:
    never = await add_manifest(metadata, repository, b"never")
    old = await add(metadata, repository, b"old", reader=1)
    new = await add(metadata, repository, b"new", reader=2)
    reader = metadata.reader
    assert await artifacts.list_to_read(reader, 2, 0, 10) == [never, old.manifest_id]
    assert await artifacts.list_to_read(reader, 2, never, 10) == [old.manifest_id]
    assert await artifacts.list_to_read(reader, 2, 0, 1) == [never]
    everything = [never, old.manifest_id, new.manifest_id]
    assert await artifacts.list_to_read(reader, 3, 0, 10) == everything
    assert await artifacts.count_to_read(reader, 2) == 2
    assert await artifacts.count_to_read(reader, 3) == 3
    async with metadata.begin() as tx:
        await artifacts.set_state(tx, new.manifest_id, "failed", "")
    assert await artifacts.count_states(reader) == {"done": 1, "failed": 1}


async def test_what_was_found_out_goes_with_its_manifest(
    metadata: Metadata, repository: Repository
) -> None:
    found = await add(metadata, repository)
    async with metadata.begin() as tx:
        document = StoredDocument("readme", "text/plain", "a", is_cut=False)
        await artifacts.write_documents(tx, found.manifest_id, artifacts.pack([document]))
        await packages.add_packages(tx, found.manifest_id, repository.id, [("a", "", "", "")])
        await manifests.delete_manifest(tx, found.manifest_id)
    assert await artifacts.find_artifact(metadata.reader, found.manifest_id) is None
    assert await artifacts.list_document_names(metadata.reader, found.manifest_id) == []


async def test_one_document_is_replaced_and_the_others_stay(
    metadata: Metadata, repository: Repository
) -> None:
    of = await add_manifest(metadata, repository, b"one document")
    first, other = [StoredDocument(name, "text/plain", name, is_cut=False) for name in ("a", "b")]
    second = replace(first, text="another")
    async with metadata.begin() as tx:
        await artifacts.write_artifact(tx, artifact(repository, of))
        for document in (first, other, second):
            await artifacts.write_documents(tx, of, artifacts.pack([document]))
    assert await artifacts.find_document(metadata.reader, of, "a") == second
    async with metadata.begin() as tx:
        await artifacts.drop_documents(tx, of, ["a"])
    assert await artifacts.find_document(metadata.reader, of, "a") is None
    assert await artifacts.find_document(metadata.reader, of, "b") == other


async def test_what_has_attachments_and_which_indexes_list_it_is_asked_for_many_at_once(
    metadata: Metadata, repository: Repository
) -> None:
    reader, of = metadata.reader, repository.id
    child, tagged, bare = (Digest.of(each) for each in (b"child", b"tagged", b"bare"))
    everything = [str(each) for each in (child, tagged, bare)]
    first = await add_manifest(metadata, repository, b"child")
    sbom = await add_manifest(metadata, repository, b"sbom", subject=child, descriptor="{}")
    parent = await add_manifest(metadata, repository, b"index", children=frozenset({child, bare}))
    async with metadata.begin() as tx:
        name = Tag(str(tagged).replace(":", "-") + ".sig")
        await manifests.move_tag(tx, of, name, sbom, None, START)
        await artifacts.write_artifact(tx, artifact(repository, sbom))
    having = await artifact_relations.list_subjects_among(reader, of, everything)
    assert having == {str(child), str(tagged)}
    assert await artifact_relations.list_subjects_among(reader, of, []) == set()
    parents = await artifact_relations.list_parents_among(reader, of, everything)
    assert parents == [(parent, str(Digest.of(b"index")), len(b"index"))]
    assert await artifact_relations.count_attached(reader, of, str(child)) == 1
    assert await artifact_relations.count_attached(reader, of, str(bare)) == 0
    here = await artifact_relations.find_children(
        reader, of, [*everything, str(Digest.of(b"sbom"))]
    )
    assert {name: each.manifest_id for name, each in here.items()} == {
        str(child): first,
        str(Digest.of(b"sbom")): sbom,
    }
    assert [each.artifact is None for each in here.values()].count(True) == 1


async def test_a_manifest_is_locked_while_its_id_is_its_own(metadata: Metadata) -> None:
    repository = await add_repository(metadata, "own/id")
    made = await add_manifest(metadata, repository, b'{"own":1}')
    digest = str(Digest.of(b'{"own":1}'))
    async with metadata.begin() as tx:
        assert await artifact_revisions.lock_manifest(tx, repository.id, made, digest)
        other = str(Digest.of(b"another"))
        assert not await artifact_revisions.lock_manifest(tx, repository.id, made, other)
        assert not await artifact_revisions.lock_manifest(tx, repository.id, made + 1, digest)
        assert not await artifact_revisions.lock_manifest(tx, repository.id + 1, made, digest)
