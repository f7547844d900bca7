"""Whether an uploaded file is a Helm chart, and the config that makes it one in a registry."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from entrepot.extract.archives import open_stream, read_tar
from entrepot.extract.limits import TEXT, InputTooLarge, Unreadable
from entrepot.extract.texts import as_mapping, parse_yaml

HELM_CONFIG: Final = "application/vnd.cncf.helm.config.v1+json"
CHART_LAYER: Final = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"


# What Helm keeps as texts, whatever YAML takes them for: `appVersion: 1.16` is one.
_TEXTS: Final = (
    *("apiVersion", "name", "version", "appVersion", "kubeVersion", "description", "type"),
    *("home", "icon", "condition", "tags"),
)


@dataclass(frozen=True, slots=True)
class ChartConfig:
    """The config of a chart, and the version that it says it is."""

    version: str
    content: bytes


def chart_config(archive: bytes) -> ChartConfig | None:
    """Chart.yaml as Helm writes it into a chart's config; `None` where it is no chart."""
    if not archive.startswith(b"\x1f\x8b"):
        return None
    try:
        stream = open_stream(io.BytesIO(archive), len(archive))
        for member in read_tar(stream):
            # Helm packs `demo/Chart.yaml`, other tools `./demo/Chart.yaml`.
            directory, slash, name = member.path.removeprefix("./").partition("/")
            if directory and slash and name == "Chart.yaml" and member.type == "file":
                return _config(as_mapping(parse_yaml(member.read(TEXT))))
    except (InputTooLarge, Unreadable):
        return None
    return None


def _config(said: Mapping[str, Any]) -> ChartConfig | None:
    texts = {name: str(said[name]) for name in _TEXTS if said.get(name) is not None}
    if not texts.get("name") or not texts.get("version"):
        return None
    whole = {str(name): value for name, value in said.items()} | texts
    try:
        content = json.dumps(whole, separators=(",", ":"), default=str, allow_nan=False)
        return ChartConfig(texts["version"], content.encode())
    except (ValueError, TypeError, RecursionError):
        return None
