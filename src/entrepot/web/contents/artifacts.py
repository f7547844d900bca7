"""Pages of one artifact: what it is, the commands that fit, and a tab for each thing in it."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from entrepot.errors import ManifestUnknown
from entrepot.extract.findings import Findings, Vulnerability
from entrepot.http.authorize import AccessRule
from entrepot.http.messages import Response
from entrepot.hub.contents.artifact_views import ArtifactSurroundings, OpenedArtifact, changes_of
from entrepot.hub.contents.artifacts import Described
from entrepot.hub.security.findings import Origin
from entrepot.kinds.badges import badges
from entrepot.kinds.recognition.kind import Description, Fact
from entrepot.model.artifacts import Artifact
from entrepot.model.tags import TagRow
from entrepot.oci.names import Reference, parse_reference
from entrepot.web.contents.artifact_parts import (
    LayerLine,
    PlatformLine,
    facts_of_artifact,
    icon_of,
    layers_of,
    platforms_of,
    visible_tabs,
)
from entrepot.web.contents.commands import Snippets, snippets_of
from entrepot.web.contents.content_parts import (
    ChartDependency,
    ImageUse,
    dependencies_of,
    images_used,
    previews_of,
)
from entrepot.web.contents.image_parts import ImagePart, image_of
from entrepot.web.pages import Page, redirect
from entrepot.web.repositories import RepositoryPage, facts_of, here, is_starred
from entrepot.web.requests import PageRequest, PageRoute


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
    versions: list[TagRow] = field(default_factory=list)
    """Other versions to switch to, the greatest first."""
    icon: str = ""
    """A picture of the artifact's own as a `data:` address, empty without one."""

    @property
    def shown_size(self) -> int:
        """Bytes of everything."""
        return self.artifact.size

    @property
    def shown_platform(self) -> str:
        """Empty: the size is of all platforms."""
        return ""


@dataclass(kw_only=True)
class SummaryPage(ArtifactPage):
    """`/r/NAME:TAG`: the overview."""

    snippets: Snippets
    platforms: list[PlatformLine]
    readme: str
    layers: list[LayerLine]
    image: ImagePart | None
    """The image; of an index, that of the platform which was asked for."""
    origin: Origin
    worst: list[Vulnerability]
    changes: list[str]
    images: list[ImageUse]
    dependencies: list[ChartDependency]
    documents: list[str]
    previews: list[tuple[str, str]]
    """Paths of files with their safe HTML, where there is neither README nor image."""

    @property
    def shown_size(self) -> int:
        """Bytes of the platform that is shown."""
        return self.image.size if self.image else self.artifact.size

    @property
    def shown_platform(self) -> str:
        """The platform of an index that is shown."""
        return self.image.platform if self.image and self.platforms else ""


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
    views = request.app.artifact_views
    readme = await views.find_document(described.stored.id, "readme.html")
    found = await views.get_surroundings(request.repository, described)
    child = await views.open_platform(request.repository, described, request.query("platform"))
    parts = [described, *([child.described] if child else [])]
    return SummaryPage(
        **await shared_fields(request, opened, "overview", found),
        snippets=snippets_of(request, described, tag),
        platforms=await platforms_of(request, described),
        readme=here(readme.text, reference_text(request, described)) if readme else "",
        layers=layers_of(described)[:12],
        image=image_of(child or opened),
        origin=await views.get_origin(request.repository, parts),
        worst=found.worst,
        changes=changes_of(opened.findings),
        images=await images_used(request, opened),
        dependencies=await dependencies_of(request, opened),
        documents=found.documents,
        previews=[] if readme else await previews_of(request, opened, found.documents),
    )


async def shared_fields(
    request: PageRequest, opened: OpenedArtifact, tab: str, found: ArtifactSurroundings
) -> dict[str, Any]:
    """Return the fields that every page of an artifact has."""
    described, repository = opened.described, request.repository
    stored, subject = described.stored, described.manifest.subject
    reference = reference_text(request, described)
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
        "facts_said": facts_of_artifact(opened),
        "aliases": found.aliases,
        "tabs": visible_tabs(opened, found),
        "tab": tab,
        "badges": list(badges(described.view)),
        "annotations": described.manifest.annotations,
        "subject": str(subject.digest) if subject else None,
        "findings": opened.findings,
        "attached": found.attached,
        "row": opened.row,
        "icon": icon_of(described),
        "versions": await request.app.artifact_views.list_versions(repository),
    }


def reference_text(request: PageRequest, described: Described) -> str:
    """Return the address of the artifact behind `/r/`, as it was asked for."""
    tag, name = request.values.get("tag"), request.repository.name
    return f"{name}:{tag}" if tag else f"{name}@{described.stored.digest}"


ROUTES: Final = (PageRoute("GET", "/r/{artifact}", AccessRule.PULL, show_artifact),)
