"""Artifacts: what a manifest is, what is in it, what is attached to it, and how to use it."""

from collections import Counter
from typing import Annotated, Final, TypeVar

from msgspec import Meta, Struct

from entrepot.api.contents.artifacts import Artifact
from entrepot.api.fields import Text
from entrepot.api.paging import (
    CountedBySeverity,
    CountedPage,
    Page,
    PageQuery,
    counted,
    cut,
    page_of,
)
from entrepot.api.requests import ApiRequest, route, shown
from entrepot.errors import EntrepotError, ManifestUnknown, NotFound
from entrepot.extract.findings import (
    Assessment,
    File,
    Findings,
    InTotoStatement,
    Issue,
    Package,
    Signature,
)
from entrepot.http.authorize import AccessRule
from entrepot.hub.contents.artifacts import Described
from entrepot.hub.contents.attachments import MAX_LISTED, Node
from entrepot.kinds.badges import badges
from entrepot.kinds.commands import CommandTarget, Language
from entrepot.kinds.recognition.platforms import real_children
from entrepot.oci.descriptors import Descriptor as OciDescriptor
from entrepot.oci.digests import Digest
from entrepot.oci.names import Reference, Tag, parse_reference

Item = TypeVar("Item")


class Descriptor(Struct, frozen=True):
    """A content descriptor of the manifest; `platform` is set where the manifest declares one."""

    digest: str
    media_type: str
    size: int
    annotations: dict[str, str]
    platform: str | None


class Description(Struct, frozen=True):
    """The artifact's own description, as it was pushed: do not trust it."""

    title: str
    version: str
    description: str
    licenses: str
    authors: str
    vendor: str
    url: str
    documentation: str
    source: str
    revision: str
    created: str
    base_name: str
    base_digest: str


class Fact(Struct, frozen=True):
    """A property of the artifact."""

    label: str
    value: str


class Command(Struct, frozen=True):
    """A command for one tool; `text` can be pasted as it is."""

    tool: str
    title: str
    text: str
    language: Language
    note: str


class Manifest(Struct, frozen=True):
    """A manifest and its kind."""

    digest: str
    media_type: str
    size: int
    tags: list[str]
    kind: str
    kind_name: str
    artifact: Artifact
    description: Description
    facts: list[Fact]
    badges: list[str]
    annotations: dict[str, str]
    subject: str | None
    platforms: list[Descriptor]
    layers: list[Descriptor]
    documents: list[str]
    commands: list[Command]


class Attachment(Struct, frozen=True):
    """A referrer and its own referrers; `how` is `subject`, `tag` or `index`.

    `truncated` means that it has more referrers than are listed: request those of its `digest`.
    Texts are shortened.
    """

    digest: str
    how: str
    artifact: Artifact
    attached: list["Attachment"]
    truncated: bool = False


class Document(Struct, frozen=True):
    """A text file read from an artifact."""

    name: str
    media_type: str
    text: str
    is_cut: bool


class Vulnerability(Struct, frozen=True):
    """A vulnerability of a package, as the hub's advisories or attached reports find it.

    `state` is `affected` or what a VEX statement says; `source` is `hub` or `report`.
    """

    id: str
    severity: str
    package: str
    version: str
    fixed_in: str
    title: str
    url: str
    score: float
    status: str
    justification: str
    location: str
    aliases: list[str]
    purl: str
    sources: list[str]
    state: str
    source: str


class Vulnerabilities(CountedBySeverity[Vulnerability], frozen=True, kw_only=True):
    """A page of the findings and of the attached VEX statements.

    `problems` lists the attached reports that could not be read.
    """

    problems: str = ""
    statements: list[Assessment]


class EvidenceQuery(PageQuery, frozen=True, kw_only=True):
    """Filters for findings."""

    q: Annotated[Text, Meta(description="Words that must all appear in an entry.")] = ""


