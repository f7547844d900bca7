"""Commands: right for the tool, the host and the scheme, and whole when pasted."""

import json
import re
import shlex
from dataclasses import replace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from entrepot.kinds.commands import Command, CommandTarget, Language
from entrepot.kinds.recognition.catalogue import find_kind, recognize
from entrepot.kinds.recognition.manifest_view import ManifestView
from entrepot.oci.names import Tag
from tests.kinds import places
from tests.kinds.corpus import names, view
from tests.kinds.hostile import evidences


def _commands(name: str, place: CommandTarget) -> tuple[Command, ...]:
    found = view(name)
    return recognize(found).commands(place, found)


def _texts(name: str, place: CommandTarget, tool: str) -> list[str]:
    return [each.text for each in _commands(name, place) if each.tool == tool]


def _is_whole(command: Command) -> bool:
    """Say whether the snippet can be read as what it says it is."""
    if command.language is Language.SHELL:
        return len(shlex.split(command.text)) > 1
    if command.language is Language.YAML:
        return isinstance(yaml.safe_load(command.text), dict)
    if command.language is Language.JSON:
        return isinstance(json.loads("{" + command.text + "}"), dict)
    return True


@pytest.mark.parametrize("name", names())
def test_every_command_is_whole_wherever_it_is(name: str) -> None:
    for place in places.ALL.values():
        commands = _commands(name, place)
        for each in commands:
            assert each.tool
            assert each.title
            assert _is_whole(each), each
            assert not re.search(r"(?<![{$])\{[a-z]+\}", each.text), each
        assert len({(each.tool, each.text) for each in commands}) == len(commands)


@pytest.mark.parametrize("name", names())
def test_every_kind_says_how_to_get_at_it_here(name: str) -> None:
    commands = _commands(name, places.PUBLIC)
    assert len({each.tool for each in commands}) >= 2
    assert any(places.PUBLIC.reference in each.text for each in commands)


@pytest.mark.parametrize(
    ("name", "tool", "flag", "needed_at"),
    [
        ("helm-chart", "helm", "--plain-http", {"localhost", "127.0.0.1", "plain http"}),
        ("files-oras", "oras", "--plain-http", {"127.0.0.1", "plain http"}),
        ("image-oci", "crane", "--insecure", {"plain http"}),
        ("image-oci", "skopeo", "tls-verify=false", {"localhost", "127.0.0.1", "plain http"}),
        ("image-oci", "podman", "--tls-verify=false", {"localhost", "127.0.0.1", "plain http"}),
        ("image-oci", "nerdctl", "--insecure-registry", {"plain http"}),
        ("cosign-signature", "cosign", "--allow-http-registry", {"localhost", "plain http"}),
        ("flux", "flux", "insecure", {"localhost", "127.0.0.1", "plain http"}),
        ("kitops", "kit", "--plain-http", {"localhost", "plain http"}),
        ("ollama", "ollama", "--insecure", {"plain http"}),
        ("cue", "cue", "+insecure", {"plain http"}),
        ("gadget", "ig", "--insecure-registries hub.lan:5000", {"plain http"}),
    ],
)
def test_a_tool_is_told_of_plain_http_where_it_must_be(
    name: str, tool: str, flag: str, needed_at: set[str]
) -> None:
    for where in needed_at:
        assert any(flag in each for each in _texts(name, places.ALL[where], tool)), where
    assert not any(flag in each for each in _texts(name, places.PUBLIC, tool))


@pytest.mark.parametrize("where", ["localhost", "127.0.0.1"])
def test_tools_that_know_their_own_machine_are_not_told_more(where: str) -> None:
    place = places.ALL[where]
    assert not any("--insecure" in each for each in _texts("image-oci", place, "crane"))
    assert not any("--insecure" in each for each in _texts("image-oci", place, "nerdctl"))
    assert not any(each.note for each in _commands("image-oci", place) if each.title == "Pull")


def test_docker_needs_a_setting_of_the_engine_for_other_hosts_over_plain_http() -> None:
    pull = _commands("image-oci", places.INTRANET)[0]
    assert pull.text == "docker pull hub.lan:5000/acme/tools/my_app.one:1.2.3_build.5"
    assert "insecure-registries" in pull.note


def test_regctl_is_set_up_once_for_plain_http() -> None:
    assert _texts("files-oras", places.INTRANET, "regctl")[0] == (
        "regctl registry set --tls disabled hub.lan:5000"
    )
    assert not any("set" in each for each in _texts("files-oras", places.PUBLIC, "regctl"))


def test_a_chart_is_found_by_its_version_with_a_plus() -> None:
    texts = _texts("helm-chart", places.PUBLIC, "helm")
    chart = "oci://hub.example.org/acme/tools/my_app.one --version 1.2.3+build.5"
    assert f"helm pull {chart}" in texts
    assert f"helm install my-app-one {chart}" in texts
    assert f"helm upgrade --install my-app-one {chart}" in texts
    assert f"helm show values {chart}" in texts
    assert f"helm template my-app-one {chart}" in texts
    assert f"helm pull {chart} --untar" in texts


