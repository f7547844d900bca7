"""Badges as pictures, and as the JSON that shields.io draws its own from."""

import hashlib
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from msgspec import json

from entrepot.errors import NotFound
from entrepot.http.authorize import AccessRule
from entrepot.http.conditions import matches_etag
from entrepot.http.messages import Response, content, empty
from entrepot.hub.badges import Badge, BadgeSubject, Tone
from entrepot.model.repositories import Visibility
from entrepot.web.requests import PageRequest, PageRoute

# White on these has a contrast of at least 4.5 to 1.
_COLOURS: Final = {
    Tone.GOOD: "#1b6b3a",
    Tone.PLAIN: "#0b6b63",
    Tone.WARN: "#855300",
    Tone.BAD: "#a62b1f",
    Tone.UNKNOWN: "#6b665e",
}
_LABEL: Final = "#3b3a37"
_NARROW: Final = frozenset("ijl.,:;'|!fIrt ")
_WIDE: Final = frozenset("mwMW@%")
_SVG: Final = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" aria-label={name}>\
<title>{title}</title>\
<clipPath id="r"><rect width="{width}" height="20" rx="4"/></clipPath>\
<g clip-path="url(#r)"><rect width="{left}" height="20" fill="{label_colour}"/>\
<rect x="{left}" width="{right}" height="20" fill="{colour}"/></g>\
<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">\
<text x="{label_x}" y="14" textLength="{label_length}">{label}</text>\
<text x="{message_x}" y="14" textLength="{message_length}">{message}</text></g></svg>
"""


async def show_badge(request: PageRequest) -> Response:
    """One fact as `NAME.svg`, or as `NAME.json` for shields.io."""
    name, _, form = request.values["badge"].rpartition(".")
    try:
        subject = BadgeSubject(name)
    except ValueError as error:
        raise NotFound from error
    if form not in ("svg", "json"):
        raise NotFound
    badge = await request.app.badges.get(request.repository, subject)
    body = draw(badge) if form == "svg" else _shields(badge)
    is_public = request.repository.visibility is Visibility.PUBLIC
    etag = hashlib.sha256(body).hexdigest()[:16]
    headers = [
        ("cache-control", "max-age=300" if is_public else "private, max-age=300"),
        ("etag", f'"{etag}"'),
        # Pages of other sites show it.
        ("cross-origin-resource-policy", "cross-origin"),
    ]
    if matches_etag(request.http, etag):
        return empty(304, headers)
    kind = "image/svg+xml; charset=utf-8" if form == "svg" else "application/json"
    return content(200, kind, body, headers)


def draw(badge: Badge) -> bytes:
    """The badge as an SVG without scripts, styles and fonts of its own."""
    label_length, message_length = _width(badge.label), _width(badge.message)
    left, right = label_length + 12, message_length + 12
    text = f"{badge.label}: {badge.message}"
    return _SVG.format(
        width=left + right,
        left=left,
        right=right,
        name=quoteattr(text),
        title=escape(text),
        label_colour=_LABEL,
        colour=_COLOURS[badge.tone],
        label_x=left / 2,
        message_x=left + right / 2,
        label_length=label_length,
        message_length=message_length,
        label=escape(badge.label),
        message=escape(badge.message),
    ).encode()


def _shields(badge: Badge) -> bytes:
    return json.encode(
        {
            "schemaVersion": 1,
            "label": badge.label,
            "message": badge.message,
            "color": _COLOURS[badge.tone],
        }
    )


def _width(text: str) -> int:
    """Pixels that the text takes at 11 px; the picture stretches it to exactly that."""
    widths = (4 if each in _NARROW else 10 if each in _WIDE else 7 for each in text)
    return sum(
        12 if ord(each) > 0x2E80 else width for each, width in zip(text, widths, strict=True)
    )


ROUTES: Final = (PageRoute("GET", "/r/{repository}/-/badge/{badge}", AccessRule.PULL, show_badge),)
