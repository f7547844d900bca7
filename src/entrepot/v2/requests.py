"""A request of a container client, with the endpoint and the repository that its path names."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from entrepot.context import RequestContext
from entrepot.http.messages import Response
from entrepot.http.router import Route
from entrepot.oci.names import RepositoryName

_NO_NAME: Final = RepositoryName("none")


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


@dataclass(slots=True)
class RegistryRequest(RequestContext):
    """A request of a container client, let in by the access rule of its route.

    `name` is the repository in the path, which there may be none of yet.
    """

    endpoint: Endpoint = Endpoint.PING
    name: RepositoryName = _NO_NAME
    namespace_host: str = ""
    """The host of image names that the client asked a mirror for by `ns`."""

    @property
    def reference(self) -> str:
        """The tag, digest or upload id in the path, not yet parsed."""
        return self.values["reference"]


Handler = Callable[[RegistryRequest], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Operation:
    """A handler, and the endpoint that challenges and, by its label, metrics know it by."""

    endpoint: Endpoint
    label: str
    handler: Handler


RegistryRoute = Route[Operation]
