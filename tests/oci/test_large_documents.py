"""Large documents are parsed once, beside the event loop, by a thread that gives way."""

import asyncio
import gc
import sys
import threading
from collections.abc import Iterator

import pytest

from entrepot.errors import InvalidManifest
from entrepot.oci import manifests
from entrepot.oci.aside import QUICK, aside
from entrepot.oci.manifests import MAX_SIZE, Manifest, read_manifest, read_pushed_manifest
from tests.wire.content import EMPTY_TYPE, descriptor, image


@pytest.fixture(autouse=True)
def parsed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The sizes of the manifests that are parsed from here on, where none is remembered."""
    sizes: list[int] = []
    parse = manifests._parse

    def note(content: bytes, document: dict[str, object], content_type: str | None) -> Manifest:
        sizes.append(len(content))
        return parse(content, document, content_type)

    monkeypatch.setattr(manifests, "_parse", note)
    manifests._parsed.clear()
    yield sizes
    manifests._parsed.clear()


def padded(size: int, character: str = "x") -> bytes:
    """A manifest of at least this size."""
    config = descriptor(b"{}", EMPTY_TYPE)
    return image(config=config, layers=[config], annotations={"pad": character * size})


async def test_a_large_manifest_is_parsed_once(parsed: list[int]) -> None:
    content = padded(QUICK)
    pushed = await read_pushed_manifest(content, None)
    again = await read_manifest(bytes(bytearray(content)), pushed.media_type)
    assert again is pushed
    assert len(parsed) == 1


async def test_a_manifest_is_remembered_for_its_type_and_bytes_only(parsed: list[int]) -> None:
    await read_pushed_manifest(padded(QUICK), None)
    with pytest.raises(InvalidManifest):
        await read_manifest(padded(QUICK), "application/vnd.oci.image.index.v1+json")
    await read_manifest(padded(QUICK, "y"), None)
    assert len(parsed) == 3


async def test_what_is_pushed_is_checked_each_time(parsed: list[int]) -> None:
    for _ in range(2):
        await read_pushed_manifest(padded(QUICK), None)
    assert len(parsed) == 2


async def test_small_manifests_are_not_remembered() -> None:
    await read_pushed_manifest(padded(10), None)
    assert not manifests._parsed


async def test_the_latest_used_manifests_of_so_many_bytes_are_remembered() -> None:
    size = MAX_SIZE - 2000
    for character in "abac":
        found = await read_manifest(padded(size, character), None)
        await read_manifest(found.content, found.media_type)
    kept = [manifest.annotations["pad"][0] for manifest in manifests._parsed.values()]
    assert kept == ["a", "c"]
    assert sum(len(content) for content, _ in manifests._parsed) <= 2 * MAX_SIZE


async def test_a_thread_that_works_on_a_large_document_gives_way_while_it_does() -> None:
    before = sys.getswitchinterval()

    def look() -> tuple[str, float, bool]:
        return threading.current_thread().name, sys.getswitchinterval(), gc.isenabled()

    name, interval, collects = await aside(QUICK + 1, look)
    assert name != threading.current_thread().name
    assert interval == pytest.approx(0.0005)
    assert not collects
    assert await aside(QUICK, look) == (threading.current_thread().name, before, True)


async def test_other_threads_have_their_time_again_after_a_failure() -> None:
    before = sys.getswitchinterval()

    def fail() -> None:
        raise InvalidManifest("no")

    with pytest.raises(InvalidManifest):
        await asyncio.wait_for(aside(QUICK + 1, fail), 10)
    assert sys.getswitchinterval() == before
    assert gc.isenabled()
