"""Pages of one artifact: what it is, the commands that fit, and a tab for each thing in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from msgspec import DecodeError, json

from entrepot.errors import ManifestUnknown, NotFound
from entrepot.extract.findings import ExtractionState, Findings
from entrepot.http.authorize import AccessRule
from entrepot.http.messages import Response
from entrepot.http.paging import Pager
from entrepot.hub.artifacts import Described
from entrepot.hub.attachments import MAX_LISTED, Node
from entrepot.hub.contributions import Counted
from entrepot.kinds.badges import badges
from entrepot.kinds.kind import Description, Fact, Tab
from entrepot.metadata import artifacts, tag_listing
from entrepot.metadata.manifests import find_manifest
from entrepot.model.artifacts import Artifact, StoredDocument
from entrepot.model.tags import TagRow
from entrepot.oci.aside import aside
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
from entrepot.web.pages import Page, redirect
from entrepot.web.repositories import RepositoryPage, facts_of, here, is_starred
from entrepot.web.requests import PageRequest, PageRoute

_NODES: Final = 25
"""Attachments on one page; what is attached to them is shown as far as a tree goes."""


@dataclass(kw_only=True)
class ArtifactPage(RepositoryPage):
    """A page of one artifact; `tab` is the open tab."""

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
    document: StoredDocument | None = None
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


async def open_artifact(request: PageRequest) -> _Opened:
    """The artifact in the address; `ManifestUnknown` where there is none."""
    reference = reference_of(request)
    reader, repository_id = request.app.metadata.reader, request.repository.id
    stored = await find_manifest(reader, repository_id, reference)
    if stored is None:
        raise ManifestUnknown(f"{request.repository.name} has no {reference}")
    described = await request.app.artifacts.describe(repository_id, stored)
    tag = request.values.get("tag")
    row = await tag_listing.find_row(reader, repository_id, tag) if tag else None
    document = await artifacts.find_document(reader, stored.id, "findings")
    return _Opened(described, row, _findings(document))


def reference_of(request: PageRequest) -> Reference:
    """The tag or digest in the address; what can be neither is not there."""
    text = request.values.get("tag") or request.values.get("digest") or ""
    try:
        return parse_reference(text)
    except Exception as error:
        raise ManifestUnknown(f"{text[:100]} is not a tag or a digest") from error


def _findings(document: StoredDocument | None) -> Findings:
    if document is None:
        return Findings(state=ExtractionState.QUEUED)
    try:
        return json.decode(document.text, type=Findings)
    except DecodeError:
        return Findings(state=ExtractionState.FAILED, reason="the stored findings cannot be read")


async def show_artifact(request: PageRequest) -> Page | Response:
    """The overview."""
    if request.repository.name.text != request.values["repository"]:
        return redirect(
            request.http.path.replace(request.values["repository"], request.repository.name.text, 1)
        )
    opened = await open_artifact(request)
    described = opened.described
    tag = request.values.get("tag")
    reader = request.app.metadata.reader
    readme = await artifacts.find_document(reader, described.stored.id, "readme.html")
    return SummaryPage(
        **await _shared(request, opened, "overview"),
        snippets=snippets_of(request, described, tag),
        platforms=await platforms_of(request, described),
        readme=here(readme.text, _reference(request, described)) if readme else "",
        layers=layers_of(described)[:12],
    )


async def show_tab(request: PageRequest) -> Page:
    """One tab; a kind that has no such tab has no such page."""
    opened = await open_artifact(request)
    name = request.values["tab"]
    shared = await _shared(request, opened, name)
    if name not in (*shared["tabs"], "readme", "raw"):
        raise NotFound("this artifact has no such tab")
    page = TabPage(**shared, query=request.query("q"))
    await _FILL.get(name, _fill_document)(request, opened, page)
    return page


async def _shared(request: PageRequest, opened: _Opened, tab: str) -> dict[str, Any]:
    described, repository = opened.described, request.repository
    reader, stored = request.app.metadata.reader, described.stored
    tag = request.values.get("tag")
    reference = _reference(request, described)
    documents = await artifacts.list_document_names(reader, stored.id)
    attached = await request.app.attachments.count_of(repository.id, stored.digest)
    subject = described.manifest.subject
    return {
        "title": reference,
        "name": repository.name.text,
        "facts": await facts_of(request),
        "current": "tags",
        "is_starred": await is_starred(request),
        "reference": reference,
        "tag": tag,
        "digest": stored.digest,
        "media_type": stored.media_type,
        "kind": described.kind.id,
        "artifact": described.artifact,
        "description": described.description,
        "facts_said": _facts(opened),
        "aliases": await tag_listing.list_aliases(reader, stored.id),
        "tabs": visible_tabs(
            described, opened.findings, documents, attached, await _issues(request, stored.id)
        ),
        "tab": tab,
        "badges": list(badges(described.view)),
        "annotations": described.manifest.annotations,
        "subject": str(subject.digest) if subject else None,
        "findings": opened.findings,
        "attached": attached,
        "row": opened.row,
    }


def _reference(request: PageRequest, described: Described) -> str:
    tag, name = request.values.get("tag"), request.repository.name
    return f"{name}:{tag}" if tag else f"{name}@{described.stored.digest}"


async def _issues(request: PageRequest, manifest_id: int) -> Mapping[str, object]:
    """Which misconfigurations, secrets and licences were counted, by category."""
    reader = request.app.metadata.reader
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
    facts = [*opened.described.kind.facts(opened.described.view)]
    facts += [Fact(label, value) for label, value in findings.facts.items()]
    labels = {each.label.casefold(): each for each in reversed(facts)}
    return [
        each
        for each in facts
        if labels[each.label.casefold()] is each and each.label not in elsewhere
    ]


async def _fill_document(request: PageRequest, opened: _Opened, page: TabPage) -> None:
    """The document of the tab's own name, or the one that `name` asks for."""
    reader, manifest_id = request.app.metadata.reader, opened.described.stored.id
    page.documents = await artifacts.list_document_names(reader, manifest_id)
    name = request.query("name") or _NAMES.get(page.tab, page.tab)
    if name in ("findings", "marks", "counted"):
        raise NotFound
    page.document = await artifacts.find_document(reader, manifest_id, name)
    marked_up = await artifacts.find_document(reader, manifest_id, f"{name}.html")
    reference = _reference(request, opened.described)
    page.marked_up = here(marked_up.text, reference) if marked_up else ""