@pytest.mark.parametrize("tag", ["latest", "1.2", "1", "main", "1.2.3.4", None])
def test_a_chart_that_helm_cannot_find_by_a_version_is_found_by_its_digest(tag: str | None) -> None:
    place = replace(places.PUBLIC, tag=Tag(tag) if tag else None)
    texts = _texts("helm-chart", place, "helm")
    assert f"helm pull oci://{place.pinned}" in texts
    assert not any("--version" in each for each in texts)


def test_a_chart_can_be_verified_where_its_provenance_is_there() -> None:
    assert any(
        "--verify" in each for each in _texts("helm-chart-with-provenance", places.PUBLIC, "helm")
    )
    assert not any("--verify" in each for each in _texts("helm-chart", places.PUBLIC, "helm"))


def test_a_chart_is_named_in_the_files_of_other_tools() -> None:
    said = {each.title: each for each in _commands("helm-chart", places.INTRANET)}
    dependency = yaml.safe_load(said["Add as a dependency in Chart.yaml"].text)["dependencies"][0]
    assert dependency == {
        "name": "my_app.one",
        "version": "1.2.3+build.5",
        "repository": "oci://hub.lan:5000/acme/tools",
    }
    source = yaml.safe_load(said["OCIRepository"].text)
    assert source["metadata"]["name"] == "my-app-one"
    assert source["spec"] == {
        "interval": "10m",
        "url": "oci://hub.lan:5000/acme/tools/my_app.one",
        "ref": {"semver": "1.2.3+build.5"},
        "insecure": True,
    }
    above = yaml.safe_load(said["HelmRepository"].text)["spec"]
    assert (above["type"], above["url"]) == ("oci", "oci://hub.lan:5000/acme/tools")


def test_a_file_is_downloaded_by_its_digest_and_checked() -> None:
    (layer,) = view("files-oras").manifest.layers
    (download,) = [each for each in _commands("files-oras", places.PUBLIC) if each.tool == "curl"]
    url = f"https://hub.example.org/v2/acme/tools/my_app.one/blobs/{layer.digest}"
    assert download.text == (
        f"curl -fsSL -o hello.txt {url}\necho '{layer.digest.hex}  hello.txt' | sha256sum -c -"
    )
    assert "-u NAME" in download.note


def test_a_volume_is_restored_from_its_archive() -> None:
    said = {each.tool: each.text for each in _commands("volume", places.LOCALHOST)[:4]}
    reference = "localhost:5000/acme/tools/my_app.one:1.2.3_build.5"
    assert said["oras"] == f"oras pull {reference}\ntar xzf myvolume.tar.gz"
    assert said["docker"].splitlines()[1:] == [
        'docker run --rm -v my_app.one:/volume -v "$PWD":/backup:ro alpine \\',
        "  tar xzf /backup/myvolume.tar.gz -C /volume",
    ]
    assert said["podman"].endswith("podman volume import my_app.one myvolume.tar.gz")


def test_a_volume_of_plain_files_is_restored_too() -> None:
    texts = [each.text for each in _commands("volume-of-plain-file", places.PUBLIC)]
    assert any("cp -a /backup/. /volume/" in each for each in texts)
    assert any("podman volume import my_app.one -" in each for each in texts)


def test_what_needs_a_tag_is_not_said_of_a_page_of_a_digest() -> None:
    assert any("kcl mod pull" in each for each in _texts("kcl", places.PUBLIC, "kcl"))
    assert _texts("kcl", places.ALL["https by digest"], "kcl") == []


def test_what_buildkit_attested_is_shown_by_docker() -> None:
    texts = _texts("image-index-with-attestations", places.PUBLIC, "docker")
    assert any(each.endswith("--format '{{json .SBOM}}'") for each in texts)
    assert not any("json" in each for each in _texts("image-index", places.PUBLIC, "docker"))


def test_a_signature_s_commands_are_about_what_it_signs() -> None:
    found = view("notation-signature")
    assert found.manifest.subject is not None
    subject = f"{places.PUBLIC.repository_reference}@{found.manifest.subject.digest}"
    assert f"notation verify {subject}" in _texts("notation-signature", places.PUBLIC, "notation")


@given(evidences(), st.sampled_from([*places.ALL.values()]))
def test_whatever_is_pushed_every_kind_can_speak_of_it(
    found: ManifestView, place: CommandTarget
) -> None:
    kind = recognize(found)
    assert kind.describe(found) is not None
    for fact in kind.facts(found):
        assert fact.label
        assert fact.value
    for command in kind.commands(place, found):
        assert _is_whole(command), command


@given(evidences(), st.sampled_from(names()), st.sampled_from([*places.ALL.values()]))
def test_a_kind_that_is_shown_something_else_does_not_fail(
    found: ManifestView, name: str, place: CommandTarget
) -> None:
    """A kind is written down once; what it is shown later may have been recognised otherwise."""
    kind = find_kind(recognize(view(name)).id)
    assert kind is not None
    for command in kind.commands(place, found):
        assert _is_whole(command), command
    assert isinstance(kind.facts(found), tuple)
