"""Tabs of an artifact's page: each shows one part of what is in it, or attached to it."""

from dataclasses import dataclass, field
from typing import Final

from msgspec import DecodeError, json

from entrepot.errors import NotFound
from entrepot.extract.readmes.links import Surroundings
from entrepot.http.authorize import AccessRule
from entrepot.http.paging import Pager
from entrepot.hub.contents.artifact_views import OpenedArtifact
from entrepot.hub.contents.attachments import MAX_LISTED, Node
from entrepot.hub.contents.schema_trees import SchemaRow, schema_rows
from entrepot.hub.contents.value_paths import DefaultValue, default_values
from entrepot.kinds.recognition.kind import Tab
from entrepot.model.artifacts import StoredDocument
from entrepot.model.tags import TagRow
from entrepot.oci.aside import aside
from entrepot.oci.descriptors import Descriptor
from entrepot.web.contents.artifact_parts import (
    LayerLine,
    PlatformLine,
    layers_of,
    platforms_of,
    table_of,
)
from entrepot.web.contents.artifacts import (
    ArtifactPage,
    open_artifact,
    reference_text,
    shared_fields,
)
from entrepot.web.contents.evidence import SIZE, Part, part_of
from entrepot.web.contents.file_tree import TreeEntry, entries_in
from entrepot.web.pages import Page
from entrepot.web.repositories import here
from entrepot.web.requests import PageRequest, PageRoute

_VALUES: Final = 50
_NODES: Final = 25
"""Attachments on one page; what is attached to them is shown as far as a tree goes."""


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
    values: list[DefaultValue] = field(default_factory=list)
    schema: list[SchemaRow] = field(default_factory=list)
    table: list[list[str]] = field(default_factory=list)
    """The first rows of the document where it is CSV."""
    changes: list[tuple[TagRow, list[str]]] = field(default_factory=list)
    """What versions changed, the greatest first."""
    folder: str = ""
    entries: list[TreeEntry] = field(default_factory=list)
    """The files of the folder, where no text is looked for."""
    prose: str = ""
    """Safe HTML of the document where it is Markdown."""

    @property
    def template_name(self) -> str:
        """A template for each tab; tabs that show a text share one."""
        return f"artifacts/tabs/{_TEMPLATES.get(self.tab, 'document')}.html"


async def show_tab(request: PageRequest) -> Page:
    """One tab; a kind that has no such tab has no such page."""
    opened = await open_artifact(request)
    name = request.values["tab"]
    found = await request.app.artifact_views.get_surroundings(request.repository, opened.described)
    shared = await shared_fields(request, opened, name, found)
    if name not in (*shared["tabs"], "readme", "raw"):
        raise NotFound("this artifact has no such tab")
    page = TabPage(**shared, query=request.query("q"))
    await _FILL.get(name, _fill_document)(request, opened, page)
    return page


async def _fill_document(request: PageRequest, opened: OpenedArtifact, page: TabPage) -> None:
    """The document of the tab's own name, or the one that `name` asks for."""
    rules, manifest_id = request.app.artifact_views, opened.described.stored.id
    page.documents = await rules.list_documents(manifest_id)
    name = request.query("name") or _NAMES.get(page.tab, page.tab)
    page.document = await rules.find_document(manifest_id, name)
    marked_up = await rules.find_document(manifest_id, f"{name}.html")
    reference = reference_text(request, opened.described)
    page.marked_up = here(marked_up.text, reference) if marked_up else ""


async def _fill_values(request: PageRequest, opened: OpenedArtifact, page: TabPage) -> None:
    await _fill_document(request, opened, page)
    if page.document is None:
        return
    text, words = page.document.text, page.query.lower().split()
    found = await aside(len(text), lambda: default_values(text))
    found = [each for each in found if _holds(each, words)]
    number = request.number("page", default=1, most=10**6)
    page.pager = Pager(number, _VALUES, len(found))
    page.values = found[(number - 1) * _VALUES : number * _VALUES]


def _holds(value: DefaultValue, words: list[str]) -> bool:
    text = f"{value.path} {value.default} {value.comment}".lower()
    return all(word in text for word in words)


async def _fill_schema(request: PageRequest, opened: OpenedArtifact, page: TabPage) -> None:
    await _fill_document(request, opened, page)
    if page.document is not None:
        text = page.document.text
        page.schema = await aside(len(text), lambda: schema_rows(text))


async def _fill_changes(request: PageRequest, opened: OpenedArtifact, page: TabPage) -> None:
    await _fill_document(request, opened, page)
    page.changes = await request.app.artifact_views.list_changes(request.repository)


async def _fill_layers(request: PageRequest, opened: OpenedArtifact, page: TabPage) -> None:
    page.layers = layers_of(opened.described)


async def _fill_files(request: PageRequest, opened: OpenedArtifact, page: TabPage) -> None:
    page.layers = layers_of(opened.described)
    await _fill_document(request, opened, page)
    document = page.document
    if document is not None and document.name.lower().endswith((".csv", ".tsv")):
        page.table = table_of(document)
    if document is not None and document.media_type == "text/markdown":
        drawn = await request.app.renderer.render_soon(document.text, Surroundings())
        page.prose = drawn.html if drawn else ""
    _show_part(request, page)
    if not page.query:
        files, page.folder = opened.findings.files, request.query("folder").strip("/")
        found = await aside(100 * len(files), lambda: entries_in(files, page.folder))
        number = request.number("page", default=1, most=10**6)
        page.pager = Pager(number, SIZE, len(found))
        page.entries = found[(number - 1) * SIZE : number * SIZE]


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
    *("layers", "platforms", "values", "schema", "files", "templates", "sbom", "vulnerabilities"),
    *("provenance", "signatures", "referrers", "raw", "changelog"),
)
_TEMPLATES: Final = {
    **{name: name for name in _OWN},
    **{tab.value: "issues" for tab in _ISSUES},
    Tab.CONFIG.value: "raw",
}
_NAMES: Final = {Tab.SCHEMA.value: "schema", Tab.DOCUMENT.value: "document"}
_FILL: Final = {
    "changelog": _fill_changes,
    Tab.VALUES.value: _fill_values,
    Tab.SCHEMA.value: _fill_schema,
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

ROUTES: Final = (PageRoute("GET", "/r/{artifact}/{tab}", AccessRule.PULL, show_tab),)
