"""Decides whether an artifact may be pulled: by rules, by what is known of it, and exemptions.

The decision is made when something changes, never when somebody pulls.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from msgspec import Struct

from entrepot.model.security.exemptions import Exemption
from entrepot.model.security.pull_checks import CHECKS, CheckContext
from entrepot.model.security.pull_evidence import PullEvidence
from entrepot.model.security.pull_policies import Applies, Mode, PullPolicy, PullRule, PullVerdict
from entrepot.oci.tag_patterns import matches_any


class RuleResult(Struct, frozen=True, omit_defaults=True):
    """The result of a rule for an artifact; `why` tells what is missing, or what meets the rule."""

    name: str
    of: str
    """The repository or namespace whose rule it is."""
    mode: Mode
    tags: tuple[str, ...]
    met: bool
    why: str

    def is_about(self, tag: str | None) -> bool:
        """Say whether the rule is about this tag; `None` is what has no tag."""
        return Applies(tags=self.tags).holds(tag)


class Judgement(Struct, frozen=True, omit_defaults=True):
    """The results of all rules for an artifact, and the exemptions that hold.

    `policies` tells from which texts of rules it was made; `again_at` is when time alone may change
    it, in RFC 3339.
    """

    policies: str = ""
    results: tuple[RuleResult, ...] = ()
    exempt: str = ""
    exempt_tags: dict[str, str] = {}
    again_at: str = ""

    def unmet(self, tag: str | None) -> list[RuleResult]:
        """The rules about the tag that are not met, those that refuse first."""
        if self.exempt or (tag is not None and tag in self.exempt_tags):
            return []
        found = [each for each in self.results if not each.met and each.is_about(tag)]
        return sorted(found, key=lambda each: each.mode is Mode.WARN)

    def verdict(self, tag: str | None) -> PullVerdict:
        """The verdict for a pull by this tag; `None` is what has no tag."""
        unmet = self.unmet(tag)
        if not unmet:
            return PullVerdict.ALLOW
        return PullVerdict.REFUSE if unmet[0].mode is Mode.ENFORCE else PullVerdict.WARN

    def mildest(self, tags: Iterable[str]) -> str | None:
        """The tag of those with the mildest verdict: a pull by digest may mean any of them."""
        return min(tags, key=lambda tag: self.verdict(tag).weight, default=None)

    def message(self, tag: str | None) -> str:
        """Why the pull is refused, or warned of, in one line; empty where it is neither."""
        unmet = self.unmet(tag)
        if not unmet:
            return ""
        first = unmet[0]
        verb = "blocked by" if first.mode is Mode.ENFORCE else "does not meet"
        more = f" (and {len(unmet) - 1} more)" if len(unmet) > 1 else ""
        return f'{verb} policy "{first.name}" of {first.of}: {first.why}{more}'


@dataclass(frozen=True, slots=True)
class ScopedPolicy:
    """A policy, and the repository or namespace that it belongs to."""

    of: str
    policy: PullPolicy


def judge(
    policies: Sequence[ScopedPolicy],
    evidence: PullEvidence,
    exemptions: Sequence[Exemption],
    now: datetime,
    fingerprint: str = "",
) -> Judgement:
    """Return what the policies say of an artifact; exemptions that have ended mean nothing."""
    holding = [each for each in exemptions if each.until > now]
    context = CheckContext(evidence, holding, now)
    for each in holding:
        context.note(each.until)
    results = [
        _judge_rule(rule, scoped.of, context)
        for scoped in policies
        for rule in scoped.policy.rules
        # Before it is read, an artifact may be of any kind.
        if not (rule.applies.kinds and evidence.kind)
        or matches_any(rule.applies.kinds, evidence.kind)
    ]
    digests = {evidence.digest, *evidence.covering}
    by_digest = [each for each in holding if each.exempted.digest in digests]
    return Judgement(
        fingerprint,
        tuple(results),
        exempt=_described(by_digest[0]) if by_digest else "",
        exempt_tags={each.exempted.tag: _described(each) for each in holding if each.exempted.tag},
        again_at=context.again_at.isoformat() if context.again_at else "",
    )


def _described(exemption: Exemption) -> str:
    return f"{exemption.reason} (until {exemption.until:%Y-%m-%d}, by {exemption.created_by})"


def _judge_rule(rule: PullRule, of: str, context: CheckContext) -> RuleResult:
    faults, reasons = [], []
    for requirement in rule.require:
        for name, part in requirement.given.items():
            fault, reason = CHECKS[name](part, context)
            faults += [fault] if fault else []
            reasons += [reason] if reason else []
    why = "; ".join(faults or reasons)[:500]
    return RuleResult(rule.name, of, rule.mode, rule.applies.tags, not faults, why)
