"""Artifacts: what a manifest is, what is in it, what is attached to it, and how to use it."""

from collections import Counter
from typing import Annotated, Final, TypeVar

from msgspec import Meta, Struct

from entrepot.api.artifacts import Artifact
from entrepot.api.calls import Call, route, shown
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
from entrepot.errors import EntrepotError, ManifestUnknown, NotFound
from entrepot.extract.findings import (
    Assessment,
    File,
    Findings,
    Issue,
    Package,
    Signature,
    Statement,
    Vulnerability,
)
from entrepot.http.routing import Policy
from entrepot.hub.artifacts import Described
from entrepot.hub.attachments import MAX_LISTED, Node
from entrepot.kinds.badges import badges
from entrepot.kinds.commands import Language, Place
from entrepot.kinds.platforms import real_children
from entrepot.metadata import artifacts, tag_rows
from entrepot.oci.descriptors import Descriptor as OciDescriptor
from entrepot.oci.digests import Digest
from entrepot.oci.names import Reference, Tag, parse_reference

Item = TypeVar("Item")

_OURS: Final = frozenset({"findings", "marks", "counted"})
"""Documents that are told as lists of their own."""


class Descriptor(Struct, frozen=True):
    """A piece of content that a manifest names; `platform` where it says what it runs on."""

    digest: str
    media_type: str
    size: int
    annotations: dict[str, str]
    platform: str | None


class Description(Struct, frozen=True):
    """What an artifact says of itself, as somebody pushed it: unsafe to trust."""

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
    """One line of what an artifact says of itself."""

    label: str
    value: str


class Command(Struct, frozen=True):
    """One thing to do with one tool: `text` works as it is."""

    tool: str
    title: str
    text: str
    language: Language
    note: str


class Manifest(Struct, frozen=True):
    """A manifest seen with its kind."""

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
    """Something attached, and what is attached to it; `how` is `subject`, `tag` or `index`.

    `truncated`: more is attached to it than is listed here; ask for what is attached to `digest`.
    Texts are shortened.
    """

    digest: str
    how: str
    artifact: Artifact
    attached: list["Attachment"]
    truncated: bool = False


class Document(Struct, frozen=True):
    """A text that was read out of an artifact."""

    name: str
    media_type: str
    text: str
    is_cut: bool


class Vulnerabilities(CountedBySeverity[Vulnerability], frozen=True, kw_only=True):
    """Part of the findings, and of the VEX statements that are attached.

    `problems` says which attached reports could not be read.
    """

    problems: str = ""
    statements: list[Assessment]


class EvidenceQuery(PageQuery, frozen=True, kw_only=True):
    """Which findings."""

    q: Annotated[Text, Meta(description="Words that an entry holds, each of them.")] = ""


async def get_manifest(call: Call) -> Manifest:
    """What an artifact is, and the commands that fit it."""
    described = await _describe(call)
    stored, kind, evidence = described.stored, described.kind, described.evidence
    manifest, own = described.manifest, await call.desk.evidence.of(stored.id)
    place = Place(
        host=call.desk.origins.host(call.request),
        is_https=call.origin.startswith("https:"),
        repository=call.repository.name,
        digest=Digest.parse(stored.digest),
        tag=_tag_of(call),
    )
    return Manifest(
        digest=stored.digest,
        media_type=stored.media_type,
        size=stored.size,
        tags=await tag_rows.list_aliases(call.reader, stored.id),
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
        documents=await _document_names(call, stored.id),
        commands=[shown(Command, each) for each in kind.commands(place, evidence)],
    )


async def delete_manifest(call: Call) -> None:
    """Delete a manifest with its tags, by its digest; by a tag, remove only the tag."""
    reference = _reference(call)
    by, witness = call.identity.account_id, call.witness
    if isinstance(reference, Tag):
        await call.desk.manifests.untag(call.repository, reference, by, witness)
    else:
        await call.desk.manifests.delete(call.repository, reference, by, witness)


async def list_attached(call: Call, query: PageQuery) -> CountedPage[Attachment]:
    """What is attached: signatures, SBOMs, attestations, reports, and what is attached to those.

    500 are listed at most; `left_out` says how many more there are.
    """
    facts = await call.desk.manifests.get_facts(call.repository, _reference(call))
    nodes = await call.desk.attachments.tree_of(
        call.repository.id, facts.digest, offset=query.offset, limit=query.limit + 1
    )
    page = page_of(nodes, query, _attachment)
    total = await call.desk.attachments.count_of(call.repository.id, facts.digest)
    left_out = max(0, total - MAX_LISTED)
    return CountedPage(items=page.items, next=page.next, total=total, left_out=left_out)


async def list_packages(call: Call, query: EvidenceQuery) -> CountedPage[Package]:
    """The packages that SBOMs of the artifact list."""
    found = await _evidence(call, query.q)
    return counted(found.packages, query, _as_it_is, found.left_out.get("packages", 0))


