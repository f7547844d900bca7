"""Which hub a command works on: options first, then the environment, then the current login.

Without any of them, and on a machine with a hub's settings, it is the hub whose data is here.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from entrepot.cli.common.output import USAGE, fail
from entrepot.cli.hubs.addresses import parse_url
from entrepot.cli.hubs.hub import Hub
from entrepot.cli.hubs.logins import Login, read_logins

HUB: Final = "ENTREPOT_HUB"
TOKEN: Final = "ENTREPOT_TOKEN"  # noqa: S105
_SETTINGS_OF_DATA: Final = ("ENTREPOT_DATA", "ENTREPOT_DATABASE")
_SETTINGS_FILE: Final = Path("entrepot.toml")

HubOption = Annotated[
    str | None,
    typer.Option("--hub", help="The hub's host; by default the current login's, if there is one."),
]


@contextmanager
def open_hub(hub: str | None, data: Path | None) -> Iterator[Hub]:
    """Open the hub that the options, the environment or the current login name."""
    login = find_login(hub, data)
    if login is not None:
        # Here and not above: commands on local data need no HTTP client, remote ones no server.
        from entrepot.cli.hubs.remote import RemoteTransport

        authorization = f"Bearer {login.token}" if login.token else ""
        transport = RemoteTransport(login.url, authorization, login.ca)
        yield Hub(transport, f": log in with: entrepot login {transport.host}")
        return
    from entrepot.cli.hubs.local import open_local

    with open_local(data) as local:
        yield Hub(local)


def find_login(hub: str | None, data: Path | None) -> Login | None:
    """Return the login to the hub that the command works on; `None` for the data that is here."""
    if hub is not None and data is not None:
        fail("--hub and --data exclude each other: one hub is far away, the other here", USAGE)
    if data is not None:
        return None
    given = hub or _named_by_environment()
    logins = read_logins() if given or not _has_settings() else None
    if logins is None:
        return None
    url = url_of(given, logins.logins) if given else logins.current
    if url is None:
        return None
    found = logins.find(url) or Login(url=url, username="", token="")
    token = os.environ.get(TOKEN)
    return Login(url=url, username="", token=token, ca=found.ca) if token else found


def url_of(given: str, logins: Iterable[str]) -> str:
    """The URL of a hub that was named: that of the login to its host, however that was made."""
    host = given.rpartition("://")[2].rstrip("/").lower()
    found = [url for url in logins if url.endswith(f"://{host}")]
    return found[0] if found and "://" not in given else parse_url(given, plain_http=given in found)


def _named_by_environment() -> str | None:
    named = os.environ.get(HUB) or None
    if named is not None and _has_settings():
        fail(f"{HUB} is set, and so are settings of a hub here: pass --hub or --data", USAGE)
    return named


def _has_settings() -> bool:
    """Whether this is a place to operate a hub from, whatever one is logged in to."""
    return any(os.environ.get(name) for name in _SETTINGS_OF_DATA) or _SETTINGS_FILE.is_file()
