"""Manifests and indexes: read as both their types say, refused where two readers could differ."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.errors import InvalidManifest
from entrepot.oci.digests import Digest
from entrepot.oci.manifests import parse_manifest
from entrepot.oci.media_types import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_ARTIFACT,
    OCI_EMPTY,
    OCI_INDEX,
    OCI_MANIFEST,
)
from tests.wire.content import CONFIG, descriptor, encode, image, index

CHILD = descriptor(b"child", OCI_MANIFEST)
BLOB = descriptor(b"blob", "application/x")
BARE_IMAGE: dict[str, object] = {"schemaVersion": 2, "config": BLOB, "layers": []}
BARE_INDEX: dict[str, object] = {"schemaVersion": 2, "manifests": []}


@pytest.mark.parametrize("media_type", [OCI_MANIFEST, DOCKER_MANIFEST])
def test_an_image_manifest_is_read(media_type: str) -> None:
    content = image(b"one", b"two", mediaType=media_type, annotations={"a": "b"})
    found = parse_manifest(content, media_type)
    assert found.content == content
    assert found.media_type == media_type
    assert found.config is not None
    assert found.config.media_type == CONFIG
    assert [each.digest for each in found.layers] == [Digest.of(b"one"), Digest.of(b"two")]
    assert found.children == ()
    assert found.subject is None
    assert found.annotations == {"a": "b"}


@pytest.mark.parametrize("media_type", [OCI_INDEX, DOCKER_LIST])
def test_an_index_is_read(media_type: str) -> None:
    found = parse_manifest(index(CHILD, CHILD, mediaType=media_type), None)
    assert found.media_type == media_type
    assert found.config is None
    assert found.layers == ()
    assert [each.digest for each in found.children] == [Digest.of(b"child")] * 2


def test_an_artifact_manifest_of_older_clients_is_read() -> None:
    document = {"mediaType": OCI_ARTIFACT, "schemaVersion": 2, "blobs": [BLOB], "subject": CHILD}
    found = parse_manifest(encode(document | {"artifactType": "application/x"}), None)
    assert [each.digest for each in found.layers] == [Digest.of(b"blob")]
    assert found.subject is not None
    assert found.referrer_type == "application/x"


@pytest.mark.parametrize(
    ("claimed", "given_type", "media_type"),
    [
        (OCI_MANIFEST, OCI_MANIFEST, OCI_MANIFEST),
        (OCI_MANIFEST, None, OCI_MANIFEST),
        (None, OCI_MANIFEST, OCI_MANIFEST),
        ("", OCI_MANIFEST, OCI_MANIFEST),
        (OCI_MANIFEST, "", OCI_MANIFEST),
        (OCI_MANIFEST, f"{OCI_MANIFEST}; charset=utf-8", OCI_MANIFEST),
        (OCI_MANIFEST, f" {OCI_MANIFEST.upper()} ", OCI_MANIFEST),
        (OCI_MANIFEST, DOCKER_MANIFEST, None),
        (OCI_MANIFEST, "application/json", None),
        (OCI_INDEX, OCI_MANIFEST, None),
        (None, None, None),
        (None, "application/json", None),
        ("application/json", None, None),
        (OCI_MANIFEST.upper(), None, None),
        (1, OCI_MANIFEST, None),
        (None, "application/vnd.docker.distribution.manifest.v1+json", None),
    ],
)
def test_the_type_is_what_header_and_document_agree_on(
    claimed: object, given_type: str | None, media_type: str | None
) -> None:
    document = BARE_IMAGE if claimed is None else BARE_IMAGE | {"mediaType": claimed}
    if media_type is None:
        with pytest.raises(InvalidManifest):
            parse_manifest(encode(document), given_type)
    else:
        assert parse_manifest(encode(document), given_type).media_type == media_type


@pytest.mark.parametrize("version", [1, 3, 0, "2", None, True, [2], -2])
def test_only_the_second_schema_is_read(version: object) -> None:
    with pytest.raises(InvalidManifest):
        parse_manifest(encode(BARE_IMAGE | {"schemaVersion": version}), OCI_MANIFEST)
    without = {k: v for k, v in BARE_IMAGE.items() if k != "schemaVersion"}
    with pytest.raises(InvalidManifest):
        parse_manifest(encode(without), OCI_MANIFEST)


@pytest.mark.parametrize(
    ("document", "media_type"),
    [
        (BARE_IMAGE | {"manifests": []}, OCI_MANIFEST),
        (BARE_IMAGE | {"manifests": None}, OCI_MANIFEST),
        (BARE_IMAGE | {"fsLayers": []}, DOCKER_MANIFEST),
        (BARE_INDEX | {"config": BLOB}, OCI_INDEX),
        (BARE_INDEX | {"layers": []}, OCI_INDEX),
        (BARE_INDEX | {"layers": None}, DOCKER_LIST),
        (BARE_INDEX | {"blobs": []}, OCI_INDEX),
        (BARE_IMAGE | BARE_INDEX, OCI_INDEX),
        (BARE_IMAGE | BARE_INDEX, OCI_MANIFEST),
    ],
)
def test_what_could_be_read_as_two_kinds_is_refused(
    document: dict[str, object], media_type: str
) -> None:
    """CVE-2021-41190."""
    with pytest.raises(InvalidManifest):
        parse_manifest(encode(document), media_type)


@pytest.mark.parametrize(
    "changes",
    [
        {"config": None},
        {"config": {}},
        {"config": [BLOB]},
        {"layers": {}},
        {"layers": [None]},
        {"layers": [BLOB, {}]},
        {"subject": {}},
        {"subject": "x"},
        {"annotations": {"a": 1}},
        {"annotations": "x"},
        {"artifactType": 1},
        {"artifactType": "no type"},
        {"artifactType": "application/"},
        {"Layers": []},
        {"schemaversion": 2},
        {"MediaType": OCI_MANIFEST},
        {"Subject": CHILD},
        {"ArtifactType": "application/x"},
    ],
    ids=str,
)
def test_a_bad_manifest_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(InvalidManifest):
        parse_manifest(encode(BARE_IMAGE | changes), OCI_MANIFEST)


def test_a_manifest_needs_a_config_and_an_index_its_list() -> None:
    with pytest.raises(InvalidManifest, match="config"):
        parse_manifest(encode({"schemaVersion": 2, "layers": []}), OCI_MANIFEST)
    with pytest.raises(InvalidManifest, match="manifests"):
        parse_manifest(encode({"schemaVersion": 2}), OCI_INDEX)


@pytest.mark.parametrize(
    "changes",
    [
        {"layers": None},
        {"subject": None},
        {"annotations": None},
        {"artifactType": ""},
        {"artifactType": "application/x; charset=utf-8"},
        {"x-own": {"Any": "thing"}},
    ],
    ids=str,
)
def test_what_clients_really_write_is_read(changes: dict[str, object]) -> None:
    parse_manifest(encode(BARE_IMAGE | changes), OCI_MANIFEST)


@pytest.mark.parametrize(
    ("content", "referrer_type"),
    [
        (image(artifactType="application/x"), "application/x"),
        (image(), CONFIG),
        (image(config=descriptor(b"{}", OCI_EMPTY)), OCI_EMPTY),
        (index(), None),
        (index(artifactType="application/x"), "application/x"),
    ],
)
def test_a_referrer_is_of_its_own_type_or_of_its_configs(
    content: bytes, referrer_type: str | None
) -> None:
    assert parse_manifest(content, None).referrer_type == referrer_type


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just(BLOB),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)
_KEYS = [*BARE_IMAGE, "manifests", "subject", "annotations", "artifactType", "mediaType", "blobs"]


@given(
    st.sampled_from([BARE_IMAGE, BARE_INDEX]),
    st.dictionaries(st.sampled_from(_KEYS), _VALUES, max_size=3),
    st.sampled_from([OCI_MANIFEST, OCI_INDEX, OCI_ARTIFACT, DOCKER_LIST, None]),
)
def test_no_document_does_more_than_be_refused(
    document: dict[str, object], changes: dict[str, object], media_type: str | None
) -> None:
    content = json.dumps(document | changes).encode()
    try:
        found = parse_manifest(content, media_type)
    except InvalidManifest:
        return
    assert found.content == content
    # Whatever was taken is one kind only.
    assert not (found.children and (found.config or found.layers))
