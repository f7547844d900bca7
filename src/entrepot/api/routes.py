"""Everything that programs can ask for: what is not in this table is not served nor documented."""

from typing import Final

from entrepot.api import (
    accounts,
    administration,
    comparisons,
    manifests,
    mirrors,
    namespaces,
    policies,
    pulls,
    repositories,
    searches,
    tags,
    teams,
    tokens,
    vulnerabilities,
    webhooks,
)
from entrepot.api.requests import ApiRequest, ApiRoute, route
from entrepot.http.authorize import AccessRule
from entrepot.http.messages import Response, content


async def describe_api(request: ApiRequest) -> Response:
    """Return this OpenAPI 3.1 document."""
    from entrepot.api.openapi import document

    return content(200, "application/json", document(ROUTES, request.app.version))


ROUTES: Final[tuple[ApiRoute, ...]] = (
    route("GET", "/openapi.json", AccessRule.ANYONE, describe_api),
    *searches.ROUTES,
    *vulnerabilities.ROUTES,
    *repositories.ROUTES,
    *policies.ROUTES,
    *pulls.ROUTES,
    *tags.ROUTES,
    *manifests.ROUTES,
    *comparisons.ROUTES,
    *accounts.ROUTES,
    *tokens.ROUTES,
    *namespaces.ROUTES,
    *teams.ROUTES,
    *webhooks.ROUTES,
    *administration.ROUTES,
    *mirrors.ROUTES,
)
