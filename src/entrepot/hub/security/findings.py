"""Findings of an artifact's attachments: packages, vulnerabilities, statements, signatures."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from msgspec import DecodeError, json
from msgspec.structs import replace

from entrepot.extract.findings import (
    OPENPGP,
    ExtractionState,
    Findings,
    InTotoStatement,
    Result,
    Signature,
    Vulnerability,
)
from entrepot.extract.security.merging import Said, counted_of
from entrepot.hub.contents.attachments import Attached, Attachments
from entrepot.hub.contents.indexing import CHILDREN
from entrepot.hub.security.matching import Matching
from entrepot.kinds.recognition.catalogue import kind_of_id
from entrepot.kinds.recognition.kind import Family
from entrepot.metadata.contents import artifact_relations, artifacts
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.registry import manifests
from entrepot.oci.digests import Digest
from entrepot.oci.manifests import read_manifest
from entrepot.oci.media_types import INDEXES

_LISTS: Final = (
    "packages",
    "relations",
    "vulnerabilities",
    "assessments",
    "issues",
    "statements",
    "signatures",
)

_ORIGINS: Final = (Family.SIGNATURE, Family.ATTESTATION)
_MOST_ORIGINS: Final = 6
"""Signatures and attestations that are read for an origin; the tabs of both show all."""
_MAX_ORIGIN: Final = 1024 * 1024
"""Bytes of the largest attestation that is read for it: larger ones hold an SBOM."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Builds and signatures of an artifact, the most trusted signature first."""

    statements: list[InTotoStatement]
    signatures: list[Signature]


