"""Which container images a chart uses, as far as its values and its templates say."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from entrepot.extract.texts import as_list, as_mapping, as_text

_IMAGE: Final = re.compile(r"[a-z0-9][\w.:/@-]*[\w]", re.IGNORECASE)
_BY_APP_VERSION: Final = re.compile(r"\.Chart\.AppVersion")
_WITH_V: Final = re.compile(r"""["']v%s["']\s+\.Chart\.AppVersion|v\{\{[^}]*\.Chart\.AppVersion""")
_TAGS: Final = ("tag", "imageTag", "version")
_DEPTH: Final = 8


@dataclass(frozen=True, slots=True)
class Defaults:
    """Defaults for tags and registries that values leave out."""

    tag: str = ""
    registry: str = ""


def defaults_of(chart: Mapping[str, Any], values: object, templates: list[str]) -> Defaults:
    """The app version where a template falls back on it, and the registry of all images."""
    tag = ""
    version = as_text(chart.get("appVersion"), 128)
    if version and any(_BY_APP_VERSION.search(each) for each in templates):
        has_v = any(_WITH_V.search(each) for each in templates) and not version.startswith("v")
        tag = f"v{version}" if has_v else version
    common = as_mapping(as_mapping(values).get("global"))
    registry = common.get("imageRegistry") or as_mapping(common.get("image")).get("registry")
    return Defaults(tag, as_text(registry, 200))


def images_in(values: object, defaults: Defaults, depth: int = 0) -> Iterator[str]:
    """References in values: `image: x:y`, or a mapping of registry, repository and tag."""
    if depth > _DEPTH:
        return
    if isinstance(values, list):
        for each in values[:200]:
            yield from images_in(each, defaults, depth + 1)
    if not isinstance(values, dict):
        return
    if "repository" in values and any(each in values for each in _TAGS):
        yield from _some(_of_mapping(values, defaults))
    for key, inner in list(values.items())[:500]:
        if isinstance(key, str) and key.lower().endswith("image"):
            yield from _some(_reference(inner, values, defaults))
        yield from images_in(inner, defaults, depth + 1)


def annotated_images(annotation: object) -> Iterator[str]:
    """Return the images in a parsed `artifacthub.io/images` annotation."""
    for each in as_list(annotation)[:100]:
        yield from _some(whole(as_text(as_mapping(each).get("image"), 300)))


def whole(reference: str) -> str:
    """The reference with the registry that is meant where it has none: Docker Hub's."""
    first, slash, _ = reference.partition("/")
    if not reference or (slash and ("." in first or ":" in first or first == "localhost")):
        return reference
    return f"docker.io/{reference}" if slash else f"docker.io/library/{reference}"


def _some(reference: str) -> Iterator[str]:
    if reference:
        yield reference


def _reference(value: object, around: Mapping[str, Any], defaults: Defaults) -> str:
    if not isinstance(value, str):
        return _of_mapping(as_mapping(value), defaults)
    if not _IMAGE.fullmatch(value[:300]):
        return ""
    said = {"repository": value, **{key: around[key] for key in _TAGS[:2] if key in around}}
    registry = around.get("registry", around.get("imageRegistry"))
    has_tag = ":" in value.rpartition("/")[2] or "@" in value
    return whole(value) if has_tag else _of_mapping({**said, "registry": registry}, defaults)


def _of_mapping(said: Mapping[str, Any], defaults: Defaults) -> str:
    repository = as_text(said.get("repository") or said.get("name"), 300)
    if not repository or not _IMAGE.fullmatch(repository) or "://" in repository:
        return ""
    registry = as_text(said.get("registry"), 200) or defaults.registry
    name = whole(f"{registry}/{repository}" if registry else repository)
    if ":" in repository.rpartition("/")[2]:
        return name
    digest = as_text(said.get("digest"), 200)
    if digest.startswith("sha"):
        return f"{name}@{digest}"
    tag = next((as_text(said[key], 130) for key in _TAGS if as_text(said.get(key), 130)), "")
    tag = tag or defaults.tag
    return f"{name}:{tag}" if tag else name
