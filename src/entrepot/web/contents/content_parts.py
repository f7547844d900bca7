"""Parts of an artifact's overview: images that it uses, its dependencies, its short texts."""

import re
from dataclasses import dataclass
from typing import Final

from entrepot.hub.contents.artifact_views import OpenedArtifact
from entrepot.kinds.recognition.kind import Family
from entrepot.model.artifacts import Artifact
from entrepot.web.requests import PageRequest

_LOCKED: Final = re.compile(
    r"^-\s+name:\s*(\S+)\n(?:\s+repository:.*\n)?\s+version:\s*[\"']?([^\s\"']+)", re.MULTILINE
)
_MOST: Final = 50
_PREVIEWS: Final = 3
_LONGEST_PREVIEW: Final = 15_000


@dataclass(frozen=True, slots=True)
class ImageUse:
    """An image that the artifact uses; `address` is its page, empty for other registries.

    `artifact` is what it is, `None` where this hub has no such image or the visitor may not see it.
    """

    reference: str
    address: str
    artifact: Artifact | None


@dataclass(frozen=True, slots=True)
class ChartDependency:
    """A chart that another depends on; `resolved` is the version in `Chart.lock`."""

    name: str
    version: str
    resolved: str
    condition: str
    address: str


async def images_used(request: PageRequest, opened: OpenedArtifact) -> list[ImageUse]:
    """Return the images that the artifact uses, those of this hub with what is known of them."""
    prefix = f"{request.host}/"
    references = opened.findings.images[:_MOST]
    own = [each.removeprefix(prefix) for each in references if each.startswith(prefix)]
    found = await request.app.used_images.find(request.identity, own) if own else {}
    return [
        ImageUse(
            reference=each,
            address=f"/r/{each.removeprefix(prefix)}" if each.startswith(prefix) else "",
            artifact=found.get(each.removeprefix(prefix)),
        )
        for each in references
    ]


async def dependencies_of(request: PageRequest, opened: OpenedArtifact) -> list[ChartDependency]:
    """Return what a chart depends on, with the versions that were chosen when it was packaged."""
    listed = opened.findings.dependencies[:_MOST]
    if not listed:
        return []
    views = request.app.artifact_views
    lock = await views.find_document(opened.described.stored.id, "lock")
    resolved = dict(_LOCKED.findall(lock.text)) if lock else {}
    prefix = f"oci://{request.host}/"
    return [
        ChartDependency(
            name=each.get("name", ""),
            version=each.get("version", ""),
            resolved=resolved.get(each.get("name", ""), ""),
            condition=each.get("condition", ""),
            address=_address(each, prefix),
        )
        for each in listed
    ]


async def previews_of(
    request: PageRequest, opened: OpenedArtifact, documents: list[str]
) -> list[tuple[str, str]]:
    """Return the first short texts with their safe HTML; none of images and charts."""
    found: list[tuple[str, str]] = []
    kind = opened.described.kind
    if kind.family in (Family.IMAGE, Family.CHART):
        return found
    names = [name for name in documents if name.startswith("file:")]
    for name in [name for name in names if f"{name}.html" in documents][:_PREVIEWS]:
        views, manifest_id = request.app.artifact_views, opened.described.stored.id
        html = await views.find_document(manifest_id, f"{name}.html")
        if html is not None and len(html.text) <= _LONGEST_PREVIEW:
            found.append((name.partition(":")[2], html.text))
    return found


def _address(dependency: dict[str, str], prefix: str) -> str:
    repository = dependency.get("repository", "")
    if not repository.startswith(prefix):
        return ""
    return f"/r/{repository.removeprefix(prefix).strip('/')}/{dependency.get('name', '')}"
