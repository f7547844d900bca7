"""Markdown of strangers as HTML that can do no harm: GitHub's, with GitHub's own parser.

The parser's HTML, and the author's within it, is cleaned; then links, pictures, headings, alerts
and fences are made what pages need; then all of it is cleaned once more, so that nothing but the
second cleaning has to be right.
"""

import re
from typing import Final

import nh3
from cmarkgfm import cmark

from entrepot.extract.limits import InputTooLarge
from entrepot.extract.readmes import fences
from entrepot.extract.readmes.front_matter import split_front_matter
from entrepot.extract.readmes.links import HERE, Surroundings
from entrepot.extract.readmes.rewriting import ALERTS, PREFIX, rewrite

MAX: Final = 1_000_000
"""Characters that are rendered; what is longer is plain text."""
_MOST_HTML: Final = 3 * MAX
"""Characters of HTML, pictures included; a page of that size takes a few milliseconds more."""
_OPTIONS: Final = (
    cmark.Options.CMARK_OPT_UNSAFE
    | cmark.Options.CMARK_OPT_FOOTNOTES
    | cmark.Options.CMARK_OPT_GITHUB_PRE_LANG
)
_EXTENSIONS: Final = ("table", "autolink", "strikethrough", "tasklist")
_NAMES: Final = (
    "a abbr b bdo blockquote br caption center cite code col colgroup dd del details dfn div dl dt "
    "em figcaption figure h1 h2 h3 h4 h5 h6 hr i img input ins kbd li mark ol p picture pre q rp "
    "rt ruby s samp section small span strike strong sub summary sup table tbody td tfoot th "
    "thead tr tt u ul var wbr"
)
_TAGS: Final = frozenset(_NAMES.split())
_CELL: Final = frozenset({"align", "valign", "colspan", "rowspan", "width"})
_ATTRIBUTES: Final = {
    "*": {"id", "title", "lang", "dir"},
    "a": {"href", "name"},
    "img": {"src", "alt", "width", "height", "align"},
    "input": {"type", "checked", "disabled"},
    "ol": {"start", "type", "reversed"},
    "li": {"value"},
    "details": {"open"},
    "table": {"align", "width"},
    "td": _CELL,
    "th": _CELL | {"scope"},
    "tr": {"align", "valign"},
    "p": {"align"},
    "div": {"align"},
    **{f"h{level}": {"align"} for level in range(1, 7)},
}
_OURS: Final = {
    "a": {"aria-label"},
    "input": {"aria-label"},
    "pre": {"tabindex"},
    "table": {"tabindex"},
}
_CLASSES: Final = {
    "a": {"anchor", "picture"},
    "span": {*fences.CLASSES, "picture"},
    "div": {"alert", *(f"alert-{name}" for name in ALERTS)},
    "p": {"alert-title"},
}
_NEVER: Final = frozenset({"script", "style", "iframe", "object", "embed", "noscript", "template"})
_DEPTH: Final = 200
"""Elements within one another: the cleaner's time grows with the square of it."""
_OPEN_OR_CLOSED: Final = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*)")
_WITHOUT_END: Final = (
    "area base br col embed hr img input link meta param source track wbr "
    "p li dt dd td th tr tbody thead tfoot colgroup rt rp option optgroup"
)
_ENDLESS: Final = frozenset(_WITHOUT_END.split())
"""Tags that have no end, or need none."""
_PICTURES: Final = tuple(
    f"data:image/{each};base64," for each in ("png", "jpeg", "gif", "webp", "svg+xml")
)


def render(text: str, around: Surroundings | None = None) -> str:
    """Safe HTML: no script, no style, nothing loaded from anywhere, links to http(s) and mail.

    Raise `TooLarge` where the text, or what it becomes, is longer than pages can be.
    """
    if len(text) > MAX:
        raise InputTooLarge(f"a text of more than {MAX:,} characters is shown as it is")
    _, body = split_front_matter(text)
    marked_up = cmark.markdown_to_html_with_extensions(body, _OPTIONS, _EXTENSIONS)
    _check_size(marked_up)
    _check_depth(marked_up)
    clean = nh3.clean(
        marked_up,
        tags=set(_TAGS),
        clean_content_tags=set(_NEVER),
        attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
        url_schemes={"http", "https", "mailto"},
        link_rel=None,
    )
    rewritten = rewrite(clean, around or Surroundings())
    _check_size(rewritten)
    html = _last(rewritten)
    _check_size(html)
    return html


def _check_size(html: str) -> None:
    if len(html) > _MOST_HTML:
        raise InputTooLarge("what the Markdown becomes is longer than a page can be")


def _check_depth(html: str) -> None:
    depth = 0
    for found in _OPEN_OR_CLOSED.finditer(html):
        if found[2].lower() in _ENDLESS:
            continue
        depth = max(0, depth - 1) if found[1] else depth + 1
        if depth > _DEPTH:
            raise InputTooLarge(f"it is nested deeper than {_DEPTH} levels")


def _last(html: str) -> str:
    attributes = {tag: set(names) for tag, names in _ATTRIBUTES.items()}
    for tag, names in _OURS.items():
        attributes[tag] = attributes.get(tag, set()) | names
    return nh3.clean(
        html,
        tags=set(_TAGS - {"picture"}),
        attributes=attributes,
        allowed_classes={tag: set(names) for tag, names in _CLASSES.items()},
        url_schemes={"http", "https", "mailto", "data"},
        link_rel="noopener nofollow ugc",
        attribute_filter=_filter,
    )


def _filter(tag: str, name: str, value: str) -> str | None:
    """The last check: no addresses but allowed ones, no id that could be a page's own."""
    if name == "href":
        leads_away = value.lower().startswith(("http://", "https://", "mailto:"))
        return value if leads_away or value.startswith((f"#{PREFIX}", HERE)) else None
    if name == "src":
        return value if value.startswith(_PICTURES) else None
    if name in ("id", "name"):
        return value if value.startswith(PREFIX) else None
    if tag == "input" and name == "type":
        return "checkbox" if value == "checkbox" else None
    return value
