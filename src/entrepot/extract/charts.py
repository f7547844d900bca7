"""Helm charts: Chart.yaml, values, schema, README, templates, sub-charts, the images they use."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from entrepot.extract import limits
from entrepot.extract.artifact_hub import HUB, LISTS, facts_of, links_of
from entrepot.extract.chart_images import annotated_images, defaults_of, images_in
from entrepot.extract.files import CollectedFiles, members_of, open_blob
from entrepot.extract.findings import (
    Blob,
    ExtractionState,
    Findings,
    FoundDocument,
    Signature,
    Task,
)
from entrepot.extract.limits import InputTooLarge, Unreadable
from entrepot.extract.signing.openpgp import read_provenance
from entrepot.extract.texts import as_list, as_mapping, as_text, document, parse_yaml

_CONTENT: Final = ("application/vnd.cncf.helm.chart.content", "application/tar+gzip")
_PROVENANCE: Final = "application/vnd.cncf.helm.chart.provenance"
_FACTS: Final = {
    "appVersion": "App version",
    "kubeVersion": "Kubernetes",
    "type": "Type",
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


_CRDS: Final = "template:crds/"
_RESOURCE: Final = re.compile(r"^[ ]+kind: ([A-Z]\w{0,100})$", re.MULTILINE)
"""The name of a resource in its definition; the definition's own kind is not indented."""
_REQUIREMENTS: Final = "requirements.yaml"
"""Where charts of Helm 2's form name what they depend on."""
_VALUES: Final = 2 * limits.TEXT
"""Bytes of values that are parsed."""


class _Chart:
    """A chart as it comes out of its archive."""

    def __init__(self) -> None:
        self.collected = CollectedFiles()
        self.documents: dict[str, FoundDocument] = {}
        self.chart: Mapping[str, Any] = {}
        self.values: object = None
        self.requirements: Mapping[str, Any] = {}
        self.problems: list[str] = []
        self.are_templates_cut = False
        self._templates = 0

    def read(self, blob: Blob) -> None:
        """Take in the archive's members."""
        with open_blob(blob) as file:
            for member in members_of(file, blob.size):
                path = member.path.removeprefix("./")
                inner = path.partition("/")[2]
                content = member.read(_most_of(inner)) if member.type == "file" else b""
                member.path = inner or path
                if content:
                    self._keep(inner, content, member.size)
                    member.read = _again(content)
                self.collected.add(member, blob.index)

    def all_documents(self, found: list[FoundDocument]) -> list[FoundDocument]:
        """The chart's own, then previews and pictures of files that are not shown as those."""
        shown = {name.removeprefix("template:") for name in self.documents}
        known = {*_DOCUMENTS, "chart.yaml"}
        others = [
            each
            for each in found
            if each.name not in self.documents
            and each.name.removeprefix("file:") not in shown
            and each.name.removeprefix("file:").lower() not in known
        ]
        return [*self.documents.values(), *others]

    def dependencies(self) -> list[Any]:
        """Return the dependencies of Chart.yaml, or of requirements.yaml beside it."""
        return _some(self.chart, "dependencies") or _some(self.requirements, "dependencies")

    def all_problems(self) -> list[str]:
        """Return the parts that are not shown in full."""
        cut = [f"only {limits.DOCUMENTS} of its templates are shown"]
        return [*self.problems, *(cut if self.are_templates_cut else [])]

    def _keep(self, inner: str, content: bytes, size: int) -> None:
        lowered = inner.lower()
        if lowered == "chart.yaml":
            self.chart = as_mapping(parse_yaml(content))
            self.documents["chart"] = document("chart", "application/yaml", content)
        elif lowered in _DOCUMENTS:
            name, media_type = _DOCUMENTS[lowered]
            self.documents[name] = document(name, media_type, content)
            if size > limits.TEXT:
                self.problems.append(f"{inner} is longer than the 1 MiB of it that is shown")
            if name == "values":
                self.values = _values(content, _VALUES)
        elif lowered == _REQUIREMENTS:
            self.requirements = as_mapping(_values(content))
        elif _is_template(inner):
            self._keep_template(inner, content)

    def _keep_template(self, inner: str, content: bytes) -> None:
        self._templates += 1
        if self._templates > limits.DOCUMENTS:
            self.are_templates_cut = True
            return
        name = f"template:{inner}"
        self.documents[name] = document(name, "application/yaml", content, limits.PREVIEW)


