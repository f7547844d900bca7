"""Pages of one artifact: what it is, the commands that fit, and a tab for each thing in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from msgspec import DecodeError, json

from entrepot.errors import ManifestUnknown, NotFound
from entrepot.extract.findings import Findings, State
from entrepot.http.messages import Response
from entrepot.http.routing import Policy
from entrepot.hub.artifacts import Described
from entrepot.hub.attachments import MAX_LISTED, Node
from entrepot.hub.contributions import Counted
from entrepot.kinds.badges import badges
from entrepot.kinds.kind import Description, Fact, Tab
from entrepot.metadata import artifacts, tag_rows
from entrepot.metadata.artifacts import Artifact, Document
from entrepot.metadata.manifests import find_manifest
from entrepot.metadata.tag_rows import TagRow
from entrepot.oci.descriptors import Descriptor
from entrepot.oci.names import Reference, parse_reference
from entrepot.web.artifact_parts import (
    LayerLine,
    PlatformLine,
    layers_of,
    platforms_of,
    visible_tabs,
)
from entrepot.web.commands import Snippets, snippets_of
from entrepot.web.evidence import Part, part_of
from entrepot.web.pages import Page, Pager, redirect
from entrepot.web.repositories import RepositoryPage, facts_of, here, is_starred
from entrepot.web.visits import PageRoute, Visit

_NODES: Final = 25
"""Attachments on one page; what is attached to them is shown as far as a tree goes."""


@dataclass(kw_only=True)
class ArtifactPage(RepositoryPage):
    """Whatever has to do with one artifact; `tab` is the one that is open."""

    template: ClassVar[str] = "artifact.html"
    reference: str
    tag: str | None
    digest: str
    media_type: str
    kind: str
    artifact: Artifact
    description: Description
    facts_said: list[Fact]
    aliases: list[str]
    tabs: list[str]
    tab: str
    badges: list[str]
    annotations: dict[str, str]
    subject: str | None
    findings: Findings
    attached: int = 0
    row: TagRow | None = None


@dataclass(kw_only=True)
class SummaryPage(ArtifactPage):
    """`/r/NAME:TAG`: the overview."""

    snippets: Snippets
    platforms: list[PlatformLine]
    readme: str
    layers: list[LayerLine]


@dataclass(kw_only=True)
class TabPage(ArtifactPage):
    """`/r/NAME:TAG/TAB`."""

    template: ClassVar[str] = "artifact_tab.html"
    document: Document | None = None
    marked_up: str = ""
    """Safe HTML of the document."""
    layers: list[LayerLine] = field(default_factory=list)
    platforms: list[PlatformLine] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    documents: list[str] = field(default_factory=list)
    config: str = ""
    manifest: str = ""
    query: str = ""
    pager: Pager = field(default_factory=lambda: Pager(1, _NODES, 0))
    """Which of the attachments are shown."""
    part: Part | None = None
    """Which page of a long list is shown, and how long that is; `None` for tabs without one."""


@dataclass(frozen=True, slots=True)
class _Opened:
    """An artifact that was found, with what its pages share."""

    described: Described
    row: TagRow | None
    findings: Findings


async def open_artifact(visit: Visit) -> _Opened:
    """The artifact in the address; `ManifestUnknown` where there is none."""
    reference = reference_of(visit)
    reader, repository_id = visit.desk.metadata.reader, visit.repository.id
    stored = await find_manifest(reader, repository_id, reference)
    if stored is None:
        raise ManifestUnknown(f"{visit.repository.name} has no {reference}")
    described = await visit.desk.artifacts.describe(repository_id, stored)
    tag = visit.values.get("tag")
    row = await tag_rows.find_row(reader, repository_id, tag) if tag else None
    document = await artifacts.find_document(reader, stored.id, "findings")
    return _Opened(described, row, _findings(document))


def reference_of(visit: Visit) -> Reference:
    """The tag or digest in the address; what can be neither is not there."""
    text = visit.values.get("tag") or visit.values.get("digest") or ""
    try:
        return parse_reference(text)
    except Exception as error:
        raise ManifestUnknown(f"{text[:100]} is neither a tag nor a digest") from error


def _findings(document: Document | None) -> Findings:
    if document is None:
        return Findings(state=State.QUEUED)
    try:
        return json.decode(document.text, type=Findings)
    except DecodeError:
        return Findings(state=State.FAILED, reason="what was found cannot be read")


async def show_artifact(visit: Visit) -> Page | Response:
    """The overview."""
    if visit.repository.name.text != visit.values["repository"]:
        return redirect(
            visit.request.path.replace(visit.values["repository"], visit.repository.name.text, 1)
        )
    opened = await open_artifact(visit)
    described = opened.described
    tag = visit.values.get("tag")
    reader = visit.desk.metadata.reader
    readme = await artifacts.find_document(reader, described.stored.id, "readme.html")
    return SummaryPage(
        **await _shared(visit, opened, "overview"),
        snippets=snippets_of(visit, described, tag),
        platforms=await platforms_of(visit, described),
        readme=here(readme.text, _reference(visit, described)) if readme else "",
        layers=layers_of(described)[:12],
    )


async def show_tab(visit: Visit) -> Page:
    """One tab; a kind that has no such tab has no such page."""
    opened = await open_artifact(visit)
    name = visit.values["tab"]
    shared = await _shared(visit, opened, name)
    if name not in (*shared["tabs"], "readme", "raw"):
        raise NotFound("this artifact has no such page")
    page = TabPage(**shared, query=visit.query("q"))
    await _FILL.get(name, _fill_document)(visit, opened, page)
    return page


async def _shared(visit: Visit, opened: _Opened, tab: str) -> dict[str, Any]:
    described, repository = opened.described, visit.repository
    reader, stored = visit.desk.metadata.reader, described.stored
    tag = visit.values.get("tag")
    reference = _reference(visit, described)
    documents = await artifacts.list_document_names(reader, stored.id)
    attached = await visit.desk.attachments.count_of(repository.id, stored.digest)
    subject = described.manifest.subject
    return {
        "title": reference,
        "name": repository.name.text,
        "facts": await facts_of(visit),
        "current": "tags",
        "is_starred": await is_starred(visit),
        "reference": reference,
        "tag": tag,
        "digest": stored.digest,
        "media_type": stored.media_type,
        "kind": described.kind.id,
        "artifact": described.artifact,
        "description": described.description,
        "facts_said": _facts(opened),
        "aliases": await tag_rows.list_aliases(reader, stored.id),
        "tabs": visible_tabs(
            described, opened.findings, documents, attached, await _issues(visit, stored.id)
        ),
        "tab": tab,
        "badges": list(badges(described.evidence)),
        "annotations": described.manifest.annotations,
        "subject": str(subject.digest) if subject else None,
        "findings": opened.findings,
        "attached": attached,
        "row": opened.row,
    }


def _reference(visit: Visit, described: Described) -> str:
    tag, name = visit.values.get("tag"), visit.repository.name
    return f"{name}:{tag}" if tag else f"{name}@{described.stored.digest}"


async def _issues(visit: Visit, manifest_id: int) -> Mapping[str, object]:
    """Which misconfigurations, secrets and licences were counted, by category."""
    reader = visit.desk.metadata.reader
    document = await artifacts.find_document(reader, manifest_id, "counted")
    return json.decode(document.text, type=Counted).issues if document else {}


def _facts(opened: _Opened) -> list[Fact]:
    """What the kind says, then what was found; nothing twice, nor what has a place of its own."""
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
    facts = [*opened.described.kind.facts(opened.described.evidence)]
    facts += [Fact(label, value) for label, value in findings.facts.items()]
    labels = {each.label.casefold(): each for each in reversed(facts)}
    return [
        each
        for each in facts
        if labels[each.label.casefold()] is each and each.label not in elsewhere
    ]


async def _fill_document(visit: Visit, opened: _Opened, page: TabPage) -> None:
    """The document of the tab's own name, or the one that `name` asks for."""
    reader, manifest_id = visit.desk.metadata.reader, opened.described.stored.id
    page.documents = await artifacts.list_document_names(reader, manifest_id)
    name = visit.query("name") or _NAMES.get(page.tab, page.tab)
    if name in ("findings", "marks", "counted"):
        raise NotFound
    page.document = await artifacts.find_document(reader, manifest_id, name)
    marked_up = await artifacts.find_document(reader, manifest_id, f"{name}.html")
    reference = _reference(visit, opened.described)
    page.marked_up = here(marked_up.text, reference) if marked_up else ""


