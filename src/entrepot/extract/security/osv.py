"""Advisories in the format of OSV, as the sources of each ecosystem publish them.

Ranges become sort keys: what is affected begins at `low` and ends before `high`. Versions that are
listed one by one are ranges of one version, unless another range has them already.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from msgspec import DecodeError, Struct, ValidationError, field, json

from entrepot.errors import Invalid
from entrepot.extract.security.coordinates import MOST_BYTES, canonical_ecosystem, canonical_package
from entrepot.extract.security.identifiers import canonical_id, is_cve
from entrepot.extract.security.severities import UNKNOWN, band_of, severity_of
from entrepot.model.security.advisories import Advisory, AffectedRange
from entrepot.versions import ecosystems
from entrepot.versions.ecosystems import EVERYTHING, LEAST, MOST

_ADVISORY_PAGE: Final = "https://osv.dev/vulnerability/"
_MOST_ALIASES: Final = 100
_LONGEST: Final = 500
_LONGEST_TITLE: Final = 200
"""Characters of a title; advisories without one begin their details with a paragraph."""
_FIRST: Final = "0"
"""The version that every affected range without a known beginning begins with."""


class _Package(Struct):
    """The package that is affected."""

    ecosystem: str = ""
    name: str = ""


class _Range(Struct):
    """The events of a range: where the fault came in, and where it was mended."""

    type: str = ""
    events: list[dict[str, Any]] = field(default_factory=list)


class _Severity(Struct):
    """A vector of CVSS, or a word."""

    type: str = ""
    score: str = ""


class _Affected(Struct):
    """A package with the versions that are affected."""

    package: _Package | None = None
    ranges: list[_Range] | None = None
    versions: list[str] | None = None
    severity: list[_Severity] | None = None
    ecosystem_specific: Any = None
    database_specific: Any = None


class _Document(Struct):
    """A document, as far as it is read here."""

    id: str
    modified: str = ""
    published: str | None = None
    withdrawn: str | None = None
    aliases: list[str] | None = None
    upstream: list[str] | None = None
    summary: str | None = None
    details: str | None = None
    severity: list[_Severity] | None = None
    affected: list[_Affected] | None = None
    database_specific: Any = None


@dataclass(frozen=True, slots=True)
class _Event:
    """Something that happened at a version."""

    key: bytes
    name: str
    version: str


_decoder: Final = json.Decoder(_Document)


def hash_of(content: bytes) -> bytes:
    """Return the hash by which a changed document is told from a known one."""
    return hashlib.blake2b(content, digest_size=16).digest()


def parse_advisory(content: bytes) -> Advisory:
    """Return the advisory in a document; raise `Invalid` where it has no advisory."""
    try:
        document = _decoder.decode(content)
    except (DecodeError, ValidationError, RecursionError) as error:
        raise Invalid(f"not an OSV document: {error}") from error
    identifier = canonical_id(document.id)[:255]
    if not identifier:
        raise Invalid("an OSV document has an id")
    affected = document.affected or []
    score = _score(
        [*(document.severity or []), *(each for one in affected for each in one.severity or [])]
    )
    word = _word(document)
    return Advisory(
        identifier=identifier,
        aliases=_aliases(document, identifier),
        modified=document.modified[:64],
        published=(document.published or "")[:64],
        summary=_summary(document),
        severity=word if word != UNKNOWN else band_of(score) if score else UNKNOWN,
        score=score,
        url=_url(document, identifier),
        is_withdrawn=bool(document.withdrawn),
        hash=hash_of(content),
        ranges=() if document.withdrawn else tuple(_ranges(affected)),
    )


def _aliases(document: _Document, identifier: str) -> tuple[str, ...]:
    """Other ids of the same: a distribution's copy of a CVE says so by `upstream`."""
    cves = [each for each in document.upstream or [] if is_cve(canonical_id(each))]
    ids = [canonical_id(each)[:255] for each in (*(document.aliases or []), *cves)]
    kept = dict.fromkeys(each for each in ids if each and each != identifier)
    return tuple(list(kept)[:_MOST_ALIASES])


def _summary(document: _Document) -> str:
    text = document.summary or (document.details or "").strip().partition("\n")[0]
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_TITLE else f"{text[: _LONGEST_TITLE - 1]}…"


