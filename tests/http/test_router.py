"""Which route a path is, and what its places hold."""

import pytest

from entrepot.errors import MethodUnsupported, NotFound
from entrepot.http.authorize import AccessRule
from entrepot.http.router import Route, Router
from entrepot.v2.requests import Endpoint
from entrepot.v2.routes import ROUTES

REGISTRY = Router(ROUTES)


def route(method: str, pattern: str) -> Route[str]:
    """A route whose handler is its name."""
    return Route(method, pattern, AccessRule.ANYONE, f"{method} {pattern}")


@pytest.mark.parametrize(
    ("path", "endpoint", "name", "reference"),
    [
        ("/v2/a/manifests/x", Endpoint.MANIFEST, "a", "x"),
        ("/v2/a/tags/list/manifests/x", Endpoint.MANIFEST, "a/tags/list", "x"),
        ("/v2/manifests/manifests/manifests", Endpoint.MANIFEST, "manifests", "manifests"),
        ("/v2/a/manifests/x/blobs/y", Endpoint.BLOB, "a/manifests/x", "y"),
        ("/v2/a/b/blobs/sha256:0", Endpoint.BLOB, "a/b", "sha256:0"),
        ("/v2/a/tags/list", Endpoint.TAGS, "a", None),
        ("/v2/a/manifests/tags/list", Endpoint.TAGS, "a/manifests", None),
        ("/v2/a/blobs/uploads/0a", Endpoint.UPLOAD, "a", "0a"),
        ("/v2/a/blobs/uploads/blobs/uploads/0a", Endpoint.UPLOAD, "a/blobs/uploads", "0a"),
        ("/v2/a/referrers/sha256:0", Endpoint.REFERRERS, "a", "sha256:0"),
        ("/v2/_catalog", Endpoint.CATALOG, None, None),
        ("/v2/", Endpoint.PING, None, None),
        ("/v2", Endpoint.PING, None, None),
    ],
)
def test_a_name_takes_as_much_of_a_path_as_it_can(
    path: str, endpoint: Endpoint, name: str | None, reference: str | None
) -> None:
    found, values = REGISTRY.find("GET", path)
    assert found.handler.endpoint is endpoint
    assert (values.get("name"), values.get("reference")) == (name, reference)


@pytest.mark.parametrize("path", ["/v2/a/blobs/uploads", "/v2/a/blobs/uploads/"])
def test_an_upload_begins_with_and_without_a_slash(path: str) -> None:
    found, values = REGISTRY.find("POST", path)
    assert (found.handler.endpoint, values) == (Endpoint.UPLOADS, {"name": "a"})


@pytest.mark.parametrize("path", ["/v2/a", "/v2/tags/list", "/v2/manifests/x", "/v2/a/manifests/"])
def test_a_path_without_a_name_or_a_reference_is_not_there(path: str) -> None:
    with pytest.raises(NotFound):
        REGISTRY.find("GET", path)


def test_a_method_that_a_path_lacks_is_answered_with_those_that_it_has() -> None:
    with pytest.raises(MethodUnsupported) as refused:
        REGISTRY.find("POST", "/v2/a/manifests/x")
    assert refused.value.allowed == ("GET", "HEAD", "PUT", "DELETE")
    with pytest.raises(MethodUnsupported) as refused:
        Router([route("GET", "/a"), route("POST", "/a")]).find("PUT", "/a")
    assert refused.value.allowed == ("GET", "POST", "HEAD")


def test_head_is_answered_by_get_unless_it_has_a_route_of_its_own() -> None:
    own, shared = route("HEAD", "/a"), route("GET", "/b")
    router = Router([route("GET", "/a"), own, shared])
    assert router.find("HEAD", "/a") == (own, {})
    assert router.find("HEAD", "/b") == (shared, {})


def test_the_first_pattern_that_fits_has_the_path() -> None:
    fixed, free = route("GET", "/r/{repository}/-/tags"), route("GET", "/r/{artifact}/{tab}")
    router = Router([fixed, free, route("POST", "/r/{repository}/-/{rest}")])
    assert router.find("GET", "/r/a/b/-/tags") == (fixed, {"repository": "a/b"})
    assert router.find("GET", "/r/a/b:v1/raw") == (
        free,
        {"repository": "a/b", "tag": "v1", "tab": "raw"},
    )
    assert router.find("POST", "/r/a/-/tags")[1] == {"repository": "a", "rest": "tags"}
