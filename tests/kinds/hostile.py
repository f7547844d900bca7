"""Manifests that somebody made to hurt."""

import json

from hypothesis import strategies as st

from entrepot.kinds.recognition.manifest_view import Child, ManifestView
from entrepot.kinds.recognition.predicates import type_keys
from entrepot.oci.manifests import parse_manifest
from entrepot.oci.media_types import OCI_INDEX, OCI_MANIFEST
from tests.kinds.corpus import names, view

WORDS = (
    "$(touch /tmp/owned)",
    "`id`",
    "'; rm -rf / #",
    '"; rm -rf / #',
    "a\nb",
    "--option",
    "-x",
    "../../etc/passwd",
    "/etc/passwd",
    "a b",
    "a\\nb",
    "a&&b|c>d<e",
    "\u202egnp.exe",
    "\x00\x1b[2J",
    "{reference}",
    "{0.__class__}",
    "%s",
    "~root",
    "*",
    "!!",
    "#",
)
"""Words that mean something to shells, terminals, templates and file systems."""

_TYPES = sorted(
    {
        media_type
        for name in names()
        for media_type in (
            *type_keys(view(name)),
            *(each.media_type for each in view(name).manifest.layers),
        )
    }
)
_KEYS = sorted(
    {
        key
        for name in names()
        for annotations in (
            view(name).manifest.annotations,
            *(each.annotations for each in view(name).manifest.layers),
        )
        for key in annotations
    }
)

texts = st.one_of(st.sampled_from(WORDS), st.text(max_size=30))
_annotations = st.dictionaries(st.one_of(st.sampled_from(_KEYS), texts), texts, max_size=6)
_types = st.one_of(st.sampled_from(_TYPES), st.just("application/vnd.acme.thing.v1"))
_json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=8,
)
_configs = st.dictionaries(
    st.one_of(
        texts,
        st.sampled_from(
            [
                "config",
                "rootfs",
                "annotations",
                "name",
                "version",
                "keywords",
                "sources",
                "descriptor",
                "package",
                "component",
                "os",
                "architecture",
            ]
        ),
    ),
    st.one_of(_json, st.just({"diff_ids": []}), st.just({"Labels": {"a": "b"}})),
    max_size=6,
)


@st.composite
def _descriptors(draw: st.DrawFn) -> dict[str, object]:
    found: dict[str, object] = {
        "mediaType": draw(_types),
        "digest": "sha256:" + draw(st.sampled_from("0123456789abcdef")) * 64,
        "size": draw(st.integers(0, 10**12)),
        "annotations": draw(_annotations),
    }
    if draw(st.booleans()):
        found["platform"] = {"os": draw(texts), "architecture": draw(texts)}
    return found


@st.composite
def evidences(draw: st.DrawFn) -> ManifestView:
    """Any manifest that can be parsed, of known and unknown types, with hostile words."""
    if draw(st.booleans()):
        return _said(draw, {"mediaType": OCI_INDEX, "manifests": _several(draw)}, {})
    return _said(
        draw,
        {"mediaType": OCI_MANIFEST, "config": draw(_descriptors()), "layers": _several(draw)},
        draw(_configs),
    )


def _several(draw: st.DrawFn) -> list[dict[str, object]]:
    return draw(st.lists(_descriptors(), max_size=4))


def _said(draw: st.DrawFn, form: dict[str, object], config: dict[str, object]) -> ManifestView:
    document = {"schemaVersion": 2, **form, "annotations": draw(_annotations)}
    if draw(st.booleans()):
        document["artifactType"] = draw(_types.filter(lambda text: ";" not in text))
    if draw(st.booleans()):
        document["subject"] = draw(_descriptors())
    manifest = parse_manifest(json.dumps(document).encode(), None)
    kinds = st.sampled_from([None, "image", "files", "helm-chart", "gone"])
    children = tuple(Child(each, draw(kinds)) for each in manifest.children)
    return ManifestView(manifest, config, children)