def _url(document: _Document, identifier: str) -> str:
    """The page of the advisory: its source's own, else OSV's."""
    specific = document.database_specific
    own = specific.get("url") if isinstance(specific, dict) else None
    if isinstance(own, str) and len(own) <= _LONGEST and own.startswith("https://"):
        return own
    return f"{_ADVISORY_PAGE}{identifier}"


def _word(document: _Document) -> str:
    """The source's own word: of a distribution's package, of Ubuntu, of GitHub's database."""
    ubuntu = (each.score for each in document.severity or [] if each.type == "Ubuntu")
    specifics = [each.ecosystem_specific for each in document.affected or []]
    specifics += [each.database_specific for each in document.affected or []]
    words: list[object] = [*ubuntu]
    for specific in (*specifics, document.database_specific):
        if isinstance(specific, dict):
            words += [specific.get("urgency"), specific.get("severity")]
    found = (severity_of(word) for word in words if isinstance(word, str))
    return next((word for word in found if word != UNKNOWN), UNKNOWN)


def _score(severities: Iterable[_Severity]) -> float:
    """The score of the newest CVSS vector that can be read; 0 without one."""
    from cvss import CVSS2, CVSS3, CVSS4, CVSSError

    readers = {"CVSS_V4": CVSS4, "CVSS_V3": CVSS3, "CVSS_V2": CVSS2}
    by_type = {each.type: each.score for each in severities}
    for name, reader in readers.items():
        if name not in by_type:
            continue
        try:
            return float(reader(by_type[name][:_LONGEST]).base_score)
        except (CVSSError, ValueError, KeyError):
            continue
    return 0.0


def _ranges(affected: Sequence[_Affected]) -> Iterable[AffectedRange]:
    """The ranges of all packages, each once."""
    found: dict[AffectedRange, None] = {}
    for one in affected:
        if one.package is None or not one.package.name:
            continue
        ecosystem = canonical_ecosystem(one.package.ecosystem.strip())
        name = canonical_package(ecosystem, one.package.name)
        sizes = [len(text.encode("utf-8", "replace")) for text in (ecosystem, name)]
        if not all(0 < size <= MOST_BYTES for size in sizes):
            continue
        own = [each for one_range in one.ranges or [] for each in _intervals(ecosystem, one_range)]
        own += _single_versions(ecosystem, one.versions or [], own)
        for low, high, fixed in own:
            found[AffectedRange(ecosystem, name, low, high, fixed[:255])] = None
    return found


def _intervals(ecosystem: str, found: _Range) -> list[tuple[bytes, bytes, str]]:
    """The affected parts of a range, sorted as the ecosystem does; none of Git's."""
    if found.type == "GIT":
        return []
    events = [
        _event(ecosystem, name, str(version))
        for each in found.events
        for name, version in each.items()
    ]
    if any(event.key > MOST for event in events):
        return []  # An event without a place in the order: what is listed one by one remains.
    # What begins at a version comes before what ends there.
    events.sort(key=lambda event: (event.key, event.name != "introduced"))
    intervals: list[tuple[bytes, bytes, str]] = []
    low: bytes | None = None
    for event in events:
        if event.name == "introduced":
            low = event.key if low is None else low
        elif low is not None:
            is_last = event.name == "last_affected"
            high = event.key + b"\0" if is_last else event.key
            intervals.append((low, high, event.version if event.name == "fixed" else ""))
            low = None
    if low is not None:
        intervals.append((low, EVERYTHING if low == LEAST else MOST, ""))
    return [each for each in intervals if each[0] < each[1]]


def _event(ecosystem: str, name: str, version: str) -> _Event:
    if version.strip() == _FIRST:
        return _Event(LEAST, name, version)
    if name == "limit" and version.strip() == "*":
        return _Event(MOST, name, version)
    return _Event(ecosystems.key(ecosystem, version), name, version)


def _single_versions(
    ecosystem: str, versions: Iterable[str], known: Sequence[tuple[bytes, bytes, str]]
) -> list[tuple[bytes, bytes, str]]:
    keys = {ecosystems.key(ecosystem, version) for version in versions}
    return [
        (key, key + b"\0", "")
        for key in sorted(keys)
        if not any(low <= key < high for low, high, _ in known)
    ]
