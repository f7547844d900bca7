"""Every page of a full hub: in both themes, at six widths, of bounded height, whole in Chinese."""

import re
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from html.parser import HTMLParser
from typing import Final

import httpx
import pytest

from tests.browser.accessibility import violations
from tests.browser.browsers import Browser, opened
from tests.browser.demos import PASSWORD, filled
from tests.house.sources import ROOT
from tests.web.test_translations import catalogue

sys.path.insert(0, str(ROOT / "scripts"))
import demo_shelves  # type: ignore[import-not-found]

pytestmark = pytest.mark.browser

WIDTHS: Final = (320, 390, 768, 820, 1024, 1440)
HIGHEST: Final = 6000
BROWSERS: Final = 2
IMAGE: Final = "/r/acme/storefront:2.1.2"
CHART: Final = "/r/acme/charts/storefront:2.0.0"
PAGES: Final = (
    "/",
    "/explore",
    "/search?q=shop",
    "/packages?q=openssl",
    "/help",
    "/settings",
    "/settings/tokens",
    "/u/acme",
    "/u/acme/-/members",
    "/u/acme/-/audit",
    "/u/acme/-/policies",
    "/admin",
    "/admin/organizations",
    "/admin/repositories?sort=name",
    "/admin/users?sort=active",
    "/admin/jobs",
    "/admin/audit?since=2000-01-01",
    "/admin/settings",
    "/r/acme/storefront",
    "/r/acme/storefront/-/tags",
    "/r/acme/storefront/-/history",
    "/r/acme/storefront/-/compare/2.1.1...2.1.2",
    *(f"{IMAGE}{tab}" for tab in ("", "?platform=linux/arm64", "/platforms", "/sbom")),
    *(f"{IMAGE}/{tab}" for tab in ("vulnerabilities", "provenance", "signatures", "referrers")),
    f"{IMAGE}/raw",
    *(f"{CHART}{tab}" for tab in ("", "/values", "/schema", "/templates", "/files", "/raw")),
    "/r/globex/models/tickets:1.1.0",
    "/r/globex/models/small-7b:1.1.0",
    "/r/globex/models/churn:1.1.0",
    "/r/globex/data/orders:2026-10",
    "/r/globex/data/orders:2026-10/files?name=file:orders.csv",
    "/r/acme/site-assets:2026.11/files?name=file:README.md",
    "/r/acme/compose/shop:1.1.0",
    "/r/acme/policies/admission:1.1.0",
    "/r/acme/policies/signed:1.1.0",
    "/r/acme/tasks/build:1.1.0",
    "/r/acme/devcontainer/go:1.1.0",
    "/r/acme/edge/headers:1.1.0",
    "/r/globex/functions/resize:1.1.0",
    "/r/globex/tofu/network:1.1.0",
    "/r/initech/rules/shells:1.1.0",
    "/r/initech/platform/database:1.1.0",
    "/r/initech/backups/ledger:2026-11-27",
    "/r/initech/config/schema:1.1.0",
)
_WIDTH: Final = "return document.documentElement.scrollWidth"
_HEIGHT: Final = "return document.documentElement.scrollHeight"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a hub that `make demo` filled, with fewer versions of everything."""
    with filled(tmp_path_factory.mktemp("demo") / "data", "--small") as url:
        yield url


@pytest.fixture(scope="module")
def windows(demo: str) -> Iterator[list[Browser]]:
    """Two windows of the administrator, which look at pages at the same time."""
    with ExitStack() as stack:
        made = [stack.enter_context(opened(demo)) for _ in range(BROWSERS)]
        for window in made:
            window.sign_in("admin", PASSWORD)
        yield made


def wrong_with(window: Browser, path: str) -> list[str]:
    """What is wrong with a page: rules that it breaks, widths that it does not fit, its height."""
    window.show_as(1440)
    window.open(path)
    found = violations(window)
    height = int(str(window.run(_HEIGHT)))
    if height > HIGHEST:
        found.append(f"{height} px high")
    window.show_as(1440, theme="dark")
    found += [f"dark: {each}" for each in violations(window, only_colours=True)]
    for width in WIDTHS:
        window.show_as(width)
        if window.run(_WIDTH) != width:
            found.append(f"{window.run(_WIDTH)} px wide at {width}")
    return [f"{path}: {each}" for each in found]


def look_at(window: Browser, paths: Sequence[str]) -> list[str]:
    """What is wrong with these pages."""
    return [each for path in paths for each in wrong_with(window, path)]


def test_every_page_breaks_no_rule_and_fits_every_width(windows: list[Browser]) -> None:
    shares = [PAGES[number :: len(windows)] for number in range(len(windows))]
    with ThreadPoolExecutor(len(windows)) as pool:
        found = [each for share in pool.map(look_at, windows, shares) for each in share]
    assert found == []


_SPOKEN: Final = frozenset(
    {"th", "dt", "h1", "h2", "h3", "label", "button", "summary", "legend", "option", "p"}
)
_VERBATIM: Final = frozenset({"code", "pre", "script", "style", "svg", "title", "article", "time"})
_VOID: Final = frozenset({"input", "meta", "link", "br", "hr", "img", "use", "path", "rect"})
_WORD: Final = re.compile(r"[A-Za-z]{2,}")


class _Spoken(HTMLParser):
    """Collects the texts of a page that the hub itself says."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._open: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _VOID:
            classes = (dict(attrs).get("class") or "").split()
            pushed = {"mono", "prose", "name", "faint"}.intersection(classes)
            self._open.append((tag, tag in _VERBATIM or bool(pushed)))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        text = " ".join(data.split())
        is_said = any(tag in _SPOKEN for tag, _ in self._open)
        if text and is_said and not any(is_verbatim for _, is_verbatim in self._open):
            self.texts.append(text)


