"""Pages as values: what a template prints, and what programs get as JSON."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Final
from urllib.parse import urlencode

from msgspec import json, to_builtins

from entrepot.http.messages import Response, content, empty


@dataclass(kw_only=True)
class Page:
    """A page. `template` prints it; `status` is its answer's."""

    template: ClassVar[str] = "page.html"
    title: str
    status: int = field(default=200, metadata={"hidden": True})

    @property
    def template_name(self) -> str:
        """The template that prints this page."""
        return self.template


@dataclass(frozen=True, slots=True)
class Crumb:
    """One step of the way to a page."""

    name: str
    address: str


JSON: Final = "application/json"


def to_json(page: Page) -> Response:
    """The page's values as JSON."""
    return content(page.status, JSON, json.encode(plain_values(page)))


def plain_values(page: Page) -> Any:
    """Return the page's values as they are written in JSON."""
    values = to_builtins(page, enc_hook=str)
    values.pop("status", None)
    return values


def redirect(address: str, **parameters: str) -> Response:
    """Send a browser on with a GET, as after every form that was taken."""
    query = {name: value for name, value in parameters.items() if value}
    return empty(303, [("location", f"{address}?{urlencode(query)}" if query else address)])
