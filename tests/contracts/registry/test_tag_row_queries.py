"""The rows of a tags page, as every engine filters, sorts and pages them."""

from datetime import timedelta

import pytest

from entrepot.metadata.contents import artifacts
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.registry import manifests, tag_listing
from entrepot.model.repositories import Repository
from entrepot.model.tags import Filters, TagOrder
from entrepot.oci.digests import Digest
from entrepot.oci.names import Tag
from tests.contracts.contents.test_artifact_queries import artifact
from tests.metadata.clocks import START
from tests.metadata.rows import add_account, add_manifest, add_repository

HIDDEN = f"sha256-{'0' * 64}.sig"
ARM = ("linux/arm/v7",)
ARM64 = ("linux/amd64", "linux/arm64")


@pytest.fixture
async def repository(metadata: Metadata) -> Repository:
    """Tags on images of two platforms, on a chart, on what nobody looked at; and a hidden one."""
    made = await add_repository(metadata, "a/b")
    alice = await add_account(metadata, "alice")
    images = {
        "v1.9": artifact(made, await add_manifest(metadata, made, b"1"), size=5, platforms=ARM),
        "v1.10": artifact(made, await add_manifest(metadata, made, b"2"), size=9, platforms=ARM64),
        "a_b": artifact(made, await add_manifest(metadata, made, b"3"), kind="chart", size=7),
    }
    unread = await add_manifest(metadata, made, b"4")
    async with metadata.begin() as tx:
        for number, (name, found) in enumerate(images.items()):
            moment = START + timedelta(minutes=number)
            await artifacts.write_artifact(tx, found)
            of = found.manifest_id
            await manifests.move_tag(tx, made.id, Tag(name), of, alice.id, moment)
        of = images["v1.9"].manifest_id
        await manifests.add_pulls(tx, of, 3, START)
        for name in (HIDDEN, "V1"):
            await manifests.move_tag(tx, made.id, Tag(name), unread, None, START)
    return made


async def names(
    metadata: Metadata,
    repository: Repository,
    order: TagOrder = TagOrder.NAME,
    *,
    limit: int = 10,
    offset: int = 0,
    **filters: str,
) -> list[str]:
    """The tags of one page."""
    wanted = Filters(**filters)
    rows = await tag_listing.list_rows(
        metadata.reader, repository.id, order, wanted, limit=limit, offset=offset
    )
    if limit == 10 and offset == 0:
        assert await tag_listing.count_rows(metadata.reader, repository.id, wanted) == len(rows)
    return [row.tag for row in rows]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (TagOrder.NAME, ["V1", "a_b", "v1.10", "v1.9"]),
        (TagOrder.NEWEST, ["a_b", "v1.10", "v1.9", "V1"]),
        (TagOrder.SIZE, ["v1.10", "a_b", "v1.9", "V1"]),
    ],
)
async def test_tags_are_sorted(
    metadata: Metadata, repository: Repository, order: TagOrder, expected: list[str]
) -> None:
    assert await names(metadata, repository, order) == expected
    pages = [
        await names(metadata, repository, order, limit=1, offset=number) for number in range(5)
    ]
    assert pages == [[name] for name in expected] + [[]]


async def test_versions_are_sorted_from_the_newest(
    metadata: Metadata, repository: Repository
) -> None:
    found = await names(metadata, repository, TagOrder.VERSION)
    assert found.index("v1.10") < found.index("v1.9")
    assert sorted(found) == ["V1", "a_b", "v1.10", "v1.9"]
    for order in TagOrder:
        assert await names(metadata, repository, order, text="v1.") == [
            name for name in await names(metadata, repository, order) if name in ("v1.9", "v1.10")
        ]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"text": "V1"}, ["V1", "v1.10", "v1.9"]),
        ({"text": "_"}, ["a_b"]),
        ({"text": "%"}, []),
        ({"text": "!"}, []),
        ({"text": "\\"}, []),
        ({"text": "sha256"}, []),
        ({"kind": "chart"}, ["a_b"]),
        ({"kind": "image"}, ["v1.10", "v1.9"]),
        ({"platform": "linux/arm/"}, ["v1.9"]),
        ({"platform": "linux/arm64"}, ["a_b", "v1.10"]),
        ({"platform": "linux/amd64", "kind": "image", "text": "10"}, ["v1.10"]),
        ({"platform": "linux/amd64", "kind": "image", "text": "9"}, []),
        ({"platform": "'"}, []),
    ],
)
async def test_tags_are_filtered(
    metadata: Metadata, repository: Repository, filters: dict[str, str], expected: list[str]
) -> None:
    assert (
        await names(metadata, repository, TagOrder.NAME, limit=10, offset=0, **filters) == expected
    )


async def test_a_row_says_what_is_known(metadata: Metadata, repository: Repository) -> None:
    row = await tag_listing.find_row(metadata.reader, repository.id, "v1.9")
    assert row is not None
    assert (row.digest, row.manifest_size) == (str(Digest.of(b"1")), 1)
    assert (row.moved_by, row.moved_at) == ("alice", START)
    assert (row.pulls, row.pulled_at) == (3, START)
    assert row.artifact is not None
    assert row.artifact.platforms == ARM
    row = await tag_listing.find_row(metadata.reader, repository.id, "V1")
    assert row is not None
    assert (row.moved_by, row.pulls, row.pulled_at, row.artifact) == (None, 0, None, None)
    assert await tag_listing.find_row(metadata.reader, repository.id, "v1") is None
    assert await tag_listing.find_row(metadata.reader, repository.id + 1, "V1") is None


async def test_aliases_are_the_tags_that_people_gave(
    metadata: Metadata, repository: Repository
) -> None:
    row = await tag_listing.find_row(metadata.reader, repository.id, "V1")
    assert row is not None
    assert await tag_listing.list_aliases(metadata.reader, row.manifest_id) == ["V1"]
    assert await tag_listing.list_aliases(metadata.reader, row.manifest_id + 99) == []


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["2.0.0-rc.1", "1.10.0", "1.9.0", "latest"], "1.10.0"),
        (["4711", "1.0.0"], "1.0.0"),
        (["4711", "4712", "main"], "4712"),
        (["1.0.0-alpine", "1.1.0-rc.1-alpine"], "1.0.0-alpine"),
        (["main", "latest", "2.0.0-rc.1"], None),
    ],
)
async def test_the_greatest_stable_version_is_found(
    metadata: Metadata, names: list[str], expected: str | None
) -> None:
    made = await add_repository(metadata, "a/stable")
    manifest = await add_manifest(metadata, made, b"1")
    async with metadata.begin() as tx:
        for name in names:
            await manifests.move_tag(tx, made.id, Tag(name), manifest, None, START)
    found = await tag_listing.find_stable(metadata.reader, made.id)
    assert (found and found.tag) == expected


async def test_platforms_are_those_that_tags_are_for(
    metadata: Metadata, repository: Repository
) -> None:
    found = await tag_listing.list_platforms(metadata.reader, repository.id)
    assert found == ["linux/amd64", "linux/arm/v7", "linux/arm64", "linux/arm64/v8"]
    assert await tag_listing.list_platforms(metadata.reader, 0) == []
