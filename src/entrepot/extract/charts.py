"""Helm charts: Chart.yaml, values, schema, README, templates, sub-charts, the images they use."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from entrepot.extract import limits
from entrepot.extract.files import Collected, members_of, open_blob
from entrepot.extract.findings import Blob, Document, Findings, State, Task
from entrepot.extract.limits import TooLarge, Unreadable
from entrepot.extract.openpgp import read_provenance
from entrepot.extract.texts import as_list, as_mapping, as_text, document, parse_yaml

_CONTENT: Final = ("application/vnd.cncf.helm.chart.content", "application/tar+gzip")
_PROVENANCE: Final = "application/vnd.cncf.helm.chart.provenance"
_IMAGE: Final = re.compile(r"[a-z0-9][\w.:/@-]*[\w]", re.IGNORECASE)
_FACTS: Final = {
    "appVersion": "App version",
    "kubeVersion": "Kubernetes",
    "type": "Type",
    "icon": "Icon",
}
_DOCUMENTS: Final = {
    "values.yaml": ("values", "application/yaml"),
    "values.schema.json": ("schema", "application/json"),
    "readme.md": ("readme", "text/markdown"),
    "license": ("license", "text/plain"),
    "chart.lock": ("lock", "application/yaml"),
    "templates/notes.txt": ("notes", "text/plain"),
    "changelog.md": ("changelog", "text/markdown"),
}


class _Chart:
    """A chart as it comes out of its archive."""

    def __init__(self) -> None:
        self.collected = Collected()
        self.documents: dict[str, Document] = {}
        self.chart: Mapping[str, Any] = {}
        self.values: object = None

    def read(self, blob: Blob) -> None:
        """Take in the archive's members."""
        with open_blob(blob) as file:
            for member in members_of(file, blob.size):
                path = member.path.removeprefix("./")
                inner = path.partition("/")[2]
                content = member.read(limits.TEXT) if _is_wanted(inner, member.size) else b""
                member.path = inner or path
                self.collected.add(member, blob.index)
                if content and member.type == "file":
                    self._keep(inner, content)

    def _keep(self, inner: str, content: bytes) -> None:
        lowered = inner.lower()
        if lowered == "chart.yaml":
            self.chart = as_mapping(parse_yaml(content))
            self.documents["chart"] = document("chart", "application/yaml", content)
        elif lowered in _DOCUMENTS:
            name, media_type = _DOCUMENTS[lowered]
            self.documents[name] = document(name, media_type, content)
            if name == "values":
                self.values = _values(content)
        elif inner.startswith(("templates/", "crds/")) and len(self.documents) < limits.DOCUMENTS:
            name = f"template:{inner}"
            self.documents[name] = document(name, "application/yaml", content, limits.PREVIEW)


def _is_wanted(inner: str, size: int) -> bool:
    lowered = inner.lower()
    known = lowered == "chart.yaml" or lowered in _DOCUMENTS
    is_template = inner.startswith(("templates/", "crds/")) and size <= limits.PREVIEW
    return (known and size <= limits.TEXT) or is_template


def _values(content: bytes) -> object:
    try:
        return parse_yaml(content)
    except (TooLarge, Unreadable):
        return None


def read_chart(task: Task) -> Findings:
    """The chart's layer, found by its media type: layers are sorted by digest, not by meaning."""
    chart = _Chart()
    problem = ""
    for blob in task.blobs:
        if blob.index < 0 or not blob.path or not blob.media_type.startswith(_CONTENT):
            continue
        try:
            chart.read(blob)
        except (TooLarge, Unreadable) as error:
            problem = str(error)
    signatures = [
        read_provenance(blob, task)
        for blob in task.blobs
        if blob.media_type.startswith(_PROVENANCE) and blob.path
    ]
    found = chart.collected.findings()
    if not chart.documents:
        reason = problem or "there is no chart in it"
        return Findings(state=State.FAILED, reason=reason, signatures=signatures)
    said = chart.chart
    return Findings(
        state=State.DONE,
        reason=problem or found.reason,
        title=as_text(said.get("name")),
        description=as_text(said.get("description")),
        facts=_facts(said),
        files=found.files,
        files_cut=found.files_cut,
        documents=list(chart.documents.values()),
        signatures=signatures,
        images=list(dict.fromkeys([*_annotated_images(said), *_images(chart.values)]))[:100],
        dependencies=[_dependency(as_mapping(each)) for each in _some(said, "dependencies")],
        maintainers=[_person(as_mapping(each)) for each in _some(said, "maintainers")],
        keywords=[as_text(each, 100) for each in _some(said, "keywords")],
    )


def _some(said: Mapping[str, Any], key: str) -> list[Any]:
    return as_list(said.get(key))[:100]


def _facts(said: Mapping[str, Any]) -> dict[str, str]:
    facts = {label: as_text(said.get(key)) for key, label in _FACTS.items()}
    if said.get("deprecated") is True:
        facts["deprecated"] = "yes"
    annotations = as_mapping(said.get("annotations"))
    for key, label in (
        ("artifacthub.io/license", "Licence"),
        ("artifacthub.io/category", "Category"),
        ("artifacthub.io/changes", "Changes"),
    ):
        facts[label] = as_text(annotations.get(key))
    return {label: value for label, value in facts.items() if value}


def _dependency(said: Mapping[str, Any]) -> dict[str, str]:
    keys = ("name", "version", "repository", "condition", "alias")
    return {key: as_text(said.get(key)) for key in keys if as_text(said.get(key))}


def _person(said: Mapping[str, Any]) -> dict[str, str]:
    keys = ("name", "email", "url")
    return {key: as_text(said.get(key)) for key in keys if as_text(said.get(key))}


def _annotated_images(said: Mapping[str, Any]) -> Iterator[str]:
    text = as_mapping(said.get("annotations")).get("artifacthub.io/images")
    if not isinstance(text, str):
        return
    for each in as_list(_values(text.encode()))[:100]:
        image = as_text(as_mapping(each).get("image"), 300)
        if image:
            yield image


def _images(value: object, depth: int = 0) -> Iterator[str]:
    """References in values: `image: x:y`, or `image: {registry, repository, tag}`."""
    if depth > 8:
        return
    if isinstance(value, list):
        for each in value[:200]:
            yield from _images(each, depth + 1)
    if not isinstance(value, dict):
        return
    for key, inner in list(value.items())[:500]:
        if isinstance(key, str) and key.lower().endswith("image"):
            found = _reference(inner)
            if found:
                yield found
        yield from _images(inner, depth + 1)


def _reference(value: object) -> str:
    if isinstance(value, str):
        return value[:300] if _IMAGE.fullmatch(value[:300]) else ""
    said = as_mapping(value)
    repository = as_text(said.get("repository"), 300)
    if not repository:
        return ""
    registry, tag = as_text(said.get("registry"), 200), as_text(said.get("tag"), 130)
    name = f"{registry}/{repository}" if registry else repository
    return f"{name}:{tag}" if tag else name
