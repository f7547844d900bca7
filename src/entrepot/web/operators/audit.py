"""The audit log on pages: sentences, a range of days, and all of it as CSV."""

import csv
import io
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from entrepot.http.messages import Response, content
from entrepot.hub.events.audit import AuditListing
from entrepot.model.audit import AuditQuery, AuditRow
from entrepot.web.contents.downloads import cell, disposition
from entrepot.web.requests import PageRequest

EXPORTED: Final = 10_000
"""Rows of one CSV file, the newest; the API pages through all of them."""
_COLUMNS: Final = ("at", "actor", "action", "target", "details", "address", "request", "hash")


@dataclass(frozen=True, slots=True)
class AuditLine:
    """A row of the log, with its details taken apart."""

    at: datetime
    actor: str
    action: str
    target: str
    details: list[tuple[str, str]]
    address: str

    @property
    def day(self) -> str:
        """The day in UTC."""
        return self.at.strftime("%Y-%m-%d")


@dataclass(frozen=True, slots=True)
class AuditPart:
    """Some of the log, and what was asked for."""

    rows: list[AuditLine]
    next_before: int | None
    actor: str
    action: str
    since: str
    until: str


def audit_query(request: PageRequest) -> AuditQuery:
    """Return what the address asks for; days that are none are not asked for."""
    since, until = _day(request.query("since")), _day(request.query("until"))
    return AuditQuery(
        actor=request.query("actor").strip(),
        action=request.query("action").strip(),
        since=_begin(since) if since else None,
        until=_begin(until + timedelta(days=1)) if until and until < date.max else None,
        before_id=request.number("before", default=0, most=2**62) or None,
    )


def audit_part(request: PageRequest, found: AuditListing) -> AuditPart:
    """Return the rows as the page shows them."""
    return AuditPart(
        rows=[_line(row) for row in found.rows],
        next_before=found.next_before,
        actor=request.query("actor"),
        action=request.query("action"),
        since=request.query("since"),
        until=request.query("until"),
    )


async def audit_csv(
    request: PageRequest, listing: Callable[[AuditQuery, int], Awaitable[AuditListing]], name: str
) -> Response:
    """Return the rows that are asked for as CSV, the newest first."""
    found = await listing(audit_query(request), EXPORTED)
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(_COLUMNS)
    for row in found.rows:
        values = (row.at.isoformat(), *(getattr(row, column) for column in _COLUMNS[1:]))
        writer.writerow([cell(str(value)) for value in values])
    if found.next_before is not None:
        writer.writerow([f"(only the newest {EXPORTED} entries)"])
    headers = [("content-disposition", disposition(f"{name}-audit.csv"))]
    return content(200, "text/csv; charset=utf-8", table.getvalue().encode(), headers)


def _line(row: AuditRow) -> AuditLine:
    try:
        details = json.loads(row.details)
    except ValueError:
        details = {}
    pairs = details.items() if isinstance(details, dict) else ()
    told = [(str(key), str(value)) for key, value in pairs if value is not None]
    return AuditLine(row.at, row.actor, row.action, row.target, told, row.address)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _begin(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
