"""Words that do not parse are refused with the code that the specification gives them."""

import pytest

from entrepot.oci.digests import Digest
from entrepot.oci.manifests import MAX_SIZE
from entrepot.oci.media_types import OCI_INDEX, OCI_MANIFEST
from tests.doors.conftest import INDEX, INDEX_DIGEST, LAYER, LAYER_DIGEST, Open
from tests.doors.doors import Doors
from tests.wire.content import image

ABSENT = Digest.of(b"absent")


@pytest.fixture
def doors(open_doors: Open) -> Doors:
    """An open hub: the words alone decide."""
    return open_doors(open=True)


@pytest.mark.parametrize("name", ["A", "a//b", "-a", "a/", "a/B", "a..b", "a" * 256, "a_-b", "é"])
@pytest.mark.parametrize(
    "rest", ["tags/list", "manifests/v1", f"blobs/{ABSENT}", "blobs/uploads/x"]
)
async def test_a_name_that_is_none_is_refused(doors: Doors, name: str, rest: str) -> None:
    answer = await doors.ask("GET", f"/v2/{name}/{rest}")
    assert (answer.status, answer.codes) == (400, ["NAME_INVALID"])


@pytest.mark.parametrize(
    "digest", ["sha256:abc", "md5:" + "0" * 32, "sha256:" + "G" * 64, "sha256:" + "A" * 64, "x:"]
)
async def test_a_digest_that_is_none_is_refused(doors: Doors, digest: str) -> None:
    assert (await doors.ask("POST", "/v2/a/b/blobs/uploads/")).status == 202
    for method, target in (
        ("GET", f"/v2/a/b/blobs/{digest}"),
        ("DELETE", f"/v2/a/b/blobs/{digest}"),
        ("GET", f"/v2/a/b/manifests/{digest}"),
        ("PUT", f"/v2/a/b/manifests/{digest}"),
        ("GET", f"/v2/a/b/referrers/{digest}"),
        ("POST", f"/v2/a/b/blobs/uploads/?digest={digest}"),
    ):
        answer = await doors.ask(method, target, INDEX)
        assert (answer.status, answer.codes) == (400, ["DIGEST_INVALID"]), (method, target)


@pytest.mark.parametrize("tag", [".x", "-x", "x" * 129, "a+b", "é", "a b", "*"])
async def test_a_tag_that_is_none_is_not_there_and_cannot_be_pushed(doors: Doors, tag: str) -> None:
    assert (await doors.ask("POST", "/v2/a/b/blobs/uploads/")).status == 202
    for method in ("GET", "HEAD", "DELETE"):
        answer = await doors.ask(method, f"/v2/a/b/manifests/{tag}")
        assert answer.status == 404
    answer = await doors.ask("PUT", f"/v2/a/b/manifests/{tag}", INDEX, content_type=OCI_INDEX)
    assert (answer.status, answer.codes) == (400, ["MANIFEST_INVALID"])


async def test_a_manifest_that_is_none_is_refused(doors: Doors) -> None:
    target = "/v2/a/b/manifests/v1"
    for body, kind, status, code in (
        (b"", OCI_MANIFEST, 400, "MANIFEST_INVALID"),
        (b"not json", OCI_MANIFEST, 400, "MANIFEST_INVALID"),
        (INDEX, "text/plain", 400, "MANIFEST_INVALID"),
        (INDEX, OCI_MANIFEST, 400, "MANIFEST_INVALID"),
        (image(LAYER), OCI_MANIFEST, 400, "MANIFEST_BLOB_UNKNOWN"),
        (b" " * (MAX_SIZE + 1), OCI_MANIFEST, 413, "MANIFEST_INVALID"),
    ):
        answer = await doors.ask("PUT", target, body, content_type=kind)
        assert answer.status == status
        assert set(answer.codes) == {code}


async def test_each_missing_blob_is_an_entry_of_its_own(doors: Doors) -> None:
    body = image(b"one", b"two")
    answer = await doors.ask("PUT", "/v2/a/b/manifests/v1", body, content_type=OCI_MANIFEST)
    details = [each["detail"] for each in answer.json()["errors"]]  # type: ignore[attr-defined]
    digests = [Digest.of(content) for content in (b"one", b"two", b"{}")]
    assert details[:2] == [{"digest": str(digest)} for digest in digests[:2]]


async def test_a_manifest_under_another_digest_is_refused(doors: Doors) -> None:
    for target in (f"/v2/a/b/manifests/{ABSENT}", f"/v2/a/b/manifests/v1?digest={ABSENT}"):
        answer = await doors.ask("PUT", target, INDEX, content_type=OCI_INDEX)
        assert (answer.status, answer.codes) == (400, ["DIGEST_INVALID"])


