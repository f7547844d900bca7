"""Descriptors: read as the image specification describes them, refused with their place."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.errors import InvalidManifest
from entrepot.oci.descriptors import Descriptor, parse_descriptor, parse_descriptors
from entrepot.oci.digests import Digest

CONTENT = b"content"
DIGEST = Digest.of(CONTENT)
PLAIN: dict[str, object] = {
    "mediaType": "application/x",
    "digest": str(DIGEST),
    "size": len(CONTENT),
}
GOOD: list[dict[str, object]] = [
    {},
    {"annotations": {"a": "b"}},
    {"annotations": {}},
    {"annotations": None},
    {"urls": ["https://example.org"]},
    {"urls": []},
    {"artifactType": "application/y"},
    {"artifactType": ""},
    {"platform": {"os": "linux", "architecture": "amd64"}},
    {"data": base64.b64encode(CONTENT).decode()},
    {"data": None},
    {"size": 0},
    {"size": 2**63 - 1},
    {"digest": str(Digest.of(CONTENT, "sha512"))},
    {"unknown": {"Anything": 1}},
    {"org.example.other": 1},
]
BAD: list[dict[str, object]] = [
    {"mediaType": None},
    {"mediaType": ""},
    {"mediaType": 1},
    {"mediaType": ["application/x"]},
    {"digest": None},
    {"digest": ""},
    {"digest": 1},
    {"digest": "sha256:abc"},
    {"digest": str(DIGEST).upper()},
    {"size": None},
    {"size": -1},
    {"size": 2**63},
    {"size": 1.0},
    {"size": "7"},
    {"size": True},
    {"annotations": []},
    {"annotations": {"a": 1}},
    {"annotations": {"a": None}},
    {"artifactType": 1},
    {"data": "!"},
    {"data": 1},
    {"data": base64.b64encode(b"other").decode()},
    {"data": base64.b64encode(b"contenT").decode()},
    {"data": ""},
    {"Size": 7},
    {"mediatype": "application/x"},
    {"URLs": []},
]


@pytest.mark.parametrize("changes", GOOD, ids=str)
def test_a_good_descriptor_is_read(changes: dict[str, object]) -> None:
    found = parse_descriptor(PLAIN | changes, "it")
    assert found.media_type == "application/x"
    assert str(found.digest) == (PLAIN | changes)["digest"]
    assert found.size == (PLAIN | changes)["size"]
    assert found.annotations == (changes.get("annotations") or {})
    assert found.artifact_type == (changes.get("artifactType") or None)
    assert found.has_urls is bool(changes.get("urls"))


@pytest.mark.parametrize("changes", BAD, ids=str)
def test_a_bad_descriptor_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(InvalidManifest):
        parse_descriptor(PLAIN | changes, "it")


@pytest.mark.parametrize("missing", PLAIN)
def test_a_descriptor_that_lacks_something_is_refused(missing: str) -> None:
    with pytest.raises(InvalidManifest, match="it"):
        parse_descriptor({k: v for k, v in PLAIN.items() if k != missing}, "it")


@pytest.mark.parametrize("value", [None, [], "x", 1, [PLAIN]])
def test_what_is_no_object_is_no_descriptor(value: object) -> None:
    with pytest.raises(InvalidManifest):
        parse_descriptor(value, "it")


def test_a_list_says_which_of_its_descriptors_is_bad() -> None:
    assert parse_descriptors(None, "layers") == ()
    assert parse_descriptors([], "layers") == ()
    assert (
        parse_descriptors([PLAIN, PLAIN], "layers") == (Descriptor("application/x", DIGEST, 7),) * 2
    )
    with pytest.raises(InvalidManifest, match=r"layers\[1\]"):
        parse_descriptors([PLAIN, {}], "layers")
    for value in ({}, "x", 1, PLAIN):
        with pytest.raises(InvalidManifest, match="layers"):
            parse_descriptors(value, "layers")


@given(st.binary(max_size=100), st.sampled_from(["sha256", "sha512"]))
def test_embedded_data_must_be_the_content(content: bytes, algorithm: str) -> None:
    descriptor = {
        "mediaType": "application/x",
        "digest": str(Digest.of(content, algorithm)),
        "size": len(content),
        "data": base64.b64encode(content).decode(),
    }
    assert parse_descriptor(descriptor, "it").size == len(content)
    with pytest.raises(InvalidManifest):
        parse_descriptor(descriptor | {"data": base64.b64encode(content + b"x").decode()}, "it")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from([*PLAIN, "data", "urls", "annotations"]), _JSON))
def test_no_document_does_more_than_be_refused(changes: dict[str, object]) -> None:
    try:
        parse_descriptor(PLAIN | changes, "it")
    except InvalidManifest:
        return
