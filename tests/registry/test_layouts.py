"""A layout names all that it holds, holds what it names, and is pushed by the rules of a push."""

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from entrepot.errors import EntrepotError, Invalid, ManifestUnknown
from entrepot.metadata.engines.engine import Metadata
from entrepot.oci.digests import Digest
from entrepot.oci.names import Reference, Tag
from entrepot.registry.maintenance.layouts import NAME, Exports, Imports, open_layout
from entrepot.registry.manifests import Manifests
from entrepot.registry.uploads import Uploads
from entrepot.storage.memory import MemoryStorage
from entrepot.storage.protocols import BlobKey
from tests.metadata.clocks import MovableClock
from tests.metadata.rows import add_repository
from tests.registry.conftest import target_of
from tests.registry.test_history import Shop, history, shop

__all__ = ["history", "shop"]


@pytest.fixture
def exports(metadata: Metadata, storage: MemoryStorage) -> Exports:
    """Writes layouts of the hub."""
    return Exports(metadata, storage)


class Elsewhere:
    """A hub that a layout is pushed to."""

    def __init__(self, metadata: Metadata, clock: MovableClock) -> None:
        self.storage = MemoryStorage(clock)
        self._metadata = metadata
        uploads = Uploads(metadata, self.storage, clock)
        self.manifests = Manifests(metadata, uploads, accept_sparse=False, now=clock)
        self._imports = Imports(metadata, uploads, self.manifests)

    async def read(self, path: Path) -> dict[str, str]:
        """Push the layout to a repository."""
        self.repository = await add_repository(self._metadata, "else/where")
        return await self._imports.read(open_layout(path), target_of(self.repository))

    async def pull(self, reference: Reference) -> bytes:
        """What is there."""
        return (await self.manifests.get(self.repository, reference)).content


@pytest.fixture
def elsewhere(metadata: Metadata, clock: MovableClock) -> Elsewhere:
    """Another repository, with bytes of its own."""
    return Elsewhere(metadata, clock)


def list_of(path: Path) -> dict[str, Any]:
    """What the layout lists."""
    found = json.loads((path / "index.json").read_text())
    assert isinstance(found, dict)
    return found


def blob_of(path: Path, digest: Digest) -> Path:
    """Where the layout has the bytes."""
    return path / "blobs" / digest.algorithm / digest.hex


def made_in(directory: Path) -> list[str]:
    """What an export has left there, passing files as well."""
    return [each.name for each in directory.glob("*layout*")]


@pytest.fixture
async def written(exports: Exports, shop: Shop, tmp_path: Path) -> tuple[Path, Digest]:
    """The layout of a repository that has one image, and its digest."""
    digest = await shop.image(b"layer", "v1")
    path = tmp_path / "layout"
    await exports.write(await exports.gather(shop.repository, None), path)
    return path, digest


async def test_every_tag_and_all_that_is_attached_is_listed_once_and_children_are_not(
    exports: Exports, shop: Shop, tmp_path: Path
) -> None:
    one, other = await shop.image(b"one"), await shop.image(b"other", "other")
    whole = await shop.index(one, tags=("v1", "latest"))
    attached = await shop.referrer(whole, "a note")
    path = tmp_path / "layout"
    await exports.write(await exports.gather(shop.repository, None), path)
    listed = list_of(path)
    assert listed["schemaVersion"] == 2
    assert listed["mediaType"] == "application/vnd.oci.image.index.v1+json"
    named = {
        (each.get("annotations", {}).get(NAME), each["digest"]) for each in listed["manifests"]
    }
    assert named == {
        ("v1", str(whole)),
        ("latest", str(whole)),
        ("other", str(other)),
        (None, str(attached)),
    }
    assert len(listed["manifests"]) == len(named)
    assert blob_of(path, one).is_file()
    for each in listed["manifests"]:
        assert blob_of(path, Digest.parse(each["digest"])).stat().st_size == each["size"]
    assert json.loads((path / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}


async def test_what_is_asked_for_by_its_digest_is_listed_without_a_name(
    exports: Exports, shop: Shop, tmp_path: Path
) -> None:
    digest = await shop.image(b"layer", "v1")
    path = tmp_path / "layout"
    await exports.write(await exports.gather(shop.repository, digest), path)
    assert [(each["digest"], "annotations" in each) for each in list_of(path)["manifests"]] == [
        (str(digest), False)
    ]


@pytest.mark.parametrize("name", ["layout", "layout.tar"])
async def test_a_layout_makes_the_same_repository_elsewhere(
    exports: Exports, shop: Shop, elsewhere: Elsewhere, tmp_path: Path, name: str
) -> None:
    child = await shop.image(b"layer")
    whole = await shop.index(child, tags=("v1",))
    attached = await shop.referrer(whole, "a note")
    path = tmp_path / name
    await exports.write(await exports.gather(shop.repository, None), path)
    assert made_in(tmp_path) == [name]
    assert await elsewhere.read(path) == {"v1": str(whole)}
    for each in (Tag("v1"), whole, child, attached):
        found = await shop.manifests.get(shop.repository, each)
        assert await elsewhere.pull(each) == found.content


async def test_an_archive_begins_with_what_a_layout_is(
    exports: Exports, shop: Shop, tmp_path: Path
) -> None:
    await shop.image(b"layer", "v1")
    path = tmp_path / "layout.tar"
    await exports.write(await exports.gather(shop.repository, Tag("v1")), path)
    with tarfile.open(path, "r:") as archive:
        assert archive.getnames()[:2] == ["oci-layout", "index.json"]


async def test_manifests_whose_bytes_are_others_are_refused(
    written: tuple[Path, Digest], elsewhere: Elsewhere
) -> None:
    path, digest = written
    place = blob_of(path, digest)
    place.write_bytes(place.read_bytes().replace(b"schemaVersion", b"schemaversion"))
    with pytest.raises(Invalid, match="damaged"):
        await elsewhere.read(path)
    with pytest.raises(ManifestUnknown):
        await elsewhere.pull(digest)


async def test_blobs_whose_bytes_are_others_are_refused_and_nothing_names_them(
    written: tuple[Path, Digest], elsewhere: Elsewhere
) -> None:
    path, _ = written
    blob_of(path, Digest.of(b"layer")).write_bytes(b"LAYER")
    with pytest.raises(EntrepotError):
        await elsewhere.read(path)
    with pytest.raises(ManifestUnknown):
        await elsewhere.pull(Tag("v1"))


async def test_bytes_that_the_hub_has_wrong_are_not_written(
    exports: Exports, shop: Shop, storage: MemoryStorage, tmp_path: Path
) -> None:
    await shop.image(b"layer", "v1")
    storage.blobs[BlobKey(str(Digest.of(b"layer")))] = b"LAYER"
    with pytest.raises(Invalid, match="damaged"):
        await exports.write(await exports.gather(shop.repository, None), tmp_path / "layout")
    assert made_in(tmp_path) == []


async def test_nothing_is_written_over(
    exports: Exports, shop: Shop, written: tuple[Path, Digest]
) -> None:
    path, _ = written
    before = list_of(path)
    await shop.image(b"another", "v2")
    with pytest.raises(Invalid, match="exists"):
        await exports.write(await exports.gather(shop.repository, None), path)
    assert list_of(path) == before


async def test_a_repository_without_anything_is_a_layout_that_lists_nothing(
    exports: Exports, shop: Shop, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    path = tmp_path / "layout"
    await exports.write(await exports.gather(shop.repository, None), path)
    assert list_of(path)["manifests"] == []
    assert await elsewhere.read(path) == {}
