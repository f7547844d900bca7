"""The check finds what is missing and what is wrong, and nothing else."""

from datetime import timedelta

import pytest

from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.registry import blobs
from entrepot.metadata.repositories import PushTarget
from entrepot.model.repositories import Repository
from entrepot.oci.digests import Digest
from entrepot.registry.maintenance.check import IntegrityCheck
from entrepot.registry.maintenance.collector import Collector
from entrepot.registry.uploads import Uploads
from entrepot.storage.memory import MemoryStorage
from entrepot.storage.protocols import BlobKey
from tests.metadata.clocks import START
from tests.metadata.rows import add_manifest
from tests.registry.bodies import body

LATER = START.replace(year=2100)


@pytest.fixture
def check(metadata: Metadata, storage: MemoryStorage) -> IntegrityCheck:
    """A check of the facts against the bytes."""
    return IntegrityCheck(metadata, storage)


async def problems(check: IntegrityCheck) -> dict[str, str]:
    """What is wrong, by digest."""
    return {each.digest: each.problem async for each in check.run() if each.problem}


@pytest.fixture
async def keys(uploads: Uploads, target: PushTarget) -> list[BlobKey]:
    """The keys of three blobs, one of them by SHA-512."""
    digests = [Digest.of(b"one"), Digest.of(b"two"), Digest.of(b"three", "sha512")]
    for digest, content in zip(digests, (b"one", b"two", b"three"), strict=True):
        await uploads.put(target, body(content), digest)
    return [BlobKey(str(digest)) for digest in digests]


async def test_an_empty_hub_is_right(check: IntegrityCheck) -> None:
    assert await check.count() == 0
    assert await problems(check) == {}


async def test_everything_right_is_looked_at_and_counted(
    check: IntegrityCheck, keys: list[BlobKey], metadata: Metadata, repository: Repository
) -> None:
    await add_manifest(metadata, repository, b"{}")
    found = [each async for each in check.run()]
    assert [each.what for each in found] == ["manifest", "blob", "blob", "blob"]
    assert await check.count() == len(found)
    assert await problems(check) == {}
    assert len(keys) == 3


@pytest.mark.parametrize(
    ("damaged", "problem"),
    [
        (None, "the bytes are missing"),
        (b"", "0 bytes instead of 3"),
        (b"twoo", "4 bytes instead of 3"),
        (b"twO", "the bytes do not match the digest"),
    ],
)
async def test_a_damaged_blob_is_named(
    check: IntegrityCheck,
    keys: list[BlobKey],
    storage: MemoryStorage,
    damaged: bytes | None,
    problem: str,
) -> None:
    if damaged is None:
        del storage.blobs[keys[1]]
    else:
        storage.blobs[keys[1]] = damaged
    assert await problems(check) == {str(keys[1]): problem}


async def test_a_damaged_manifest_is_named(
    check: IntegrityCheck, metadata: Metadata, repository: Repository
) -> None:
    wrong = Digest.of(b"something else")
    await add_manifest(metadata, repository, b"right")
    await add_manifest(metadata, repository, b"wrong", digest=wrong)
    assert await problems(check) == {str(wrong): "the bytes do not match the digest"}


async def test_what_is_freed_while_it_is_checked_is_no_damage(
    check: IntegrityCheck, keys: list[BlobKey], metadata: Metadata, storage: MemoryStorage
) -> None:
    collector = Collector(metadata, storage, lambda: LATER, grace=timedelta())
    found: list[str | None] = []
    async for each in check.run():
        if not found:  # by now the page with all three has been read
            assert (await collector.run()).blobs == len(keys)
        found.append(each.problem)
    assert found == [None, None, None]


async def test_what_is_pushed_again_while_it_is_checked_is_no_damage(
    check: IntegrityCheck, keys: list[BlobKey], metadata: Metadata, storage: MemoryStorage
) -> None:
    found: list[str | None] = []
    async for each in check.run():
        if not found:
            for digest in (Digest.of(b"one"), Digest.of(b"two")):
                new = BlobKey(f"new-{digest}")
                storage.blobs[new] = storage.blobs.pop(BlobKey(str(digest)))
                async with metadata.begin() as tx:
                    await blobs.move_blob(tx, digest, str(digest), new)
        found.append(each.problem)
    assert len(found) == len(keys)
    assert found == [None, None, None]