async def _fill_layers(visit: Visit, opened: _Opened, page: TabPage) -> None:
    page.layers = layers_of(opened.described)


async def _fill_files(visit: Visit, opened: _Opened, page: TabPage) -> None:
    page.layers = layers_of(opened.described)
    await _fill_document(visit, opened, page)
    _show_part(visit, page)


async def _fill_platforms(visit: Visit, opened: _Opened, page: TabPage) -> None:
    page.platforms = await platforms_of(visit, opened.described)


async def _fill_referrers(visit: Visit, opened: _Opened, page: TabPage) -> None:
    digest = opened.described.stored.digest
    listed = min(page.attached, MAX_LISTED)
    pages = max(1, -(-listed // _NODES))
    number = visit.number("page", default=1, most=pages)
    page.pager = Pager(number, _NODES, listed)
    page.nodes = list(
        await visit.desk.attachments.tree_of(
            visit.repository.id, digest, offset=(number - 1) * _NODES, limit=_NODES
        )
    )


async def _fill_raw(visit: Visit, opened: _Opened, page: TabPage) -> None:
    described = opened.described
    page.manifest = pretty(described.stored.content)
    page.config = await _config(visit, described.manifest.config)


async def _config(visit: Visit, config: Descriptor | None) -> str:
    if config is None:
        return ""
    content = await visit.desk.artifacts.read_small(visit.repository.id, config)
    return pretty(content) if content else ""


def pretty(content: bytes) -> str:
    """JSON with line breaks; anything else as the text it is."""
    try:
        return json.format(content, indent=2).decode()
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return content.decode(errors="replace")


async def _fill_evidence(visit: Visit, opened: _Opened, page: TabPage) -> None:
    """What is attached says it: the findings of each attachment of the right kind, as one."""
    page.findings = await visit.desk.evidence.gather(
        visit.repository.id, opened.described.stored.digest, opened.findings, page.query
    )
    _show_part(visit, page)


def _show_part(visit: Visit, page: TabPage) -> None:
    number = visit.number("page", default=1, most=10**6)
    page.part = part_of(page.tab, page.findings, number, page.query)
    if page.part is not None:
        page.findings = page.part.findings


_NAMES: Final = {Tab.SCHEMA.value: "schema", Tab.DOCUMENT.value: "document"}
_FILL: Final = {
    Tab.LAYERS.value: _fill_layers,
    Tab.FILES.value: _fill_files,
    Tab.PLATFORMS.value: _fill_platforms,
    "referrers": _fill_referrers,
    "raw": _fill_raw,
    Tab.CONFIG.value: _fill_raw,
    Tab.PACKAGES.value: _fill_evidence,
    Tab.VULNERABILITIES.value: _fill_evidence,
    Tab.MISCONFIGURATIONS.value: _fill_evidence,
    Tab.SECRETS.value: _fill_evidence,
    Tab.LICENSES.value: _fill_evidence,
    Tab.PROVENANCE.value: _fill_evidence,
    Tab.SIGNATURES.value: _fill_evidence,
}

ROUTES: Final = (
    PageRoute("GET", "/r/{artifact}", Policy.PULL, show_artifact),
    PageRoute("GET", "/r/{artifact}/{tab}", Policy.PULL, show_tab),
)