async def list_vulnerabilities(call: Call, query: EvidenceQuery) -> Vulnerabilities:
    """What reports about the artifact found, each vulnerability of each package once.

    An entry whose `status` is `not_affected`, `fixed`, `suppressed` or `ignored` does not count.
    """
    found = await _evidence(call, query.q)
    page = counted(found.vulnerabilities, query, _as_it_is, left_out_of(found, "vulnerabilities"))
    return Vulnerabilities(
        items=page.items,
        next=page.next,
        total=page.total,
        left_out=page.left_out,
        counts=dict(Counter(each.severity for each in found.vulnerabilities if each.counts)),
        problems=found.reason,
        statements=found.assessments[query.offset : query.offset + query.limit],
    )


async def list_misconfigurations(call: Call, query: EvidenceQuery) -> CountedBySeverity[Issue]:
    """Misconfigurations that reports about the artifact found."""
    return await _issues(call, query, "misconfiguration")


async def list_secrets(call: Call, query: EvidenceQuery) -> CountedBySeverity[Issue]:
    """Secrets that reports about the artifact found; what they match is as the tool wrote it."""
    return await _issues(call, query, "secret")


async def list_licenses(call: Call, query: EvidenceQuery) -> CountedBySeverity[Issue]:
    """Licences that reports about the artifact found, and how they are judged."""
    return await _issues(call, query, "license")


async def _issues(call: Call, query: EvidenceQuery, category: str) -> CountedBySeverity[Issue]:
    evidence = await _evidence(call, query.q)
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


async def list_signatures(call: Call, query: PageQuery) -> Page[Signature]:
    """Signatures of the artifact; an identity is a claim unless `check` is `verified`.

    `check` is `verified`, `valid`, `invalid` or `not checked`, and `reason` says why."""
    return cut((await _evidence(call)).signatures, query, _as_it_is)


async def list_statements(call: Call, query: PageQuery) -> Page[Statement]:
    """What attestations say of the artifact: its provenance, tests, summaries."""
    return cut((await _evidence(call)).statements, query, _as_it_is)


async def list_files(call: Call, query: PageQuery) -> CountedPage[File]:
    """The files in the artifact."""
    facts = await call.desk.manifests.get_facts(call.repository, _reference(call))
    return counted((await call.desk.evidence.of(facts.id)).files, query, _as_it_is)


async def list_documents(call: Call, query: PageQuery) -> Page[str]:
    """The names of texts that were read out of the artifact."""
    facts = await call.desk.manifests.get_facts(call.repository, _reference(call))
    return cut(await _document_names(call, facts.id), query, _as_it_is)


async def get_document(call: Call) -> Document:
    """A text that was read out of the artifact; those called `….html` are safe HTML."""
    facts = await call.desk.manifests.get_facts(call.repository, _reference(call))
    name = call.values["document"]
    found = await artifacts.find_document(call.reader, facts.id, name)
    if found is None or name in _OURS:
        raise NotFound(f"the artifact has no document called {name}")
    return shown(Document, found)


async def _describe(call: Call) -> Described:
    stored = await call.desk.manifests.get(call.repository, _reference(call))
    return await call.desk.artifacts.describe(call.repository.id, stored)


async def _evidence(call: Call, words: str = "") -> Findings:
    facts = await call.desk.manifests.get_facts(call.repository, _reference(call))
    own = await call.desk.evidence.of(facts.id)
    return await call.desk.evidence.gather(call.repository.id, facts.digest, own, words)


async def _document_names(call: Call, manifest_id: int) -> list[str]:
    names = await artifacts.list_document_names(call.reader, manifest_id)
    return [name for name in names if name not in _OURS]


def _reference(call: Call) -> Reference:
    try:
        return parse_reference(call.values["reference"])
    except EntrepotError as error:
        raise ManifestUnknown from error


def _tag_of(call: Call) -> Tag | None:
    reference = _reference(call)
    return reference if isinstance(reference, Tag) else None


def _facts(described: Described, own: Findings) -> list[Fact]:
    """What the kind reads off the manifest, then what was found in the contents."""
    said = [shown(Fact, each) for each in described.kind.facts(described.evidence)]
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
    route("GET", _M, Policy.PULL, get_manifest),
    route("DELETE", _M, Policy.DELETE, delete_manifest),
    route("GET", f"{_M}/attached", Policy.PULL, list_attached),
    route("GET", f"{_M}/packages", Policy.PULL, list_packages),
    route("GET", f"{_M}/vulnerabilities", Policy.PULL, list_vulnerabilities),
    route("GET", f"{_M}/misconfigurations", Policy.PULL, list_misconfigurations),
    route("GET", f"{_M}/secrets", Policy.PULL, list_secrets),
    route("GET", f"{_M}/licenses", Policy.PULL, list_licenses),
    route("GET", f"{_M}/signatures", Policy.PULL, list_signatures),
    route("GET", f"{_M}/statements", Policy.PULL, list_statements),
    route("GET", f"{_M}/files", Policy.PULL, list_files),
    route("GET", f"{_M}/documents", Policy.PULL, list_documents),
    route("GET", f"{_M}/documents/{{document}}", Policy.PULL, get_document),
)
