"""Whether an uploaded file is a Helm chart, and the config that makes it one in a registry."""

import io
from typing import Any, Final

from entrepot.extract.archives import open_stream, read_tar
from entrepot.extract.limits import TEXT, TooLarge, Unreadable
from entrepot.extract.texts import as_mapping, parse_yaml

HELM_CONFIG: Final = "application/vnd.cncf.helm.config.v1+json"
CHART_LAYER: Final = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"


def chart_config(archive: bytes) -> dict[str, Any] | None:
    """Chart.yaml as Helm writes it into a chart's config; `None` where it is no chart."""
    if not archive.startswith(b"\x1f\x8b"):
        return None
    try:
        stream = open_stream(io.BytesIO(archive), len(archive))
        for member in read_tar(stream):
            directory, slash, name = member.path.partition("/")
            if directory and slash and name == "Chart.yaml" and member.type == "file":
                said = as_mapping(parse_yaml(member.read(TEXT)))
                return dict(said) if said.get("name") and said.get("version") else None
    except (TooLarge, Unreadable):
        return None
    return None
