"""The address of the hub that links in a command's output begin with."""

import re
import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from entrepot.cli.common.output import FAILED, USAGE, fail

if TYPE_CHECKING:
    from entrepot.settings import Settings

Url = Annotated[
    str | None,
    typer.Option(
        "--url", help="The hub's URL; by default the setting `url`, or the running hub's address."
    ),
]
_URL: Final = re.compile(r"https?://[^/?#\s]+")


def hub_url(settings: "Settings", given: str | None) -> str:
    """The option, the setting, or where the hub of this data directory runs.

    A hub whose address nobody knows ends the command: a link that leads nowhere helps nobody.
    """
    if given is not None:
        if not _URL.fullmatch(given.rstrip("/")):
            fail(f"invalid URL {given}: use the form https://hub.example.org", USAGE)
        return given.rstrip("/")
    if settings.url is not None:
        return settings.url
    try:
        address = settings.address_file.read_text().strip()
    except OSError:
        fail("the hub's URL is unknown: set url, or pass --url https://HOST", FAILED)
    if "://localhost" in address:
        print(
            "entrepot: this link works on this machine only: set url, or pass --url https://HOST",
            file=sys.stderr,
        )
    return address
