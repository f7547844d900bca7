"""Which names, tags and digests are accepted, and how paths are taken apart."""

import pytest

from tests.support.http import Client
from tests.wire.content import EMPTY, IMAGE, digest_of, image
from tests.wire.repositories import Repository

pytestmark = pytest.mark.wire

GOOD = (
    "wire/a.b",
    "wire/a_b",
    "wire/a__b",
    "wire/a-b",
    "wire/a--b",
    "wire/a---b",
    "wire/1",
    "wire/0a/1b/2c/3d/4e/5f/6g/7h/8i/9j",
    "wire/blobs",
    "wire/manifests/manifests",
    "wire/tags/list",
    "wire/uploads",
    "wire/blobs/uploads",
    "wire/referrers/manifests/tags/blobs",
)

BAD = (
    "wire/Upper",
    "wire/UPPER",
    "wire/a..b",
    "wire/-a",
    "wire/a-",
    "wire/.a",
    "wire/a.",
    "wire/_a",
    "wire/a_",
    "wire/a___b",
    "wire/a.-b",
    "wire/a_.b",
    "wire/caf%C3%A9",
    "wire/a%20b",
    "wire/a%0Ab",
    "wire/a%0A",
    "wire/a%00b",
    "wire/a%2500b",
    "wire/a~b",
    "wire/a+b",
    "wire/a@b",
    "wire/a:b",
    "wire/a%5Cb",
)


@pytest.mark.parametrize("name", GOOD)
def test_a_good_name_takes_a_whole_image(client: Client, name: str) -> None:
    repo = Repository(client, name)
    repo.lay()
    digest = repo.tag("latest", image())
    assert client.get(repo.manifest("latest")).expect(200).body == image()
    assert client.get(repo.manifest(digest)).expect(200).body == image()
    assert client.get(repo.blob(digest_of(EMPTY))).expect(200).body == EMPTY
    assert client.get(repo.tags()).expect(200).json() == {"name": name, "tags": ["latest"]}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_name_cannot_start_an_upload(client: Client, name: str) -> None:
    answer = client.post(f"/v2/{name}/blobs/uploads/").expect(400, 404)
    assert answer.codes[0] == "NAME_INVALID" or answer.status == 404


@pytest.mark.parametrize("name", BAD)
def test_a_bad_name_cannot_take_a_manifest(client: Client, name: str) -> None:
    answer = client.put(f"/v2/{name}/manifests/latest", image(), content_type=IMAGE)
    answer.expect(400, 404)
    assert answer.codes[0] == "NAME_INVALID" or answer.status == 404


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("end", ["manifests/latest", "tags/list", f"blobs/{digest_of(EMPTY)}"])
def test_a_bad_name_has_nothing_to_read(client: Client, name: str, end: str) -> None:
    assert client.get(f"/v2/{name}/{end}").expect(400, 404).codes


def test_a_name_of_255_characters_is_accepted(client: Client) -> None:
    repo = Repository(client, "wire/" + "a" * 250)
    assert len(repo.name) == 255
    repo.lay()
    repo.tag("latest", image())


def test_a_name_of_256_characters_is_refused(client: Client) -> None:
    name = "wire/" + "a" * 251
    client.post(f"/v2/{name}/blobs/uploads/").refused(400, "NAME_INVALID")


@pytest.mark.parametrize("path", ["/v2/wire//double/tags/list", "/v2//wire/double/tags/list"])
def test_an_empty_component_is_no_name(client: Client, path: str) -> None:
    assert client.get(path).expect(400, 404).codes


def test_paths_are_read_from_the_right(client: Client) -> None:
    outer, inner = Repository(client, "wire/r"), Repository(client, "wire/r/tags/list")
    inner.lay()
    inner.tag("x", image())
    assert client.get("/v2/wire/r/tags/list/manifests/x").expect(200).body == image()
    assert client.get("/v2/wire/r/tags/list/tags/list").expect(200).texts("tags") == ["x"]
    client.get(outer.manifest("x")).expect(404)


def test_a_percent_escaped_digest_is_decoded_once(repo: Repository) -> None:
    digest = repo.push(b"escaped")
    client = repo.client
    assert client.get(repo.blob(digest.replace(":", "%3A"))).expect(200).body == b"escaped"
    assert client.get(repo.blob(digest.replace(":", "%3a"))).expect(200).body == b"escaped"
    client.get(repo.blob(digest.replace(":", "%253A"))).expect(400, 404)


