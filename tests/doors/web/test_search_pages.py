"""The search page and its suggestions: everything that may be seen, and never a private name."""

import json

import pytest

from entrepot.metadata.contents import packages, search
from entrepot.metadata.registry.manifests import find_facts
from entrepot.metadata.repositories import find_repository
from entrepot.model.repositories import Visibility
from entrepot.oci.names import RepositoryName, Tag
from tests.doors.conftest import Town
from tests.doors.queries import counting_queries
from tests.doors.web.test_home import browser_of

MOST_QUERIES = 24


async def fill(town: Town, count: int, visibility: Visibility) -> list[str]:
    """Repositories that are found by their names and by a package."""
    names = [await town.build(visibility) for _ in range(count)]
    for name in names:
        found = await find_repository(town.metadata.reader, RepositoryName(name))
        assert found is not None
        facts = await find_facts(town.metadata.reader, found.id, Tag("v1"))
        assert facts is not None
        async with town.metadata.begin() as tx:
            await search.write_document(tx, found.id, name, "", "")
            listed = [("zlib", "1.3", "pkg:generic/zlib@1.3", "Zlib")]
            await packages.add_packages(tx, facts.id, found.id, listed)
    return names


@pytest.mark.parametrize("target", ["/search?q=", "/search/suggest?q=", "/api/v1/search?q="])
async def test_strangers_see_no_private_name(town: Town, target: str) -> None:
    name = (await fill(town, 1, Visibility.PRIVATE))[0]
    base = name.rpartition("/")[2]
    for text in ("acm", "repo", base, "zlib", "v1", f"{base}:v1", name, f"{name}:v1"):
        for browser in (await browser_of(town, "stranger"), None):
            cookie = browser.cookies if browser else ""
            answer = await town.doors.ask("GET", target + text, cookie=cookie)
            assert answer.status == 200
            left = answer.text.replace(text, "")
            assert "/acme" not in left
            assert base not in left
            assert '"acme' not in left
    member = (await (await browser_of(town, "member")).get("/search/suggest?q=acm")).text
    assert f'href="/r/{name}"' in member
    assert 'href="/u/acme"' in member


async def test_a_word_finds_more_than_repositories(town: Town) -> None:
    name = (await fill(town, 1, Visibility.PUBLIC))[0]
    browser = await browser_of(town, "stranger")
    page = (await browser.get("/search?q=zlib")).text
    assert 'href="/packages?q=zlib"' in page
    page = (await browser.get("/search?q=v1")).text
    assert f'href="/r/{name}:v1"' in page
    page = (await browser.get("/search?q=memb")).text
    assert 'href="/u/member"' in page
    answer = await town.doors.ask("GET", "/api/v1/search?q=zlib")
    assert json.loads(answer.body)["others"]["packages"] == [{"name": "zlib", "repositories": 1}]
    second = await town.doors.ask("GET", "/api/v1/search?q=zlib&after=1")
    assert json.loads(second.body)["others"]["packages"] == []


async def test_a_short_name_with_a_tag_leads_there(town: Town) -> None:
    name = (await fill(town, 1, Visibility.PUBLIC))[0]
    answer = await town.doors.ask("GET", f"/search?q={name.rpartition('/')[2]}:v1")
    assert (answer.status, answer.header("location")) == (303, f"/r/{name}:v1")


@pytest.mark.parametrize("count", [1, 20])
@pytest.mark.parametrize("target", ["/search?q=repo", "/explore", "/search/suggest?q=repo"])
async def test_a_search_costs_the_same_queries_however_much_it_finds(
    town: Town, count: int, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = await fill(town, count, Visibility.PUBLIC)
    browser = await browser_of(town, "stranger")
    with counting_queries(monkeypatch) as seen:
        page = await browser.get(target)
    assert names[0] in page.text
    assert len(seen) <= MOST_QUERIES, len(seen)
    assert len(page.body) < 100_000
