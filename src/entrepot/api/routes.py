"""Everything that programs can ask for: what is not in this table is not served nor documented."""

from typing import Final

from entrepot.api import (
    administration,
    mirrors,
    policies,
    promotions,
    pull_policies,
    pull_rules,
    pulls,
    replication,
    repositories,
    tags,
    webhooks,
)
from entrepot.api.contents import comparisons, manifests, searches, vulnerabilities
from entrepot.api.people import (
    accounts,
    groups,
    issuers,
    namespaces,
    teams,
    tokens,
    trust_roots,
    trusts,
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
    *pull_policies.ROUTES,
    *pulls.ROUTES,
    *promotions.ROUTES,
    *tags.ROUTES,
    *manifests.ROUTES,
    *comparisons.ROUTES,
    *accounts.ROUTES,
    *tokens.ROUTES,
    *trusts.ROUTES,
    *issuers.ROUTES,
    *trust_roots.ROUTES,
    *replication.ROUTES,
    *namespaces.ROUTES,
    *teams.ROUTES,
    *groups.ROUTES,
    *webhooks.ROUTES,
    *administration.ROUTES,
    *mirrors.ROUTES,
    *pull_rules.ROUTES,
)
