"""Whether an uploaded file is a Helm chart, and the config that makes it one in a registry."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from entrepot.hub.contents.chart_packages import read_chart_file

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
    """Chart.yaml as Helm writes it into a chart's config; `None` where it is not a chart."""
    found = read_chart_file(archive)
    return None if found is None else _config(found[0])


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
