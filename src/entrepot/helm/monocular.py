"""`helm search hub --endpoint HUB`: one path of Monocular, which Helm still asks for."""

import json

from entrepot.context import RequestContext
from entrepot.http.messages import Response, content
from entrepot.hub.contents.charts import FoundChart


async def search_hub(request: RequestContext) -> Response:
    """The charts that match and that the caller may see."""
    text = request.http.query("q") or ""
    found = await request.app.charts.search(request.identity, text)
    document = {"data": [_entry(each, request.origin) for each in found]}
    body = json.dumps(document, separators=(",", ":")).encode()
    return content(200, "application/json", body, [("cache-control", "private, no-cache")])


def _entry(chart: FoundChart, origin: str) -> dict[str, object]:
    namespace = chart.repository.partition("/")[0]
    return {
        "id": chart.repository,
        "type": "chart",
        "artifactHub": {"packageUrl": f"{origin}/r/{chart.repository}"},
        "attributes": {
            "name": chart.name,
            "description": chart.description,
            "repo": {"name": namespace, "url": f"{origin}/helm/{namespace}"},
        },
        "relationships": {
            "latestChartVersion": {
                "data": {"version": chart.version, "app_version": chart.app_version}
            }
        },
    }
