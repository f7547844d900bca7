"""Pages of one artifact: what it is, the commands that fit, and a tab for each thing in it."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from msgspec import DecodeError, json

from entrepot.errors import ManifestUnknown, NotFound
from entrepot.extract.findings import Findings
from entrepot.http.authorize import AccessRule
from entrepot.http.messages import Response
from entrepot.http.paging import Pager
from entrepot.hub.artifact_views import OpenedArtifact
from entrepot.hub.artifacts import Described
from entrepot.hub.attachments import MAX_LISTED, Node
from entrepot.kinds.badges import badges
from entrepot.kinds.kind import Description, Fact, Tab
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

    template: ClassVar[str] = "artifacts/overview.html"
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

    @property
    def template_name(self) -> str:
        """A template for each tab; tabs that show a text share one."""
        return f"artifacts/tabs/{_TEMPLATES.get(self.tab, 'document')}.html"


async def open_artifact(request: PageRequest) -> OpenedArtifact:
    """Return the artifact in the address; `ManifestUnknown` where there is none."""
    return await request.app.artifact_views.open(request.repository, reference_of(request))


def reference_of(request: PageRequest) -> Reference:
    """The tag or digest in the address; what can be neither is not there."""
    text = request.values.get("tag") or request.values.get("digest") or ""
    try:
        return parse_reference(text)
    except Exception as error:
        raise ManifestUnknown(f"{text[:100]} is not a tag or a digest") from error


async def show_artifact(request: PageRequest) -> Page | Response:
    """The overview."""
    if request.repository.name.text != request.values["repository"]:
        return redirect(
            request.http.path.replace(request.values["repository"], request.repository.name.text, 1)
        )
    opened = await open_artifact(request)
    described = opened.described
    tag = request.values.get("tag")
    readme = await request.app.artifact_views.find_document(described.stored.id, "readme.html")
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


async def _shared(request: PageRequest, opened: OpenedArtifact, tab: str) -> dict[str, Any]:
    described, repository = opened.described, request.repository
    stored, subject = described.stored, described.manifest.subject
    reference = _reference(request, described)
    found = await request.app.artifact_views.get_surroundings(repository, described)
    return {
        "title": reference,
        "name": repository.name.text,
        "facts": await facts_of(request),
        "current": "tags",
        "is_starred": await is_starred(request),
        "reference": reference,
        "tag": request.values.get("tag"),
        "digest": stored.digest,
        "media_type": stored.media_type,
        "kind": described.kind.id,
        "artifact": described.artifact,
        "description": described.description,
        "facts_said": _facts(opened),
        "aliases": found.aliases,
        "tabs": visible_tabs(opened, found),
        "tab": tab,
        "badges": list(badges(described.view)),
        "annotations": described.manifest.annotations,
        "subject": str(subject.digest) if subject else None,
        "findings": opened.findings,
        "attached": found.attached,
        "row": opened.row,
    }


def _reference(request: PageRequest, described: Described) -> str:
    tag, name = request.values.get("tag"), request.repository.name
    return f"{name}:{tag}" if tag else f"{name}@{described.stored.digest}"


def _facts(opened: OpenedArtifact) -> list[Fact]:
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


async def _fill_document(request: PageRequest, opened: OpenedArtifact, page: TabPage) -> None:
    """The document of the tab's own name, or the one that `name` asks for."""
    rules, manifest_id = request.app.artifact_views, opened.described.stored.id
    page.documents = await rules.list_documents(manifest_id)
    name = request.query("name") or _NAMES.get(page.tab, page.tab)
    page.document = await rules.find_document(manifest_id, name)
    marked_up = await rules.find_document(manifest_id, f"{name}.html")
    reference = _reference(request, opened.described)
    page.marked_up = here(marked_up.text, reference) if marked_up else ""


async def _fill_layers(request: PageRequest, opened: OpenedArtifact, page: TabPage) -> None:
    page.layers = layers_of(opened.described)


async def _fill_files(request: PageRequest, opened: OpenedArtifact, page: TabPage) -> None:
    page.layers = layers_of(opened.described)
    await _fill_document(request, opened, page)
    _show_part(request, page)


async def _fill_platforms(request: PageRequest, opened: OpenedArtifact, page: TabPage) -> None:
    page.platforms = await platforms_of(request, opened.described)


async def _fill_referrers(request: PageRequest, opened: OpenedArtifact, page: TabPage) -> None:
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


async def _fill_raw(request: PageRequest, opened: OpenedArtifact, page: TabPage) -> None:
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


async def _fill_evidence(request: PageRequest, opened: OpenedArtifact, page: TabPage) -> None:
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


_ISSUES: Final = (Tab.MISCONFIGURATIONS, Tab.SECRETS, Tab.LICENSES)
_OWN: Final = (
    *("layers", "platforms", "files", "templates", "sbom", "vulnerabilities"),
    *("provenance", "signatures", "referrers", "raw"),
)
_TEMPLATES: Final = {
    **{name: name for name in _OWN},
    **{tab.value: "issues" for tab in _ISSUES},
    Tab.CONFIG.value: "raw",
}
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
