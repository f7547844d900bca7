"""The page that says what went wrong."""

from dataclasses import dataclass
from typing import ClassVar, Final, Self

from entrepot.errors import EntrepotError
from entrepot.web.pages import Page

TITLES: Final = {
    403: "Permission denied",
    404: "Not found",
    405: "Method not allowed",
    413: "Too large",
    415: "Unsupported form",
    429: "Too many attempts",
    503: "Temporarily unavailable",
    507: "Out of storage space",
}


@dataclass(kw_only=True)
class ErrorPage(Page):
    """The page of an error."""

    template: ClassVar[str] = "error.html"
    message: str

    @classmethod
    def of(cls, error: EntrepotError, status: int) -> Self:
        """The page for an error that is answered with this status."""
        title = TITLES.get(status, "The request failed")
        return cls(title=title, message=error.message, status=status)
