"""Lists of repositories that are somebody's own, and the tags that they recommend."""

from datetime import timedelta

import pytest

from entrepot.metadata import repository_lists, repository_settings, stars
from entrepot.metadata.contents import artifacts
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.registry import history, manifests, pull_days, recommended_tags
from entrepot.metadata.visibility import VisibleTo
from entrepot.model.repositories import Repository, Visibility
from entrepot.model.search import SearchOrder
from entrepot.model.tags import TagAction
from entrepot.oci.names import Tag
from tests.contracts.contents.test_artifact_queries import artifact
from tests.metadata.clocks import START
from tests.metadata.rows import (
    add_account,
    add_manifest,
    add_organization,
    add_repository,
    set_pushed,
)

EVERYTHING = VisibleTo(None)


async def push(
    metadata: Metadata, repository: Repository, *names: str, kind: str = "image"
) -> None:
    """Tags on a manifest of their own each, set a minute after the one before."""
    for number, name in enumerate(names):
        moment = START + timedelta(minutes=number)
        made = await add_manifest(metadata, repository, f"{repository.id} {name}".encode())
        async with metadata.begin() as tx:
            await artifacts.write_artifact(tx, artifact(repository, made, kind=kind))
            await manifests.move_tag(tx, repository.id, Tag(name), made, None, moment)
            await history.note_tag(
                tx, repository.id, name, TagAction.PUSHED, "sha256:0", None, None, moment
            )


@pytest.fixture
async def acme(metadata: Metadata) -> int:
    """The id of an organization with three repositories; another has one."""
    found = await add_organization(metadata, "acme")
    for number, name in enumerate(("acme/shop", "acme/a_b", "acme/axb")):
        made = await add_repository(metadata, name, namespace_id=found)
        async with metadata.begin() as tx:
            await set_pushed(tx, made.id, START + timedelta(hours=number))
            await repository_settings.describe(tx, made.id, f"Number {number}", "")
    other = await add_organization(metadata, "other")
    await add_repository(metadata, "other/thing", Visibility.PUBLIC, other)
    return found


async def names_of(metadata: Metadata, acme: int, **wanted: object) -> list[str]:
    """The names on a page of acme's repositories."""
    found = await repository_lists.list_owned(metadata.reader, [acme], **wanted)  # type: ignore[arg-type]
    return [hit.name for hit in found]


async def test_owned_repositories_come_in_pages(metadata: Metadata, acme: int) -> None:
    assert await names_of(metadata, acme) == ["acme/axb", "acme/a_b", "acme/shop"]
    assert await names_of(metadata, acme, limit=1, offset=1) == ["acme/a_b"]
    by_name = await names_of(metadata, acme, order=SearchOrder.NAME)
    assert by_name == ["acme/a_b", "acme/axb", "acme/shop"]
    by_pulls = await names_of(metadata, acme, order=SearchOrder.PULLS)
    assert by_pulls == by_name
    # An order that these lists do not have is the usual one.
    assert await names_of(metadata, acme, order=SearchOrder.RELEVANCE, limit=1) == ["acme/axb"]
    assert await repository_lists.list_owned(metadata.reader, []) == []


async def test_owned_repositories_are_narrowed(metadata: Metadata, acme: int) -> None:
    assert await names_of(metadata, acme, text="A_B") == ["acme/a_b"]
    assert await names_of(metadata, acme, text="number 0") == ["acme/shop"]
    assert await names_of(metadata, acme, text="%") == []
    assert await names_of(metadata, acme, kind="image") == []
    counted = await repository_lists.count_owned_kinds(metadata.reader, [acme])
    assert counted == {"": 3}
    assert await repository_lists.count_owned_kinds(metadata.reader, [acme], "shop") == {"": 1}


async def test_named_repositories_are_those_that_are_seen(metadata: Metadata, acme: int) -> None:
    names = ["other/thing", "gone/away", "acme/shop"]
    for visible_to, expected in (
        (EVERYTHING, ["other/thing", "acme/shop"]),
        (VisibleTo((acme,)), ["other/thing", "acme/shop"]),
        (VisibleTo(()), ["other/thing"]),
    ):
        found = await repository_lists.list_named(metadata.reader, names, visible_to)
        assert [hit.name for hit in found] == expected


async def test_stars_are_listed_from_the_newest(metadata: Metadata, acme: int) -> None:
    alice = await add_account(metadata, "alice")
    hits = await repository_lists.list_owned(metadata.reader, [acme])
    async with metadata.begin() as tx:
        for number, hit in enumerate(hits):
            await stars.add_star(tx, alice.id, hit.repository_id, START + timedelta(number))
    for visible_to, expected in (
        (EVERYTHING, ["acme/shop", "acme/a_b"]),
        (VisibleTo((acme,)), ["acme/shop", "acme/a_b"]),
        (VisibleTo(()), []),
    ):
        found = await repository_lists.list_starred_hits(
            metadata.reader, alice.id, visible_to, limit=2
        )
        assert [hit.name for hit in found] == expected


async def test_each_repository_recommends_a_tag_of_its_own(metadata: Metadata) -> None:
    shop, tools, empty = [await add_repository(metadata, f"a/{name}") for name in "ste"]
    await push(metadata, shop, "1.9.0", "1.10.0", "2.0.0-rc.1", "latest")
    await push(metadata, tools, "main", "edge", "readme")
    found = await recommended_tags.list_recommended(
        metadata.reader, [shop.id, tools.id, empty.id, 0]
    )
    assert {of: row.tag for of, row in found.items()} == {shop.id: "1.10.0", tools.id: "edge"}
    row = found[shop.id]
    assert row.artifact is not None
    assert row.artifact.manifest_id == row.manifest_id
    assert row.moved_at == START + timedelta(minutes=1)
    assert await recommended_tags.list_recommended(metadata.reader, []) == {}


async def test_attachments_are_recommended_only_where_there_is_nothing_else(
    metadata: Metadata,
) -> None:
    made = await add_repository(metadata, "a/b")
    await push(metadata, made, "sbom", kind="sbom-spdx-json")
    found = await recommended_tags.list_recommended(metadata.reader, [made.id])
    assert found[made.id].tag == "sbom"


async def test_events_of_many_repositories_are_a_few_of_each(metadata: Metadata) -> None:
    busy, quiet = [await add_repository(metadata, f"a/{name}") for name in "bq"]
    await push(metadata, quiet, "1")
    await push(metadata, busy, "1", "2", "3", "4")
    found = await history.list_newest_of(metadata.reader, [busy.id, quiet.id])
    assert [(name, event.tag) for name, event in found] == [
        ("a/b", "4"),
        ("a/b", "3"),
        ("a/b", "2"),
        ("a/q", "1"),
    ]
    assert await history.list_newest_of(metadata.reader, []) == []


async def test_pulls_of_many_repositories_are_read_at_once(metadata: Metadata) -> None:
    one, other = [await add_repository(metadata, f"a/{name}") for name in "xy"]
    day = START.date()
    async with metadata.begin() as tx:
        counts = {(one.id, pull_days.WHOLE): 3, (one.id, "1.0"): 2, (other.id, pull_days.WHOLE): 5}
        await pull_days.add_pulls(tx, day, counts)
        await pull_days.add_pulls(tx, day - timedelta(days=2), counts)
    first = day - timedelta(days=1)
    found = await pull_days.list_days_of_many(metadata.reader, [one.id, other.id, 0], first)
    assert found == {(one.id, day): 3, (other.id, day): 5}