async def test_several_tags_come_back_in_the_answer(doors: Doors) -> None:
    target = f"/v2/a/b/manifests/{INDEX_DIGEST}?tag=one&tag=two&tag=one"
    answer = await doors.ask("PUT", target, INDEX, content_type=OCI_INDEX)
    assert (answer.status, answer.headers("oci-tag")) == (201, ["one", "two"])
    listed = await doors.ask("GET", "/v2/a/b/tags/list")
    assert listed.texts("tags") == ["one", "two"]


async def test_more_tags_than_fit_are_refused(doors: Doors) -> None:
    tags = "&".join(f"tag=v{number}" for number in range(101))
    target = f"/v2/a/b/manifests/{INDEX_DIGEST}?{tags}"
    answer = await doors.ask("PUT", target, INDEX, content_type=OCI_INDEX)
    assert answer.status == 414
    assert (await doors.ask("GET", "/v2/a/b/tags/list")).status == 404


async def test_a_blob_that_does_not_match_is_refused(doors: Doors) -> None:
    answer = await doors.ask("POST", f"/v2/a/b/blobs/uploads/?digest={ABSENT}", LAYER)
    assert (answer.status, answer.codes) == (400, ["DIGEST_INVALID"])
    begun = await doors.ask("POST", "/v2/a/b/blobs/uploads/")
    answer = await doors.ask("PUT", f"{begun.header('location')}?digest={ABSENT}", LAYER)
    assert (answer.status, answer.codes) == (400, ["DIGEST_INVALID"])
    assert (await doors.ask("GET", begun.header("location") or "")).status == 404


@pytest.mark.parametrize(
    ("content_range", "status", "code"),
    [
        ("0-6", 202, None),
        ("bytes 0-6/*", 202, None),
        ("bytes=0-6/7", 202, None),
        ("1-7", 416, "BLOB_UPLOAD_INVALID"),
        ("0-5", 400, "SIZE_INVALID"),
        ("0-7", 400, "SIZE_INVALID"),
        ("6-0", 400, "BLOB_UPLOAD_INVALID"),
        ("x", 400, "BLOB_UPLOAD_INVALID"),
        ("", 400, "BLOB_UPLOAD_INVALID"),
        ("0--6", 400, "BLOB_UPLOAD_INVALID"),
        ("٣-٤", 400, "BLOB_UPLOAD_INVALID"),
    ],
)
async def test_a_chunk_is_where_it_says_that_it_is(
    doors: Doors, content_range: str, status: int, code: str | None
) -> None:
    location = (await doors.ask("POST", "/v2/a/b/blobs/uploads/")).header("location") or ""
    answer = await doors.ask("PATCH", location, LAYER, content_range=content_range)
    assert answer.status == status
    if code:
        assert answer.codes == [code]
    if status == 416:
        assert answer.header("location") == location
        assert answer.header("range") == "0-0"
    received = (await doors.ask("GET", location)).header("range")
    assert received == ("0-6" if status == 202 else "0-0")


async def test_an_upload_says_where_to_go_on(doors: Doors) -> None:
    location = (await doors.ask("POST", "/v2/a/b/blobs/uploads/")).header("location") or ""
    answer = await doors.ask("PATCH", location, LAYER[:3])
    assert (answer.header("location"), answer.header("range")) == (location, "0-2")
    late = await doors.ask("PATCH", location, LAYER[:3], content_range="0-2")
    assert (late.status, late.header("range")) == (416, "0-2")
    done = await doors.ask("PUT", f"{location}?digest={LAYER_DIGEST}", LAYER[3:])
    assert done.header("location") == f"/v2/a/b/blobs/{LAYER_DIGEST}"
    assert (await doors.ask("GET", f"/v2/a/b/blobs/{LAYER_DIGEST}")).body == LAYER


async def test_an_upload_is_finished_only_with_a_digest(doors: Doors) -> None:
    location = (await doors.ask("POST", "/v2/a/b/blobs/uploads/")).header("location") or ""
    for query in ("", "?digest="):
        answer = await doors.ask("PUT", location + query, LAYER)
        assert (answer.status, answer.codes) == (400, ["DIGEST_INVALID"])
    assert (await doors.ask("GET", location)).status == 204


async def test_too_many_parameters_are_refused(doors: Doors) -> None:
    query = "&".join(f"n={number}" for number in range(500))
    answer = await doors.ask("GET", f"/v2/_catalog?{query}")
    assert answer.status == 400


async def test_a_name_may_hold_the_words_of_paths(doors: Doors) -> None:
    name = "blobs/uploads/manifests/tags/list"
    await doors.push(name, LAYER, str(LAYER_DIGEST), "Basic Og==")
    answer = await doors.ask("PUT", f"/v2/{name}/manifests/v1", INDEX, content_type=OCI_INDEX)
    assert answer.status == 201
    assert (await doors.ask("GET", f"/v2/{name}/tags/list")).json()["name"] == name
    assert (await doors.ask("GET", f"/v2/{name}/blobs/{LAYER_DIGEST}")).body == LAYER