async def get_manifest(request: ApiRequest) -> Manifest:
    """Return an artifact and the commands for it."""
    described = await _describe(request)
    stored, kind, evidence = described.stored, described.kind, described.view
    manifest, own = described.manifest, await request.app.findings.of(stored.id)
    place = CommandTarget(
        host=request.app.origins.host(request.http),
        is_https=request.origin.startswith("https:"),
        repository=request.repository.name,
        digest=Digest.parse(stored.digest),
        tag=_tag_of(request),
    )
    return Manifest(
        digest=stored.digest,
        media_type=stored.media_type,
        size=stored.size,
        tags=await request.app.tags.list_aliases(stored.id),
        kind=kind.id,
        kind_name=kind.name,
        artifact=shown(Artifact, described.artifact),
        description=shown(Description, described.description),
        facts=_facts(described, own),
        badges=list(badges(evidence)),
        annotations=manifest.annotations,
        subject=str(manifest.subject.digest) if manifest.subject else None,
        platforms=[_descriptor(each.descriptor) for each in real_children(evidence)],
        layers=[_descriptor(each) for each in manifest.layers],
        documents=await request.app.artifact_views.list_documents(stored.id),
        commands=[shown(Command, each) for each in kind.commands(place, evidence)],
    )


async def delete_manifest(request: ApiRequest) -> None:
    """Delete a manifest and its tags by digest, or only the tag by tag."""
    reference = _reference(request)
    by, listener = request.identity.author, request.listener
    if isinstance(reference, Tag):
        await request.app.manifests.untag(request.repository, reference, by, listener)
    else:
        await request.app.manifests.delete(request.repository, reference, by, listener)


async def list_attached(request: ApiRequest, query: PageQuery) -> CountedPage[Attachment]:
    """List the referrers as a tree: signatures, SBOMs, attestations and reports.

    At most 500 are listed; `left_out` counts the others.
    """
    facts = await request.app.manifests.get_facts(request.repository, _reference(request))
    nodes = await request.app.attachments.tree_of(
        request.repository.id, facts.digest, offset=query.offset, limit=query.limit + 1
    )
    page = page_of(nodes, query, _attachment)
    total = await request.app.attachments.count_of(request.repository.id, facts.digest)
    left_out = max(0, total - MAX_LISTED)
    return CountedPage(items=page.items, next=page.next, total=total, left_out=left_out)


async def list_packages(request: ApiRequest, query: EvidenceQuery) -> CountedPage[Package]:
    """List the packages in the artifact's SBOMs."""
    found = await _evidence(request, query.q)
    return counted(found.packages, query, _as_it_is, found.left_out.get("packages", 0))


async def list_vulnerabilities(request: ApiRequest, query: EvidenceQuery) -> Vulnerabilities:
    """List the vulnerabilities that the hub and reports found, each once for each package.

    An entry whose `status` is `not_affected`, `fixed`, `suppressed` or `ignored` is not counted.
    """
    found = await _evidence(request, query.q)
    left_out = left_out_of(found, "vulnerabilities")
    page = counted(found.vulnerabilities, query, lambda each: shown(Vulnerability, each), left_out)
    return Vulnerabilities(
        items=page.items,
        next=page.next,
        total=page.total,
        left_out=page.left_out,
        counts=dict(Counter(each.severity for each in found.vulnerabilities if each.counts)),
        problems=found.reason,
        statements=found.assessments[query.offset : query.offset + query.limit],
    )


async def list_misconfigurations(
    request: ApiRequest, query: EvidenceQuery
) -> CountedBySeverity[Issue]:
    """List the misconfigurations that reports found."""
    return await _issues(request, query, "misconfiguration")


async def list_secrets(request: ApiRequest, query: EvidenceQuery) -> CountedBySeverity[Issue]:
    """List the secrets that reports found; matched text is as the tool wrote it."""
    return await _issues(request, query, "secret")


async def list_licenses(request: ApiRequest, query: EvidenceQuery) -> CountedBySeverity[Issue]:
    """List the licences that reports found, with their severity."""
    return await _issues(request, query, "license")


async def _issues(
    request: ApiRequest, query: EvidenceQuery, category: str
) -> CountedBySeverity[Issue]:
    evidence = await _evidence(request, query.q)
    found = [each for each in evidence.issues if each.category == category]
    page = counted(found, query, _as_it_is, left_out_of(evidence, "issues"))
    return CountedBySeverity(
        items=page.items,
        next=page.next,
        total=page.total,
        left_out=page.left_out,
        counts=dict(Counter(each.severity for each in found)),
    )


def left_out_of(found: Findings, name: str) -> int:
    """How many entries of a list were too many to be kept."""
    return found.left_out.get(name, 0)


