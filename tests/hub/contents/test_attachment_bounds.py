"""What is attached costs what its answer is worth, however it is pushed."""

from collections.abc import Iterator

import pytest

from entrepot.hub.contents.attachments import MAX_NODES, Node
from entrepot.hub.contents.indexing import CONTRIBUTION
from entrepot.metadata.contents import artifacts
from entrepot.oci.manifests import Manifest, parse_manifest
from tests.hub.contents.test_attachments import legacy
from tests.hub.shelves import SPDX, Shelf, push_chart, spdx
from tests.wire.content import encode


async def test_a_lattice_of_attachments_is_a_tree_of_bounded_size(shelf: Shelf) -> None:
    root = await push_chart(shelf, "1.0.0")
    level = [root]
    for depth in range(4):
        pushed = [
            await shelf.push_referrer(None, encode(spdx(f"p{depth}-{number}")), SPDX)
            for number in range(8)
        ]
        # Each of the level is attached to each of the level above.
        for above in level:
            await shelf.push_index(*((each, {}) for each in pushed), tag=legacy(above, ""))
        level = pushed
    await shelf.settle()
    tree = await shelf.attachments.tree_of(shelf.repository.id, str(root))
    digests = list(_digests(tree))
    assert len(digests) == len(set(digests)) == 32


async def test_a_broad_tree_is_cut_and_says_so(shelf: Shelf) -> None:
    root = await push_chart(shelf, "1.0.0")
    first = [await shelf.push_referrer(root, b"%d" % number, SPDX) for number in range(60)]
    for number in range(60):
        await shelf.push_referrer(first[0], b"more %d" % number, SPDX)
    await shelf.settle()
    tree = await shelf.attachments.tree_of(shelf.repository.id, str(root))
    assert len(list(_digests(tree))) == MAX_NODES
    assert [node.attached.digest for node in tree if node.truncated] == [str(first[0])]
    part = await shelf.attachments.tree_of(shelf.repository.id, str(root), offset=50, limit=25)
    assert [node.attached.digest for node in part] == [str(each) for each in first[50:]]
    below = await shelf.attachments.tree_of(shelf.repository.id, str(first[0]))
    assert len(below) == 60


async def test_texts_in_a_tree_are_short(shelf: Shelf) -> None:
    chart = await push_chart(shelf, "1.0.0")
    said = {f"org.opencontainers.image.{name}": "x" * 2000 for name in ("title", "description")}
    await shelf.push_referrer(chart, encode(spdx("bash")), SPDX, annotations=said)
    await shelf.settle()
    (node,) = await shelf.attachments.tree_of(shelf.repository.id, str(chart))
    artifact = node.attached.artifact
    assert len(artifact.title) <= 100
    assert len(artifact.description) <= 200


async def test_a_shared_child_is_counted_once_for_all_its_indexes(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a slow machine a turn would end between two attachments, and each turn counts.
    monkeypatch.setattr("entrepot.jobs.worker.TURN", 3600.0)
    child = await shelf.push_image()
    parents = [
        await shelf.push_index((child, {"annotations": {"i": str(number)}}), tag=f"v{number}")
        for number in range(10)
    ]
    await shelf.settle()
    read = 0
    find_document = artifacts.find_document

    async def count(*given: object) -> object:
        nonlocal read
        read += given[2] == CONTRIBUTION
        return await find_document(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(artifacts, "find_document", count)
    for number in range(10):
        await shelf.push_referrer(child, encode(spdx(f"p{number}")), SPDX)
    await shelf.settle()
    assert [(await shelf.marks(each)).sboms for each in [child, *parents]] == [10] * 11
    # Ten, a time or two: neither for each attachment anew nor for each index.
    assert read <= 30


async def test_an_index_is_parsed_once_however_many_it_lists(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    children = [await shelf.push_image(f"cpu{number}") for number in range(20)]
    await shelf.push_index(*((each, {}) for each in children), tag="v1")
    parsed = 0

    async def count(content: bytes, media_type: str) -> Manifest:
        nonlocal parsed
        parsed += 1
        return parse_manifest(content, media_type)

    monkeypatch.setattr("entrepot.hub.contents.attachments.read_manifest", count)
    await shelf.reindex()
    assert parsed <= 1


def _digests(nodes: tuple[Node, ...]) -> Iterator[str]:
    for node in nodes:
        yield node.attached.digest
        yield from _digests(node.children)
