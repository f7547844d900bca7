"""The list of tags and the overview: what occurs can be filtered, copied, sorted and compared."""

import re

import pytest

from entrepot.kinds.commands import CommandTarget
from entrepot.metadata import repositories
from entrepot.metadata.contents import artifacts
from entrepot.metadata.registry import manifests
from entrepot.metadata.repositories import find_repository
from entrepot.model.artifacts import StoredDocument
from entrepot.model.repositories import Visibility
from entrepot.oci.digests import EMPTY_JSON_DIGEST
from entrepot.oci.names import RepositoryName, Tag
from entrepot.web.contents.commands import pull_command
from entrepot.web.repositories import headings_of
from tests.contracts.contents.test_artifact_queries import artifact
from tests.doors.conftest import Town
from tests.doors.queries import counting_queries
from tests.doors.web.test_home import browser_of
from tests.metadata.clocks import START
from tests.metadata.rows import add_manifest, add_repository, set_pushed
from tests.wire.content import image

MOST_QUERIES = 12


async def fill(town: Town, count: int, kind: str = "image", **more: object) -> str:
    """A private repository of acme's with versions, each of a manifest of its own."""
    name = "acme/shop"
    made = await add_repository(town.metadata, name, Visibility.PRIVATE, town.acme)
    for number in range(count):
        content = image(annotations={"number": str(number)})
        of = await add_manifest(town.metadata, made, content)
        async with town.metadata.begin() as tx:
            await artifacts.write_artifact(tx, artifact(made, of, kind=kind, **more))
            await manifests.move_tag(tx, made.id, Tag(f"1.{number}.0"), of, None, START)
    async with town.metadata.begin() as tx:
        await set_pushed(tx, made.id, START)
    return name


async def test_only_platforms_that_occur_can_be_chosen(town: Town) -> None:
    name = await fill(town, 2, platforms=("linux/amd64", "linux/riscv64"))
    page = (await (await browser_of(town, "member")).get(f"/r/{name}/-/tags")).text
    options = re.findall(r"<option(?: selected)?>([^<]+)</option>", page)
    assert options == ["linux/amd64", "linux/riscv64"]


async def test_each_row_has_a_command_to_copy(town: Town) -> None:
    name = await fill(town, 1)
    page = (await (await browser_of(town, "member")).get(f"/r/{name}/-/tags")).text
    assert 'data-text="docker pull hub.test/acme/shop:1.0.0"' in page


async def test_a_charts_row_has_its_command_and_the_applications_version(town: Town) -> None:
    name = await fill(town, 1, "helm-chart")
    found = await find_repository(town.metadata.reader, RepositoryName(name))
    assert found is not None
    facts = await manifests.find_facts(town.metadata.reader, found.id, Tag("1.0.0"))
    assert facts is not None
    documents = artifacts.pack(
        [
            StoredDocument(
                "findings", "application/json", '{"facts": {"App version": "16.4"}}', is_cut=False
            )
        ]
    )
    async with town.metadata.begin() as tx:
        await artifacts.write_documents(tx, facts.id, documents)
    page = (await (await browser_of(town, "member")).get(f"/r/{name}/-/tags")).text
    command = "helm pull oci://hub.test/acme/shop --version 1.0.0 --plain-http"
    assert f'data-text="{command}"' in page
    assert "app 16.4" in page


@pytest.mark.parametrize(
    ("family", "tag", "is_https", "command"),
    [
        ("chart", "1.0.0_b.1", True, "helm pull oci://hub.test/acme/shop --version 1.0.0+b.1"),
        (
            "chart",
            "1.0.0",
            False,
            "helm pull oci://hub.test/acme/shop --version 1.0.0 --plain-http",
        ),
        ("chart", "edge", True, "oras pull hub.test/acme/shop:edge"),
        ("file", "1", False, "oras pull --plain-http hub.test/acme/shop:1"),
        ("image", "1", False, "docker pull hub.test/acme/shop:1"),
    ],
)
def test_a_rows_command_fits_the_tag_and_the_scheme(
    family: str, tag: str, command: str, *, is_https: bool
) -> None:
    name = RepositoryName("acme/shop")
    target = CommandTarget("hub.test", is_https, name, EMPTY_JSON_DIGEST, Tag(tag))
    assert pull_command(target, family) == command


