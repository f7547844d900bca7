"""What kinds say of an artifact beside its name: descriptions, facts, badges."""

import json
from dataclasses import replace

import pytest

from entrepot.kinds.badges import badges
from entrepot.kinds.recognition.catalogue import all_kinds, recognize
from entrepot.kinds.recognition.kind import Description, Extractor, Family
from entrepot.kinds.recognition.manifest_view import ManifestView
from tests.kinds.corpus import names, view

_HUB_TYPES = {"image", "plugin", "helm", "volume", "wasm", "compose", "model", "unrecognized"}


def _facts(found: ManifestView) -> dict[str, str]:
    return {each.label: each.value for each in recognize(found).facts(found)}


def _described(found: ManifestView) -> Description:
    return recognize(found).describe(found)


def _annotated(name: str, **said: str) -> ManifestView:
    found = view(name)
    annotations = {key.replace("__", "."): value for key, value in said.items()}
    return replace(found, manifest=replace(found.manifest, annotations=annotations))


def test_a_chart_says_what_its_chart_yaml_says() -> None:
    found = replace(
        view("helm-chart"),
        config={
            "name": "nginx",
            "version": "1.0.0+build.5",
            "appVersion": "1.27",
            "kubeVersion": ">=1.29",
            "type": "application",
            "deprecated": True,
            "keywords": ["web", "proxy"],
            "dependencies": [{"name": "redis", "version": "~20"}, {"name": "common"}, 7],
            "maintainers": [{"name": "Ann", "email": "ann@example.org"}],
            "home": "https://example.org",
            "sources": ["https://example.org/source.git"],
            "annotations": {"artifacthub.io/license": "Apache-2.0"},
        },
    )
    facts = _facts(found)
    assert facts["App version"] == "1.27"
    assert facts["Kubernetes"] == ">=1.29"
    assert facts["Type"] == "application"
    assert facts["Deprecated"] == "yes"
    assert facts["Keywords"] == "web, proxy"
    assert facts["Dependencies"] == "redis ~20, common, 7"
    assert facts["Maintainers"] == "Ann"
    said = _described(found)
    assert (said.title, said.version) == ("nginx", "1.0.0+build.5")
    assert (said.url, said.licenses) == ("https://example.org", "Apache-2.0")
    assert (said.source, said.authors) == ("https://example.org/source.git", "Ann")


def test_an_image_says_how_it_runs() -> None:
    facts = _facts(view("image-oci"))
    assert facts == {
        "Entrypoint": "/bin/app",
        "Command": "--help",
        "Working directory": "/app",
        "User": "65532",
        "Ports": "8080/tcp",
    }


def test_labels_say_what_annotations_do_not_and_old_labels_what_neither_says() -> None:
    labels = {
        "org.opencontainers.image.title": "from a label",
        "org.opencontainers.image.version": "1.0",
        "org.label-schema.vcs-url": "https://example.org/old.git",
    }
    found = _annotated("image-oci", org__opencontainers__image__title="from an annotation")
    said = _described(replace(found, config={**found.config, "config": {"Labels": labels}}))
    assert said.title == "from an annotation"
    assert said.version == "1.0"
    assert said.source == "https://example.org/old.git"


@pytest.mark.parametrize(
    ("name", "label", "value"),
    [
        ("modelpack", "Parameters", "8b"),
        ("modelpack", "Quantisation", "q4"),
        ("modelpack", "Licences", "MIT"),
        ("docker-model", "Quantisation", "Q4_K_M"),
        ("docker-model", "Parameters", "361.82 M"),
        ("ollama", "Parameters", "8.0B"),
        ("ollama", "Quantisation", "Q4_0"),
        ("kitops", "Framework", "sklearn"),
        ("wasm", "Exports", "wasi:http/incoming-handler@0.2.0"),
        ("wasm", "Imports", "wasi:io/streams@0.2.0"),
        ("docker-plugin", "Entrypoint", "/docker-volume-sshfs"),
        ("docker-plugin", "Network", "host"),
        ("olm-bundle", "Channels", "alpha,stable"),
        ("bootc", "Kernel", "6.12.0"),
        ("flux", "Revision", "main@sha1:abc"),
        ("lifecycle", "End of life", "2027-01-01"),
        ("sigstore-provenance", "Predicate", "https://slsa.dev/provenance/v1"),
        ("devcontainer-feature", "Id", "go"),
        ("tart", "Disk, uncompressed", "100"),
        ("unknown-artifact", "Artifact type", "application/vnd.acme.thing.v1+json"),
        ("unknown-artifact", "Layer types", "application/octet-stream"),
        ("files-oras", "Artifact type", "application/vnd.unknown.artifact.v1"),
    ],
)
def test_a_kind_says_what_people_look_for(name: str, label: str, value: str) -> None:
    assert _facts(view(name))[label] == value


@pytest.mark.parametrize(
    ("name", "title", "version"),
    [
        ("kitops", "titanic", "1.0"),
        ("modelpack", "llama", ""),
        ("kcl", "helloworld", "0.1.0"),
        ("falco-rulesfile", "x", "1.0.0"),
        ("kubewarden", "psp", ""),
        ("agent-skill-toolhive", "pdf", "1"),
    ],
)
def test_a_kind_s_own_words_for_title_and_version_are_understood(
    name: str, title: str, version: str
) -> None:
    said = _described(view(name))
    assert (said.title, said.version) == (title, version)


def test_an_annotation_that_holds_json_is_read_as_far_as_it_is_some() -> None:
    said = {"name": "Go", "version": "1.3.0", "options": {"version": {}, "tools": {}}}
    found = _annotated("devcontainer-feature", dev__containers__metadata=json.dumps(said))
    assert _described(found).title == "Go"
    assert _described(found).version == "1.3.0"
    assert _facts(found)["Options"] == "version, tools"
    for broken in ("", "{", "[]", "[" * 100_000):
        assert _facts(_annotated("devcontainer-feature", dev__containers__metadata=broken)) == {}


def test_what_is_said_at_length_is_cut() -> None:
    found = _annotated("files-oras", org__opencontainers__image__description="x" * 100_000)
    assert len(_described(found).description) == 2000


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("image-oci", ()),
        ("image-estargz", ("eStargz",)),
        ("image-zstd-chunked", ("zstd:chunked", "zstd")),
        ("image-encrypted", ("encrypted",)),
        ("image-foreign-layers", ("foreign layers",)),
        ("image-nondistributable", ("foreign layers",)),
        ("files-oras", ()),
    ],
)
def test_a_badge_tells_how_layers_are_kept(name: str, expected: tuple[str, ...]) -> None:
    assert badges(view(name)) == expected


def test_what_kinds_say_of_themselves_fits_together() -> None:
    for kind in all_kinds():
        assert kind.hub_type in _HUB_TYPES
        assert kind.name
        assert kind.plural
        assert len(set(kind.tabs)) == len(kind.tabs)
        if kind.family in (Family.SIGNATURE, Family.SBOM, Family.ATTESTATION):
            assert kind.is_attachment
            assert kind.extractor is Extractor.DOCUMENTS


def test_attachments_are_those_that_speak_of_others() -> None:
    attached = {recognize(view(name)).id for name in names() if "referrer" in name}
    attached -= {"index"}
    assert all(each.is_attachment for each in all_kinds() if each.id in attached)
    assert not any(
        each.is_attachment
        for each in all_kinds()
        if each.family in (Family.IMAGE, Family.CHART, Family.VOLUME, Family.MODEL, Family.FILES)
    )