async def list_signatures(request: ApiRequest, query: PageQuery) -> Page[Signature]:
    """List the signatures; an identity is only a claim unless `check` is `verified`.

    `check` is `verified`, `valid`, `invalid` or `not checked`; `reason` explains it.
    """
    return cut((await _evidence(request)).signatures, query, _as_it_is)


async def list_statements(request: ApiRequest, query: PageQuery) -> Page[InTotoStatement]:
    """List the attestations: provenance, test results and summaries."""
    return cut((await _evidence(request)).statements, query, _as_it_is)


async def list_files(request: ApiRequest, query: PageQuery) -> CountedPage[File]:
    """List the files in the artifact."""
    facts = await request.app.manifests.get_facts(request.repository, _reference(request))
    return counted((await request.app.findings.of(facts.id)).files, query, _as_it_is)


async def list_documents(request: ApiRequest, query: PageQuery) -> Page[str]:
    """List the names of the texts read from the artifact."""
    facts = await request.app.manifests.get_facts(request.repository, _reference(request))
    return cut(await request.app.artifact_views.list_documents(facts.id), query, _as_it_is)


async def get_document(request: ApiRequest) -> Document:
    """Return a text read from the artifact; names ending in `.html` are sanitized HTML."""
    facts = await request.app.manifests.get_facts(request.repository, _reference(request))
    name = request.values["document"]
    found = await request.app.artifact_views.find_document(facts.id, name)
    if found is None:
        raise NotFound(f"the artifact has no document {name}")
    return shown(Document, found)


async def _describe(request: ApiRequest) -> Described:
    stored = await request.app.manifests.get(request.repository, _reference(request))
    return await request.app.artifacts.describe(request.repository.id, stored)


async def _evidence(request: ApiRequest, words: str = "") -> Findings:
    facts = await request.app.manifests.get_facts(request.repository, _reference(request))
    own = await request.app.findings.of(facts.id)
    return await request.app.findings.gather(request.repository.id, facts.digest, own, words)


def _reference(request: ApiRequest) -> Reference:
    try:
        return parse_reference(request.values["reference"])
    except EntrepotError as error:
        raise ManifestUnknown from error


def _tag_of(request: ApiRequest) -> Tag | None:
    reference = _reference(request)
    return reference if isinstance(reference, Tag) else None


def _facts(described: Described, own: Findings) -> list[Fact]:
    """What the kind reads off the manifest, then what was found in the contents."""
    said = [shown(Fact, each) for each in described.kind.facts(described.view)]
    known = {each.label for each in said}
    return [*said, *(Fact(*each) for each in own.facts.items() if each[0] not in known)]


def _descriptor(found: OciDescriptor) -> Descriptor:
    platform = found.platform.whole if found.platform else None
    return Descriptor(str(found.digest), found.media_type, found.size, found.annotations, platform)


def _attachment(node: Node) -> Attachment:
    found = node.attached
    artifact = shown(Artifact, found.artifact)
    return Attachment(
        found.digest,
        found.how,
        artifact,
        [_attachment(each) for each in node.children],
        node.truncated,
    )


def _as_it_is(value: Item) -> Item:
    return value


_M: Final = "/repositories/{repository}/-/manifests/{reference}"

ROUTES: Final = (
    route("GET", _M, AccessRule.PULL, get_manifest),
    route("DELETE", _M, AccessRule.DELETE, delete_manifest),
    route("GET", f"{_M}/attached", AccessRule.PULL, list_attached),
    route("GET", f"{_M}/packages", AccessRule.PULL, list_packages),
    route("GET", f"{_M}/vulnerabilities", AccessRule.PULL, list_vulnerabilities),
    route("GET", f"{_M}/misconfigurations", AccessRule.PULL, list_misconfigurations),
    route("GET", f"{_M}/secrets", AccessRule.PULL, list_secrets),
    route("GET", f"{_M}/licenses", AccessRule.PULL, list_licenses),
    route("GET", f"{_M}/signatures", AccessRule.PULL, list_signatures),
    route("GET", f"{_M}/statements", AccessRule.PULL, list_statements),
    route("GET", f"{_M}/files", AccessRule.PULL, list_files),
    route("GET", f"{_M}/documents", AccessRule.PULL, list_documents),
    route("GET", f"{_M}/documents/{{document}}", AccessRule.PULL, get_document),
)
