"""Comparisons of two artifacts."""

from typing import Annotated, Final

from msgspec import Meta, field

from entrepot.api.fields import Asked
from entrepot.api.requests import ApiRequest, route
from entrepot.http.authorize import AccessRule
from entrepot.model.comparisons import Comparison

_Reference = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=500,
        description="A tag or a digest; `name:tag` or `name@digest` for another repository.",
        examples=["1.0"],
    ),
]


class CompareQuery(Asked, frozen=True, kw_only=True):
    """The two artifacts to compare."""

    before: _Reference = field(name="from")
    after: _Reference = field(name="to")
    platform: Annotated[
        str, Meta(max_length=200, description="The platform to compare of two indexes.")
    ] = ""


async def compare_artifacts(request: ApiRequest, query: CompareQuery) -> Comparison:
    """Compare two artifacts: config, layers, packages, vulnerabilities, files, values.

    A section that is empty is equal, unless `missing` names it: then only one of the two says
    anything about it. Lists end after 1,000 entries; `left_out` counts the others.
    """
    return await request.app.comparisons.compare(
        request.identity, request.repository, query.before, query.after, query.platform
    )


ROUTES: Final = (
    route("GET", "/repositories/{repository}/-/compare", AccessRule.PULL, compare_artifacts),
)
