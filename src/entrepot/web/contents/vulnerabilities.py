"""`/vulnerabilities`: who has a vulnerability; and what operators see of all of them."""

import asyncio
import csv
import io
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from entrepot.errors import Invalid, TooLarge
from entrepot.http.authorize import AccessRule
from entrepot.http.messages import Response, content
from entrepot.http.multipart import read_parts
from entrepot.http.paging import Pager
from entrepot.hub.security.vulnerabilities import MOST, SecurityOverview
from entrepot.model.security.advisories import AffectedArtifact
from entrepot.web.contents.browser_upload import safe_title
from entrepot.web.contents.downloads import cell, disposition
from entrepot.web.operators.administration import AdminPage
from entrepot.web.pages import Page, redirect
from entrepot.web.requests import PageRequest, PageRoute

_SIZE: Final = 50
_LARGEST: Final = 1024 * 1024 * 1024
"""Bytes of a file that is uploaded; larger ones are imported by the command."""
_PATIENCE: Final = 20.0
"""Seconds that the browser waits for an import; a longer one goes on without it."""
_COLUMNS: Final = (
    "id",
    "severity",
    "repository",
    "tag",
    "digest",
    "package",
    "version",
    "fixed",
    "state",
    "source",
    "first_seen",
    "aliases",
)


@dataclass(kw_only=True)
class AffectedPage(Page):
    """`/vulnerabilities?q=`: the artifacts that have it."""

    template: ClassVar[str] = "search/vulnerabilities.html"
    query: str
    affected: list[AffectedArtifact]
    pager: Pager


@dataclass(kw_only=True)
class VulnerabilityDataPage(AdminPage):
    """`/admin/vulnerabilities`: the advisories, and what they find in the whole hub."""

    template: ClassVar[str] = "administration/vulnerabilities.html"
    overview: SecurityOverview


async def show_affected(request: PageRequest) -> Page:
    """The artifacts that the visitor may see and that have the vulnerability."""
    text = request.query("q")[:255].strip()
    number = request.number("page", default=1, most=MOST // _SIZE)
    found = await request.app.vulnerabilities.find(
        request.identity, text, limit=_SIZE, offset=(number - 1) * _SIZE
    )
    return AffectedPage(
        title=f"Vulnerability: {text}" if text else "Find a vulnerability",
        query=text,
        affected=found.entries,
        pager=Pager(number, _SIZE, found.total),
    )


async def export_affected(request: PageRequest) -> Response:
    """The same as CSV, whole."""
    text = request.query("q")[:255].strip()
    found = await request.app.vulnerabilities.find(request.identity, text, limit=MOST)
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(_COLUMNS)
    for each in found.entries:
        writer.writerow([_text(getattr(each, name)) for name in _COLUMNS])
    headers = [("content-disposition", disposition(f"{text or 'vulnerabilities'}.csv"))]
    return content(200, "text/csv; charset=utf-8", table.getvalue().encode(), headers)


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return cell(", ".join(map(str, value)))
    return cell("" if value is None else str(value))


async def show_data(request: PageRequest) -> Page:
    """The data's age, counts by severity, and what is new since last week."""
    return VulnerabilityDataPage(
        title="Vulnerabilities",
        current="vulnerabilities",
        overview=await request.app.vulnerabilities.get_overview(),
    )


async def import_data(request: PageRequest) -> Response:
    """Import a file of advisories; one that takes long goes on after the answer."""
    async for part, chunks in read_parts(request.http):
        if not part.filename:
            async for _ in chunks:
                pass
            continue
        name = safe_title(part.filename).rpartition("/")[2]
        path = await _store(chunks)
        task = request.app.advisories.start_import(path, name)
        done, _ = await asyncio.wait({task}, timeout=_PATIENCE)
        for each in done:
            each.result()
        return redirect("/admin/vulnerabilities", said="saved")
    raise Invalid("choose a file")


async def _store(chunks: AsyncIterator[bytes]) -> Path:
    """The uploaded bytes as a file, which whoever imports it deletes."""
    size = 0
    with tempfile.NamedTemporaryFile(prefix="entrepot-osv-", delete=False) as file:
        path = Path(file.name)
        try:
            async for chunk in chunks:
                size += len(chunk)
                if size > _LARGEST:
                    raise TooLarge(f"at most {_LARGEST // 1024**2} MiB: import it by the command")
                await asyncio.to_thread(file.write, chunk)
        except BaseException:
            await asyncio.to_thread(path.unlink, missing_ok=True)
            raise
    return path


ROUTES: Final = (
    PageRoute("GET", "/vulnerabilities", AccessRule.ANYONE, show_affected),
    PageRoute("GET", "/vulnerabilities.csv", AccessRule.ANYONE, export_affected),
    PageRoute("GET", "/admin/vulnerabilities", AccessRule.HUB_ADMIN, show_data),
    PageRoute("POST", "/admin/vulnerabilities", AccessRule.HUB_ADMIN, import_data),
)
