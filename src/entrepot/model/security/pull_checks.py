"""The requirements of pull policies: each says what is missing, or what meets it."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from msgspec import UnsetType

from entrepot.model.security.advisories import ArtifactFinding
from entrepot.model.security.exemptions import Exemption
from entrepot.model.security.pull_evidence import AttestationFact, PullEvidence, SignatureFact
from entrepot.model.security.pull_policies import (
    Age,
    AttestationNeeded,
    Listed,
    SbomNeeded,
    Signed,
    Signer,
    VulnerabilityLimit,
)
from entrepot.oci.tag_patterns import matches_any

_RANKS: Final = ("unknown", "negligible", "low", "medium", "high", "critical")
_SILENT: Final = frozenset({"not_affected", "fixed", "suppressed", "ignored"})
_MOST_NAMED: Final = 3
_VERIFIED: Final = "verified"
_SUBJECT: Final = "x509.subject:"
_INVALID: Final = "invalid"


@dataclass(slots=True)
class CheckContext:
    """Facts that an artifact is checked by; `again_at` is when time may change the result."""

    evidence: PullEvidence
    exemptions: Sequence[Exemption]
    now: datetime
    again_at: datetime | None = None
    exempt_vulnerabilities: frozenset[tuple[str, str]] = field(init=False)
    """Ids in capitals, each with the package that it is exempt in; empty for every package."""

    def __post_init__(self) -> None:
        found = (each.exempted for each in self.exemptions)
        self.exempt_vulnerabilities = frozenset(
            (each.vulnerability.upper(), each.package) for each in found if each.vulnerability
        )

    def note(self, moment: datetime) -> None:
        """Note that something changes at this moment."""
        if moment > self.now and (self.again_at is None or moment < self.again_at):
            self.again_at = moment


_Checked = tuple[str, str]
"""Why the requirement is not met, empty where it is; and what meets it."""


def _check_vulnerabilities(limit: VulnerabilityLimit, context: CheckContext) -> _Checked:
    if not (context.evidence.has_sbom or context.evidence.has_report or context.evidence.findings):
        unknown = "what is in it is not known: it has no SBOM and no report"
        return (unknown, "") if limit.unknown == "refuse" else ("", unknown)
    threshold = _RANKS.index(limit.none_at_or_above)
    found: dict[str, str] = {}
    for finding, seen in context.evidence.findings:
        if _RANKS.index(finding.severity) < threshold or finding.state in _SILENT:
            continue
        if limit.fixable_only and not finding.fixed:
            continue
        counts_from = seen + timedelta(days=limit.grace_days)
        context.note(counts_from)
        if counts_from <= context.now and not _is_exempt(finding, context):
            found.setdefault(finding.identifier, finding.severity)
    if not found:
        return "", f"no vulnerability of severity {limit.none_at_or_above} or worse"
    return _counted(found), ""


def _counted(found: Mapping[str, str]) -> str:
    """Such as `2 critical and 1 high vulnerabilities (CVE-1, CVE-2, CVE-3)`, the worst first."""
    ordered = sorted(found, key=lambda each: (-_RANKS.index(found[each]), each))
    counts = Counter(found[each] for each in ordered)
    said = " and ".join(f"{count} {severity}" for severity, count in counts.items())
    noun = "vulnerability" if len(found) == 1 else "vulnerabilities"
    named = ", ".join(ordered[:_MOST_NAMED]) + (", …" if len(ordered) > _MOST_NAMED else "")
    return f"{said} {noun} ({named})"


def _is_exempt(finding: ArtifactFinding, context: CheckContext) -> bool:
    exempt = context.exempt_vulnerabilities
    return bool(exempt) and any(
        (name.upper(), package) in exempt
        for name in (finding.identifier, *finding.aliases)
        for package in ("", finding.package)
    )


def _check_signed(signed: Signed, context: CheckContext) -> _Checked:
    made = [each for each in context.evidence.signatures if signed.by_index or not each.is_of_index]
    if not signed.any and not signed.all:
        good = [each for each in made if each.is_by_key]
        if good:
            return "", f"signed by {good[0].signer}"
        return _why_unsigned(made), ""
    found = {each: _find_signature(each, made, context.evidence) for each in signed.signers}
    missing = [each for each in signed.all if found[each] is None]
    if missing:
        return f"no valid signature by {missing[0].shown}", ""
    present = [each for each in signed.any if found[each] is not None]
    if signed.any and len(present) < signed.at_least:
        wanted = " or ".join(each.shown for each in signed.any[:_MOST_NAMED])
        number = f"{signed.at_least} valid signatures" if signed.at_least > 1 else "valid signature"
        return f"no {number} by {wanted}", ""
    by = dict.fromkeys(
        each.shown if fact.is_by_key else f"{fact.signer} (trust root {fact.root})"
        for each, fact in found.items()
        if fact is not None
    )
    return "", "signed by " + " and ".join(by)


def _why_unsigned(made: Sequence[SignatureFact]) -> str:
    if not made:
        return "it is not signed"
    if all(each.check == _INVALID for each in made):
        return "its signature is not valid"
    known = next((each.signer for each in made if each.root), None)
    if known is not None:
        return f"it is signed by {known}, whom the rule does not name, and by no trusted key"
    return "its signature is by nobody who is trusted here"


def _find_signature(
    signer: Signer, made: Sequence[SignatureFact], evidence: PullEvidence
) -> SignatureFact | None:
    return next((each for each in made if _is_by(signer, each, evidence)), None)


def _is_by(signer: Signer, fact: SignatureFact, evidence: PullEvidence) -> bool:
    if fact.check == _INVALID:
        return False
    if isinstance(signer.key, str):
        fingerprint = evidence.keys.get(signer.key)
        return fact.is_by_key and fingerprint is not None and fact.key_id == fingerprint
    if fact.check != _VERIFIED or not fact.root:
        return False
    if isinstance(signer.root, str) and fact.root != signer.root:
        return False
    if isinstance(signer.issuer, str) and fact.issuer != signer.issuer:
        return False
    return _is_named(str(signer.identity), fact) and all(
        matches_any([wanted], fact.claims.get(name, ""))
        for name, wanted in signer.claims.given.items()
    )


def _is_named(identity: str, fact: SignatureFact) -> bool:
    """Say whether the identity is meant: a pattern, or parts of a name that all are in it."""
    if not identity.startswith(_SUBJECT):
        return matches_any([identity], fact.identity)
    wanted = _parts_of_name(identity.removeprefix(_SUBJECT))
    return fact.is_named_by_subject and bool(wanted) and wanted <= _parts_of_name(fact.identity)


def _parts_of_name(name: str) -> set[str]:
    """The parts of a distinguished name (RFC 4514); a comma behind a backslash parts nothing."""
    parts = (part.strip().partition("=") for part in re.split(r"(?<!\\),", name))
    return {f"{key.strip().upper()}={value.strip()}" for key, _, value in parts if key.strip()}


def _check_attestation(needed: AttestationNeeded, context: CheckContext) -> _Checked:
    of_type = [
        each
        for each in context.evidence.attestations
        if matches_any([needed.predicate_type], each.predicate_type)
    ]
    if not of_type:
        return f"it has no attestation of type {needed.predicate_type}", ""
    trusted = [each for each in of_type if _is_attested(needed, each, context.evidence)]
    if not trusted:
        return f"its attestation of type {needed.predicate_type} is by nobody who may make it", ""
    for fact in trusted:
        if _says(needed.builder, fact.builder) and _says(needed.result, fact.result):
            return "", f"attested: {fact.predicate_type}"
    return f"its attestation of type {needed.predicate_type} says something else", ""


def _is_attested(needed: AttestationNeeded, fact: AttestationFact, evidence: PullEvidence) -> bool:
    if not needed.any:
        return any(each.is_by_key for each in fact.signatures)
    return any(_find_signature(each, fact.signatures, evidence) for each in needed.any)


def _says(wanted: str | UnsetType, said: str) -> bool:
    return not isinstance(wanted, str) or matches_any([wanted], said)


def _check_sbom(needed: SbomNeeded, context: CheckContext) -> _Checked:
    return ("", "it has an SBOM") if context.evidence.has_sbom else ("it has no SBOM", "")


def _check_age(age: Age, context: CheckContext) -> _Checked:
    pushed = f"it was pushed on {context.evidence.pushed_at:%Y-%m-%d}"
    if isinstance(age.at_least_days, int):
        since = context.evidence.pushed_at + timedelta(days=age.at_least_days)
        context.note(since)
        if context.now < since:
            return f"{pushed}, less than {age.at_least_days} days ago", ""
    if isinstance(age.at_most_days, int):
        until = context.evidence.pushed_at + timedelta(days=age.at_most_days)
        context.note(until)
        if context.now >= until:
            return f"{pushed}, more than {age.at_most_days} days ago", ""
    return "", pushed


def _check_kinds(listed: Listed, context: CheckContext) -> _Checked:
    if not context.evidence.kind:
        return "its kind is not known yet", ""
    return _among(listed, context.evidence.kind, f"its kind is {context.evidence.kind}")


def _among(listed: Listed, value: str, said: str) -> _Checked:
    is_met = (
        matches_any(listed.only, value) if listed.only else not matches_any(listed.not_in, value)
    )
    return ("", said) if is_met else (f"{said}, which is not allowed", "")


def _check_licenses(listed: Listed, context: CheckContext) -> _Checked:
    refused = [
        f"{expression} of {package}"
        for package, expression in sorted(context.evidence.licenses.items())
        if not any(_is_allowed(listed, choice) for choice in _choices(expression))
    ]
    if not refused:
        return "", "its licences are allowed"
    named = ", ".join(refused[:_MOST_NAMED]) + (", …" if len(refused) > _MOST_NAMED else "")
    return f"licences that are not allowed: {named}", ""


def _choices(expression: str) -> Iterator[list[str]]:
    """The licences of each alternative of an SPDX expression; with brackets, all of them as one."""
    plain = expression.replace("(", " ").replace(")", " ")
    if "(" in expression:
        plain = plain.replace(" OR ", " AND ")
    for choice in plain.split(" OR "):
        yield [each.split(" WITH ")[0].strip() for each in choice.split(" AND ") if each.strip()]


def _is_allowed(listed: Listed, licenses: Sequence[str]) -> bool:
    if listed.only:
        return all(matches_any(listed.only, each) for each in licenses)
    return not any(matches_any(listed.not_in, each) for each in licenses)


CHECKS: Final[Mapping[str, Callable[..., _Checked]]] = {
    "vulnerabilities": _check_vulnerabilities,
    "signed": _check_signed,
    "attestation": _check_attestation,
    "sbom": _check_sbom,
    "age": _check_age,
    "kinds": _check_kinds,
    "licenses": _check_licenses,
}
