"""The home page: my repositories of every organization, recently used, starred; never others'."""

import re
from datetime import timedelta

import pytest

from entrepot.metadata import stars
from entrepot.metadata.people import accounts
from entrepot.metadata.registry import manifests, pull_days
from entrepot.metadata.repositories import find_repository
from entrepot.model.people.accounts import Role
from entrepot.model.repositories import Visibility
from entrepot.oci.names import RepositoryName, Tag
from tests.doors.browsers import Browser
from tests.doors.conftest import Town
from tests.doors.queries import counting_queries
from tests.metadata.clocks import START
from tests.metadata.rows import add_manifest, add_organization, add_repository, set_pushed

MOST_QUERIES = 14


async def browser_of(town: Town, name: str) -> Browser:
    """The browser of somebody who is signed in."""
    sessions = town.doors.app.sessions
    secret = await sessions.begin(town.people[name], address="127.0.0.1", client="test")
    return Browser(town.doors, secret)


async def fill(town: Town, count: int, role: Role = Role.OWNER) -> None:
    """Let the editor own an organization with some private repositories of three tags each."""
    globex = await add_organization(town.metadata, "globex")
    async with town.metadata.begin() as tx:
        await accounts.set_role(tx, globex, town.people["editor"].id, role)
    for number in range(count):
        made = await add_repository(town.metadata, f"globex/app{number:02}", namespace_id=globex)
        moment = START + timedelta(hours=number)
        for version in ("1.9.0", "1.10.0", "2.0.0-rc.1"):
            of = await add_manifest(town.metadata, made, f"{number} {version}".encode())
            async with town.metadata.begin() as tx:
                await manifests.move_tag(tx, made.id, Tag(version), of, None, moment)
        async with town.metadata.begin() as tx:
            await set_pushed(tx, made.id, moment)
            today = town.doors.app.now().date()
            await pull_days.add_pulls(tx, today, {(made.id, pull_days.WHOLE): 7 + number})
            await stars.add_star(tx, town.people["editor"].id, made.id, moment)


def names_on(page: str) -> list[str]:
    """The repositories of the main list."""
    found = re.findall(r'<a class="name" href="/r/([^"]+)">', page)
    return [str(each) for each in found]


async def test_the_owner_of_fifteen_repositories_sees_them(town: Town) -> None:
    await fill(town, 15)
    browser = await browser_of(town, "editor")
    page = (await browser.get("/")).text
    assert names_on(page) == [f"globex/app{number:02}" for number in range(14, 2, -1)]
    assert "15 repositories" in page
    assert page.count('href="/r/globex/app14:1.10.0"') == 1
    assert "<strong>21</strong>" in page
    assert 'href="/u/globex"' in page
    second = (await browser.get("/?page=2")).text
    assert names_on(second) == ["globex/app02", "globex/app01", "globex/app00"]


async def test_namespaces_are_switched_and_lists_narrowed(town: Town) -> None:
    await fill(town, 3)
    own = await town.build(Visibility.PRIVATE)
    browser = await browser_of(town, "editor")
    assert len(names_on((await browser.get("/")).text)) == 4
    assert names_on((await browser.get("/?org=acme")).text) == [own]
    assert len(names_on((await browser.get("/?org=globex")).text)) == 3
    assert names_on((await browser.get("/?org=globex&q=P02")).text) == ["globex/app02"]
    assert names_on((await browser.get("/?sort=name")).text)[0] == own
    nothing = (await browser.get("/?q=nothing-like-it")).text
    assert "No repository matches." in nothing


async def test_others_repositories_are_on_nobody_elses_home(town: Town) -> None:
    await fill(town, 2)
    for who in ("stranger", "member"):
        browser = await browser_of(town, who)
        for target in ("/", "/?org=globex", "/?q=app"):
            page = (await browser.get(target)).text
            assert "globex" not in page.replace(target.partition("?")[2], "")
    # A name in a cookie is no right to see what has it.
    answer = await town.doors.ask("GET", "/", cookie="entrepot_recent=globex/app00")
    assert "globex" not in answer.text


async def test_an_empty_home_says_what_to_do(town: Town) -> None:
    page = (await (await browser_of(town, "stranger")).get("/")).text
    assert "No repositories yet" in page
    assert "docker login hub.test -u stranger" in page
    assert 'href="/new"' in page
    assert "Star the repositories" in page


async def test_repositories_that_were_opened_come_first(town: Town) -> None:
    await fill(town, 6)
    browser = await browser_of(town, "editor")
    recent = kept = ""
    for number in (0, 1, 2, 3, 4, 1):
        cookie = f"{browser.cookies}; entrepot_recent={recent}"
        answer = await town.doors.ask("GET", f"/r/globex/app{number:02}", cookie=cookie)
        cookies = answer.headers("set-cookie")
        kept = next((text for text in cookies if text.startswith("entrepot_recent=")), kept)
        recent = kept.partition("=")[2].partition(";")[0]
    assert recent == "~".join(f"globex/app{number:02}" for number in (1, 4, 3, 2))
    cookie = f"{browser.cookies}; entrepot_recent={recent}~gone/away"
    page = (await town.doors.ask("GET", "/", cookie=cookie)).text
    listed = re.findall(r'class="grow" href="/r/(\S+)"><span', page)
    assert listed == recent.split("~")


async def test_a_stranger_leaves_no_trail(town: Town) -> None:
    name = await town.build(Visibility.PUBLIC)
    answer = await town.doors.ask("GET", f"/r/{name}")
    cookies = answer.headers("set-cookie")
    assert not [text for text in cookies if text.startswith("entrepot_recent")]


@pytest.mark.parametrize("count", [1, 12])
async def test_a_home_costs_the_same_queries_however_long_it_is(
    town: Town, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(town, count)
    browser = await browser_of(town, "editor")
    with counting_queries(monkeypatch) as seen:
        page = await browser.get("/")
    assert len(names_on(page.text)) == count
    assert len(seen) <= MOST_QUERIES, seen
    assert len(page.body) < 100_000


async def test_members_are_not_asked_to_describe_what_they_may_not(town: Town) -> None:
    await fill(town, 1, Role.MEMBER)
    page = (await (await browser_of(town, "editor")).get("/?org=globex")).text
    assert "Add one sentence" not in page
    found = await find_repository(town.metadata.reader, RepositoryName("globex/app00"))
    assert found is not None
    async with town.metadata.begin() as tx:
        assert found.namespace_id is not None
        await accounts.set_role(tx, found.namespace_id, town.people["editor"].id, Role.EDITOR)
    page = (await (await browser_of(town, "editor")).get("/?org=globex")).text
    assert "Add one sentence" in page


@pytest.mark.parametrize(("path", "status"), [("/-/nowhere", 404), ("/r/acme/x/-/undo", 405)])
async def test_an_address_that_is_none_signs_nobody_out(town: Town, path: str, status: int) -> None:
    session = await town.doors.app.sessions.begin(town.people["owner"], address="", client="")
    answer = await Browser(town.doors, session).get(path, accept="text/html")
    assert answer.status == status
    assert 'href="/u/owner"' in answer.body.decode()
