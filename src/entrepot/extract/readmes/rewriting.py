"""Clean HTML of a README made into a part of a page: where links lead, what headings are called."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape, unescape
from typing import Final

from entrepot.extract.readmes.emoji import with_emoji
from entrepot.extract.readmes.fences import Fences
from entrepot.extract.readmes.links import Surroundings, absolute, picture, resolve

PREFIX: Final = "user-content-"
"""Of every id and name: nothing of a page's own can be meant by them."""
ALERTS: Final = ("note", "tip", "important", "warning", "caution")
_PIECE: Final = re.compile(r'<(/?)([a-z][a-z0-9]*)((?: [^\s=>"/]+="[^"]*")*)>|[^<]+|<')
_ATTRIBUTE: Final = re.compile(r' ([^\s=>"/]+)="([^"]*)"')
_ALERT: Final = re.compile(
    r"\s*\[!(note|tip|important|warning|caution)\][ \t]*(?:\n|\Z)", re.IGNORECASE
)
_SLUG: Final = re.compile(r"[^\w\- ]+")
_LITERAL: Final = frozenset({"code", "pre", "kbd", "samp", "tt"})
_MOST_ID: Final = 200
_PICTURES: Final = 1_400_000
"""Characters of pictures within the text: one that is shown often is there as often."""

Attributes = dict[str, str]


def rewrite(html: str, around: Surroundings) -> str:
    """The HTML with what pages need; only of a cleaner's HTML, whose form is relied on."""
    return _Rewriting(around).run(html)


@dataclass(slots=True)
class _Quote:
    """A quote that is open: where it begins in what was written, and what it turned out to be."""

    at: int
    is_new: bool = True
    tag: str = "blockquote"