def test_a_percent_escaped_slash_in_a_name_is_decoded_once(repo: Repository) -> None:
    digest = repo.push(b"slash")
    escaped = repo.name.replace("/", "%2F")
    assert repo.client.get(f"/v2/{escaped}/blobs/{digest}").expect(200).body == b"slash"
    twice = repo.name.replace("/", "%252F")
    repo.client.get(f"/v2/{twice}/blobs/{digest}").expect(400, 404)


@pytest.mark.parametrize(
    "tag", ["a", "0", "_", "A", "v1.0.0_build-7", "Z" * 128, "latest", "_.-", "0-0"]
)
def test_a_good_tag_is_accepted(repo: Repository, tag: str) -> None:
    repo.lay()
    repo.tag(tag, image())
    assert repo.client.get(repo.manifest(tag)).expect(200).body == image()
    assert repo.list_tags() == [tag]


BAD_TAGS = (".a", "-a", "a" * 129, "a%20b", "caf%C3%A9", "v1%0A", "a+b", "a%00", "a$", "a@b", "%2e")


@pytest.mark.parametrize("tag", BAD_TAGS)
def test_a_bad_tag_cannot_be_pushed(repo: Repository, tag: str) -> None:
    repo.lay()
    repo.tag("good", image())
    repo.put(tag, image()).refused(400, "MANIFEST_INVALID")
    assert repo.list_tags() == ["good"]


@pytest.mark.parametrize("tag", [*BAD_TAGS, ".INVALID_MANIFEST_NAME"])
def test_a_bad_tag_is_not_found(repo: Repository, tag: str) -> None:
    repo.lay()
    repo.tag("good", image())
    repo.client.get(repo.manifest(tag)).refused(404, "MANIFEST_UNKNOWN")
    assert repo.client.head_of(repo.manifest(tag)).expect(404).body == b""


HEX = digest_of(EMPTY).removeprefix("sha256:")
BAD_DIGESTS = (
    f"sha256:{HEX.upper()}",
    f"sha256:{HEX[:-1]}",
    f"sha256:{HEX}0",
    f"sha256:{HEX[:-1]}g",
    f"SHA256:{HEX}",
    f"sha1:{HEX[:40]}",
    f"md5:{HEX[:32]}",
    "sha256:",
    "sha256:baddigeststring",
    f"sha512:{HEX}",
    f"sha256:{HEX}%0A",
    f"sha256:{HEX}%00",
    f"sha256:{HEX[:-3]}%2e%2e",
    f"sha256:..%2F..%2F{HEX[:58]}",
    f"sha256::{HEX}",
    "totally:wrong",
)


@pytest.mark.parametrize("digest", BAD_DIGESTS)
def test_a_bad_digest_names_no_blob(repo: Repository, digest: str) -> None:
    repo.lay()
    answer = repo.client.get(repo.blob(digest)).expect(400, 404)
    assert answer.codes[0] in {"DIGEST_INVALID", "NAME_INVALID", "BLOB_UNKNOWN"} or (
        "%2F" in digest and answer.status == 404
    )
    assert repo.client.head_of(repo.blob(digest)).expect(answer.status).body == b""


@pytest.mark.parametrize("digest", [digest for digest in BAD_DIGESTS if "%" not in digest])
def test_a_bad_digest_is_called_invalid(stocked: Repository, digest: str) -> None:
    repo = stocked
    repo.client.get(repo.blob(digest)).refused(400, "DIGEST_INVALID")
    repo.client.put(f"{repo.start()}?digest={digest}", EMPTY).refused(400, "DIGEST_INVALID")
    repo.client.post(f"{repo.uploads}?digest={digest}", EMPTY).refused(400, "DIGEST_INVALID")
    repo.client.get(repo.referrers(digest)).refused(400, "DIGEST_INVALID")


@pytest.mark.parametrize("digest", [digest for digest in BAD_DIGESTS if "%" not in digest])
def test_a_manifest_cannot_be_pushed_to_a_bad_digest(repo: Repository, digest: str) -> None:
    repo.lay()
    repo.put(digest, image()).refused(400, "DIGEST_INVALID")
    assert repo.client.get(repo.manifest(digest)).expect(400, 404).codes
