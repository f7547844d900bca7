"""Paths that try to leave the place where they were sent."""

import itertools

import pytest

from tests.support.http import Client
from tests.wire.content import IMAGE, digest_of, image
from tests.wire.repositories import Repository

pytestmark = pytest.mark.wire

STEPS = [
    "..",
    "../..",
    "%2e%2e",
    "%2E%2E%2F%2E%2E",
    "..%2f..%2f..%2fetc%2fpasswd",
    "..%5c..",
    "%252e%252e%252f",
    "%c0%ae%c0%ae",
    "..;",
    "%00",
    "a%00b",
    "%0d%0aX-Injected:%20yes",
    "%0aX-Injected:%20yes",
    "%",
    "%zz",
    "%e2%80%ae",
    "%ff%fe",
    "~root",
    "C:%5cwindows",
    "${jndi:ldap:%2f%2fx}",
    "'%20OR%20'1'='1",
    "%3Cscript%3E",
    "*",
    "x" * 4000,
]
PLACES = [
    "/v2/{}/manifests/latest",
    "/v2/wire/{}/tags/list",
    "/v2/wire/paths/manifests/{}",
    "/v2/wire/paths/blobs/{}",
    "/v2/wire/paths/blobs/sha256:{}",
    "/v2/wire/paths/referrers/{}",
    "/v2/wire/paths/blobs/uploads/{}",
    "/v2/{}",
    "/v2/../{}",
    "//v2//{}",
    "/{}",
]


@pytest.mark.parametrize("place", PLACES)
def test_a_path_that_climbs_finds_nothing(client: Client, place: str) -> None:
    for method, step in itertools.product(("GET", "HEAD", "DELETE"), STEPS):
        answer = client.request(method, place.format(step))
        assert answer.status < 500, answer.describe()
        assert "X-Injected" not in answer.headers
        assert b"root:x:" not in answer.body
        assert answer.status not in {301, 302, 307, 308} or not place.startswith("/v2/")


@pytest.mark.parametrize("step", STEPS)
def test_a_path_that_climbs_stores_nothing(repo: Repository, step: str) -> None:
    client = repo.client
    for target in (f"/v2/{step}/blobs/uploads/", f"/v2/wire/{step}/x/blobs/uploads/"):
        answer = client.post(f"{target}?digest={digest_of(b'climbing')}", b"climbing")
        answer.expect(400, 404, 405, 414)
        assert "X-Injected" not in answer.headers
    answer = client.put(repo.manifest(step), image(), content_type=IMAGE)
    assert 400 <= answer.status < 500


@pytest.mark.parametrize("step", STEPS)
def test_a_query_that_climbs_does_no_harm(stocked: Repository, step: str) -> None:
    client = stocked.client
    targets = [
        ("POST", f"{stocked.uploads}?mount={step}&from={step}"),
        ("POST", f"{stocked.uploads}?digest={step}"),
        ("POST", f"{stocked.uploads}?digest-algorithm={step}"),
        ("PUT", f"{stocked.uploads}some-id?digest={step}"),
        ("GET", stocked.tags(f"?last={step}&n={step}")),
        ("GET", f"/v2/_catalog?last={step}"),
        ("GET", stocked.referrers(digest_of(b""), f"?artifactType={step}")),
        ("PUT", stocked.manifest(f"{digest_of(image())}?tag={step}")),
    ]
    for method, target in targets:
        body = image() if method == "PUT" else None
        answer = client.request(method, target, body, {"Content-Type": IMAGE})
        assert answer.status < 500, answer.describe()
        assert "X-Injected" not in answer.headers


@pytest.mark.parametrize(
    "query", ["&&&", "=", "?", "&=&", "a" * 30_000, "%", "n=1&n=2", ";n=1", "n", "n=1%"]
)
def test_a_query_that_is_none_does_no_harm(stocked: Repository, query: str) -> None:
    for path in (stocked.tags(), stocked.manifest("none"), "/v2/", "/v2/_catalog"):
        answer = stocked.client.get(f"{path}?{query}")
        assert answer.status < 500, answer.describe()
