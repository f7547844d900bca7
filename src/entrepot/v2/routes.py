"""Every path below `/v2/`: what is not in this table is not served."""

from typing import Final

from entrepot.http.authorize import AccessRule
from entrepot.v2 import blobs, lists, manifests, uploads
from entrepot.v2.requests import Endpoint, Handler, Operation, RegistryRoute

_MANIFEST: Final = "/v2/{name}/manifests/{reference}"
_BLOB: Final = "/v2/{name}/blobs/{reference}"
_UPLOAD: Final = "/v2/{name}/blobs/uploads/{reference}"


def _route(
    endpoint: Endpoint, method: str, pattern: str, rule: AccessRule, handler: Handler
) -> RegistryRoute:
    return RegistryRoute(method, pattern, rule, Operation(endpoint, endpoint.name.lower(), handler))


# Manifests come first, for they are asked for most; uploads before blobs, whose pattern they fit.
ROUTES: Final[tuple[RegistryRoute, ...]] = (
    _route(Endpoint.MANIFEST, "GET", _MANIFEST, AccessRule.PULL, manifests.get),
    _route(Endpoint.MANIFEST, "HEAD", _MANIFEST, AccessRule.PULL, manifests.head),
    _route(Endpoint.MANIFEST, "PUT", _MANIFEST, AccessRule.PUSH, manifests.put),
    _route(Endpoint.MANIFEST, "DELETE", _MANIFEST, AccessRule.DELETE, manifests.delete),
    _route(Endpoint.UPLOADS, "POST", "/v2/{name}/blobs/uploads", AccessRule.PUSH, uploads.post),
    _route(Endpoint.UPLOADS, "POST", "/v2/{name}/blobs/uploads/", AccessRule.PUSH, uploads.post),
    _route(Endpoint.BLOB, "GET", _BLOB, AccessRule.PULL, blobs.get),
    _route(Endpoint.BLOB, "HEAD", _BLOB, AccessRule.PULL, blobs.head),
    _route(Endpoint.BLOB, "DELETE", _BLOB, AccessRule.DELETE, blobs.delete),
    _route(Endpoint.UPLOAD, "GET", _UPLOAD, AccessRule.PUSH, uploads.get),
    _route(Endpoint.UPLOAD, "PATCH", _UPLOAD, AccessRule.PUSH, uploads.patch),
    _route(Endpoint.UPLOAD, "PUT", _UPLOAD, AccessRule.PUSH, uploads.put),
    _route(Endpoint.UPLOAD, "DELETE", _UPLOAD, AccessRule.PUSH, uploads.delete),
    _route(Endpoint.TAGS, "GET", "/v2/{name}/tags/list", AccessRule.PULL, lists.tags),
    _route(
        Endpoint.REFERRERS,
        "GET",
        "/v2/{name}/referrers/{reference}",
        AccessRule.PULL,
        lists.referrers,
    ),
    _route(Endpoint.CATALOG, "GET", "/v2/_catalog", AccessRule.CATALOG, lists.catalog),
    _route(Endpoint.PING, "GET", "/v2/", AccessRule.CLIENT, lists.ping),
    _route(Endpoint.PING, "GET", "/v2", AccessRule.CLIENT, lists.ping),
)
