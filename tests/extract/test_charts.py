"""Charts as their authors wrote them: their images, their words for Artifact Hub, nothing lost."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
import yaml

from entrepot.extract import limits
from entrepot.extract.chart_images import Defaults, defaults_of, images_in, whole
from entrepot.extract.findings import ExtractionState, Findings
from tests.extract.evil import tar
from tests.extract.tasks import blob, read

CONTENT: Final = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
CHART: Final[dict[str, object]] = {
    "apiVersion": "v2",
    "name": "demo",
    "version": "1.0.0",
    "appVersion": "2.5",
    "kubeVersion": ">=1.29.0-0",
    "icon": "https://example.org/icon.png",
    "home": "https://example.org",
    "sources": ["https://github.com/acme/demo"],
    "annotations": {
        "artifacthub.io/changes": "- kind: security\n  description: Fixed it\n- Added that\n",
        "artifacthub.io/containsSecurityUpdates": "true",
        "artifacthub.io/crds": "- kind: CronTab\n  version: v1\n  name: x\n",
        "artifacthub.io/images": "- name: app\n  image: quay.io/acme/app:v1\n",
        "artifacthub.io/license": "Apache-2.0",
        "artifacthub.io/links": "- name: support\n  url: https://example.org/help\n",
        "artifacthub.io/operator": "true",
        "artifacthub.io/operatorCapabilities": "Basic Install",
        "artifacthub.io/signKey": "fingerprint: ABCD\nurl: https://example.org/key\n",
    },
}


def _read(tmp_path: Path, files: dict[str, str], chart: dict[str, object] = CHART) -> Findings:
    contents = {"demo/Chart.yaml": yaml.safe_dump(chart).encode()}
    contents |= {f"demo/{name}": text.encode() for name, text in files.items()}
    members: list[tuple[str, bytes, dict[str, object]]] = [
        (name, content, {}) for name, content in contents.items()
    ]
    return read("chart", blob(tmp_path, gzip.compress(tar(*members)), CONTENT))


def test_what_a_chart_says_to_artifact_hub_is_said_in_words(tmp_path: Path) -> None:
    found = _read(tmp_path, {})
    assert found.facts == {
        "App version": "2.5",
        "Kubernetes": ">=1.29.0-0",
        "Operator capabilities": "Basic Install",
        "Security updates": "yes",
        "Operator": "yes",
        "Custom resources": "CronTab v1",
        "Changes": "security: Fixed it; Added that",
        "Signing key": "ABCD",
    }
    assert found.licenses == "Apache-2.0"
    assert found.links == [
        {"name": "Home page", "url": "https://example.org"},
        {"name": "Source", "url": "https://github.com/acme/demo"},
        {"name": "support", "url": "https://example.org/help"},
    ]
    assert found.images == ["quay.io/acme/app:v1"]


IMAGES: Final = {
    "repository and tag": (
        {"image": {"repository": "nginx", "tag": "1.27"}},
        ["docker.io/library/nginx:1.27"],
    ),
    "no tag": ({"image": {"repository": "nginx", "tag": ""}}, ["docker.io/library/nginx:2.5"]),
    "nothing said": ({"image": {"repository": "acme/app"}}, ["docker.io/acme/app:2.5"]),
    "registry": (
        {"image": {"registry": "quay.io", "repository": "acme/app", "tag": 1.5}},
        ["quay.io/acme/app:1.5"],
    ),
    "registry of all": (
        {"global": {"imageRegistry": "hub.lan:5000"}, "image": {"repository": "app", "tag": "1"}},
        ["hub.lan:5000/app:1"],
    ),
    "digest": (
        {"image": {"repository": "ghcr.io/acme/app", "tag": "1", "digest": "sha256:" + "0" * 64}},
        ["ghcr.io/acme/app@sha256:" + "0" * 64],
    ),
    "text": ({"image": "busybox:1.36"}, ["docker.io/library/busybox:1.36"]),
    "text and tag beside it": ({"image": "acme/app", "imageTag": "7"}, ["docker.io/acme/app:7"]),
    "text without a tag": ({"sidecarImage": "busybox"}, ["docker.io/library/busybox:2.5"]),
    "not called image": (
        {"controller": {"repository": "quay.io/acme/c", "tag": "v1"}},
        ["quay.io/acme/c:v1"],
    ),
    "in a list": ({"extra": [{"image": "redis:7"}]}, ["docker.io/library/redis:7"]),
    "a repository of charts": (
        {"chart": {"repository": "https://example.org", "version": "1"}},
        [],
    ),
    "no image": ({"image": {"pullPolicy": "Always"}, "showImage": True}, []),
}


@pytest.mark.parametrize("name", IMAGES)
def test_images_are_named_as_they_are_pulled(tmp_path: Path, name: str) -> None:
    values, expected = IMAGES[name]
    template = 'image: "{{ .Values.image.repository }}:{{ .tag | default .Chart.AppVersion }}"'
    files = {"values.yaml": yaml.safe_dump(values), "templates/deployment.yaml": template}
    found = _read(tmp_path, files, {**CHART, "annotations": {}})
    assert found.images == expected


def test_a_tag_is_made_of_the_app_version_only_where_a_template_does() -> None:
    said = {"appVersion": "2.5"}
    assert defaults_of(said, {}, ["image: x"]) == Defaults()
    assert defaults_of(said, {}, ["{{ default .Chart.AppVersion .Values.tag }}"]).tag == "2.5"
    assert defaults_of(said, {}, ['{{ printf "v%s" .Chart.AppVersion }}']).tag == "v2.5"
    assert [*images_in({"image": "nginx"}, Defaults())] == ["docker.io/library/nginx"]


@pytest.mark.parametrize(
    "reference", ["quay.io/x", "localhost/x", "hub:5000/x", "a.b/c/d@sha256:0"]
)
def test_a_reference_with_its_registry_stays_as_it_is(reference: str) -> None:
    assert whole(reference) == reference


def test_values_that_are_too_long_are_shown_as_far_as_they_go(tmp_path: Path) -> None:
    long = "image: nginx:1\n" + "".join(f"# {n * 7919}\n" for n in range(120_000))
    found = _read(tmp_path, {"values.yaml": long}, {**CHART, "annotations": {}})
    values = next(each for each in found.documents if each.name == "values")
    assert values.is_cut
    assert len(values.text) == limits.TEXT
    assert found.state == ExtractionState.DONE
    assert found.reason == "values.yaml is longer than the 1 MiB of it that is shown"
    assert found.images == ["docker.io/library/nginx:1"]


def test_templates_that_are_too_long_are_shown_as_far_as_they_go(tmp_path: Path) -> None:
    found = _read(tmp_path, {"templates/big.yaml": "# comment\n" * 30_000, "crds/x.yaml": "a: 1\n"})
    said = {each.name: each.is_cut for each in found.documents}
    assert said["template:templates/big.yaml"]
    assert not said["template:crds/x.yaml"]


def test_that_there_are_more_templates_than_are_shown_is_said(tmp_path: Path) -> None:
    files = {f"templates/{number}.yaml": "a: 1\n" for number in range(limits.DOCUMENTS + 1)}
    found = _read(tmp_path, files)
    assert found.reason == f"only {limits.DOCUMENTS} of its templates are shown"
    shown = [
        each
        for each in found.documents
        if each.name.startswith("template:") and "html" not in each.name
    ]
    assert len(shown) == limits.DOCUMENTS


def test_a_chart_s_other_files_can_be_read_and_a_readme_of_any_name(tmp_path: Path) -> None:
    files = {"README": "# Hello\n", "docs/how.md": "# How\n", "values.yaml": "a: 1\n"}
    texts = {each.name: each.text for each in _read(tmp_path, files).documents}
    assert texts["readme"] == "# Hello\n"
    assert texts["file:docs/how.md"] == "# How\n"
    assert "file:values.yaml" not in texts


def test_an_old_chart_s_dependencies_stand_beside_it(tmp_path: Path) -> None:
    requirements = "dependencies:\n- name: redis\n  version: ~1\n"
    found = _read(tmp_path, {"requirements.yaml": requirements}, {"name": "demo"})
    assert found.dependencies == [{"name": "redis", "version": "~1"}]


def test_colours_end_before_they_take_all_the_time_there_is(tmp_path: Path) -> None:
    lines = [f"key: {number * 7919 % 100_003} # comment\n" for number in range(12_000)]
    files = {f"templates/{number:02}.yaml": "".join(lines) for number in range(20)}
    found = _read(tmp_path, {**files, "values.yaml": "a: 1\n"})
    html = {each.name: each.text for each in found.documents if each.name.endswith(".html")}
    coloured = [name for name, text in html.items() if 'class="nt"' in text]
    assert 3 < len(coloured) < 8
    assert len(html) == 22


@pytest.mark.parametrize("wrap", [lambda inner: [inner], lambda inner: {"a": inner}])
def test_values_that_are_nested_without_end_are_looked_into_so_deep(
    wrap: Callable[[object], object],
) -> None:
    values: object = {"image": "nginx"}
    for _ in range(5):
        values = wrap(values)
    assert [*images_in(values, Defaults())] == ["docker.io/library/nginx"]
    for _ in range(50):
        values = wrap(values)
    assert [*images_in(values, Defaults())] == []


def test_custom_resources_are_named_by_their_definitions(tmp_path: Path) -> None:
    crd = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
spec:
  names:
    kind: CronTab
    plural: crontabs
  versions:
    - schema:
        properties:
          kind:
            type: string
"""
    files = {"crds/crontab.yaml": crd, "crds/again.yaml": crd}
    found = _read(tmp_path, files, {"name": "demo", "version": "1"})
    assert found.facts["Custom resources"] == "CronTab"
