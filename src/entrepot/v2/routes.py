"""Which endpoint a path below `/v2/` names.

A name may itself hold components called `blobs`, `manifests` or `tags`, so paths are read from the
right: `/v2/a/tags/list/manifests/x` is the manifest `x` of `a/tags/list`.
"""

from dataclasses import dataclass
from enum import Enum, auto


class Endpoint(Enum):
    """The endpoints of distribution-spec 1.1, "Endpoints", and the catalog."""

    PING = auto()
    CATALOG = auto()
    TAGS = auto()
    MANIFEST = auto()
    BLOB = auto()
    UPLOADS = auto()
    UPLOAD = auto()
    REFERRERS = auto()


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint with the texts its path holds, not yet parsed."""

    endpoint: Endpoint
    name: str = ""
    reference: str = ""


_PING = Route(Endpoint.PING)
_CATALOG = Route(Endpoint.CATALOG)
_BY_KIND = {
    "manifests": Endpoint.MANIFEST,
    "blobs": Endpoint.BLOB,
    "referrers": Endpoint.REFERRERS,
}


def find_route(path: str) -> Route | None:
    """The route of a path that begins with `/v2`; `None` where there is nothing."""
    if path in ("/v2/", "/v2"):
        return _PING
    if path == "/v2/_catalog":
        return _CATALOG
    head, _, last = path.removeprefix("/v2/").rpartition("/")
    name, _, kind = head.rpartition("/")
    if kind == "blobs" and last == "uploads":
        return Route(Endpoint.UPLOADS, name)
    if kind == "uploads" and name.endswith("/blobs"):
        name = name.removesuffix("/blobs")
        return Route(Endpoint.UPLOAD, name, last) if last else Route(Endpoint.UPLOADS, name)
    if kind == "tags" and last == "list":
        return Route(Endpoint.TAGS, name)
    endpoint = _BY_KIND.get(kind)
    return Route(endpoint, name, last) if endpoint and last else None
