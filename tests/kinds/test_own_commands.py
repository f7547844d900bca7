"""Commands that depend on what an artifact says: each runs as it is pasted."""

import json
from dataclasses import replace
from typing import Final

import pytest
import yaml

from entrepot.kinds.commands import Command, CommandTarget, Language
from entrepot.kinds.layer_names import TITLE
from entrepot.kinds.recognition.catalogue import recognize
from entrepot.kinds.recognition.manifest_view import ManifestView
from entrepot.oci.names import RepositoryName, Tag
from tests.kinds import places
from tests.kinds.corpus import names, view


def _of(found: ManifestView, place: CommandTarget, tool: str) -> list[Command]:
    return [each for each in recognize(found).commands(place, found) if each.tool == tool]


def _at(name: str, place: CommandTarget = places.PUBLIC) -> CommandTarget:
    return replace(place, repository=RepositoryName(name), tag=Tag("v0.1.0"))


def _titled(found: ManifestView, title: str) -> ManifestView:
    layers = [replace(each, annotations={TITLE: title}) for each in found.manifest.layers]
    return replace(found, manifest=replace(found.manifest, layers=tuple(layers)))


def test_a_library_chart_is_not_installed() -> None:
    found = view("helm-chart")
    library = replace(found, config={**found.config, "type": "library"})
    texts = [each.text for each in recognize(library).commands(places.PUBLIC, library)]
    for word in ("helm install", "helm upgrade", "helm template", "helm_release", "HelmRepository"):
        assert not any(word in each for each in texts), word
        assert any(word in each.text for each in recognize(found).commands(places.PUBLIC, found))
    assert any("helm pull" in each for each in texts)
    assert any(each.startswith("dependencies:") for each in texts)


CUE: Final = {
    "cases/github.com/acme/demo": (
        "github.com/acme/demo=hub.example.org/cases,registry.cue.works",
        "github.com/acme/demo@v0.1.0",
    ),
    "github.com/acme/demo": (
        "github.com/acme/demo=hub.example.org,registry.cue.works",
        "github.com/acme/demo@v0.1.0",
    ),
}


@pytest.mark.parametrize("name", CUE)
def test_a_cue_module_is_got_by_its_path_below_the_registry_s_prefix(name: str) -> None:
    registry, module = CUE[name]
    (command,) = _of(view("cue"), _at(name), "cue")
    assert command.text == f"CUE_REGISTRY={registry} cue mod get {module}"
    assert "cue mod init" in command.note


def test_a_cue_module_whose_path_nobody_knows_has_no_command_of_cue() -> None:
    assert _of(view("cue"), _at("acme/demo"), "cue") == []


def test_cue_is_told_of_plain_http_behind_the_prefix() -> None:
    (command,) = _of(view("cue"), _at("acme/example.com/x", places.INTRANET), "cue")
    assert "example.com/x=hub.lan:5000/acme+insecure," in command.text


def test_a_dev_container_feature_is_named_in_json_and_a_template_applied() -> None:
    feature = view("devcontainer-feature")
    (command,) = _of(feature, places.PUBLIC, "devcontainer")
    assert command.language is Language.JSON
    assert json.loads("{" + command.text + "}") == {
        "features": {places.PUBLIC.reference: {}},
    }
    (command,) = _of(
        _titled(feature, "devcontainer-template-go.tgz"), places.PUBLIC, "devcontainer"
    )
    assert command.text == (
        f"devcontainer templates apply --workspace-folder . --template-id {places.PUBLIC.reference}"
    )


def test_a_tekton_bundle_names_what_is_in_it() -> None:
    found = view("tekton")
    run = _of(found, places.INTRANET, "tkn")[0]
    said = yaml.safe_load(run.text)["taskRef"]
    assert said["resolver"] == "bundles"
    assert {each["name"]: each["value"] for each in said["params"]} == {
        "bundle": places.INTRANET.reference,
        "name": "build",
        "kind": "task",
    }
    assert [(each.label, each.value) for each in recognize(found).facts(found)] == [
        ("Tasks", "build")
    ]


@pytest.mark.parametrize("kind", ["provider", "function", "configuration"])
def test_a_crossplane_package_is_installed_as_what_its_name_says(kind: str) -> None:
    (command,) = _of(view("crossplane"), _at(f"acme/{kind}-demo"), "crossplane")
    assert command.text == f"crossplane xpkg install {kind} hub.example.org/acme/{kind}-demo:v0.1.0"
    assert len(_of(view("crossplane"), _at("acme/demo"), "crossplane")) == 3


def test_an_opentofu_module_is_had_by_tag_or_digest() -> None:
    found = view("opentofu-module")
    (tagged,) = _of(found, _at("acme/vpc"), "tofu")
    assert 'source = "oci://hub.example.org/acme/vpc?tag=v0.1.0"' in tagged.text
    place = replace(_at("acme/vpc"), tag=None)
    (pinned,) = _of(found, place, "tofu")
    assert f'source = "oci://hub.example.org/acme/vpc?digest={place.digest}"' in pinned.text
    (plain,) = _of(found, places.INTRANET, "tofu")
    assert "HTTPS" in plain.note


def test_a_mirror_of_opentofu_has_a_place_for_each_star() -> None:
    (command,) = _of(view("opentofu-provider"), _at("tofu/hashicorp/tls"), "tofu")
    assert 'repository_template = "hub.example.org/tofu/${namespace}/${type}"' in command.text
    assert 'include             = ["registry.opentofu.org/*/*"]' in command.text


def test_an_opa_bundle_is_fetched_before_it_is_evaluated() -> None:
    found = view("opa-bundle")
    command = _of(found, places.PUBLIC, "opa")[0]
    fetch, evaluate = command.text.splitlines()
    digest = found.manifest.layers[0].digest
    assert fetch == (
        f"oras blob fetch --output bundle.tar.gz {places.PUBLIC.repository_reference}@{digest}"
    )
    assert evaluate == "opa eval --bundle bundle.tar.gz data"


def test_kyverno_is_told_that_pulling_is_an_experiment() -> None:
    (command,) = _of(view("kyverno"), places.PUBLIC, "kyverno")
    assert command.text.splitlines()[1].startswith("KYVERNO_EXPERIMENTAL=true kyverno oci pull -i ")


@pytest.mark.parametrize("name", names())
def test_no_command_has_a_gap_that_only_its_reader_can_fill(name: str) -> None:
    found = view(name)
    for each in recognize(found).commands(places.PUBLIC, found):
        assert not {"IMAGE", "FILE", "TASK"} & set(each.text.split()), each.text
