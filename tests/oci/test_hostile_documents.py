"""Manifests that a database or a later reader could choke on are refused when they are pushed."""

import json

import pytest

from entrepot.errors import InvalidManifest
from entrepot.oci.manifests import MAX_DESCRIPTORS, parse_manifest, parse_pushed_manifest
from entrepot.oci.media_types import OCI_INDEX, OCI_MANIFEST
from entrepot.oci.strict_json import MAX_DEPTH, MAX_VALUES
from tests.wire.content import CONFIG, EMPTY, LAYER, descriptor, encode, image, index

HALVES = ("\ud800", "\udfff", "a\udc00b", "\udc00\ud800", "\ud83d", "x\0y")
CHILD = descriptor(b"child", OCI_MANIFEST)


def places(text: str) -> dict[str, bytes]:
    """Manifests that hold the text, by where."""
    annotations = {"key": text}
    config = descriptor(EMPTY, CONFIG)
    return {
        "annotation": image(annotations=annotations),
        "annotation's key": image(annotations={text: "value"}),
        "artifactType": image(artifactType=f"application/{text}"),
        "config.mediaType": image(config=config | {"mediaType": text}),
        "config annotation": image(config=config | {"annotations": annotations}),
        "layer's mediaType": image(layers=[descriptor(b"x", LAYER) | {"mediaType": text}]),
        "layer's urls": image(layers=[descriptor(b"x", LAYER, urls=[text])]),
        "platform": index(CHILD | {"platform": {"os": text, "architecture": "amd64"}}),
        "platform features": index(CHILD | {"platform": {"os": "a", "os.features": [text]}}),
        "child's artifactType": index(CHILD | {"artifactType": text}),
        "subject": image(subject=CHILD | {"annotations": annotations}),
        "own key": image(**{"x-own": {"deep": [{"er": text}]}}),
        "own key's name": image(**{"x-own": {text: 1}}),
    }


@pytest.mark.parametrize("where", places(""))
@pytest.mark.parametrize("text", HALVES, ids=ascii)
def test_text_that_is_none_is_refused_wherever_it_stands(where: str, text: str) -> None:
    with pytest.raises(InvalidManifest, match=r"surrogate|NUL|not a media type"):
        parse_pushed_manifest(places(text)[where], None)


def test_text_of_every_language_is_taken() -> None:
    """Escaped or not: two halves that belong together are one character."""
    for text in ("\U0001f600", "中文", "é", "\\ud800", "\\u0000", "\uffff", "\x7f"):
        for escaped in (True, False):
            content = json.dumps(json.loads(image(annotations={"a": text})), ensure_ascii=escaped)
            assert parse_pushed_manifest(content.encode(), None).annotations == {"a": text}


@pytest.mark.parametrize(
    ("number", "is_taken"),
    [
        *(("0", True), ("-1", True), ("1.5", True), ("1e300", True), ("9223372036854775807", True)),
        *(("9223372036854775808", False), ("-9223372036854775809", False), ("1e999", False)),
        *(("-1e999", False), ("9" * 4000, False)),
    ],
)
def test_a_number_fits_into_what_databases_and_languages_have(number: str, is_taken: bool) -> None:
    content = image(**{"x-own": [{"n": 1.25}]}).replace(b"1.25", number.encode())
    if is_taken:
        parse_pushed_manifest(content, None)
        return
    with pytest.raises(InvalidManifest):
        parse_pushed_manifest(content, None)


@pytest.mark.parametrize("size", [-1, 1.5, 2.0, 1e3, 2**63, True, None, "5", [5]])
def test_a_size_is_a_whole_number_of_bytes(size: object) -> None:
    for content in (
        image(layers=[descriptor(b"x", LAYER) | {"size": size}]),
        image(config=descriptor(b"x", LAYER) | {"size": size}),
        index(CHILD | {"size": size}),
        image(subject=CHILD | {"size": size}),
    ):
        with pytest.raises(InvalidManifest):
            parse_pushed_manifest(content, None)


def test_sizes_can_be_counted_together() -> None:
    half = 2**62
    layers = [descriptor(bytes([n]), LAYER) | {"size": half} for n in range(2)]
    children = [CHILD | {"size": 2**63 - 1}, CHILD | {"size": 1}]
    for content in (image(layers=layers), index(*children)):
        with pytest.raises(InvalidManifest, match="bytes in all"):
            parse_pushed_manifest(content, None)
    parse_pushed_manifest(index(CHILD | {"size": 2**63 - 1}), None)


def nested(levels: int) -> bytes:
    """A manifest whose deepest value is so many levels below it."""
    return image(**{"x-own": 0}).replace(b":0}", b":" + b"[" * levels + b"]" * levels + b"}")


def test_a_document_is_as_deep_as_recursive_readers_can_go() -> None:
    parse_pushed_manifest(nested(MAX_DEPTH - 2), None)
    for levels in (MAX_DEPTH, 900, 100_000):
        with pytest.raises(InvalidManifest, match=r"levels|depth"):
            parse_pushed_manifest(nested(levels), None)


def test_a_document_of_very_many_values_is_refused() -> None:
    content = image(**{"x-own": [[]] * (MAX_VALUES + 1)})
    with pytest.raises(InvalidManifest, match="values"):
        parse_pushed_manifest(content, None)


@pytest.mark.parametrize("key", ["layers", "blobs", "manifests"])
def test_a_manifest_lists_some_thousands_of_descriptors_at_most(key: str) -> None:
    def listing(count: int) -> bytes:
        listed = [CHILD | {"digest": f"sha256:{number:064x}"} for number in range(count)]
        if key == "manifests":
            return index(*listed)
        if key == "layers":
            return image(layers=listed)
        kind = "application/vnd.oci.artifact.manifest.v1+json"
        return encode({"schemaVersion": 2, "mediaType": kind, "blobs": listed})

    parse_pushed_manifest(listing(MAX_DESCRIPTORS), None)
    message = f"lists {MAX_DESCRIPTORS + 1} descriptors, and a manifest may list {MAX_DESCRIPTORS}"
    with pytest.raises(InvalidManifest, match=message):
        parse_pushed_manifest(listing(MAX_DESCRIPTORS + 1), None)


def test_what_was_stored_before_a_limit_is_still_read() -> None:
    listed = [CHILD | {"digest": f"sha256:{n:064x}"} for n in range(MAX_DESCRIPTORS + 1)]
    assert len(parse_manifest(index(*listed), OCI_INDEX).children) == MAX_DESCRIPTORS + 1
    assert parse_manifest(places("\ud800")["platform"], None).children


@pytest.mark.parametrize(
    "text",
    [
        *("application/spdx+json", "dev.toolhive.skills.v1", "plain", "a/b", "a-b_c.d+e"),
        "application/vnd.dev.sigstore.bundle+json;version=0.2",
        'application/vnd.x; charset="utf-8"; q=1',
    ],
)
def test_an_artifact_is_called_what_clients_call_it(text: str) -> None:
    found = parse_pushed_manifest(image(artifactType=text), None)
    assert found.artifact_type == found.referrer_type == text


@pytest.mark.parametrize(
    "text",
    ["no type", "a/", "/b", "a//b", "a/b/c", ";x=1", " ", "é/x", "a/b;é", "a\nb", "a" * 2000],
)
def test_an_artifact_is_not_called_just_anything(text: str) -> None:
    with pytest.raises(InvalidManifest, match="not a media type"):
        parse_pushed_manifest(image(artifactType=text), None)
