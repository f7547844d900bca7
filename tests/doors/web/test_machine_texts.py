"""Texts for programs: `llms.txt` and its neighbours, and pages as Markdown."""

import re
from datetime import datetime

import pytest

from entrepot.mcp.tools import TOOLS
from entrepot.model.repositories import Visibility
from entrepot.web.markdown import text_of
from entrepot.web.pages import Page
from entrepot.web.routes import ROUTES
from tests.doors.charts import ChartShop
from tests.doors.conftest import Open, Town
from tests.doors.doors import Doors
from tests.doors.test_matrix import IDENTITIES, actions_of

MARKDOWN = "text/markdown"


async def test_models_are_told_the_addresses_of_this_hub(doors: Doors) -> None:
    answer = await doors.ask("GET", "/llms.txt")
    assert answer.header("content-type") == "text/plain; charset=utf-8"
    assert answer.text.startswith("# Entrepot at hub.test\n\n> ")
    patterns = {route.pattern for route in ROUTES}
    for address in re.findall(r"\]\(http://hub\.test(/[^)?]*)", answer.text):
        known = address.replace("NAMESPACE/NAME", "{repository}").replace("A...B", "{range}")
        is_page = known.replace("{repository}:TAG", "{artifact}") in patterns
        assert is_page or address.startswith(("/api/v1", "/mcp", "/hf", "/helm", "/llms")), address
    whole = (await doors.ask("GET", "/llms-full.txt")).text
    assert answer.text.partition("\n- [More]")[0] in whole
    assert all(f"`{tool.name}`" in whole for tool in TOOLS)
    assert "{" not in whole
    robots = await doors.ask("GET", "/robots.txt")
    assert robots.text.startswith("User-agent: *\n")


async def test_the_security_contact_is_what_the_operator_set(open_doors: Open) -> None:
    path = "/.well-known/security.txt"
    assert (await open_doors().ask("GET", path)).status == 404
    doors = open_doors(security_contact="mailto:security@example.org", url="https://hub.test")
    text = (await doors.ask("GET", path)).text
    contact, expires, canonical = text.splitlines()
    assert contact == "Contact: mailto:security@example.org"
    assert canonical == "Canonical: https://hub.test/.well-known/security.txt"
    assert datetime.fromisoformat(expires.removeprefix("Expires: ")) > doors.app.now()


@pytest.mark.parametrize("identity", IDENTITIES)
async def test_pages_are_markdown_for_those_who_may_see_them(town: Town, identity: str) -> None:
    name = await town.build(Visibility.PRIVATE)
    may = "pull" in actions_of(identity, Visibility.PRIVATE)
    is_refused = identity.startswith("disabled")
    for path in (f"/r/{name}", f"/r/{name}/-/tags", f"/r/{name}:v1", f"/r/{name}:v1/raw"):
        answer = await town.doors.ask("GET", path, auth=town.auth[identity], accept=MARKDOWN)
        assert answer.status == (200 if may else 401 if is_refused else 404), path
        if may:
            assert answer.header("content-type") == f"{MARKDOWN}; charset=utf-8"
            assert answer.text.startswith(f"# {name}")
            assert f"<http://hub.test{path}>" in answer.text
        assert name in answer.text or not may


async def test_markdown_holds_what_the_page_shows(town: Town) -> None:
    shop = ChartShop(town)
    await shop.open("acme/demo", Visibility.PUBLIC)
    await shop.push("acme/demo", "1.0.0", description="line\n# not a heading", appVersion="2.5")

    async def page(path: str) -> str:
        answer = await town.doors.ask("GET", path, accept=MARKDOWN)
        assert answer.status == 200, answer.body
        return answer.text

    artifact = await page("/r/acme/demo:1.0.0")
    assert "helm pull oci://hub.test/acme/demo --version 1.0.0" in artifact
    assert "\n# not a heading" not in artifact
    assert "2.5" in artifact
    assert "1.0.0" in await page("/r/acme/demo/-/tags")
    assert "acme/demo" in await page("/search?q=demo")
    assert "acme/demo" in await page("/explore")
    browser = "text/html,text/markdown;q=0.5"
    html = await town.doors.ask("GET", "/explore", accept=browser)
    assert html.text.startswith("<!doctype html>")


def test_rendered_texts_are_read_back() -> None:
    html = (
        '<h2 id="a">Title<a class="anchor" href="#a"></a></h2><p>One <a href="https://x.y">two'
        "</a> &amp; <code>three</code></p><ul><li>four</li><li>five</li></ul>"
        '<pre><code>six\n  seven</code></pre><img src="p" alt="eight">'
        "<table><tr><th>a</th><td>b</td></tr></table>"
    )
    text = text_of(html)
    assert text.startswith("### Title\n\nOne two <https://x.y> & three")
    assert "\n- four\n- five" in text
    assert "```\nsix\n  seven\n```" in text
    assert "![eight]" in text
    assert "| a | b" in text


def test_a_page_of_nothing_is_its_title() -> None:
    from entrepot.web.markdown import to_markdown

    answer = to_markdown(Page(title="A\n# b"), "http://hub.test/")
    assert isinstance(answer.body, bytes)
    assert answer.body.startswith(b"# A # b\n\n<http://hub.test/>\n")
