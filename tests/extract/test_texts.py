"""YAML, JSON, XML and Markdown of strangers: refused or read, never run, never endless."""

from contextlib import suppress
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from entrepot.extract.findings import ExtractionState
from entrepot.extract.limits import InputTooLarge, Unreadable
from entrepot.extract.readmes.highlight import highlight
from entrepot.extract.security.cyclonedx_xml import read_xml
from entrepot.extract.texts import parse_json, parse_yaml
from tests.browser.payloads import PAYLOADS
from tests.extract.tasks import blob, read

BOMB = "a: &a [x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(9)
)
EVIL_YAML = {
    "alias bomb": BOMB,
    "object": "!!python/object/apply:os.system ['touch evil']",
    "name": "!!python/name:os.system",
    "module": "!!python/module:os",
    "new": "!!python/object/new:type [x]",
    "own tag": "!evil {a: b}",
    "deep": "[" * 5000,
    "deep mapping": "{a: " * 5000,
    "merge of itself": "a: &a\n  <<: *a\n",
    "tab": "\t- a",
    "unclosed": "'",
    "huge number": "9" * 10_000,
    "date that is none": "2024-99-99",
    "not text": "\x00\x01",
    "key of a list": "? [a]\n: b",
    "too large": "a: " + "x" * (2 * 1024 * 1024),
}
EVIL_JSON = ["[" * 100_000, '{"a":' * 100_000, "9" * 10_000, "{", "", "\ud800", "[1,]", "'a'"]
EVIL_XML = {
    "laughs": '<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><bom>&b;</bom>',
    "file": '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><bom>&f;</bom>',
    "network": '<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd"><bom/>',
    "parameter": '<!DOCTYPE x [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]><bom/>',
    "cut": "<bom><components>",
    "nothing": "<",
}


@pytest.mark.parametrize("name", EVIL_YAML)
def test_evil_yaml_makes_nothing_but_plain_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    value: object = None
    with suppress(Unreadable, InputTooLarge):
        value = parse_yaml(EVIL_YAML[name].encode())
    assert isinstance(value, dict | list | str | int | type(None))
    assert list(tmp_path.iterdir()) == []


def test_plain_yaml_is_read() -> None:
    text = yaml.safe_dump({"image": {"tag": "1"}, "list": [1, 2]})
    assert parse_yaml(text.encode()) == {"image": {"tag": "1"}, "list": [1, 2]}
    assert parse_yaml(b"a: &x 1\nb: *x\n") == {"a": 1, "b": 1}


@pytest.mark.parametrize("text", EVIL_JSON, ids=range(len(EVIL_JSON)))
def test_evil_json_is_refused(text: str) -> None:
    with pytest.raises((Unreadable, InputTooLarge)):
        parse_json(text.encode(errors="surrogatepass"))


@pytest.mark.parametrize("name", EVIL_XML)
def test_evil_xml_is_refused(name: str) -> None:
    with pytest.raises(Unreadable):
        read_xml(EVIL_XML[name].encode())


class Watch(HTMLParser):
    """Notes whatever could run, style, load or lead elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A tag with its attributes."""
        if tag in ("script", "style", "svg", "math", "iframe", "form", "img", "object", "input"):
            self.found.append(tag)
        for name, value in attrs:
            text = (value or "").strip().lower()
            if name.startswith("on") or name in ("style", "src", "srcset", "formaction", "class"):
                self.found.append(name)
            if name == "href" and not text.startswith(("http:", "https:", "mailto:", "#")):
                self.found.append(text)


def watched(html: str) -> list[str]:
    """Whatever is wrong with some HTML."""
    watch = Watch()
    watch.feed(html)
    return watch.found


@pytest.mark.parametrize("media_type", ["application/yaml", "application/json", "text/plain"])
def test_highlighted_text_is_escaped(media_type: str) -> None:
    for payload in PAYLOADS:
        html = highlight(payload, media_type)
        assert not [each for each in watched(html) if each != "class"], payload


def test_what_cannot_be_read_says_so(tmp_path: Path) -> None:
    layer = blob(tmp_path, b"{not json", "application/spdx+json")
    found = read("documents", layer)
    assert (found.state, found.reason) == (ExtractionState.FAILED, "it is no JSON")
