"""Logins that are kept between commands, in a file that only its owner can read."""

import os
import tempfile
from pathlib import Path
from typing import Final

from msgspec import DecodeError, Struct, json
from msgspec.structs import replace

from entrepot.cli.common.output import fail


class Login(Struct, frozen=True, kw_only=True):
    """A hub and how to get in; `token_id` is the id of a token that `entrepot login` made."""

    url: str
    username: str
    token: str
    token_id: int | None = None
    ca: str | None = None


class Logins(Struct, frozen=True):
    """The logins by URL, and the URL of the current one."""

    current: str | None = None
    logins: dict[str, Login] = {}

    def find(self, url: str | None) -> Login | None:
        """Return the login to the hub, if there is one."""
        return None if url is None else self.logins.get(url)

    def add(self, login: Login) -> "Logins":
        """Return the logins with this one, which becomes the current one."""
        return Logins(login.url, {**self.logins, login.url: login})

    def remove(self, url: str) -> "Logins":
        """Return the logins without that one; of the others none becomes the current one."""
        kept = {key: login for key, login in self.logins.items() if key != url}
        return replace(self, current=None if self.current == url else self.current, logins=kept)


_FILE: Final = "logins.json"


def logins_file() -> Path:
    """The file below `$XDG_CONFIG_HOME`, by default `~/.config`."""
    given = os.environ.get("XDG_CONFIG_HOME", "")
    # The specification ignores what is not absolute.
    base = Path(given) if given.startswith("/") else Path.home() / ".config"
    return base / "entrepot" / _FILE


def read_logins() -> Logins:
    """Return the logins that are kept; none where there is no file."""
    path = logins_file()
    try:
        return json.decode(path.read_bytes(), type=Logins)
    except (FileNotFoundError, NotADirectoryError):
        return Logins()
    except DecodeError as error:
        fail(f"{path} cannot be read: {error}: delete it and log in again")


def write_logins(logins: Logins) -> None:
    """Replace the file by one with these logins, readable by its owner only."""
    path = logins_file()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Made with mode 0600, and renamed as a whole: nobody reads half of it, or a secret too early.
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=_FILE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(json.format(json.encode(logins)) + b"\n")
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
