"""Bytes for browsers: a blob as a file, an Atom feed, a table as CSV."""

import csv
import io
import unicodedata
from datetime import datetime
from typing import Final
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from entrepot.errors import BlobUnknown, EntrepotError
from entrepot.http.authorize import AccessRule
from entrepot.http.blob_responses import blob_response
from entrepot.http.messages import Response, content
from entrepot.kinds.recognition.catalogue import kind_of_id
from entrepot.model.tags import Filters, TagOrder
from entrepot.oci.digests import Digest
from entrepot.web.contents.artifacts import open_artifact
from entrepot.web.requests import PageRequest, PageRoute

_FEED: Final = 50
_ATOM: Final = "application/atom+xml; charset=utf-8"
_FORMULAS: Final = frozenset("=+-@\t\r\n")
_COLUMNS: Final = (
    "id",
    "severity",
    "package",
    "version",
    "fixed_in",
    "score",
    "status",
    "title",
    "aliases",
    "sources",
    "justification",
    "location",
    "purl",
)


async def download_blob(request: PageRequest) -> Response:
    """A blob of this repository, to be saved and never shown: it may be anything."""
    try:
        digest = Digest.parse(request.values["blob"])
    except EntrepotError as error:
        raise BlobUnknown from error
    blob = await request.app.blobs.get(request.repository, digest)
    name = request.query("name") or blob.digest[7:19]
    headers = [
        ("content-disposition", disposition(name)),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'; sandbox"),
    ]
    app = request.app
    return await blob_response(
        request.http, app.blobs, blob, app.origins, app.proxied_files, headers
    )


def disposition(name: str) -> str:
    """`Content-Disposition` for a file of that name (RFC 6266), without its directories."""
    last = name.replace("\\", "/").rpartition("/")[2][:200] or "file"
    plain = "".join(
        each if each.isascii() and (each.isalnum() or each in "._-") else "_" for each in last
    )
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(last, safe='')}"


async def show_feed(request: PageRequest) -> Response:
    """The newest versions, as Atom (RFC 4287)."""
    newest = TagOrder.NEWEST
    rows = await request.app.tags.list_rows(request.repository, newest, Filters(), _FEED)
    name = request.repository.name.text
    address = f"{request.origin}/r/{name}"
    updated = rows[0].moved_at if rows else request.repository.created_at
    entries = "".join(
        _entry(
            f"{address}:{row.tag}",
            f"{name}:{row.tag}",
            kind_of_id(row.artifact.kind).name if row.artifact else "",
            row.digest,
            row.moved_at,
        )
        for row in rows
    )
    body = (
        '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">'
        f"<title>{escape(name)}</title><id>{escape(address)}</id><updated>{_instant(updated)}</updated>"
        f"<author><name>{escape(name.partition('/')[0])}</name></author>"
        f"<link href={quoteattr(address)}/>"
        f'<link rel="self" href={quoteattr(address + "/-/feed.atom")}/>{entries}</feed>\n'
    )
    return content(200, _ATOM, body.encode(), [("cache-control", "private, max-age=60")])


def _entry(address: str, title: str, kind: str, digest: str, moment: datetime) -> str:
    return (
        f"<entry><title>{escape(title)}</title><id>{escape(f'{address}#{digest}')}</id>"
        f"<link href={quoteattr(address)}/><updated>{_instant(moment)}</updated>"
        f"<summary>{escape(kind)} {escape(digest)}</summary></entry>"
    )


def _instant(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


async def export_vulnerabilities(request: PageRequest) -> Response:
    """Return the reported vulnerabilities as CSV."""
    opened = await open_artifact(request)
    stored = opened.described.stored
    found = await request.app.findings.gather(request.repository.id, stored.digest, opened.findings)
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(_COLUMNS)
    for each in found.vulnerabilities:
        writer.writerow([cell(_written(getattr(each, name))) for name in _COLUMNS])
    left_out = found.left_out.get("vulnerabilities", 0)
    if left_out:
        writer.writerow([f"({left_out} more entries were not kept)"])
    headers = [("content-disposition", disposition(f"{stored.digest[7:19]}-vulnerabilities.csv"))]
    return content(200, "text/csv; charset=utf-8", table.getvalue().encode(), headers)


def _written(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    first = unicodedata.normalize("NFKC", text.lstrip(" ")[:1])
    return f"'{text}" if first in _FORMULAS else text


ROUTES: Final = (
    PageRoute("GET", "/r/{repository}/-/blob/{blob}", AccessRule.PULL, download_blob),
    PageRoute("GET", "/r/{repository}/-/feed.atom", AccessRule.PULL, show_feed),
    PageRoute("GET", "/r/{artifact}/vulnerabilities.csv", AccessRule.PULL, export_vulnerabilities),
)
