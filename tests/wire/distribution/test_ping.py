"""The ping and what every answer below /v2/ has in common."""

import pytest

from tests.support.http import Client
from tests.wire.content import NOWHERE
from tests.wire.repositories import Repository

pytestmark = pytest.mark.wire


@pytest.mark.parametrize("path", ["/v2/", "/v2"])
def test_a_ping_is_answered_with_an_empty_object(client: Client, path: str) -> None:
    answer = client.get(path).expect(200)
    assert answer.json() == {}
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Content-Length"] == str(len(answer.body))


def test_a_ping_may_be_a_head(client: Client) -> None:
    full, answer = client.get("/v2/"), client.head_of("/v2/").expect(200)
    assert answer.headers["Content-Length"] == full.headers["Content-Length"]


PATHS = (
    "/v2/",
    "/v2/_catalog",
    f"/v2/wire/none/blobs/{NOWHERE}",
    "/v2/wire/none/manifests/latest",
    "/v2/wire/none/tags/list",
    f"/v2/wire/none/referrers/{NOWHERE}",
    "/v2/wire/none/blobs/uploads/not-an-upload",
    "/v2/nothing-here",
)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "PATCH", "DELETE", "PURGE"])
def test_every_answer_names_the_api_and_its_length(client: Client, method: str, path: str) -> None:
    answer = client.request(method, path)
    assert answer.status < 500, answer.describe()
    assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
    if answer.status != 204:
        assert answer.headers["Content-Length"] == str(len(answer.body))
    assert "X-Registry-Supports-Signatures" not in answer.headers


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "PATCH", "DELETE", "PURGE", "TRACE"])
def test_every_refusal_has_the_shape_of_the_specification(
    client: Client, method: str, path: str
) -> None:
    answer = client.request(method, path)
    if answer.status >= 400:
        assert answer.codes


@pytest.mark.parametrize("path", PATHS)
def test_a_head_is_a_get_without_its_body(client: Client, path: str) -> None:
    full, bare = client.get(path), client.head_of(path)
    assert bare.status == full.status
    assert bare.body == b""
    for name in ("Content-Type", "Content-Length"):
        assert bare.headers.get(name) == full.headers.get(name)


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_compressed(client: Client, path: str) -> None:
    answer = client.get(path, accept_encoding="zstd, gzip, deflate, br")
    assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        "/v2/nothing-here",
        "/v2/wire/none/blobs",
        "/v2/wire/none/manifests",
        "/v2/wire/none/tags",
        "/v2/wire/none/tags/other",
        "/v2//",
        "/v2/wire/none/referrers",
        "/v2/_oci",
    ],
)
def test_an_unknown_path_is_a_404_with_a_code(client: Client, path: str) -> None:
    answer = client.get(path).expect(404)
    assert answer.codes


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", f"/v2/wire/none/blobs/{NOWHERE}"),
        ("POST", f"/v2/wire/none/blobs/{NOWHERE}"),
        ("POST", "/v2/wire/none/manifests/latest"),
        ("PATCH", "/v2/wire/none/manifests/latest"),
        ("PATCH", "/v2/wire/none/tags/list"),
        ("DELETE", "/v2/wire/none/tags/list"),
        ("PUT", f"/v2/wire/none/referrers/{NOWHERE}"),
        ("POST", "/v2/_catalog"),
        ("POST", "/v2/wire/none/blobs/uploads/some-id"),
        ("DELETE", "/v2/wire/none/blobs/uploads/"),
        ("POST", "/v2/"),
    ],
)
def test_an_unknown_method_is_unsupported_and_told_what_is(
    client: Client, method: str, path: str
) -> None:
    answer = client.request(method, path).refused(405, "UNSUPPORTED")
    allowed = {name.strip() for name in answer.headers["Allow"].split(",")}
    assert allowed
    assert method not in allowed


@pytest.mark.parametrize("slash", ["", "/"])
def test_an_upload_starts_with_and_without_the_last_slash(repo: Repository, slash: str) -> None:
    answer = repo.client.post(f"/v2/{repo.name}/blobs/uploads{slash}").expect(202)
    assert answer.headers["Location"].startswith(repo.uploads)


@pytest.mark.parametrize("path", ["/v2/wire/none/tags/list/", "/v2/_catalog/"])
def test_a_slash_too_many_is_never_a_redirect(client: Client, path: str) -> None:
    client.get(path).expect(200, 404)
