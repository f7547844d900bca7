"""The manifests of a tags page, each on one page only, with all its tags, on every engine."""

from datetime import timedelta

import pytest

from entrepot.metadata.contents import artifacts
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.registry import manifests, tag_groups, tag_listing
from entrepot.metadata.registry.tag_groups import MOST_LISTED
from entrepot.model.repositories import Repository
from entrepot.model.tags import Filters, TagGroup, TagOrder
from entrepot.oci.names import Tag
from tests.contracts.contents.test_artifact_queries import artifact
from tests.metadata.clocks import START
from tests.metadata.rows import add_manifest, add_repository

MANIFESTS = 9
TAGS_EACH = 14


async def tagged(metadata: Metadata, repository: Repository, content: bytes, *names: str) -> int:
    """A manifest with these tags, each set a minute after the one before."""
    made = await add_manifest(metadata, repository, content)
    async with metadata.begin() as tx:
        for number, name in enumerate(names):
            moment = START + timedelta(minutes=number)
            await manifests.move_tag(tx, repository.id, Tag(name), made, None, moment)
    return made


@pytest.fixture
async def repository(metadata: Metadata) -> Repository:
    """Some manifests of many tags each, whose tags lie between one another in every order."""
    made = await add_repository(metadata, "a/b")
    for number in range(MANIFESTS):
        names = [f"{patch}.{number}.0" for patch in range(TAGS_EACH)]
        await tagged(metadata, made, str(number).encode(), *names)
    return made


async def page(
    metadata: Metadata, repository: Repository, order: TagOrder, number: int, size: int = 2
) -> list[TagGroup]:
    """One page without a filter."""
    return await tag_groups.list_groups(
        metadata.reader, repository.id, order, Filters(), limit=size, offset=number * size
    )


@pytest.mark.parametrize("order", list(TagOrder))
async def test_each_digest_is_on_one_page_with_all_its_tags(
    metadata: Metadata, repository: Repository, order: TagOrder
) -> None:
    pages = [await page(metadata, repository, order, number) for number in range(6)]
    assert [len(each) for each in pages] == [2, 2, 2, 2, 1, 0]
    groups = [group for each in pages for group in each]
    assert len({group.row.digest for group in groups}) == MANIFESTS
    for group in groups:
        assert group.count == TAGS_EACH
        assert len({group.row.tag, *group.others}) == TAGS_EACH
    total = await tag_groups.count_groups(metadata.reader, repository.id, Filters())
    assert total == MANIFESTS


async def test_groups_are_sorted_by_their_first_tags(metadata: Metadata) -> None:
    made = await add_repository(metadata, "a/b")
    await tagged(metadata, made, b"old", "1.9", "z")
    await tagged(metadata, made, b"new", "latest", "1.10", "1")
    await tagged(metadata, made, b"branch", "main")
    found = await page(metadata, made, TagOrder.VERSION, 0, size=9)
    assert [(each.row.tag, each.others) for each in found] == [
        ("1.10", ("1", "latest")),
        ("1.9", ("z",)),
        ("main", ()),
    ]
    by_name = await page(metadata, made, TagOrder.NAME, 0, size=9)
    assert [each.row.tag for each in by_name] == ["1", "1.9", "main"]
    by_time = await page(metadata, made, TagOrder.NEWEST, 0, size=9)
    assert [each.row.tag for each in by_time] == ["1", "z", "main"]


async def test_a_filter_finds_a_digest_by_any_of_its_tags(metadata: Metadata) -> None:
    made = await add_repository(metadata, "a/b")
    image = await tagged(metadata, made, b"one", "1.0.0", "stable")
    await tagged(metadata, made, b"two", "2.0.0")
    async with metadata.begin() as tx:
        await artifacts.write_artifact(tx, artifact(made, image, platforms=("linux/arm64",)))
    for filters in (Filters(text="STAB"), Filters(platform="linux/arm64"), Filters(kind="image")):
        found = await tag_groups.list_groups(
            metadata.reader, made.id, TagOrder.VERSION, filters, limit=9, offset=0
        )
        count = await tag_groups.count_groups(metadata.reader, made.id, filters)
        assert (len(found), count) == (1, 1)
        (group,) = found
        assert group.row.tag == ("stable" if filters.text else "1.0.0")
        assert {group.row.tag, *group.others} == {"1.0.0", "stable"}
        assert group.count == 2


async def test_hidden_tags_make_no_group_and_are_in_none(metadata: Metadata) -> None:
    made = await add_repository(metadata, "a/b")
    hidden = f"sha256-{'0' * 64}.sig"
    await tagged(metadata, made, b"one", "1.0.0", hidden)
    await tagged(metadata, made, b"two", f"sha256-{'1' * 64}")
    (group,) = await page(metadata, made, TagOrder.NAME, 0, size=9)
    assert (group.row.tag, group.others, group.count) == ("1.0.0", (), 1)


async def test_a_digest_of_very_many_tags_lists_some_and_counts_all(metadata: Metadata) -> None:
    made = await add_repository(metadata, "a/b")
    names = [f"1.0.{number}" for number in range(MOST_LISTED + 30)]
    await tagged(metadata, made, b"one", *names)
    (group,) = await page(metadata, made, TagOrder.VERSION, 0)
    assert group.row.tag == names[-1]
    assert len(group.others) == MOST_LISTED - 1
    assert group.count == len(names)
    rest = Filters(digest=group.row.digest)
    rows = await tag_listing.list_rows(
        metadata.reader, made.id, TagOrder.NAME, rest, limit=500, offset=0
    )
    assert sorted(row.tag for row in rows) == sorted(names)
    other = Filters(digest=group.row.digest.replace("sha256:", "sha512:"))
    assert await tag_listing.count_rows(metadata.reader, made.id, other) == 0
