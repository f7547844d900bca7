"""Bytes for browsers do no harm there, and no address leads away from here."""

from io import BytesIO
from zipfile import ZipFile

import pytest

from entrepot.kinds.layer_names import TITLE
from entrepot.model.repositories import Visibility
from entrepot.oci.descriptors import Descriptor
from entrepot.oci.digests import Digest
from entrepot.oci.media_types import OCI_MANIFEST
from entrepot.web.contents.downloads import cell, disposition
from entrepot.web.contents.zips import names_of
from entrepot.web.home import local_address
from tests.doors.browsers import Browser
from tests.doors.conftest import LAYER, LAYER_DIGEST, Town
from tests.wire.content import descriptor, image


@pytest.fixture
def browser(town: Town) -> Browser:
    """The browser of nobody."""
    return Browser(town.doors)


@pytest.fixture
async def name(town: Town) -> str:
    """A public repository with one blob."""
    return await town.build(Visibility.PUBLIC)


async def test_a_blob_is_downloaded_and_never_shown(browser: Browser, name: str) -> None:
    address = f"/r/{name}/-/blob/{LAYER_DIGEST}"
    for query, called in (("", LAYER_DIGEST.hex[:12]), ("?name=a%22%0d%0ab%3Cscript%3E.html", "")):
        answer = await browser.get(address + query)
        assert (answer.status, answer.body) == (200, LAYER)
        assert answer.header("content-type") == "application/octet-stream"
        assert answer.header("x-content-type-options") == "nosniff"
        assert any("sandbox" in each for each in answer.headers("content-security-policy"))
        said = answer.header("content-disposition") or ""
        assert said.startswith(f'attachment; filename="{called}')
        assert said.isascii()
        assert said.isprintable()
    for other in (str(Digest.of(b"absent")), "sha256:x", "..", "x"):
        assert (await browser.get(f"/r/{name}/-/blob/{other}")).status == 404


async def test_a_part_of_a_blob_is_downloaded_as_what_the_browser_lacks(
    browser: Browser, name: str
) -> None:
    address = f"/r/{name}/-/blob/{LAYER_DIGEST}"
    answer = await browser.get(address, range="bytes=2-")
    assert (answer.status, answer.body) == (206, LAYER[2:])
    assert answer.header("content-range") == f"bytes 2-{len(LAYER) - 1}/{len(LAYER)}"
    assert (answer.header("content-disposition") or "").startswith("attachment")
    assert (await browser.get(address, range="bytes=99-")).status == 416
    known = await browser.get(address, if_none_match=f'"{LAYER_DIGEST}"')
    assert (known.status, known.body) == (304, b"")


@pytest.mark.parametrize(
    ("name", "plain", "encoded"),
    [
        ("a.txt", "a.txt", "a.txt"),
        ("../../etc/passwd", "passwd", "passwd"),
        ("C:\\x\\y.exe", "y.exe", "y.exe"),
        ('a"; filename=b', "a___filename_b", "a%22%3B%20filename%3Db"),
        ("a\r\nset-cookie: x", "a__set-cookie__x", "a%0D%0Aset-cookie%3A%20x"),
        ("名.txt", "_.txt", "%E5%90%8D.txt"),
        ("", "file", "file"),
        ("a/", "file", "file"),
        ("x" * 10_000, "x" * 200, "x" * 200),
    ],
)
def test_a_disposition_is_one_harmless_header(name: str, plain: str, encoded: str) -> None:
    expected = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}"
    assert disposition(name) == expected


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n", " =", "\uff1d", "\uff0b"])
def test_a_cell_is_no_formula(first: str) -> None:
    assert cell(f"{first}cmd|' /C calc'!A0") == f"'{first}cmd|' /C calc'!A0"


@pytest.mark.parametrize("text", ["", "CVE-2021-44228", "1.2-3", "a=b", "openssl", "'x", " x"])
def test_other_cells_stay_as_they_are(text: str) -> None:
    assert cell(text) == text


ELSEWHERE = (
    *("", "x", "x/y", "//x", "///x", "////x", "/\\x", "\\/x", "\\\\x", "/x\\y", "https:x"),
    *("https://x", "https:/x", "http:///x", "javascript:alert(1)", "data:text/html,x", " /x"),
    *("\t/x", "\n//x", "/\tx", "/\t/x", "/\r\nset-cookie:a=b", "/\0", "//[", "//[x", "https://["),
    *("/\u2028", "/\u3000/x", "/\u202ex", "//x@hub.test", "?x", "#x", ".", "..//x", "/é"),
)


@pytest.mark.parametrize("text", ELSEWHERE)
def test_nothing_leads_elsewhere(text: str) -> None:
    assert local_address(text) == "/"


@pytest.mark.parametrize(
    "text", ["/", "/r/a/b", "/search?q=a%20b&page=2", "/%0d%0ax", "/a//b", "/@x", "/r/a:v1#top"]
)
def test_our_own_addresses_are_gone_on_to(text: str) -> None:
    assert local_address(text) == text


@pytest.mark.parametrize("text", ELSEWHERE)
async def test_no_form_leads_elsewhere(browser: Browser, text: str) -> None:
    answer = await browser.post("/preferences", theme="dark", next=text)
    assert (answer.status, answer.header("location")) == (303, "/")


def layer(title: str, content: bytes) -> Descriptor:
    """A layer with that title."""
    return Descriptor("text/plain", Digest.of(content), len(content), annotations={TITLE: title})


def test_names_in_an_archive_are_no_two_alike() -> None:
    titles = ["a.txt", "A.txt", "d/a.txt", "README", "readme", ".env", ".env", "a-2.txt", "a.txt"]
    names = names_of(layer(title, b"") for title in titles)
    assert len({each.casefold() for each in names}) == len(titles)
    assert names[:6] == ["a.txt", "A-2.txt", "d/a.txt", "README", "readme-2", ".env"]


async def test_all_files_come_as_one_archive(browser: Browser, town: Town) -> None:
    name = await town.build(Visibility.PUBLIC)
    files = {"a.txt": b"hello " * 1000, "d/b.bin": bytes(range(256)), "empty": b""}
    auth = town.auth["owner"] or ""
    for each in (*files.values(), b"{}"):
        await town.doors.push(name, each, str(Digest.of(each)), auth)
    layers = [
        {**descriptor(content, "text/plain"), "annotations": {TITLE: title}}
        for title, content in files.items()
    ]
    manifest = image(layers=layers)
    target = f"/v2/{name}/manifests/files"
    answer = await town.doors.ask("PUT", target, manifest, auth=auth, content_type=OCI_MANIFEST)
    assert answer.status == 201, answer.body
    page = await browser.get(f"/r/{name}:files")
    assert f'href="/r/{name}:files/files.zip"' in page.text
    answer = await browser.get(f"/r/{name}:files/files.zip")
    assert (answer.status, answer.header("content-type")) == (200, "application/zip")
    assert "-files.zip" in (answer.header("content-disposition") or "")
    with ZipFile(BytesIO(answer.body)) as archive:
        assert archive.testzip() is None
        assert {each: archive.read(each) for each in archive.namelist()} == files
    assert (await browser.get(f"/r/{name}:v1/files.zip")).status == 404
