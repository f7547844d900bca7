"""The trust roots that signatures are checked by: those of administrators, and the shipped one."""

from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from entrepot.extract.findings import TrustRoot
from entrepot.metadata.engines.engine import Reader
from entrepot.metadata.security import trust_roots
from entrepot.model.security.trust_roots import PUBLIC_GOOD, RootKind, StoredRoot

_SHIPPED: Final = "_store/https%3A%2F%2Ftuf-repo-cdn.sigstore.dev/trusted_root.json"


async def list_effective(reader: Reader) -> list[StoredRoot]:
    """Every root that is trusted, by name; a stored one stands in for the shipped one."""
    return [
        replace(each, expires_at=expiry_of(each.content)) if each.is_shipped else each
        for each in await _list(reader)
    ]


async def list_for_tasks(reader: Reader) -> list[TrustRoot]:
    """The same, as the process that reads pushed bytes is given them."""
    return [TrustRoot(each.name, each.kind.value, each.content) for each in await _list(reader)]


async def _list(reader: Reader) -> list[StoredRoot]:
    stored = await trust_roots.list_roots(reader)
    found = [each for each in stored if each.kind is not RootKind.REMOVED]
    if all(each.name != PUBLIC_GOOD for each in stored) and (content := shipped_content()):
        found.append(StoredRoot(PUBLIC_GOOD, RootKind.SIGSTORE, content, None, None))
    return sorted(found, key=lambda each: each.name)


@lru_cache(maxsize=1)
def shipped_content() -> str:
    """The `trusted_root.json` in the package `sigstore`; empty where it has none."""
    found = find_spec("sigstore")  # which imports nothing of it
    place = Path(found.origin).parent / _SHIPPED if found and found.origin else None
    return place.read_text() if place and place.exists() else ""


def expiry_of(content: str) -> datetime | None:
    """When the last authority of a root ends; `None` where it does not. Raises `Unreadable`."""
    from entrepot.extract.signing.root_files import parse_root

    return parse_root(content).expires_at