async def _fill_layers(request: PageRequest, opened: _Opened, page: TabPage) -> None:
    page.layers = layers_of(opened.described)


async def _fill_files(request: PageRequest, opened: _Opened, page: TabPage) -> None:
    page.layers = layers_of(opened.described)
    await _fill_document(request, opened, page)
    _show_part(request, page)


async def _fill_platforms(request: PageRequest, opened: _Opened, page: TabPage) -> None:
    page.platforms = await platforms_of(request, opened.described)


async def _fill_referrers(request: PageRequest, opened: _Opened, page: TabPage) -> None:
    digest = opened.described.stored.digest
    listed = min(page.attached, MAX_LISTED)
    pages = max(1, -(-listed // _NODES))
    number = request.number("page", default=1, most=pages)
    page.pager = Pager(number, _NODES, listed)
    page.nodes = list(
        await request.app.attachments.tree_of(
            request.repository.id, digest, offset=(number - 1) * _NODES, limit=_NODES
        )
    )


async def _fill_raw(request: PageRequest, opened: _Opened, page: TabPage) -> None:
    described = opened.described
    page.manifest = await pretty(described.stored.content)
    page.config = await _config(request, described.manifest.config)


async def _config(request: PageRequest, config: Descriptor | None) -> str:
    if config is None:
        return ""
    content = await request.app.artifacts.read_small(request.repository.id, config)
    return await pretty(content) if content else ""


async def pretty(content: bytes) -> str:
    """JSON with line breaks; anything else as the text it is."""

    def write() -> str:
        try:
            return json.format(content, indent=2).decode()
        except (DecodeError, UnicodeDecodeError, RecursionError):
            return content.decode(errors="replace")

    return await aside(len(content), write)


async def _fill_evidence(request: PageRequest, opened: _Opened, page: TabPage) -> None:
    """What is attached says it: the findings of each attachment of the right kind, as one."""
    page.findings = await request.app.findings.gather(
        request.repository.id, opened.described.stored.digest, opened.findings, page.query
    )
    _show_part(request, page)


def _show_part(request: PageRequest, page: TabPage) -> None:
    number = request.number("page", default=1, most=10**6)
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
    PageRoute("GET", "/r/{artifact}", AccessRule.PULL, show_artifact),
    PageRoute("GET", "/r/{artifact}/{tab}", AccessRule.PULL, show_tab),
)
