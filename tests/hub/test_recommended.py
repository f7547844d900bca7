"""What people are told to pull: never a backport, a release candidate or the build of a change."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from entrepot.hub.recommended import find_recommended, list_versions
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.registry import manifests
from entrepot.model.repositories import Repository
from entrepot.oci.names import Tag
from tests.metadata.clocks import START
from tests.metadata.rows import add_manifest, add_repository


async def pushed(metadata: Metadata, tags: Sequence[str]) -> Repository:
    """A repository to which these were pushed in this order, each a manifest of its own."""
    made = await add_repository(metadata, "a/b")
    for number, name in enumerate(tags):
        of = await add_manifest(metadata, made, name.encode())
        async with metadata.begin() as tx:
            moment = START + timedelta(minutes=number)
            await manifests.move_tag(tx, made.id, Tag(name), of, None, moment)
    return made


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["2.0.0", "1.9.4"], "2.0.0"),
        (["1.9.0", "1.10.0", "1.9.1"], "1.10.0"),
        (["v1.2.0", "v1.3.0-rc.1"], "v1.2.0"),
        (["1.2.0", "1.3.0rc1", "1.3.0b2", "1.3.0.dev1"], "1.2.0"),
        (["1.2.0", "2.0.0-alpha", "2.0.0-SNAPSHOT", "2.0.0-nightly.4"], "1.2.0"),
        (["1.2.0", "pr-318", "sha-1a2b3c4", "main", "feature-x"], "1.2.0"),
        (["1.2.0", "4711", "20260131"], "1.2.0"),
        (["17", "18", "latest", "16"], "18"),
        (["1.2.0", "latest", "nightly"], "1.2.0"),
        (["1.27.0-alpine", "1.27.0", "1.27.0-slim"], "1.27.0"),
        (["1.26.0-alpine", "1.27.0-alpine", "1.28.0-rc1-alpine"], "1.27.0-alpine"),
        (["0.1.0_build.7", "0.1.0"], "0.1.0_build.7"),
        (["latest", "2.0.0-rc.1", "pr-4"], "latest"),
        (["main", "pr-4", "edge"], "edge"),
        (["main", "readme", "artifacthub.io"], "main"),
        (["readme"], "readme"),
    ],
)
async def test_the_greatest_stable_version_is_recommended(
    metadata: Metadata, tags: list[str], expected: str
) -> None:
    made = await pushed(metadata, tags)
    found = await find_recommended(metadata.reader, made.id)
    assert found is not None
    assert found.tag == expected


async def test_an_empty_repository_recommends_nothing(metadata: Metadata) -> None:
    made = await add_repository(metadata, "a/b")
    assert await find_recommended(metadata.reader, made.id) is None
    assert await list_versions(metadata.reader, made.id, 6) == []


async def test_versions_are_listed_from_the_greatest(metadata: Metadata) -> None:
    made = await pushed(metadata, ["2.0.0", "main", "1.9.4", "2.1.0-rc.1"])
    rows = await list_versions(metadata.reader, made.id, 3)
    assert [row.tag for row in rows] == ["2.1.0-rc.1", "2.0.0", "1.9.4"]


async def test_without_versions_the_newest_pushes_are_listed(metadata: Metadata) -> None:
    made = await pushed(metadata, ["main", "dev", "edge"])
    rows = await list_versions(metadata.reader, made.id, 2)
    assert [row.tag for row in rows] == ["edge", "dev"]