class _Rewriting:
    """One pass over tags and texts; `_out` is what was written so far."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._out: list[str] = []
        self._fences = Fences()
        self._ids: dict[str, int] = {}
        self._literal = 0
        self._links: list[bool] = []
        self._quotes: list[_Quote] = []
        self._heading: tuple[int, Attributes] | None = None
        self._words: list[str] = []
        self._fence: tuple[list[str], str] | None = None
        self._item = False
        self._left = _PICTURES
        self._opening: dict[str, Callable[[Attributes], None]] = {
            "a": self._open_link,
            "img": self._draw_picture,
            "input": self._tick,
            "blockquote": self._open_quote,
            "pre": self._open_fence,
            "picture": lambda said: None,
            **{f"h{n}": lambda said, n=n: self._open_heading(n, said) for n in range(1, 7)},  # type: ignore[misc]
        }
        self._closing: dict[str, Callable[[], None]] = {
            "a": self._close_link,
            "blockquote": self._close_quote,
            "pre": lambda: None,
            "picture": lambda: None,
            **{f"h{n}": lambda n=n: self._close_heading(n) for n in range(1, 7)},  # type: ignore[misc]
        }

    def run(self, html: str) -> str:
        """All of it."""
        for found in _PIECE.finditer(html):
            if self._fence is not None:
                self._in_fence(found)
            elif found[2] is None:
                self._write_text(found[0])
            elif found[1]:
                self._close(found[2])
            else:
                said = {key: unescape(value) for key, value in _ATTRIBUTE.findall(found[3])}
                self._open(found[2], said)
        return "".join(self._out)

    def _write_text(self, text: str) -> None:
        alert = None
        if self._quotes and self._quotes[-1].is_new:
            alert = _ALERT.match(text)
            self._quotes[-1].is_new = not text.strip()
        if alert is not None:
            self._begin_alert(alert[1].lower())
            text = text[alert.end() :]
        if text.strip():
            self._item = False
        if self._heading is not None:
            self._words.append(unescape(text))
        self._out.append(text if self._literal else with_emoji(text))

    def _open(self, tag: str, said: Attributes) -> None:
        for key in ("id", "name"):
            if said.get(key):
                said[key] = f"{PREFIX}{said[key].removeprefix(PREFIX)[:_MOST_ID]}"
        self._item = tag == "li" or (self._item and tag == "p") or (self._item and tag == "input")
        if self._quotes and tag != "p":
            self._quotes[-1].is_new = False
        self._literal += tag in _LITERAL
        special = self._opening.get(tag)
        if special is not None:
            special(said)
            return
        if tag == "table":
            said["tabindex"] = "0"
        self._write_tag(tag, said)

    def _close(self, tag: str) -> None:
        self._literal -= tag in _LITERAL and self._literal > 0
        special = self._closing.get(tag)
        if special is not None:
            special()
        else:
            self._out.append(f"</{tag}>")

    def _write_tag(self, tag: str, said: Attributes) -> None:
        words = "".join(f' {key}="{escape(value)}"' for key, value in said.items())
        self._out.append(f"<{tag}{words}>")

    def _open_link(self, said: Attributes) -> None:
        """A link, or only its words where it leads nowhere; anchors lead into the text alone."""
        address = said.pop("href", "")
        if address.startswith("#"):
            said["href"] = f"#{PREFIX}{address[1:].removeprefix(PREFIX)}"
        elif found := resolve(address, self._around):
            said["href"] = found
        self._links.append("href" in said or "id" in said or "name" in said)
        if self._links[-1]:
            self._write_tag("a", said)

    def _close_link(self) -> None:
        if self._links and self._links.pop():
            self._out.append("</a>")

    def _draw_picture(self, said: Attributes) -> None:
        """A picture that came along; of others, which pages never load, the words lead there."""
        address = said.pop("src", "")
        found = picture(address, self._around)
        if found and len(found) <= self._left:
            self._left -= len(found)
            said.setdefault("alt", "")
            self._write_tag("img", {"src": found, **said})
            return
        words = said.get("alt", "").strip() or address.partition("?")[0].rpartition("/")[2]
        if not words:
            return
        shown = f"{escape(with_emoji(words[:300]))}"
        target = absolute(address) or resolve(address, self._around)
        if target and not any(self._links):
            link = f'<a class="picture" href="{escape(target)}">{shown}</a>'
            self._out.append(link)
        else:
            self._out.append(f'<span class="picture">{shown}</span>')

    def _tick(self, said: Attributes) -> None:
        """A box at the beginning of a list's item; every other field is none of a README's."""
        if not self._item or said.get("type") != "checkbox":
            return
        is_done = "checked" in said
        label = "done" if is_done else "to do"
        ticked = ' checked=""' if is_done else ""
        self._out.append(f'<input type="checkbox" disabled=""{ticked} aria-label="{label}">')
        self._item = False

    def _open_quote(self, said: Attributes) -> None:
        self._quotes.append(_Quote(len(self._out)))
        self._write_tag("blockquote", said)

    def _begin_alert(self, name: str) -> None:
        """Make the quote that was just opened, and its first paragraph, an alert."""
        quote = self._quotes[-1]
        title = f'<p class="alert-title">{name.capitalize()}</p>'
        self._out[quote.at] = f'<div class="alert alert-{name}">{title}'
        quote.tag = "div"

    def _close_quote(self) -> None:
        self._out.append(f"</{self._quotes.pop().tag}>" if self._quotes else "")

    def _open_heading(self, level: int, said: Attributes) -> None:
        """Headings are one level below the page's own; what they are called follows their words."""
        self._heading = (len(self._out), said)
        self._words = []
        self._out.append("")

    def _close_heading(self, level: int) -> None:
        tag = f"h{min(6, level + 1)}"
        if self._heading is None:
            return
        at, said = self._heading
        self._heading = None
        words = " ".join("".join(self._words).split())
        given = self._id_of(words)
        self._out[at] = f'<{tag} id="{given}"{_align(said)}>'
        label = escape(f"#{words}"[:_MOST_ID])
        self._out.append(f' <a class="anchor" href="#{given}" aria-label="{label}">#</a></{tag}>')

    def _id_of(self, words: str) -> str:
        """As GitHub makes it, so that links that were written for it go on to work."""
        slug = _SLUG.sub("", words.lower()).strip().replace(" ", "-")[:_MOST_ID] or "section"
        count = self._ids[slug] = self._ids.get(slug, -1) + 1
        return f"{PREFIX}{escape(slug)}{f'-{count}' if count else ''}"

    def _open_fence(self, said: Attributes) -> None:
        self._fence = ([], said.get("lang", ""))

    def _in_fence(self, found: "re.Match[str]") -> None:
        """Gather the text up to the end; tags within are those of an author who wrote HTML."""
        if self._fence is None:
            return
        texts, language = self._fence
        if found[2] is None:
            texts.append(unescape(found[0]))
        elif found[2] == "br":
            texts.append("\n")
        elif found[1] and found[2] == "pre":
            self._fence = None
            self._literal -= self._literal > 0
            self._out.append(self._fences.draw("".join(texts), language))


def _align(said: Attributes) -> str:
    align = said.get("align", "")
    return f' align="{align}"' if align in ("left", "center", "right") else ""
