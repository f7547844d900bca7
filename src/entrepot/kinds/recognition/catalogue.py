"""Every kind, in the order in which they are asked; third parties' first."""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache
from importlib.metadata import entry_points
from itertools import islice
from typing import Final, ParamSpec, TypeVar

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
from entrepot.kinds.recognition.kind import Description, Family, Kind
from entrepot.kinds.recognition.manifest_view import ManifestView
from entrepot.kinds.recognition.platforms import real_children
from entrepot.kinds.recognition.predicates import deciding_types, is_index, type_key, type_keys

_SAY_NOTHING: Final = frozenset({"unknown", "index", "files"})
"""Kinds that say nothing of an index whose children are all of them."""

LOOKED_AT: Final = 1000
"""Annotations, layers and children of a manifest that decide what it is."""

_log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

GROUP: Final = "entrepot.kinds"
"""The entry points by which packages add kinds: each a `Kind` or a sequence of them."""

# In the order in which they are asked where the types say nothing: what hides behind an image's
# config is told by its layers, annotations and labels; an image is what is left and proves to be.
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
"""All kinds but the two fallbacks: an index of something, and the unknown."""


@cache
def third_party_kinds() -> tuple[Kind, ...]:
    """The kinds that installed packages add; one that cannot be loaded is logged and left out."""
    found: list[Kind] = []
    for point in entry_points(group=GROUP):
        try:
            loaded = point.load()
            kinds = [loaded] if isinstance(loaded, Kind) else list(loaded)
        except Exception:  # a plug-in's module may do anything when it is imported
            _log.exception("a kind could not be loaded", extra={"entry_point": point.name})
            continue
        found += [_guarded(each) for each in kinds if isinstance(each, Kind)]
    return tuple(found)


def _guarded(kind: Kind) -> Kind:
    """The same, but it says nothing where its own code fails: a page must not fail with it."""
    return replace(
        kind,
        commands=_or_else(kind, kind.commands, ()),
        describe=_or_else(kind, kind.describe, Description()),
        facts=_or_else(kind, kind.facts, ()),
    )


def _or_else(kind: Kind, asked: Callable[P, T], otherwise: T) -> Callable[P, T]:
    def guarded(*args: P.args, **named: P.kwargs) -> T:
        try:
            return asked(*args, **named)
        except Exception:
            _log.exception("a kind failed to speak of an artifact", extra={"kind": kind.id})
            return otherwise

    return guarded


def recognize(view: ManifestView) -> Kind:
    """Return the kind of an artifact; never raises, and returns "image" only for images.

    Its types decide before its contents do; of long lists the first `LOOKED_AT` are looked at.
    """
    view = _bounded(view)
    found = _first_of(third_party_kinds(), view)
    if found is not None:
        return found
    found = _by_type(view) or _first_of(KINDS, view) or _by_children(view)
    if found is not None:
        return _more_precisely(found, view)
    return files.INDEX if files.INDEX.recognizes(view) else files.UNKNOWN


def _bounded(view: ManifestView) -> ManifestView:
    """The same with short lists: every kind may look at all of them, and there are many kinds."""
    manifest = view.manifest
    lists = (manifest.annotations, manifest.layers, manifest.children, view.children)
    if all(len(each) <= LOOKED_AT for each in lists):
        return view
    short = replace(
        manifest,
        annotations=dict(islice(manifest.annotations.items(), LOOKED_AT)),
        layers=manifest.layers[:LOOKED_AT],
        children=manifest.children[:LOOKED_AT],
    )
    return replace(view, manifest=short, children=view.children[:LOOKED_AT])


def all_kinds() -> Iterator[Kind]:
    """Every kind, in the order in which they are asked."""
    yield from third_party_kinds()
    yield from KINDS
    yield from (files.INDEX, files.UNKNOWN)


def find_kind(id_: str) -> Kind | None:
    """The kind with that id."""
    return _by_id().get(id_)


def kind_of_id(id_: str) -> Kind:
    """The kind with that id; the unknown one for ids of kinds that are no longer installed."""
    return _by_id().get(id_, files.UNKNOWN)


@cache
def _by_id() -> dict[str, Kind]:
    return {kind.id: kind for kind in reversed([*all_kinds()])}


def _first_of(kinds: Iterable[Kind], view: ManifestView) -> Kind | None:
    return next((kind for kind in kinds if _says_yes(kind, view)), None)


def _says_yes(kind: Kind, view: ManifestView) -> bool:
    try:
        return bool(kind.recognizes(view))
    except Exception:  # a stranger's kind must not keep others from being recognised
        _log.exception("a kind failed to look at an artifact", extra={"kind": kind.id})
        return False


def _more_precisely(kind: Kind, view: ManifestView) -> Kind:
    """Kinds that share types with others are told by what annotations say beyond them."""
    if kind is documents.ATTESTATION or (kind is signatures.BUNDLE and signatures.attests(view)):
        return documents.of_predicate(view)
    if kind.family is Family.WASM and wasm.KUBEWARDEN.recognizes(view):
        return wasm.KUBEWARDEN
    return kind


def _by_type(view: ManifestView) -> Kind | None:
    """The kind that has one of the types to itself: exactly, else by the longest beginning."""
    types = _types()
    for key in type_keys(view):
        if found := types.get(key):
            return found
        beginnings = (f"{key[:end]}*" for end in range(len(key), 0, -1))
        if found := next((types[each] for each in beginnings if each in types), None):
            return found
    return None


@cache
def _types() -> dict[str, Kind]:
    found: dict[str, Kind] = {}
    for kind in KINDS:
        for each in deciding_types(kind.recognizes):
            found.setdefault(each, kind)
    return found


def _by_children(view: ManifestView) -> Kind | None:
    """The kind that all children of an index share, where it says nothing itself."""
    if not is_index(view) or type_key(view):
        return None
    known = {each.kind for each in real_children(view) if each.kind}
    return find_kind(known.pop()) if len(known) == 1 and not known & _SAY_NOTHING else None
