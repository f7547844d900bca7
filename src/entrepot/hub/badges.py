"""Badges: one fact of a repository in a few words, for a README elsewhere."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from entrepot.hub.repository_views import RepositoryViews
from entrepot.model.artifacts import AttachmentCounts
from entrepot.model.repositories import Repository, RepositoryFacts
from entrepot.model.tags import TagRow

_SEVERITIES: Final = ("critical", "high", "medium", "low")
_LONGEST: Final = 40
_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB")
_NONE: Final = "none"


class BadgeSubject(StrEnum):
    """The fact that a badge tells."""

    VERSION = "version"
    PULLS = "pulls"
    SIZE = "size"
    SIGNED = "signed"
    VULNERABILITIES = "vulnerabilities"
    LICENCE = "licence"


class Tone(StrEnum):
    """How good the news are."""

    GOOD = "good"
    PLAIN = "plain"
    WARN = "warn"
    BAD = "bad"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Badge:
    """Two short texts and a tone."""

    label: str
    message: str
    tone: Tone


class Badges:
    """Tells facts of a repository, by the tag that people should pull."""

    def __init__(self, views: RepositoryViews) -> None:
        self._views = views

    async def get(self, repository: Repository, subject: BadgeSubject) -> Badge:
        """Return the badge; its message is `none` where nothing was pushed."""
        facts = await self._views.get_facts(repository)
        row = await self._views.find_recommended(repository)
        message, tone = _told(subject, facts, row)
        label = "license" if subject is BadgeSubject.LICENCE else subject.value
        return Badge(label, message[:_LONGEST], tone)


def _told(subject: BadgeSubject, facts: RepositoryFacts, row: TagRow | None) -> tuple[str, Tone]:
    if subject is BadgeSubject.PULLS:
        return _short(facts.pulls), Tone.PLAIN
    if row is None:
        return _NONE, Tone.UNKNOWN
    if subject is BadgeSubject.VERSION:
        return row.tag, Tone.PLAIN
    artifact = row.artifact
    if artifact is None:
        return "not read yet", Tone.UNKNOWN
    if subject is BadgeSubject.SIZE:
        return _size(artifact.size), Tone.PLAIN
    if subject is BadgeSubject.SIGNED:
        return _signed(artifact.marks)
    if subject is BadgeSubject.LICENCE:
        return (artifact.licenses, Tone.PLAIN) if artifact.licenses else ("unknown", Tone.UNKNOWN)
    return _vulnerabilities(artifact.marks.vulnerabilities)


def _signed(marks: AttachmentCounts) -> tuple[str, Tone]:
    """An attached signature proves nothing: it is good news only once a trusted key made it."""
    if marks.verified:
        return "verified", Tone.GOOD
    if marks.invalid:
        return "invalid", Tone.BAD
    return ("not verified", Tone.WARN) if marks.signatures else ("no", Tone.UNKNOWN)


def _vulnerabilities(counts: dict[str, int]) -> tuple[str, Tone]:
    """The two worst severities; without a report nobody knows."""
    if not counts:
        return "unknown", Tone.UNKNOWN
    found = [f"{counts[name]} {name}" for name in _SEVERITIES if counts.get(name)]
    is_bad = bool(counts.get("critical") or counts.get("high"))
    tone = Tone.BAD if is_bad else Tone.WARN if found else Tone.GOOD
    return ", ".join(found[:2]) or _NONE, tone


def _short(count: int) -> str:
    for factor, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= factor:
            return f"{count / factor:.3g}{unit}"
    return str(count)


def _size(count: int) -> str:
    value, unit = float(count), 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:.3g} {_UNITS[unit]}" if value < 1000 else f"{value:.0f} {_UNITS[unit]}"
