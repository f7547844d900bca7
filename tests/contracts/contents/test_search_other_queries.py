"""Packages, vulnerabilities, tags, people and organizations by one word; nothing hidden."""

from datetime import timedelta

import pytest

from entrepot.metadata.contents import packages, search, search_others
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.people import accounts
from entrepot.metadata.registry import manifests
from entrepot.metadata.security import vulnerabilities
from entrepot.metadata.visibility import VisibleTo
from entrepot.model.repositories import Visibility
from entrepot.model.search import (
    FoundNamespace,
    FoundPackage,
    FoundTag,
    FoundVulnerability,
    Query,
    Term,
)
from entrepot.oci.names import Tag
from tests.metadata.clocks import START
from tests.metadata.rows import add_account, add_manifest, add_organization, add_repository

STRANGER = VisibleTo(())
EVERYTHING = VisibleTo(None)


@pytest.fixture
async def secret(metadata: Metadata) -> int:
    """The id of an organization with a private repository; another has a public one."""
    ids = {}
    for name, visibility in (("opener", Visibility.PUBLIC), ("secret", Visibility.PRIVATE)):
        ids[name] = await add_organization(metadata, name)
        made = await add_repository(metadata, f"{name}/app", visibility, ids[name])
        of = await add_manifest(metadata, made, name.encode())
        async with metadata.begin() as tx:
            for tag in ("1.2", "v1.2", "latest"):
                await manifests.move_tag(tx, made.id, Tag(tag), of, None, START)
            listed = [("zlib", "1.3", "", ""), (f"zlib-{name}", "1.3", "", "")]
            await packages.add_packages(tx, of, made.id, listed)
            await vulnerabilities.add_vulnerabilities(
                tx, of, made.id, {"CVE-2024-1": "high", f"CVE-2024-1{len(name)}": "low"}
            )
            await search.write_document(tx, made.id, f"{name}/app", "", "")
    return ids["secret"]


async def test_packages_are_counted_where_they_are_seen(metadata: Metadata, secret: int) -> None:
    for visible_to, count in ((STRANGER, 1), (VisibleTo((secret,)), 2), (EVERYTHING, 2)):
        found = await search_others.list_packages_like(metadata.reader, "zlib", visible_to, 5)
        assert found[0] == FoundPackage("zlib", count)
        assert len(found) == count + 1
    assert FoundPackage("zlib-secret", 1) not in await search_others.list_packages_like(
        metadata.reader, "zlib", STRANGER, 5
    )
    assert await search_others.list_packages_like(metadata.reader, "zlib-secret", STRANGER, 5) == []


async def test_vulnerabilities_are_counted_where_they_are_seen(
    metadata: Metadata, secret: int
) -> None:
    for visible_to, count in ((STRANGER, 1), (VisibleTo((secret,)), 2), (EVERYTHING, 2)):
        found = await search_others.list_vulnerabilities_like(
            metadata.reader, "CVE-2024-1", visible_to, 5
        )
        assert found[0] == FoundVulnerability("CVE-2024-1", count)


async def test_tags_are_listed_where_they_are_seen(metadata: Metadata, secret: int) -> None:
    names = ["1.2", "v1.2"]
    found = await search_others.list_tags_named(metadata.reader, names, STRANGER, 9)
    assert found == [FoundTag("opener/app", "1.2"), FoundTag("opener/app", "v1.2")]
    for visible_to in (VisibleTo((secret,)), EVERYTHING):
        assert len(await search_others.list_tags_named(metadata.reader, names, visible_to, 9)) == 4
        assert len(await search_others.list_tags_named(metadata.reader, names, visible_to, 3)) == 3


async def test_namespaces_are_those_that_a_stranger_may_know(
    metadata: Metadata, secret: int
) -> None:
    await add_account(metadata, "sebastian")
    gone = await add_account(metadata, "sent-away")
    async with metadata.begin() as tx:
        await accounts.set_disabled(tx, gone.id, START + timedelta(days=1))

    async def names(text: str, visible_to: VisibleTo, *, sees_people: bool) -> list[str]:
        found = await search_others.list_namespaces_like(
            metadata.reader, text, visible_to, 9, sees_people=sees_people
        )
        return [each.name for each in found]

    assert await names("se", STRANGER, sees_people=False) == []
    assert await names("se", STRANGER, sees_people=True) == ["sebastian"]
    assert await names("op", STRANGER, sees_people=False) == ["opener"]
    assert await names("se", VisibleTo((secret,)), sees_people=False) == ["secret"]
    assert await names("se", EVERYTHING, sees_people=False) == ["secret", "sebastian"]
    found = await search_others.list_namespaces_like(
        metadata.reader, "opener", EVERYTHING, 1, sees_people=True
    )
    assert found == [FoundNamespace("opener", found[0].kind, "")]


async def test_hits_are_found_without_counts(metadata: Metadata, secret: int) -> None:
    query = Query((Term("app", is_prefix=True),))
    for visible_to, expected in (
        (STRANGER, ["opener/app"]),
        (VisibleTo((secret,)), ["opener/app", "secret/app"]),
    ):
        hits = await search.list_hits(metadata.reader, query, visible_to, 5)
        assert [hit.name for hit in hits] == expected
    assert await search.list_hits(metadata.reader, Query((Term("--"),)), EVERYTHING, 5) == ()
