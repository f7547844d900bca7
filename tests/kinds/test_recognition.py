"""Recognition: every kind by what its specification says, and never more than is proven."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.kinds.recognition.catalogue import all_kinds, find_kind, kind_of_id, recognize
from entrepot.kinds.recognition.manifest_view import ManifestView
from entrepot.kinds.recognition.predicates import deciding_types, type_keys
from entrepot.oci.manifests import parse_manifest
from entrepot.oci.media_types import OCI_MANIFEST
from tests.kinds.corpus import MADE, expected, names, view
from tests.kinds.hostile import evidences

# Nobody specified these; they are known by the names that their makers use elsewhere.
_UNSPECIFIED = {"grype-report", "harbor-report", "trivy-report"}
_IMAGES = {expected(name) for name in names() if find_kind(expected(name)).family == "image"}  # type: ignore[union-attr]


# Their manifests say it by an annotation and are an image's otherwise.
_BY_ANNOTATION_ONLY = {
    "agent-plugin",
    "agent-skill",
    "checkpoint",
    "compose-images",
    "homebrew-bottle",
}


def _typed() -> list[str]:
    """Specimens whose types have a kind of their own."""
    known = {each for kind in all_kinds() for each in deciding_types(kind.recognizes)}
    exact = {each for each in known if not each.endswith("*")}
    return [name for name in names() if exact & set(type_keys(view(name))[:1])]


def _told_by_more_than_annotations() -> list[str]:
    return [name for name in names() if expected(name) not in _IMAGES | _BY_ANNOTATION_ONLY]


@pytest.mark.parametrize("name", names())
def test_a_specimen_is_what_its_specification_says(name: str) -> None:
    assert recognize(view(name)).id == expected(name)


@pytest.mark.parametrize("name", names(MADE))
def test_what_a_real_client_made_is_what_it_was_made_as(name: str) -> None:
    found = recognize(view(name, MADE)).id
    assert found == expected(name, MADE)
    if not name.endswith("-attached") and not name.startswith("cue-") and "sha256" not in name:
        assert f"-{found}-" in f"-{name}-"


def test_the_corpus_shows_every_kind_that_somebody_specified() -> None:
    shown = {expected(name) for name in names()}
    assert len(shown) >= 75
    assert {kind.id for kind in all_kinds()} - shown == _UNSPECIFIED


@pytest.mark.parametrize("name", _typed())
def test_a_type_decides_whatever_the_layers_are(name: str) -> None:
    found = view(name)
    for other in names():
        layers = view(other).manifest.layers
        changed = replace(found, manifest=replace(found.manifest, layers=layers))
        assert recognize(changed).id == expected(name), other


@pytest.mark.parametrize("name", _told_by_more_than_annotations())
def test_what_is_no_image_is_none_without_its_annotations_either(name: str) -> None:
    """Annotations get lost when artifacts are copied; the rest must not become an image."""
    found = view(name)
    bare = replace(found, manifest=replace(found.manifest, annotations={}))
    assert recognize(bare).id not in _IMAGES


@pytest.mark.parametrize("name", [each for each in names() if expected(each) == "image"])
def test_an_image_is_none_without_what_proves_it(name: str) -> None:
    found = view(name)
    children = tuple(replace(each, kind="helm-chart") for each in found.children)
    assert recognize(replace(found, config={}, children=children)).id not in _IMAGES


@given(evidences())
def test_anything_that_can_be_read_is_something(found: ManifestView) -> None:
    kind = recognize(found)
    assert kind_of_id(kind.id) is kind
    if kind.id == "image" and not found.manifest.children:
        assert isinstance(found.config["rootfs"], dict)


@given(st.text(min_size=1, max_size=50).map("application/".__add__))
def test_a_type_that_nobody_knows_is_never_an_image(said: str) -> None:
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": said, "digest": "sha256:" + "0" * 64, "size": 2},
        "layers": [],
    }
    manifest = parse_manifest(json.dumps(document).encode(), None)
    assert recognize(ManifestView(manifest)).id not in _IMAGES


def test_an_id_that_nobody_knows_is_of_the_unknown_kind() -> None:
    assert find_kind("no-such-kind") is None
    assert kind_of_id("no-such-kind").id == "unknown"
    assert kind_of_id("helm-chart").name == "Helm chart"


def test_ids_names_and_types_are_each_of_one_kind() -> None:
    kinds = list(all_kinds())
    assert len({kind.id for kind in kinds}) == len(kinds) >= 100
    assert len({kind.name for kind in kinds}) == len(kinds)
    types = [each for kind in kinds for each in deciding_types(kind.recognizes)]
    assert sorted(set(types)) == sorted(types)
