"""What strangers push and type is text: five hundred attacks in every place, and none runs."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import quote, urlencode

import pytest

from tests.browser import attacks, poison
from tests.browser.attacks import Texts
from tests.browser.browsers import Browser
from tests.browser.hubs import Seeded
from tests.browser.payloads import PAYLOADS
from tests.browser.watching import Watch

pytestmark = pytest.mark.browser

_NAME: Final = "docker/xss"
_OWN: Final = ("", "/-/tags", "/-/tags?sort=size", "/-/history", "/-/delete?select=image")
_LISTS: Final = (
    *(f"/r/{_NAME}{path}" for path in _OWN),
    *("/", "/u/docker", "/explore", "/search?q=xss", "/packages?q=x*", "/packages?q=script"),
)
_TAGS: Final = ("image", "index", "1.0.0", "files")
_EVIDENCE: Final = {
    "application/spdx+json": poison.spdx,
    "application/vnd.cyclonedx+json": poison.cyclonedx,
    "application/sarif+json": poison.sarif,
    "application/vnd.in-toto+json": poison.statement,
}
_SIGNED: Final = "application/vnd.dev.cosign.simplesigning.v1+json"
_SEND: Final = """
const [address, fields, done] = arguments;
const token = document.querySelector('input[name=token]').value;
const body = new URLSearchParams({token, back: address, ...fields});
fetch(address, {method: 'POST', body, redirect: 'manual'}).then(answer => done(answer.type));
"""


@pytest.fixture(scope="module")
def poisoned(hub: Seeded) -> list[str]:
    """The addresses of every page of artifacts that are made of nothing but attacks."""
    repository, texts = hub.repository(_NAME), Texts(PAYLOADS)
    attacks.push_image(repository, "image", texts)
    attacks.push_chart(repository, "1.0.0", texts)
    attacks.push_files(repository, "files", texts)
    child = attacks.manifest_at(repository, "image")
    attacks.push_index(repository, "index", texts, child)
    subject = attacks.manifest_at(repository, "files")
    digests = [
        attacks.attach(repository, subject, kind, make(texts)) for kind, make in _EVIDENCE.items()
    ]
    sign = "application/vnd.dev.cosign.artifact.sig.v1+json"
    notes = {"dev.cosignproject.cosign/signature": texts.one()}
    document = poison.signature(texts)
    digests.append(attacks.attach(repository, subject, sign, document, _SIGNED, **notes))
    found = [f"{_NAME}:{tag}" for tag in _TAGS] + [f"{_NAME}@{digest}" for digest in digests]
    hub.wait_until_read(found)
    return [page for reference in found for page in pages_of(hub, f"/r/{reference}")]


def pages_of(hub: Seeded, path: str) -> list[str]:
    """An artifact's page, its tabs, and some of the documents in each."""
    tabs = hub.page(path)["tabs"]
    assert isinstance(tabs, list)
    return [
        path,
        f"{path}/readme",
        *(each for tab in tabs for each in tab_pages(hub, f"{path}/{tab}")),
    ]


def tab_pages(hub: Seeded, path: str) -> list[str]:
    """A tab, and some of the documents that can be read in it."""
    names = hub.page(path)["documents"]
    assert isinstance(names, list)
    shown = [each for each in names if str(each).startswith(("template:", "file:"))][:12]
    return [path, *(f"{path}?{urlencode({'name': each})}" for each in shown)]


@pytest.fixture
def watch(browser: Browser) -> Iterator[Watch]:
    """Somebody who looks; at the end nothing has happened, and the server has not failed."""
    browser.complaints()
    browser.requests()
    made = Watch(browser, [])
    yield made
    assert made.wrong == []


def batches(length: int, payloads: tuple[str, ...] = PAYLOADS) -> list[str]:
    """Every payload, as few texts of at most this many characters."""
    made = [""]
    for each in payloads:
        if len(made[-1]) + len(each) + 1 > length:
            made.append("")
        made[-1] += f" {each}"
    return made


def send(browser: Browser, address: str, **fields: str) -> None:
    """Send a form of the page that is open, as its button would."""
    said = browser.driver.execute_async_script(_SEND, address, fields)
    assert said == "opaqueredirect", (address, fields)


def test_what_is_pushed_is_text_on_every_page(poisoned: list[str], watch: Watch) -> None:
    assert len(poisoned) > 50
    for path in poisoned:
        watch.open(path)


@pytest.mark.usefixtures("poisoned")
def test_what_is_pushed_is_text_in_every_list(watch: Watch) -> None:
    for path in _LISTS:
        watch.open(path)


def test_words_without_a_space_widen_no_page(poisoned: list[str], watch: Watch) -> None:
    wide = []
    for path in (*_LISTS, *poisoned):
        watch.open(path)
        watch.browser.show_as(320)
        width = watch.browser.run("return document.documentElement.scrollWidth")
        wide += [] if width == 320 else [f"{path} is {width} px wide"]
    watch.browser.show_as(1280)
    assert wide == []


@pytest.mark.parametrize(
    "address",
    [
        "/search?q=",
        "/search?kind=",
        "/packages?q=",
        f"/r/{_NAME}/-/tags?q=",
        f"/r/{_NAME}/-/tags?kind=",
        f"/r/{_NAME}/-/history?tag=",
        f"/r/{_NAME}:files/sbom?q=",
        f"/r/{_NAME}:1.0.0/templates?name=",
        "/login?next=",
        "/r/docker/",
        "/u/",
        "/",
    ],
)
@pytest.mark.usefixtures("poisoned")
def test_what_is_in_the_address_is_text(watch: Watch, address: str) -> None:
    for text in batches(480):
        watch.open(address + quote(text, safe=""))


@pytest.mark.usefixtures("poisoned")
def test_what_is_written_in_forms_is_text(watch: Watch) -> None:
    browser = watch.browser
    browser.open(f"/r/{_NAME}/-/settings")
    for text in batches(199, tuple(each for each in PAYLOADS if each.isprintable())):
        send(browser, f"/r/{_NAME}/-/settings", description=text.strip(), readme=text)
        watch.open(f"/r/{_NAME}")
    assert "window.__xss" in browser.text(".head p:not(.crumbs)")
    send(browser, f"/r/{_NAME}/-/settings", readme="\n\n".join(PAYLOADS))
    watch.open(f"/r/{_NAME}")


def test_a_page_that_is_not_safe_would_be_noticed(browser: Browser) -> None:
    """The proof that the tests above look where it hurts."""
    watch = Watch(browser, [])
    browser.open("/help")
    write = "document.querySelector('main').insertAdjacentHTML('beforeend', arguments[0])"
    for payload in ("<img src=x onerror='window.__xss=1'>", "<a href='javascript:alert(1)'>x</a>"):
        browser.run(write, payload)
        watch.look("injected")
    assert any("onerror" in each for each in watch.wrong)
    assert any("Security Policy" in each for each in watch.wrong)
    assert any("javascript:alert" in each for each in watch.wrong)
    browser.run("window.__xss = 1")
    watch.look("set")
    assert "set: a script ran" in watch.wrong
