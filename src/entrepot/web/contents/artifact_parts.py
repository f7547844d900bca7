"""Parts of an artifact's pages: its layers with their history, its platforms, its tabs."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from entrepot.extract.findings import Findings
from entrepot.hub.contents.artifact_views import ArtifactSurroundings, OpenedArtifact
from entrepot.hub.contents.artifacts import Described
from entrepot.kinds.build_steps import instruction_of
from entrepot.kinds.layer_names import layer_name
from entrepot.kinds.recognition.catalogue import kind_of_id
from entrepot.kinds.recognition.kind import Fact, Tab
from entrepot.kinds.recognition.platforms import real_children
from entrepot.kinds.shell import title_of
from entrepot.model.artifacts import AttachmentCounts, StoredDocument
from entrepot.web.requests import PageRequest

_PICTURES: Final = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif")
_LARGEST_PICTURE: Final = 4 * 1024 * 1024
_LARGEST_ICON: Final = 30_000
"""Characters of an icon that stands in a page."""
_ICON: Final = re.compile(r"data:image/(?:png|jpeg|gif|webp|svg\+xml)[;,][\w;,=:%+/.-]+")
_TABLE_ROWS: Final = 100
_TABLE_COLUMNS: Final = 30
_SPOKEN: Final = {
    Tab.PACKAGES: ("sboms",),
    Tab.PROVENANCE: ("attestations",),
    # One that is wrong is shown as well, with what is wrong.
    Tab.SIGNATURES: ("signatures", "invalid"),
    Tab.VULNERABILITIES: ("vulnerabilities",),
}
CATEGORIES: Final = {
    Tab.MISCONFIGURATIONS: "misconfiguration",
    Tab.SECRETS: "secret",
    Tab.LICENSES: "license",
}
"""Tabs of what scanners find besides vulnerabilities."""
_ELSEWHERE: Final = frozenset({"Changes", "deprecated"})
"""Facts that the overview shows in a place of their own."""
_BEFORE: Final = (Tab.PACKAGES.value, Tab.VULNERABILITIES.value)


@dataclass(frozen=True, slots=True)
class LayerLine:
    """A layer, or a build step that made none (`digest` is empty)."""

    digest: str
    media_type: str
    size: int
    title: str
    instruction: str
    created: str
    annotations: dict[str, str]

    @property
    def is_picture(self) -> bool:
        """Whether a browser can show it, by its name, and it is not too large for a page."""
        return self.size <= _LARGEST_PICTURE and self.title.lower().endswith(_PICTURES)


@dataclass(frozen=True, slots=True)
class PlatformLine:
    """One child of an index that runs somewhere; `is_here` where this repository has it."""

    platform: str
    digest: str
    size: int
    kind: str
    is_here: bool
    marks: AttachmentCounts
    os_version: str


def layers_of(described: Described) -> list[LayerLine]:
    """An image's layers with the instructions that made them; of others, simply the layers."""
    layers = [
        LayerLine(
            str(each.digest),
            each.media_type,
            each.size,
            title_of(each) or layer_name(each.media_type, each.annotations, index),
            "",
            "",
            each.annotations,
        )
        for index, each in enumerate(described.manifest.layers)
    ]
    history = described.view.config.get("history")
    if not isinstance(history, list) or Tab.LAYERS not in described.kind.tabs:
        return layers
    return _with_history(layers, history[:1000])


def _with_history(layers: Sequence[LayerLine], history: Sequence[object]) -> list[LayerLine]:
    """Zip both; an entry with `empty_layer` made no layer (image-spec 1.1, config.md)."""
    lines, rest = [], list(layers)
    for entry in history:
        if not isinstance(entry, dict):
            continue
        instruction = instruction_of(entry.get("created_by"))
        created = entry.get("created")
        moment = created[:64] if isinstance(created, str) else ""
        if entry.get("empty_layer") is True or not rest:
            lines.append(LayerLine("", "", 0, "", instruction, moment, {}))
            continue
        layer = rest.pop(0)
        lines.append(
            LayerLine(
                layer.digest,
                layer.media_type,
                layer.size,
                layer.title,
                instruction,
                moment,
                layer.annotations,
            )
        )
    return [*lines, *rest]


