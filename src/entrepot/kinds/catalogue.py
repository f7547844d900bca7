"""Every kind, in the order in which they are asked; third parties' first."""

import logging
from collections.abc import Iterator
from functools import cache
from importlib.metadata import entry_points
from typing import Final

from entrepot.kinds import (
    charts,
    development,
    documents,
    files,
    images,
    kubernetes,
    machines,
    models,
    policies,
    signatures,
    wasm,
)
from entrepot.kinds.evidence import Evidence
from entrepot.kinds.kind import Kind
from entrepot.kinds.marks import is_index, real_children

_log = logging.getLogger(__name__)

GROUP: Final = "entrepot.kinds"
"""The entry points by which packages add kinds: each a `Kind` or a sequence of them."""

# What says itself what it is comes first; then what hides behind an image's config, told by its
# layers, annotations and labels; an image is only what is left and proves to be one.
KINDS: Final[tuple[Kind, ...]] = (
    *signatures.KINDS,
    charts.CHART,
    charts.PLUGIN,
    files.VOLUME,
    files.ARTIFACT_HUB,
    images.DOCKER_PLUGIN,
    *models.KINDS,
    *wasm.KINDS,
    *kubernetes.BY_TYPE,
    *development.BY_TYPE,
    *policies.BY_TYPE,
    *documents.KINDS,
    *machines.KINDS,
    *development.BY_MARK,
    *kubernetes.BY_MARK,
    images.CHECKPOINT,
    *images.SPECIAL_IMAGES,
    images.IMAGE,
    *policies.BY_CONTENT,
    files.FILES,
)
"""All but the two that are left when nobody says yes: an index of something, and the unknown."""


@cache
def third_party_kinds() -> tuple[Kind, ...]:
    """The kinds that installed packages add; one that cannot be loaded is logged and left out."""
    found: list[Kind] = []
    for point in entry_points(group=GROUP):
        try:
            loaded = point.load()
        except Exception:  # whatever a stranger's module does when it is imported
            _log.exception("a kind could not be loaded", extra={"entry_point": point.name})
            continue
        kinds = [loaded] if isinstance(loaded, Kind) else list(loaded)
        found += [each for each in kinds if isinstance(each, Kind)]
    return tuple(found)


def recognize(evidence: Evidence) -> Kind:
    """What an artifact is; never raises, and says "image" only of what proves to be one."""
    for kind in (*third_party_kinds(), *KINDS):
        if _says_yes(kind, evidence):
            return kind
    return _by_children(evidence) or (
        files.INDEX if files.INDEX.recognizes(evidence) else files.UNKNOWN
    )


def all_kinds() -> Iterator[Kind]:
    """Every kind, in the order in which they are asked."""
    yield from third_party_kinds()
    yield from KINDS
    yield from (files.INDEX, files.UNKNOWN)


def find_kind(id_: str) -> Kind | None:
    """The kind with that id."""
    return _by_id().get(id_)


def kind_of_id(id_: str) -> Kind:
    """The kind with that id; the unknown one for ids that nobody knows any more."""
    return _by_id().get(id_, files.UNKNOWN)


@cache
def _by_id() -> dict[str, Kind]:
    return {kind.id: kind for kind in reversed([*all_kinds()])}


def _says_yes(kind: Kind, evidence: Evidence) -> bool:
    try:
        return kind.recognizes(evidence)
    except Exception:  # a stranger's kind must not keep others from being recognised
        _log.exception("a kind failed to look at an artifact", extra={"kind": kind.id})
        return False


def _by_children(evidence: Evidence) -> Kind | None:
    """The kind that all children of an index share, where it says nothing itself."""
    if not is_index(evidence) or evidence.manifest.artifact_type:
        return None
    known = {each.kind for each in real_children(evidence) if each.kind}
    return find_kind(known.pop()) if len(known) == 1 else None
