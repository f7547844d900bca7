"""The page that says what went wrong."""

from dataclasses import dataclass
from typing import ClassVar, Final, Self

from entrepot.errors import EntrepotError
from entrepot.web.pages import Page

TITLES: Final = {
    403: "You may not do this",
    404: "There is nothing here",
    405: "This page can only be read",
    413: "That is too large",
    415: "That is not a form of ours",
    429: "Too many attempts",
    503: "Not right now",
    507: "There is no space left",
}


@dataclass(kw_only=True)
class ErrorPage(Page):
    """What went wrong, in words for people."""

    template: ClassVar[str] = "error.html"
    message: str

    @classmethod
    def of(cls, error: EntrepotError, status: int) -> Self:
        """The page for an error that is answered with this status."""
        title = TITLES.get(status, "That did not work")
        return cls(title=title, message=error.message, status=status)
