"""Where the links and pictures of a README lead: what is relative stays with the artifact."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from posixpath import normpath
from typing import Final
from urllib.parse import quote, unquote, urlsplit

HERE: Final = "/-/here/"
"""The placeholder for the page's own address in stored HTML: names change, digests have many."""
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_OPEN: Final = ("http://", "https://", "mailto:")
_CONTROL: Final = re.compile(r"[\x00-\x20\x7f]+")
_FORGE: Final = re.compile(
    r"https://(?P<host>github\.com|gitlab\.com)"
    r"/(?P<owner>[\w.-]+)/(?P<name>[\w.-]+?)(?:\.git)?(?:/tree/(?P<ref>[\w.-]+)(?P<under>/[\w./-]*)?)?/?"
)
_BLOB: Final = {
    "github.com": "/blob/{}/",
    "gitlab.com": "/-/blob/{}/",
}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Targets for a README's relative links: the artifact's files, pictures, source code."""

    path: str = "README.md"
    """Where it lies itself."""
    files: frozenset[str] = frozenset()
    """And directories."""
    previews: frozenset[str] = frozenset()
    """Files with a page of their own."""
    pictures: Mapping[str, str] = field(default_factory=dict)
    """Path to `data:` address."""
    source: str = ""
    """The address of the source code; only well-known forges are understood."""
    is_repository: bool = False
    """It is a repository's own README: what is relative lies below the repository's page."""


def absolute(address: str) -> str:
    """An address that leads out of the hub, made plain; empty for every other and every scheme."""
    plain = _CONTROL.sub("", address)
    if plain.startswith("//"):
        plain = f"https:{plain}"
    return plain if plain.lower().startswith(_OPEN) else ""


def relative_path(address: str, around: Surroundings) -> str:
    """The path below the artifact's root that an address means; empty where it means none."""
    plain = _CONTROL.sub("", address)
    if not plain or plain.startswith(("#", "//", "\\")) or _SCHEME.match(plain):
        return ""
    try:
        path = unquote(urlsplit(plain).path)
    except ValueError:
        return ""
    directory = "" if path.startswith("/") else around.path.rpartition("/")[0]
    # `normpath` of an absolute path cannot climb above its root.
    found = normpath(f"/{directory}/{path}").lstrip("/")
    return "" if found in ("", ".") or not found.isprintable() else found


def resolve(address: str, around: Surroundings) -> str:
    """Where a link leads; empty where it leads nowhere."""
    if away := absolute(address):
        return away
    path = relative_path(address, around)
    if not path:
        return ""
    if around.is_repository:
        return f"{HERE}{quote(path)}"
    if path in around.previews:
        return f"{HERE}files?name={quote(f'file:{path}', safe='')}"
    if path in around.files:
        return f"{HERE}files?q={quote(path, safe='')}"
    return _in_source(path, around)


def picture(address: str, around: Surroundings) -> str:
    """The `data:` address of a picture that came with the artifact; empty where none did."""
    return around.pictures.get(relative_path(address, around), "")


def _in_source(path: str, around: Surroundings) -> str:
    found = _FORGE.fullmatch(around.source[:500])
    if found is None:
        return ""
    ref = found["ref"] or "HEAD"
    under = (found["under"] or "").strip("/")
    base = f"https://{found['host']}/{found['owner']}/{found['name']}"
    whole = f"{under}/{path}" if under else path
    return f"{base}{_BLOB[found['host']].format(ref)}{quote(whole)}"