async def platforms_of(request: PageRequest, described: Described) -> list[PlatformLine]:
    """The children of an index that are versions of the artifact; attestations are none."""
    lines = []
    children = real_children(described.view)
    digests = {str(child.descriptor.digest) for child in children}
    known = await request.app.artifact_views.find_children(request.repository, digests)
    for child in children:
        descriptor = child.descriptor
        here = known.get(str(descriptor.digest))
        found = here.artifact if here else None
        platform = descriptor.platform
        lines.append(
            PlatformLine(
                platform=str(platform) if platform else "",
                digest=str(descriptor.digest),
                size=found.size if found else 0,
                kind=kind_of_id(child.kind or "").name if child.kind else "",
                is_here=here is not None,
                marks=found.marks if found else AttachmentCounts(),
                os_version=platform.os_version if platform else "",
            )
        )
    return lines


def visible_tabs(opened: OpenedArtifact, surroundings: ArtifactSurroundings) -> list[str]:
    """The tabs that have something to show, in the kind's order."""
    described, findings = opened.described, opened.findings
    documents, issues = surroundings.documents, surroundings.issues
    shown = [
        each.value for each in described.kind.tabs if _has(each, described, findings, documents)
    ]
    names = {"readme", *shown}
    for tab in (Tab.PACKAGES, Tab.VULNERABILITIES, Tab.PROVENANCE, Tab.SIGNATURES):
        if tab.value not in names and _has(tab, described, findings, documents):
            shown.append(tab.value)
    if Tab.VULNERABILITIES.value not in shown and "vulnerability" in issues:
        shown.append(Tab.VULNERABILITIES.value)
    place = 1 + max((shown.index(each) for each in _BEFORE if each in shown), default=-1)
    shown[place:place] = [tab.value for tab, category in CATEGORIES.items() if category in issues]
    if "changelog" in documents or "Changes" in findings.facts:
        shown.insert(0, "changelog")
    return [*shown, *(["referrers"] if surroundings.attached else []), "raw"]


def _has(tab: Tab, described: Described, findings: Findings, documents: Sequence[str]) -> bool:
    marks = described.artifact.marks
    if tab in _SPOKEN:
        own = {
            Tab.PACKAGES: findings.packages,
            Tab.PROVENANCE: findings.statements,
            Tab.SIGNATURES: findings.signatures,
            Tab.VULNERABILITIES: findings.vulnerabilities or findings.assessments,
        }[tab]
        return bool(own) or any(getattr(marks, name) for name in _SPOKEN[tab])
    is_index = bool(described.view.children)
    checks = {
        Tab.PLATFORMS: is_index,
        Tab.LAYERS: bool(described.manifest.layers),
        Tab.FILES: bool(described.manifest.layers),
        Tab.README: False,
        Tab.VALUES: "values" in documents,
        Tab.SCHEMA: "schema" in documents,
        Tab.TEMPLATES: any(each.startswith("template:") for each in documents),
        Tab.DOCUMENT: "document" in documents,
        Tab.CONFIG: False,
    }
    return checks[tab]


def facts_of_artifact(opened: OpenedArtifact) -> list[Fact]:
    """Return the facts of the kind, then those that were found, each once."""
    findings = opened.findings
    elsewhere = {
        label
        for label, found in (
            ("Keywords", findings.keywords),
            ("Dependencies", findings.dependencies),
            ("Maintainers", findings.maintainers),
            ("Home", findings.links),
            ("Licence", opened.described.artifact.licenses),
        )
        if found
    }
    facts = [*opened.described.kind.facts(opened.described.view)]
    facts += [Fact(label, value) for label, value in findings.facts.items()]
    labels = {each.label.casefold(): each for each in reversed(facts)}
    return [
        each
        for each in facts
        if labels[each.label.casefold()] is each and each.label not in elsewhere | _ELSEWHERE
    ]


def table_of(document: StoredDocument) -> list[list[str]]:
    """Return the first rows of a document of comma- or tab-separated values; empty without any."""
    is_tabs = document.name.lower().endswith(".tsv")
    lines = document.text.splitlines()[: _TABLE_ROWS + 1]
    try:
        rows = list(csv.reader(lines, delimiter="\t" if is_tabs else ","))
    except csv.Error:
        return []
    return [[cell[:200] for cell in row[:_TABLE_COLUMNS]] for row in rows]


def icon_of(described: Described) -> str:
    """Return the icon that a chart brings along as a `data:` address; empty for any other."""
    icon = described.view.config.get("icon")
    is_whole = isinstance(icon, str) and len(icon) <= _LARGEST_ICON and _ICON.fullmatch(icon)
    return str(icon) if is_whole else ""
