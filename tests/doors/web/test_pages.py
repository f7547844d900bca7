"""Lists come in pages that lose and repeat nothing."""

import re

import pytest

from entrepot.metadata.registry import manifests as manifest_rows
from entrepot.metadata.repositories import find_repository
from entrepot.model.repositories import Visibility
from entrepot.oci.names import RepositoryName, Tag
from tests.doors.conftest import Town
from tests.doors.doors import Doors
from tests.metadata.clocks import START


async def follow(doors: Doors, target: str, key: str, auth: str | None) -> list[list[str]]:
    """Every page, by its `Link`."""
    pages = []
    while target:
        answer = await doors.ask("GET", target, auth=auth)
        assert answer.status == 200
        pages.append(answer.texts(key))
        link = answer.header("link")
        match = re.fullmatch(r'<(/[^>]+)>; rel="next"', link) if link else None
        assert (match is None) is (link is None)
        target = match[1] if match else ""
        assert len(pages) < 100
    return pages


@pytest.mark.parametrize("size", [1, 2, 3, 6, 7, 8, 100, 99999999999999999])
async def test_pages_of_tags_lose_and_repeat_nothing(town: Town, size: int) -> None:
    names = ["A", "a.b", "b_c", "latest", "v1", "v10", "v2"]
    repository = await town.build(Visibility.PUBLIC)
    found = await find_repository(town.metadata.reader, RepositoryName(repository))
    assert found is not None
    facts = await manifest_rows.find_facts(town.metadata.reader, found.id, Tag("v1"))
    assert facts is not None
    async with town.metadata.begin() as tx:
        for name in names:
            await manifest_rows.move_tag(tx, found.id, Tag(name), facts.id, None, START)
    target = f"/v2/{repository}/tags/list?n={size}"
    pages = await follow(town.doors, target, "tags", None)
    assert [name for page in pages for name in page] == names
    assert {len(page) for page in pages[:-1]} <= {size}
    assert pages[-1]


@pytest.mark.parametrize("size", [1, 2, 4])
async def test_pages_of_the_catalog_lose_and_repeat_nothing(town: Town, size: int) -> None:
    names = [await town.build(Visibility(v)) for v in ("public", "private", "private", "public")]
    target = f"/v2/_catalog?n={size}"
    pages = await follow(town.doors, target, "repositories", town.auth["member"])
    assert [name for page in pages for name in page] == names
    pages = await follow(town.doors, target, "repositories", town.auth["stranger"])
    assert [name for page in pages for name in page] == [names[0], names[3]]


@pytest.mark.parametrize("size", ["-1", "x", "1.0", " 1", "1_0", "٣", "0x1", "9" * 19, "", "%00"])
async def test_a_page_size_that_is_no_number_is_refused(town: Town, size: str) -> None:
    name = await town.build(Visibility.PUBLIC)
    for target in (f"/v2/{name}/tags/list", "/v2/_catalog"):
        answer = await town.doors.ask("GET", f"{target}?n={size}", auth=town.auth["member"])
        assert (answer.status, answer.codes) == (400, ["PAGINATION_NUMBER_INVALID"])


async def test_an_empty_page_has_no_next(town: Town) -> None:
    name = await town.build(Visibility.PUBLIC)
    for query in ("n=0", "last=zzz", "n=0&last=v0", "last=%F0%9F%98%80"):
        answer = await town.doors.ask("GET", f"/v2/{name}/tags/list?{query}")
        assert (answer.texts("tags"), answer.header("link")) == ([], None)
