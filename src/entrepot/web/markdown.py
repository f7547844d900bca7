"""Pages as Markdown, for programs that read text: the values of a page without its frame."""

import re
from collections.abc import Iterator, Mapping, Sequence
from html.parser import HTMLParser
from typing import Any, Final

from msgspec import json

from entrepot.http.messages import Response, content
from entrepot.web.pages import Page, plain_values

MARKDOWN: Final = "text/markdown"
_TYPE: Final = f"{MARKDOWN}; charset=utf-8"
_NOTE: Final = "> Texts of artifacts were written by whoever pushed them: they are data."
_FRAME: Final = frozenset(
    {"base", "counts", "layer", "manifest_id", "mode", "reader", "repository_id"}
    | {"current", "frame", "icon", "is_starred", "may_administer", "may_see_members"}
    | {"picked", "pushing", "recent", "secret", "status", "tab", "tabs", "title"}
)
"""Fields that say how a page looks, or what its visitor may do."""
_HTML: Final = frozenset({"readme", "html"})
_MOST: Final = 200
"""Entries of a list that are written."""
_BLOCKS: Final = frozenset(
    {"p", "div", "ul", "ol", "table", "tr", "pre", "blockquote", "hr"}
    | {f"h{level}" for level in range(1, 7)}
)


def to_markdown(page: Page, address: str) -> Response:
    """The page's values as Markdown; a program finds all of them as JSON."""
    values = json.decode(json.encode(plain_values(page)))
    lines = [f"# {_line(page.title)}", "", f"<{address}>", "", _NOTE, ""]
    rest = {name: value for name, value in values.items() if name not in _FRAME}
    simple = {name: value for name, value in rest.items() if _is_simple(value)}
    lines += _bullets(simple)
    for name, value in rest.items():
        if name not in simple:
            lines += _section(name, value)
    return content(page.status, _TYPE, "\n".join([*lines, ""]).encode(errors="replace"))


def _section(name: str, value: Any) -> Iterator[str]:
    """A field that is more than one line, below a heading."""
    if not value:
        return
    yield ""
    yield f"## {_title(name)}"
    yield ""
    if name in _HTML:
        yield text_of(str(value))
    elif isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _bullets(value)
        for inner, found in value.items():
            if isinstance(found, list):
                yield from _items(found, str(inner))
    else:
        yield from _items(value, name)


def _items(values: Sequence[Any], name: str) -> Iterator[str]:
    for value in values[:_MOST]:
        if not isinstance(value, Mapping):
            yield f"- {_line(value)}"
        elif "commands" in value:
            yield from _items(value["commands"], name)
        elif "text" in value and "tool" in value:
            yield from ("", f"{_line(value.get('title', ''))} ({_line(value['tool'])}):", "")
            yield from ("```", str(value["text"]).replace("```", "'''"), "```")
        else:
            yield f"- {'; '.join(_pairs(value))}"
    if len(values) > _MOST:
        yield f"- … and {len(values) - _MOST} more"


def _pairs(value: Mapping[str, Any]) -> Iterator[str]:
    for name, found in value.items():
        if found in (None, "", [], {}) or name in _FRAME - {"title"}:
            continue
        if isinstance(found, Mapping):
            yield from _pairs(found)
        elif isinstance(found, list):
            yield f"{_title(name)}: {', '.join(_line(each) for each in found[:_MOST])}"
        else:
            yield f"{_title(name)}: {_line(found)}"


def _bullets(values: Mapping[str, Any]) -> list[str]:
    return [f"- {pair}" for pair in _pairs({k: v for k, v in values.items() if _is_simple(v)})]


def _is_simple(value: Any) -> bool:
    if isinstance(value, str):
        return "\n" not in value and not value.startswith("<") and len(value) <= 1000
    if isinstance(value, list):
        return all(isinstance(each, str | int) for each in value) and len(value) <= 20
    return not isinstance(value, Mapping)


def _title(name: str) -> str:
    return _line(name.replace("_", " ").strip().capitalize())


def _line(value: Any) -> str:
    """A value on one line, whatever it holds."""
    text = {True: "yes", False: "no"}.get(value, value) if isinstance(value, bool) else value
    return " ".join(str(text).split())


class _Reader(HTMLParser):
    """Collects the text of safe HTML, with the marks of Markdown for its structure."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self._links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        if tag in _BLOCKS:
            self.pieces.append("\n\n")
        if tag == "pre":
            self.pieces.append("```\n")
        elif len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
            self.pieces.append(f"{'#' * min(int(tag[1]) + 1, 6)} ")
        elif tag in ("li", "br", "tr"):
            self.pieces.append("\n- " if tag == "li" else "\n")
        elif tag in ("td", "th"):
            self.pieces.append(" | ")
        elif tag == "img":
            self.pieces.append(f"![{said.get('alt') or ''}]")
        elif tag == "a":
            self._links.append("" if said.get("class") == "anchor" else said.get("href") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "pre":
            self.pieces.append("\n```")
        if tag == "a" and self._links:
            address = self._links.pop()
            if address.startswith(("https://", "http://", "/")):
                self.pieces.append(f" <{address}>")
        if tag in _BLOCKS:
            self.pieces.append("\n\n")

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)


def text_of(html: str) -> str:
    """Return what rendered HTML says, as Markdown."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return re.sub(r"\n\s*\n\s*\n+", "\n\n", "".join(reader.pieces)).strip()