@pytest.mark.parametrize("platforms", [(), ("linux/amd64",)])
@pytest.mark.parametrize("tab", ["", "/-/tags"])
async def test_columns_that_would_be_empty_are_left_out(
    town: Town, tab: str, platforms: tuple[str, ...]
) -> None:
    name = await fill(town, 1, platforms=platforms)
    page = (await (await browser_of(town, "member")).get(f"/r/{name}{tab}")).text
    assert ('<th scope="col">Platforms</th>' in page) is bool(platforms)
    assert '<th scope="col">Referrers</th>' not in page


async def test_headers_sort_and_keep_the_filters(town: Town) -> None:
    name = await fill(town, 3)
    browser = await browser_of(town, "member")
    page = (await browser.get(f"/r/{name}/-/tags?q=1.&sort=newest")).text
    assert re.search(r'aria-sort="descending">\s*<a href="[^"]*sort=newest"', page)
    links = re.findall(r'<th scope="col"[^>]*>\s*<a href="\?([^"]+)"', page)
    assert [link.rpartition("=")[2] for link in links] == ["version", "size", "newest"]
    assert all(link.startswith("q=1.") for link in links)


@pytest.mark.parametrize("count", [1, 50])
async def test_tags_cost_the_same_queries_however_many_there_are(
    town: Town, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = await fill(town, count, platforms=("linux/amd64", "linux/arm64", "linux/arm/v7"))
    browser = await browser_of(town, "owner")
    with counting_queries(monkeypatch) as seen:
        page = await browser.get(f"/r/{name}/-/tags")
    assert page.text.count("data-row") == count
    assert len(seen) <= MOST_QUERIES, len(seen)
    assert len(page.body) < 100_000


async def test_a_deletion_says_until_when_it_can_be_undone(town: Town) -> None:
    name = await fill(town, 1)
    browser = await browser_of(town, "owner")
    page = (await browser.get(f"/r/{name}/-/delete?select=1.0.0")).text
    until = town.doors.app.now() + town.doors.app.collector.grace
    assert f"until {until:%Y-%m-%d}." in page


async def test_an_overview_says_how_to_sign_in_where_strangers_may_not_pull(town: Town) -> None:
    name = await fill(town, 2)
    page = (await (await browser_of(town, "member")).get(f"/r/{name}")).text
    assert "Recommended version" in page
    assert re.search(r"login( --\S+)* hub.test -u member", page)
    assert "hub.test/acme/shop:1.1.0" in page
    found = await find_repository(town.metadata.reader, RepositoryName(name))
    assert found is not None
    async with town.metadata.begin() as tx:
        await repositories.set_visibility(tx, found.id, Visibility.PUBLIC)
    page = (await town.doors.ask("GET", f"/r/{name}")).text
    assert "login" not in page.replace('href="/login', "")
    assert "hub.test/acme/shop:1.1.0" in page


@pytest.mark.parametrize("count", [1, 12])
async def test_an_overview_costs_the_same_queries_however_many_versions_there_are(
    town: Town, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = await fill(town, count)
    browser = await browser_of(town, "member")
    with counting_queries(monkeypatch) as seen:
        page = await browser.get(f"/r/{name}")
    assert page.status == 200
    assert len(seen) <= 26, len(seen)


def test_headings_of_a_readme_are_its_contents() -> None:
    anchor = '<a class="anchor" href="#x">#</a>'
    html = f'<h2 id="a">One &amp; <code>two</code> {anchor}</h2><h3 id="b">Three {anchor}</h3>'
    found = headings_of(f'{html}<h2 id="c"> {anchor}</h2><h5 id="d">Deep {anchor}</h5>')
    assert [(each.level, each.anchor, each.text) for each in found] == [
        (2, "a", "One & two"),
        (3, "b", "Three"),
    ]
