"""Markdown of strangers as HTML that can do no harm."""

import re
from functools import cache
from itertools import pairwise
from typing import Any, Final

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

MAX: Final = 512 * 1024
"""Characters that are rendered."""
_TAGS: Final = frozenset(
    [
        "a",
        "abbr",
        "b",
        "blockquote",
        "br",
        "code",
        "dd",
        "del",
        "details",
        "div",
        "dl",
        "dt",
        "em",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "i",
        "ins",
        "kbd",
        "li",
        "ol",
        "p",
        "pre",
        "q",
        "s",
        "samp",
        "small",
        "span",
        "strong",
        "sub",
        "summary",
        "sup",
        "table",
        "tbody",
        "td",
        "th",
        "thead",
        "tr",
        "tt",
        "ul",
        "var",
    ]
)
_ATTRIBUTES: Final = {
    "a": {"href", "title"},
    "td": {"align", "colspan", "rowspan"},
    "th": {"align", "colspan", "rowspan"},
    "ol": {"start"},
    **{f"h{level}": {"id"} for level in range(1, 7)},
}
_SCHEMES: Final = {"http", "https", "mailto"}
_PREFIX: Final = "user-content-"
_WORDS: Final = re.compile(r"[^\w]+")


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "linkify": True, "maxNesting": 40})
    parser.enable(["table", "strikethrough", "linkify"])
    parser.add_render_rule("image", _image_as_link)
    return parser


def _image_as_link(
    self: RendererHTML, tokens: list[Token], index: int, options: Any, env: Any
) -> str:
    """Pictures are of other origins, which pages never load: their words lead there instead."""
    source = nh3.clean_text(str(tokens[index].attrs.get("src", "")))
    words = nh3.clean_text(tokens[index].content or "image")
    return f'<a href="{source}">{words}</a>'


def render(text: str) -> str:
    """Safe HTML: no script, no style, no picture, links to http(s), mail and headings only."""
    tokens = _parser().parse(text[:MAX])
    _name_headings(tokens)
    html = _parser().renderer.render(tokens, _parser().options, {})
    return nh3.clean(
        html,
        tags=set(_TAGS),
        attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
        # What scrolls is reached with the keyboard.
        set_tag_attribute_values={tag: {"tabindex": "0"} for tag in ("pre", "table")},
        url_schemes=set(_SCHEMES),
        link_rel="noopener nofollow ugc",
        strip_comments=True,
        attribute_filter=_filter,
    )


def _filter(tag: str, name: str, value: str) -> str | None:
    """Anchors lead into the text alone; addresses of the hub itself are no business of a README."""
    if name != "href":
        return value
    if value.startswith("#"):
        return f"#{_PREFIX}{value[1:]}"
    return value if value.lower().startswith(("http://", "https://", "mailto:")) else None


def _name_headings(tokens: list[Token]) -> None:
    """Give headings ids that nothing of the page's own can have, and put them one level down."""
    seen: dict[str, int] = {}
    for opening, inline in pairwise(tokens):
        if opening.type != "heading_open":
            continue
        slug = _WORDS.sub("-", inline.content.lower()).strip("-")[:80] or "section"
        count = seen[slug] = seen.get(slug, -1) + 1
        opening.attrSet("id", f"{_PREFIX}{slug}{f'-{count}' if count else ''}")
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + 1)}"
