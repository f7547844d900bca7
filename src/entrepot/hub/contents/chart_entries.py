"""The entry of a chart in an index, made of the config that Helm pushes.

One entry that Helm cannot read makes it refuse the whole index: only fields of the types that
Helm expects are kept.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, Literal

from msgspec import Struct, ValidationError, convert, json

from entrepot.kinds.charts import PROVENANCE
from entrepot.kinds.recognition.predicates import normal
from entrepot.model.charts import NewChart
from entrepot.oci.manifests import Manifest
from entrepot.versions import semver
from entrepot.versions.keys import Unordered

CONTENT: Final = "application/vnd.cncf.helm.chart.content."
_NAME: Final = re.compile(r"[a-zA-Z0-9._-]{1,250}")
_MOST_ANNOTATIONS: Final = 4096
"""Bytes of one chart's annotations in an index."""
_LARGEST: Final = 32 * 1024
"""Bytes of an entry; of a larger one only the texts that `helm search` prints are kept."""


class _Maintainer(Struct, omit_defaults=True):
    """A person of Chart.yaml."""

    name: str = ""
    email: str = ""
    url: str = ""


class _Dependency(Struct, omit_defaults=True, rename={"import_values": "import-values"}):
    """A chart that Chart.yaml depends on."""

    name: str
    version: str = ""
    repository: str = ""
    condition: str = ""
    tags: list[str] = []
    enabled: bool = False
    import_values: list[Any] = []
    alias: str = ""


_BRIEF: Final[dict[str, Any]] = {
    "apiVersion": Literal["v1", "v2"],
    "name": str,
    "version": str,
    "appVersion": str,
    "description": str,
}
_FIELDS: Final[dict[str, Any]] = {
    **_BRIEF,
    "type": Literal["application", "library"],
    "kubeVersion": str,
    "home": str,
    "icon": str,
    "condition": str,
    "tags": str,
    "deprecated": bool,
    "sources": list[str],
    "keywords": list[str],
    "maintainers": list[_Maintainer],
    "dependencies": list[_Dependency],
    "annotations": dict[str, str],
}
"""The fields of Chart.yaml that Helm knows, with their types."""


def read_chart(manifest: Manifest, config: Mapping[str, object]) -> NewChart | None:
    """Return the version of a chart that a manifest holds; `None` where Helm could not use it."""
    name, version = config.get("name"), config.get("version")
    content = _digest_of(manifest, CONTENT)
    if content is None or not isinstance(name, str) or not isinstance(version, str):
        return None
    if not is_chart_name(name):
        return None
    try:
        order = semver.key(version)
    except Unordered:
        return None
    entry = json.encode(_checked(config, _FIELDS))
    if len(entry) > _LARGEST:
        entry = json.encode(_checked(config, _BRIEF))
    if len(entry) > _LARGEST:
        entry = json.encode(_checked({**config, "description": ""}, _BRIEF))
    provenance = _digest_of(manifest, PROVENANCE)
    return NewChart(name, version, order, entry.decode(), content, provenance)


def is_chart_name(name: str) -> bool:
    """Say whether Helm takes the name; names are part of addresses and of names of files."""
    return _NAME.fullmatch(name) is not None and name.strip(".") != ""


def _checked(config: Mapping[str, object], fields: Mapping[str, Any]) -> dict[str, object]:
    """The fields that have the type which Helm expects, without those that say nothing."""
    kept: dict[str, object] = {"apiVersion": "v1"}
    for name, kind in fields.items():
        with suppress(ValidationError):
            if config.get(name):
                kept[name] = convert(config[name], kind)
    annotations = kept.get("annotations")
    if len(json.encode(annotations)) > _MOST_ANNOTATIONS:
        del kept["annotations"]
    return kept


def _digest_of(manifest: Manifest, media_type: str) -> str | None:
    found = (
        str(each.digest)
        for each in manifest.layers
        if normal(each.media_type).startswith(media_type)
    )
    return next(found, None)
