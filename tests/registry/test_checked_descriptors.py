"""What a manifest says of its content is compared with what is there, cheaply."""

import json
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

import pytest

from entrepot.errors import InvalidManifest, ManifestBlobUnknown
from entrepot.http.errors import error_body
from entrepot.metadata.engines.engine import Metadata, Reader, Row, SqlStatement, Transaction, Value
from entrepot.metadata.repositories import PushTarget
from entrepot.oci.digests import Digest
from entrepot.oci.manifests import MAX_DESCRIPTORS
from entrepot.oci.media_types import OCI_MANIFEST
from entrepot.registry.manifests import Manifests
from entrepot.registry.uploads import Uploads
from tests.metadata.clocks import MovableClock
from tests.registry.bodies import body
from tests.wire.content import CONFIG, LAYER, descriptor, image, index

CACHE = "application/vnd.buildkit.cacheconfig.v0"
FOREIGN = "application/vnd.oci.image.layer.nondistributable.v1.tar"


@pytest.fixture
async def stocked(uploads: Uploads, target: PushTarget) -> PushTarget:
    """A repository that holds a config and two layers."""
    for content in (b"config", b"one", b"two"):
        await uploads.put(target, body(content), Digest.of(content))
    return target


def of(*layers: object, **fields: object) -> bytes:
    """A manifest of the config that is there and layers as they are described."""
    return image(**{"config": descriptor(b"config", CONFIG), "layers": list(layers), **fields})


async def put(manifests: Manifests, target: PushTarget, content: bytes) -> Digest:
    """Push a manifest by its digest."""
    pushed = await manifests.put(target, content, None, digest=None, tags=[], by=None)
    return pushed.digest


@pytest.mark.parametrize("size", [0, 2, 4, 999, 2**40])
async def test_a_size_is_that_of_the_content_that_is_there(
    manifests: Manifests, stocked: PushTarget, size: int
) -> None:
    child = of(descriptor(b"one", LAYER))
    await put(manifests, stocked, child)
    lies = {
        "layers[1]": of(descriptor(b"two", LAYER), descriptor(b"one", LAYER) | {"size": size}),
        "config": of(config=descriptor(b"one", CONFIG) | {"size": size}),
        "manifests[0]": index(descriptor(child, OCI_MANIFEST) | {"size": size}),
        "manifests[1]": index(
            descriptor(b"absent", OCI_MANIFEST), descriptor(b"one", CACHE) | {"size": size}
        ),
        "layers[0]": of(descriptor(b"one", FOREIGN, urls=["https://x"]) | {"size": size}),
    }
    for where, content in lies.items():
        stored = len(child) if where == "manifests[0]" else 3
        with pytest.raises(InvalidManifest) as caught:
            await put(manifests, stocked, content)
        assert caught.value.code == "MANIFEST_INVALID"
        assert caught.value.message.startswith(f"{where} declares {size} bytes, but sha256:")
        assert caught.value.message.endswith(f"has {stored}")


async def test_the_empty_json_has_two_bytes_wherever_it_is(
    manifests: Manifests, new_target: PushTarget
) -> None:
    lie = image(config=descriptor(b"{}", CONFIG) | {"size": 3})
    with pytest.raises(InvalidManifest, match=r"config declares 3 bytes.* has 2"):
        await put(manifests, new_target, lie)
    await put(manifests, new_target, image())


async def test_what_is_not_there_may_be_of_any_size(
    manifests: Manifests, sparse_manifests: Manifests, stocked: PushTarget
) -> None:
    """Index children and foreign layers, and all content in a mirror; and subjects anyway."""
    absent = descriptor(b"absent", OCI_MANIFEST) | {"size": 7}
    foreign = descriptor(b"elsewhere", FOREIGN, urls=["https://x"]) | {"size": 7}
    child = of(descriptor(b"one", LAYER))
    await put(manifests, stocked, child)
    await put(manifests, stocked, index(absent, descriptor(child, OCI_MANIFEST)))
    await put(manifests, stocked, of(foreign))
    await put(manifests, stocked, of(subject=descriptor(child, OCI_MANIFEST) | {"size": 7}))
    await put(sparse_manifests, stocked, of(absent))
    with pytest.raises(InvalidManifest):
        await put(sparse_manifests, stocked, of(descriptor(b"one", LAYER) | {"size": 7}))


class Counted:
    """A database that counts statements, and the transactions that were begun."""

    def __init__(self, metadata: Metadata) -> None:
        self._metadata = metadata
        self.statements: list[SqlStatement] = []
        self.transactions = 0

    @property
    def reader(self) -> Reader:
        """Reads, and counts."""
        return CountedReader(self._metadata.reader, self.statements)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Transaction]:
        """Begin a transaction, and count it."""
        self.transactions += 1
        async with self._metadata.begin() as tx:
            yield tx

    async def version(self) -> Hashable:
        """As `rights_revision`, of every commit."""
        return 0

    async def rights_revision(self) -> int:
        """Nobody's rights change here."""
        return 0

    async def close(self) -> None:
        """The database is closed by its fixture."""


class CountedReader:
    """A reader that remembers its statements."""

    def __init__(self, reader: Reader, statements: list[SqlStatement]) -> None:
        self._reader = reader
        self._statements = statements

    async def all(self, statement: SqlStatement, **values: Value) -> list[Row]:
        """Every row."""
        self._statements.append(statement)
        return await self._reader.all(statement, **values)

    async def one(self, statement: SqlStatement, **values: Value) -> Row | None:
        """The first row."""
        self._statements.append(statement)
        return await self._reader.one(statement, **values)


async def test_thousands_of_missing_layers_are_refused_before_anybody_waits(
    metadata: Metadata, uploads: Uploads, clock: MovableClock, stocked: PushTarget
) -> None:
    counted = Counted(metadata)
    manifests = Manifests(counted, uploads, accept_sparse=False, now=clock)
    layers = [descriptor(b"%d" % number, LAYER) for number in range(MAX_DESCRIPTORS)]
    with pytest.raises(ManifestBlobUnknown) as caught:
        await put(manifests, stocked, of(*layers))
    assert (len(counted.statements), counted.transactions) == (1, 0)
    assert len(caught.value.missing) == 100
    assert f"the first 100 of {MAX_DESCRIPTORS} are listed" in caught.value.message
    document = json.loads(error_body(caught.value))
    assert len(document["errors"]) == 100
    assert len(error_body(caught.value)) < 40_000


@pytest.mark.parametrize("count", [1, 30, 900])
async def test_content_is_looked_up_by_sets_however_much_there_is(
    metadata: Metadata, uploads: Uploads, clock: MovableClock, stocked: PushTarget, count: int
) -> None:
    counted = Counted(metadata)
    manifests = Manifests(counted, uploads, accept_sparse=False, now=clock)
    children = [descriptor(b"%d" % number, OCI_MANIFEST) for number in range(count)]
    await put(manifests, stocked, index(*children, descriptor(b"one", CACHE)))
    assert (len(counted.statements), counted.transactions) == (2, 1)
