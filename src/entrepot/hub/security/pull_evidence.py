"""Gathers what is known of an artifact for the rules about pulls."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from entrepot.extract.findings import NOTATION, OPENPGP, Findings, Result, Signature
from entrepot.hub.contents.attachments import Attached, Attachments
from entrepot.hub.security.findings import FindingsAggregator
from entrepot.kinds.recognition.catalogue import kind_of_id
from entrepot.kinds.recognition.kind import Family
from entrepot.metadata.contents import artifact_relations, artifacts
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.security import pull_evidence, trusted_keys
from entrepot.metadata.security.pull_policies import JudgedManifest, RepositoryPolicies
from entrepot.model.security.pull_evidence import AttestationFact, PullEvidence, SignatureFact
from entrepot.model.security.pull_policies import Claims

SIGN_PREDICATE: Final = "https://sigstore.dev/cosign/sign/v1"
_SIGNED: Final = frozenset({"signed", "attestation"})
_MOST_CHILDREN: Final = 200
_MOST_INDEXES: Final = 10
_MOST_ATTACHED: Final = 100
"""Signatures and attestations of one digest that are read; each is a document."""


@dataclass(frozen=True, slots=True)
class _About:
    """A digest whose attachments are read; an index's signature covers what it lists."""

    digest: str
    is_index: bool


class PullEvidenceReader:
    """Reads the facts that the rules of a repository ask for, and no others."""

    def __init__(
        self, metadata: Metadata, attachments: Attachments, findings: FindingsAggregator
    ) -> None:
        self._metadata = metadata
        self._attachments = attachments
        self._findings = findings

    async def read(
        self, repository_id: int, manifest: JudgedManifest, policies: RepositoryPolicies
    ) -> PullEvidence:
        """Return what is known of the manifest now."""
        reader, needs = self._metadata.reader, _needs(policies)
        artifact = await artifacts.find_artifact(reader, manifest.id)
        parents = await artifact_relations.list_parents_with_sizes(
            reader, repository_id, manifest.digest
        )
        covering = [digest for _, digest, _ in parents[:_MOST_INDEXES]]
        if artifact is None:
            return PullEvidence(manifest.digest, manifest.pushed_at, covering=covering)
        attached = await self._attachments.list_of(repository_id, manifest.digest)
        families = {kind_of_id(each.artifact.kind).family for each in attached}
        children = await artifact_relations.list_children(
            reader, repository_id, manifest.id, _MOST_CHILDREN
        )
        ids = [manifest.id, *(each.manifest_id for each in children)]
        of = [*ids, *(each.artifact.manifest_id for each in attached)]
        evidence = PullEvidence(
            manifest.digest,
            manifest.pushed_at,
            artifact.kind,
            has_sbom=artifact.marks.sboms > 0,
            has_report=Family.REPORT in families,
            findings=await pull_evidence.list_findings_with_times(reader, ids),
            licenses=await pull_evidence.list_licenses(reader, of) if "licenses" in needs else {},
            covering=covering,
        )
        if not needs & _SIGNED:
            return evidence
        return replace(
            evidence,
            **await self._signed(repository_id, attached, evidence),
            keys=await self._keys(policies),
        )

    async def _signed(
        self, repository_id: int, attached: Sequence[Attached], evidence: PullEvidence
    ) -> dict[str, Any]:
        """The signatures and attestations of the artifact, and of indexes that list it."""
        signatures: list[SignatureFact] = []
        attestations: list[AttestationFact] = []
        own = _About(evidence.digest, is_index=False)
        await self._read_signed(attached, own, signatures, attestations)
        for digest in evidence.covering:
            of_index = await self._attachments.list_of(repository_id, digest)
            about = _About(digest, is_index=True)
            await self._read_signed(of_index, about, signatures, attestations)
        return {"signatures": signatures, "attestations": attestations}

    async def _read_signed(
        self,
        attached: Sequence[Attached],
        about: _About,
        signatures: list[SignatureFact],
        attestations: list[AttestationFact],
    ) -> None:
        """Add what the attachments sign and attest of that digest."""
        wanted = (Family.SIGNATURE, Family.ATTESTATION, Family.SBOM, Family.REPORT)
        asked = [each for each in attached if kind_of_id(each.artifact.kind).family in wanted]
        for each in asked[:_MOST_ATTACHED]:
            found = await self._findings.of(each.artifact.manifest_id)
            facts = _facts_of(found, about)
            said = [one for one in found.statements if one.predicate_type != SIGN_PREDICATE]
            if not said:
                signatures += facts
            attestations += [
                AttestationFact(one.predicate_type, one.builder, one.result, facts)
                for one in said
                if about.digest in one.subjects
            ]

    async def _keys(self, policies: RepositoryPolicies) -> dict[str, str]:
        from entrepot.extract.signing.keys import fingerprint, load_key

        found = await trusted_keys.list_trusted_keys(self._metadata.reader, policies.namespace_id)
        loaded = {each.name: load_key(each.pem) for each in found}
        return {name: fingerprint(key) for name, key in loaded.items() if key is not None}


def _facts_of(found: Findings, about: _About) -> list[SignatureFact]:
    """The signatures as those of that digest: what signs another one is none of it."""
    return [
        SignatureFact(
            each.check if each.names(about.digest) else Result.INVALID.value,
            each.key_id,
            each.identity,
            each.issuer,
            each.root,
            about.is_index,
            _claims_of(each),
            each.form == NOTATION,
        )
        for each in found.signatures
        if each.form != OPENPGP
    ]


def _claims_of(signature: Signature) -> dict[str, str]:
    """Return the certificate's claims of the build, by the names that rules have for them."""
    if not signature.root or signature.form == NOTATION:
        return {}
    said = {name.lower().replace(" ", "_"): text for name, text in signature.details.items()}
    return {name: said[name] for name in Claims.__struct_fields__ if name in said}


def _needs(policies: RepositoryPolicies) -> frozenset[str]:
    """The names of everything that a rule requires."""
    return frozenset(
        name
        for scoped in policies.scoped
        for rule in scoped.policy.rules
        for requirement in rule.require
        for name in requirement.given
    )