class FindingsAggregator:
    """Reads what was found in everything that is attached to an artifact or to its children."""

    def __init__(self, metadata: Metadata, attachments: Attachments, matching: Matching) -> None:
        self._metadata = metadata
        self._attachments = attachments
        self._matching = matching

    async def of(self, manifest_id: int) -> Findings:
        """Return the findings in the artifact itself; queued until it was read."""
        document = await artifacts.find_document(self._metadata.reader, manifest_id, "findings")
        if document is None:
            return Findings(state=ExtractionState.QUEUED)
        try:
            return json.decode(document.text, type=Findings)
        except DecodeError:
            return Findings(
                state=ExtractionState.FAILED, reason="the stored findings cannot be read"
            )

    async def get_origin(self, repository_id: int, digests: Sequence[str]) -> Origin:
        """Return the builds and signatures that are attached to these digests of one artifact."""
        found: list[Findings] = []
        for digest in digests:
            attached = [
                each.artifact
                for each in await self._attachments.list_of(repository_id, digest)
                if kind_of_id(each.artifact.kind).family in _ORIGINS
                and each.artifact.size <= _MAX_ORIGIN
            ]
            for artifact in attached[: _MOST_ORIGINS - len(found)]:
                own = await self._find(artifact.manifest_id)
                found += [_about(own, digest)] if own else []
        order = list(Result)
        return Origin(
            [statement for each in found for statement in each.statements],
            sorted(
                (signature for each in found for signature in each.signatures),
                key=lambda signature: order.index(Result(signature.check)),
            ),
        )

    async def gather(
        self, repository_id: int, digest: str, own: Findings, query: str = ""
    ) -> Findings:
        """One value with the packages, findings, statements and signatures of all of them.

        `query` narrows packages and findings to those that hold each of its words.
        """
        children = await self._children(repository_id, digest)
        asked = [digest, *children]
        if children:
            asked = [digest, *await self._attachments.list_having(repository_id, children)]
        attached_to = {each: await self._attachments.list_of(repository_id, each) for each in asked}
        matches = await self._matches(repository_id, [digest, *children], attached_to)
        everything, scopes, reasons = [own], [], [own.reason]
        for each in [digest, *children]:
            if each not in attached_to and each not in matches:
                continue
            scope = Said(each, matches.get(each, []))
            for attached in attached_to.get(each, ()):
                found = await self._find(attached.artifact.manifest_id)
                if found is not None:
                    everything.append(_about(found, each))
                    _take(scope, found)
                    reasons.append(_problem(attached, found))
            scopes.append(scope)
        _take(scopes[0], own)
        whole = await asyncio.to_thread(counted_of, scopes[0], scopes[1:])
        values = {name: _joined(everything, name) for name in _LISTS}
        values["vulnerabilities"] = [*whole]
        for name in ("packages", "vulnerabilities", "issues", "assessments"):
            values[name] = _having(values[name], query.lower().split())
        return Findings(
            state=own.state,
            reason="; ".join(dict.fromkeys(each for each in reasons if each)),
            facts=own.facts,
            left_out=_summed(each.left_out for each in everything),
            **values,  # type: ignore[arg-type]
        )

    async def _matches(
        self,
        repository_id: int,
        digests: Sequence[str],
        attached_to: Mapping[str, Sequence[Attached]],
    ) -> dict[str, list[Vulnerability]]:
        """The hub's findings in the packages of these manifests and of their attachments."""
        reader = self._metadata.reader
        here = await artifact_relations.find_children(reader, repository_id, digests)
        owners = [(child.manifest_id, digest) for digest, child in here.items()]
        for digest, attachments in attached_to.items():
            owners += [(each.artifact.manifest_id, digest) for each in attachments]
        by_id = await self._matching.list_of([manifest_id for manifest_id, _ in owners])
        found: dict[str, list[Vulnerability]] = {}
        for manifest_id, digest in owners:
            if manifest_id in by_id:
                found.setdefault(digest, []).extend(by_id[manifest_id])
        return found

    async def _find(self, manifest_id: int) -> Findings | None:
        document = await artifacts.find_document(self._metadata.reader, manifest_id, "findings")
        if document is None:
            return None
        try:
            return json.decode(document.text, type=Findings)
        except DecodeError:
            return None

    async def _children(self, repository_id: int, digest: str) -> list[str]:
        reader = self._metadata.reader
        stored = await manifests.find_manifest(reader, repository_id, Digest.parse(digest))
        if stored is None or stored.media_type not in INDEXES:
            return []
        manifest = await read_manifest(stored.content, stored.media_type)
        return [str(each.digest) for each in manifest.children[:CHILDREN]]


def _about(findings: Findings, digest: str) -> Findings:
    """The findings as evidence of that digest: what signs another one verifies nothing here."""
    signatures = [
        each if each.names(digest) or each.form == OPENPGP else _of_another(each)
        for each in findings.signatures
    ]
    return replace(findings, signatures=signatures)


def _of_another(signature: Signature) -> Signature:
    """The signature as one of something else: by tags and indexes anything can be attached."""
    if signature.check == Result.INVALID:
        return signature
    reason = f"it signs {signature.subject[:30]}…, not what it is attached to"
    return replace(signature, check=Result.INVALID, reason=reason)


def _take(scope: Said, found: Findings) -> None:
    scope.found += found.vulnerabilities
    scope.assessments += found.assessments


def _problem(attached: Attached, found: Findings) -> str:
    """Why something that is attached may say more than is shown."""
    if found.state in (ExtractionState.DONE, ExtractionState.QUEUED):
        return ""
    return f"{kind_of_id(attached.artifact.kind).name} {attached.digest[:19]}: {found.reason}"


def _joined(everything: Iterable[Findings], name: str) -> list[object]:
    return [each for findings in everything for each in getattr(findings, name)]


def _summed(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(total)


def _having(values: Iterable[object], words: Sequence[str]) -> list[object]:
    """Those that hold each of the words, once: several SBOMs list the same package."""
    distinct = {json.encode(each): each for each in values}
    return [
        each
        for text, each in distinct.items()
        if all(word in text.decode().lower() for word in words)
    ]
