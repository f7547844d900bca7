"""Pull policies: rules about what may be pulled, what they say of an artifact, and exemptions."""

from typing import Annotated, Final

from msgspec import Meta, Struct, json

from entrepot.api.fields import Asked, Line, Moment, Text
from entrepot.api.paging import Page, PageQuery, cut
from entrepot.api.requests import ApiRequest, route, shown
from entrepot.errors import EntrepotError, ManifestUnknown
from entrepot.http.authorize import AccessRule
from entrepot.http.messages import Response, content
from entrepot.hub.security.pull_policies import PreviewedPull
from entrepot.model.security.pull_policies import (
    Mode,
    PullPolicy,
    pull_policy_schema,
)
from entrepot.oci.names import Tag, parse_reference

_SCHEMA: Final = "application/json"


class Rule(Struct, frozen=True):
    """The result of a rule for an artifact; `of` is whose rule it is."""

    name: str
    of: str
    mode: Mode
    met: bool
    why: str


class ManifestPolicy(Struct, frozen=True):
    """Whether the artifact may be pulled: `verdict` is `allow`, `warn` or `refuse`.

    `exemption` is the reason of one that holds; the rules say what they would say without it.
    """

    verdict: str
    message: str
    rules: list[Rule]
    exemption: str


class Previewed(Struct, frozen=True):
    """A tag that the rules would refuse or warn of, and its pulls in the last 30 days."""

    tag: str
    digest: str
    verdict: str
    message: str
    pulls: int


class Preview(Struct, frozen=True):
    """The tags that the rules would refuse or warn of; `is_complete`: all tags were looked at."""

    items: list[Previewed]
    looked_at: int
    is_complete: bool


class Exemption(Struct, frozen=True):
    """An exemption; `repository` is empty where it holds in the whole namespace."""

    id: int
    repository: str
    what: str
    reason: str
    until: Moment
    created_at: Moment
    created_by: str


class NewExemption(Asked, frozen=True, kw_only=True):
    """The exemption to add, of a digest, a tag, or a vulnerability: `ID` or `ID@PACKAGE`."""

    what: Annotated[Line, Meta(min_length=1)]
    reason: Annotated[Text, Meta(min_length=1)]
    until: Moment
    repository: Annotated[str, Meta(max_length=255)] = ""
    """Its name without the namespace; empty for the whole namespace."""


class CreatedExemption(Struct, frozen=True):
    """The id of the new exemption."""

    id: int


async def get_manifest_policy(request: ApiRequest) -> ManifestPolicy:
    """Say whether the artifact may be pulled, and what each rule says of it."""
    try:
        reference = parse_reference(request.values["reference"])
    except EntrepotError as error:
        raise ManifestUnknown from error
    facts = await request.app.manifests.get_facts(request.repository, reference)
    tag = reference.text if isinstance(reference, Tag) else None
    found = await request.app.pull_verdicts.decide(request.repository.id, facts.digest, tag)
    rules = [shown(Rule, each) for each in found.rules]
    return ManifestPolicy(found.verdict.word, found.message, rules, found.exemption)


async def get_repository_pull_policy(request: ApiRequest) -> PullPolicy:
    """Return the repository's own rules about pulls; those of its namespace hold too."""
    own, _ = await request.app.pull_policies.get_of_repository(request.repository)
    return own


async def set_repository_pull_policy(request: ApiRequest, body: PullPolicy) -> PullPolicy:
    """Replace the repository's own rules about pulls."""
    name = request.repository.name
    await request.app.pull_policies.set_of_repository(name, body, request.actor)
    return body


async def preview_pull_policy(request: ApiRequest, body: PullPolicy) -> Preview:
    """Preview rules about pulls: the tags that they would refuse or warn of; changes nothing."""
    found = await request.app.pull_policies.preview(request.repository, body)
    return Preview([_previewed(each) for each in found.pulls], found.looked_at, found.is_complete)


async def get_namespace_pull_policy(request: ApiRequest) -> PullPolicy:
    """Return the rules about pulls from all repositories of the namespace."""
    return await request.app.pull_policies.get_of_namespace(request.namespace)


async def set_namespace_pull_policy(request: ApiRequest, body: PullPolicy) -> PullPolicy:
    """Replace the rules about pulls from all repositories of the namespace."""
    name = request.namespace.name
    await request.app.pull_policies.set_of_namespace(name, body, request.actor)
    return body


async def list_exemptions(request: ApiRequest, query: PageQuery) -> Page[Exemption]:
    """List the exemptions of the namespace, the first to end first; also those that have ended."""
    found = await request.app.exemptions.list_of(request.namespace.name, request.actor)
    return cut(found, query, lambda each: shown(Exemption, each))


async def add_exemption(request: ApiRequest, body: NewExemption) -> CreatedExemption:
    """Exempt an artifact or a vulnerability from the rules about pulls, for at most a year."""
    namespace = request.namespace.name
    name = f"{namespace}/{body.repository}" if body.repository else namespace
    number = await request.app.exemptions.add(
        name, body.what, body.reason, body.until, request.actor
    )
    return CreatedExemption(number)


async def remove_exemption(request: ApiRequest) -> None:
    """End an exemption now."""
    await request.app.exemptions.remove(request.namespace.name, request.number, request.actor)


async def get_pull_policy_schema(request: ApiRequest) -> Response:
    """Return the JSON Schema of pull policies."""
    return content(200, _SCHEMA, json.encode(pull_policy_schema()))


def _previewed(found: PreviewedPull) -> Previewed:
    return Previewed(found.tag, found.digest, found.verdict.word, found.message, found.pulls)


_R: Final = "/repositories/{repository}/-"
_N: Final = "/namespaces/{namespace}"
_MANIFEST: Final = f"{_R}/manifests/{{reference}}/policy"

ROUTES: Final = (
    route("GET", "/schemas/pull-policy.json", AccessRule.ANYONE, get_pull_policy_schema),
    route("GET", _MANIFEST, AccessRule.PULL, get_manifest_policy),
    route("GET", f"{_R}/pull-policy", AccessRule.REPOSITORY_ADMIN, get_repository_pull_policy),
    route("PUT", f"{_R}/pull-policy", AccessRule.REPOSITORY_ADMIN, set_repository_pull_policy),
    route("POST", f"{_R}/pull-policy/preview", AccessRule.REPOSITORY_ADMIN, preview_pull_policy),
    route("GET", f"{_N}/pull-policy", AccessRule.NAMESPACE_OWNER, get_namespace_pull_policy),
    route("PUT", f"{_N}/pull-policy", AccessRule.NAMESPACE_OWNER, set_namespace_pull_policy),
    route("GET", f"{_N}/exemptions", AccessRule.NAMESPACE_OWNER, list_exemptions),
    route("POST", f"{_N}/exemptions", AccessRule.NAMESPACE_OWNER, add_exemption, status=201),
    route("DELETE", f"{_N}/exemptions/{{id}}", AccessRule.NAMESPACE_OWNER, remove_exemption),
)