def _again(content: bytes) -> Callable[[int], bytes]:
    """The bytes of a member that were read, for the next reader."""
    return lambda most: content[:most]


def _most_of(inner: str) -> int:
    """Bytes of a member that are read here; a little more than are kept says that it is cut."""
    lowered = inner.lower()
    if lowered == "values.yaml":
        return _VALUES
    if lowered in ("chart.yaml", _REQUIREMENTS) or lowered in _DOCUMENTS:
        return limits.TEXT + 1
    return limits.PREVIEW + 1 if _is_template(inner) else 0


def _is_template(inner: str) -> bool:
    return inner.startswith(("templates/", "crds/"))


def _values(content: bytes, most: int = limits.TEXT) -> object:
    try:
        return parse_yaml(content, most)
    except (InputTooLarge, Unreadable):
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
        except (InputTooLarge, Unreadable) as error:
            problem = str(error)
    signatures = [
        read_provenance(blob, task)
        for blob in task.blobs
        if blob.media_type.startswith(_PROVENANCE) and blob.path
    ]
    found = chart.collected.findings()
    if not chart.documents:
        reason = problem or "there is no chart in it"
        return Findings(state=ExtractionState.FAILED, reason=reason, signatures=signatures)
    reasons = (problem or found.reason, *chart.all_problems())
    return _described(chart, found, "; ".join(each for each in reasons if each), signatures)


def _described(
    chart: _Chart, found: Findings, reason: str, signatures: list[Signature]
) -> Findings:
    said, hub = chart.chart, _annotations_of(chart.chart)
    templates = [each.text for name, each in chart.documents.items() if name.startswith("template")]
    defaults = defaults_of(said, chart.values, templates)
    images = [*annotated_images(hub.get("images")), *images_in(chart.values, defaults)]
    return Findings(
        state=ExtractionState.DONE,
        reason=reason,
        title=as_text(said.get("name")),
        description=as_text(said.get("description")),
        facts={**_resources(chart.documents), **_facts(said), **facts_of(hub)},
        files=found.files,
        files_cut=found.files_cut,
        documents=chart.all_documents(found.documents),
        signatures=signatures,
        images=list(dict.fromkeys(images))[:100],
        links=links_of(said, hub),
        licenses=as_text(hub.get("license"), 500),
        dependencies=[_dependency(as_mapping(each)) for each in chart.dependencies()],
        maintainers=[_person(as_mapping(each)) for each in _some(said, "maintainers")],
        keywords=[as_text(each, 100) for each in _some(said, "keywords")],
    )


def _annotations_of(said: Mapping[str, Any]) -> dict[str, object]:
    """Annotations that Artifact Hub defines, by the name behind its prefix; lists are parsed."""
    found: dict[str, object] = {}
    for key, value in list(as_mapping(said.get("annotations")).items())[:200]:
        name = str(key).removeprefix(HUB)
        if name == key:
            continue
        is_list = name in LISTS and isinstance(value, str)
        found[name] = _values(value.encode()) if is_list else value
    return found


def _some(said: Mapping[str, Any], key: str) -> list[Any]:
    return as_list(said.get(key))[:100]


def _facts(said: Mapping[str, Any]) -> dict[str, str]:
    facts = {label: as_text(said.get(key)) for key, label in _FACTS.items()}
    if said.get("deprecated") is True:
        facts["deprecated"] = "yes"
    return {label: value for label, value in facts.items() if value}


def _resources(documents: Mapping[str, FoundDocument]) -> dict[str, str]:
    """The kinds of the custom resources that the chart defines; Artifact Hub's list goes first."""
    texts = [each.text for name, each in documents.items() if name.startswith(_CRDS)]
    kinds = [kind for text in texts for kind in _RESOURCE.findall(text)]
    return {"Custom resources": ", ".join(dict.fromkeys(kinds[:100]))} if kinds else {}


def _dependency(said: Mapping[str, Any]) -> dict[str, str]:
    keys = ("name", "version", "repository", "condition", "alias")
    return {key: as_text(said.get(key)) for key in keys if as_text(said.get(key))}


def _person(said: Mapping[str, Any]) -> dict[str, str]:
    keys = ("name", "email", "url")
    return {key: as_text(said.get(key)) for key in keys if as_text(said.get(key))}
