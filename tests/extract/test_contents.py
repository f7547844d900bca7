"""What YAML holds is said in a line, whatever it is called in the manifest."""

from pathlib import Path
from typing import Final

from entrepot.extract.findings import Blob, Findings
from tests.extract.evil import tar
from tests.extract.tasks import blob, read

COMPOSE: Final = b"""services:
  web: {image: "nginx:1.27"}
  db: {image: mariadb}
  own: {build: .}
  later: {image: "app:${TAG}"}
secrets: {pw: {file: ./pw.txt}}
"""
POLICIES: Final = b"""apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata:
  name: require-labels
  annotations: {policies.kyverno.io/title: Require Labels, policies.kyverno.io/severity: medium}
spec: {rules: [{name: check-team}]}
---
apiVersion: kyverno.io/v1
kind: Policy
metadata: {name: other}
"""


def _read(path: Path, content: bytes, media_type: str, **annotations: str) -> Findings:
    made = blob(path, content, media_type)
    said = {key.replace("__", "."): value for key, value in annotations.items()}
    return read("files", Blob(0, made.media_type, made.size, made.path, "", said))


def test_a_compose_file_without_a_title_is_named_and_its_services_are_told(tmp_path: Path) -> None:
    media_type = "application/vnd.docker.compose.file+yaml"
    found = _read(tmp_path, COMPOSE, media_type, com__docker__compose__file="compose.yaml")
    texts = {each.name: each.text for each in found.documents}
    assert texts["file:compose.yaml"] == COMPOSE.decode()
    assert found.facts == {"Services": "web, db, own, later", "Secrets": "pw"}
    assert found.images == ["docker.io/library/nginx:1.27", "docker.io/library/mariadb"]


def test_policies_without_a_title_are_named_and_told(tmp_path: Path) -> None:
    media_type = "application/vnd.cncf.kyverno.policy.layer.v1+yaml"
    found = _read(tmp_path, POLICIES, media_type, io__kyverno__image__name="require-labels")
    assert "file:require-labels.yaml" in {each.name for each in found.documents}
    assert found.facts == {
        "Resources": "ClusterPolicy require-labels, Policy other",
        "Policy": "Require Labels",
        "Severity": "medium",
        "Rules": "check-team",
    }


def test_a_text_of_which_nothing_says_a_name_is_shown_by_its_number(tmp_path: Path) -> None:
    found = _read(tmp_path, b"a: 1\n", "application/vnd.example+yaml")
    assert "file:layer-0.yaml" in {each.name for each in found.documents}


def test_a_file_without_an_ending_at_the_root_of_an_archive_is_shown(tmp_path: Path) -> None:
    content = tar(("build", b"kind: Task\n", {}), ("bin", b"\0\1", {}))
    found = read("files", blob(tmp_path, content, "application/x-tar"))
    names = {each.name for each in found.documents}
    assert "file:build" in names
    assert "file:bin" not in names


def test_yaml_that_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    found = _read(tmp_path, b"services: [" * 500, "application/vnd.example+yaml")
    assert found.facts == {}
