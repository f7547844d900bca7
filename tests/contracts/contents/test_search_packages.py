"""Which artifacts ship a package, on each engine."""

import json
from dataclasses import replace

from entrepot.metadata.contents import packages
from entrepot.metadata.contents.search_packages import packages_of
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.registry import manifests
from entrepot.metadata.visibility import VisibleTo
from entrepot.model.repositories import Repository, Visibility
from entrepot.model.search import Shipped
from entrepot.oci.digests import Digest
from entrepot.oci.names import Tag
from tests.metadata.clocks import START
from tests.metadata.rows import add_manifest, add_repository

ALL = VisibleTo(namespaces=None)
OPENSSL = ("openssl", "3.0.11", "pkg:deb/debian/openssl@3.0.11", "Apache-2.0")


async def add_sbom(metadata: Metadata, repository: Repository, subject: bytes, form: str) -> None:
    """An SBOM of that form that lists openssl and is attached to the subject."""
    content = json.dumps({"form": form, "of": Digest.of(subject).hex}).encode()
    sbom = await add_manifest(metadata, repository, content, subject=Digest.of(subject))
    async with metadata.begin() as tx:
        await packages.add_packages(tx, sbom, repository.id, [OPENSSL])


async def tag(metadata: Metadata, repository: Repository, manifest_id: int, *names: str) -> None:
    """Tag a manifest."""
    async with metadata.begin() as tx:
        for name in names:
            await manifests.move_tag(tx, repository.id, Tag(name), manifest_id, None, START)


async def test_what_an_sbom_says_is_said_of_its_subject_once(metadata: Metadata) -> None:
    repository = await add_repository(metadata, "team/app", Visibility.PUBLIC)
    image = await add_manifest(metadata, repository, b"image")
    await tag(metadata, repository, image, "1.0", "latest")
    for form in ("spdx", "cyclonedx"):
        await add_sbom(metadata, repository, b"image", form)
    page = await packages_of(metadata.reader, "openssl", ALL)
    shipped = Shipped("team/app", str(Digest.of(b"image")), *OPENSSL)
    assert page.total == 1
    assert [replace(each, tags=()) for each in page.entries] == [shipped]
    assert set(page.entries[0].tags) == {"latest", "1.0"}


async def test_java_is_found_by_any_way_of_writing_its_name(metadata: Metadata) -> None:
    repository = await add_repository(metadata, "team/app", Visibility.PUBLIC)
    manifest_id = await add_manifest(metadata, repository)
    log4j = ("org.apache.logging.log4j:log4j-core", "2.14.1", "", "Apache-2.0")
    async with metadata.begin() as tx:
        await packages.add_packages(tx, manifest_id, repository.id, [log4j])
    for text in ("log4j-core", "log4j-core@2.*", log4j[0], log4j[0].replace(":", "/"), "log4j*"):
        page = await packages_of(metadata.reader, text, ALL)
        assert [each.package for each in page.entries] == [log4j[0]], text


async def test_an_image_has_the_tags_of_its_index(metadata: Metadata) -> None:
    repository = await add_repository(metadata, "team/app", Visibility.PUBLIC)
    await add_manifest(metadata, repository, b"image")
    children = frozenset({Digest.of(b"image")})
    index = await add_manifest(metadata, repository, b"index", children=children)
    await tag(metadata, repository, index, "multi")
    await add_sbom(metadata, repository, b"image", "spdx")
    page = await packages_of(metadata.reader, "open*@3.0.*", ALL)
    assert [each.tags for each in page.entries] == [("multi",)]


async def test_packages_come_in_pages_and_only_where_they_are_seen(metadata: Metadata) -> None:
    for number in range(5):
        visibility = Visibility.PRIVATE if number == 2 else Visibility.PUBLIC
        repository = await add_repository(metadata, f"team/app{number}", visibility)
        await add_sbom(metadata, repository, f"image{number}".encode(), "spdx")
    public = VisibleTo()
    first = await packages_of(metadata.reader, "openssl", public, limit=3)
    rest = await packages_of(metadata.reader, "openssl", public, limit=3, offset=3)
    assert first.total == rest.total == 4
    names = [each.repository for each in (*first.entries, *rest.entries)]
    assert names == ["team/app0", "team/app1", "team/app3", "team/app4"]
    assert (await packages_of(metadata.reader, "openssl", ALL)).total == 5
    assert (await packages_of(metadata.reader, "curl", ALL)).total == 0