def spoken(html: str) -> set[str]:
    """The texts of a page that the hub itself says."""
    parser = _Spoken()
    parser.feed(html)
    return set(parser.texts)


NAMES: Final = re.compile(
    r"linux/|sha256:|CVE-|https?:|[A-Z][a-z]+ team$|Label [a-z.]+$|/ [a-z]+ /$"
    r"|[\d.]+ [KMG]i?B$|Podman, Skopeo, Buildah$|GitHub Actions$|GitLab CI$"
)
"""Names of programs, platforms and digests are the same in every language."""


def pushed_texts() -> set[str]:
    """What the demo's repositories say of themselves."""
    return {shelf.description for shelf in demo_shelves.shelves(is_small=True)}


def same_in_chinese() -> set[str]:
    """Words that the translation leaves as they are."""
    return {str(each.id) for each in catalogue("zh", "po") if each.id == each.string}


def test_every_page_is_whole_in_chinese(demo: str) -> None:
    said_in = {}
    for language in ("en", "zh"):
        headers = {"accept-language": language, "accept": "text/html"}
        cookies = {"entrepot_language": language}
        with httpx.Client(base_url=demo, headers=headers, cookies=cookies) as client:
            sign_in(client)
            said_in[language] = {path: spoken(client.get(path).text) for path in PAGES}
    english = {
        (path, text)
        for path, texts in said_in["zh"].items()
        for text in texts & said_in["en"][path]
        if _WORD.search(text) and " " in text and not NAMES.search(text)
    }
    known = pushed_texts() | same_in_chinese()
    assert {(path, text) for path, text in english if text not in known} == set()


def sign_in(client: httpx.Client) -> None:
    """Sign the administrator in by the form."""
    page = client.get("/login").text
    token = re.search(r'name="token" value="([^"]+)"', page)
    assert token is not None
    fields = {"token": token[1], "name": "admin", "password": PASSWORD}
    origin = {"origin": str(client.base_url).rstrip("/")}
    assert client.post("/login", data=fields, headers=origin).status_code == 303
