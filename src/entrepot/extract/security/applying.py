"""Which VEX statements speak of which findings, and what the last of them says.

A statement speaks of a finding if its product is the artifact that it is attached to, or the
package that was found; where it names parts of a product, the package must be one of these.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from msgspec.structs import replace

from entrepot.extract.findings import Assessment, Component, Vulnerability
from entrepot.extract.security.packages import canonical_name, parse_purl

_DIGEST: Final = re.compile(r"sha(?:256|384|512)(?::|%3a|-)[0-9a-f]{64,128}", re.IGNORECASE)
_OF_ARTIFACTS: Final = frozenset({"oci", "docker"})
_APPLIED: Final = frozenset({"not_affected", "fixed", "affected", "under_investigation"})
_MOST: Final = 200
"""Statements about one version of one package that are looked at: the last ones."""
_RUNS: Final = re.compile(r"[-_.]+")


@dataclass(frozen=True, slots=True)
class _Said:
    """A statement about one package, or about the whole artifact (`package` is `None`)."""

    statement: Assessment
    package: Component | None
    at: datetime
    place: int
    """Its place among the statements: of those of the same moment, the last one counts."""


class Statements:
    """The statements that are attached to an artifact, found by vulnerability and package."""

    def __init__(
        self,
        assessments: Sequence[Assessment],
        same: Callable[[str], str],
        names: Iterable[str] = (),
    ) -> None:
        self._names = {each.lower() for each in names}
        self._said: dict[tuple[str, str, str], list[_Said]] = {}
        for place, each in enumerate(assessments):
            if each.status in _APPLIED:
                ids = {same(one) for one in (each.id, *each.aliases)}
                self._keep(each, ids, place)

    def _keep(self, statement: Assessment, ids: Iterable[str], place: int) -> None:
        at = _moment(statement.said_at)
        packages = [one for each in statement.products for one in self._packages(each)]
        whole = not statement.products or any(
            self._is_artifact(each) for each in statement.products if not each.parts
        )
        for package in [*packages, *([None] if whole else [])]:
            said = _Said(statement, package, at, place)
            ends = {_end(name) for name in _names_of(package)} if package else {""}
            version = _version(package.version) if package else ""
            for key in ((each, end, version) for each in ids for end in ends):
                listed = self._said.setdefault(key, [])
                listed.append(said)
                if len(listed) > _MOST:
                    listed.remove(min(listed, key=_last))

    def _packages(self, product: Component) -> list[Component]:
        """The packages that a product means: its parts, or itself where it may be a package."""
        if not product.parts:
            return [product]
        return product.parts if self._may_be_artifact(product) else []

    def applied(self, found: Vulnerability, ids: Iterable[str]) -> Vulnerability:
        """The finding with what the last statement about it says."""
        ends = [("", ""), (_end(found.package), ""), (_end(found.package), _version(found.version))]
        about = [
            each
            for key in dict.fromkeys((name, *end) for name in ids for end in ends)
            for each in self._said.get(key, ())
            if each.package is None or _is_package(each.package, found)
        ]
        if not about:
            return found
        last = max(about, key=_last).statement
        reasons = [last.justification, last.impact]
        if last.status == "affected":
            reasons = [last.action, *reasons]
        return replace(
            found,
            status=last.status,
            justification=": ".join(each for each in reasons if each) or found.justification,
            sources=list(dict.fromkeys([*found.sources, *([last.source] if last.source else [])])),
        )

    def _may_be_artifact(self, product: Component) -> bool:
        """Whether nothing tells that the product is another artifact than this one."""
        digests = _digests_of(product)
        return not digests or not self._names or bool(digests & self._names)

    def _is_artifact(self, product: Component) -> bool:
        """Whether it is what the statement is attached to, and not a package within it."""
        digests = _digests_of(product)
        if digests:
            return not self._names or bool(digests & self._names)
        purls = [parsed for each in product.ids if (parsed := parse_purl(each)) is not None]
        if purls:
            return any(each.type in _OF_ARTIFACTS for each in purls)
        # A name or an address of the author's own: it was attached here because it is of this.
        return not product.version


def _digests_of(product: Component) -> set[str]:
    found = (match for each in product.ids for match in _DIGEST.findall(each))
    return {re.sub(r"(?i)%3a|-", ":", each, count=1).lower() for each in found}


def _is_package(product: Component, found: Vulnerability) -> bool:
    """Whether it is the package that was found, in this version or in any."""
    if not found.package:
        return False
    if _version(product.version) not in ("", _version(found.version)):
        return False
    types = {parsed.type for each in product.ids if (parsed := parse_purl(each)) is not None}
    own = parse_purl(found.purl)
    if own is not None and types and not types & {own.type, "generic"}:
        return False
    return any(_is_same(each, found) for each in _names_of(product))


def _names_of(product: Component) -> list[str]:
    purls = [(parsed.name, each) for each in product.ids if (parsed := parse_purl(each))]
    names = [canonical_name(*each) for each in purls]
    return names or [each for each in (product.name, *product.ids) if each]


def _end(name: str) -> str:
    """The name without its group."""
    return _plain(name).replace(":", "/").rpartition("/")[2]


def _last(said: _Said) -> tuple[datetime, int]:
    return said.at, said.place


def _is_same(name: str, found: Vulnerability) -> bool:
    one, other = _plain(name), _plain(found.package)
    if one == other:
        return True
    ends = [each.replace(":", "/").rpartition("/") for each in (one, other)]
    return not (ends[0][0] and ends[1][0]) and ends[0][2] == ends[1][2]


def _plain(name: str) -> str:
    return _RUNS.sub("-", name.strip().lower())


def _version(text: str) -> str:
    return text.strip().lower().removeprefix("v").removeprefix("0:")


def _moment(text: str) -> datetime:
    """When it was said; before everything else where that cannot be read."""
    earliest = datetime.min.replace(tzinfo=UTC)
    # Fractions of more than six digits are written by Go.
    text = re.sub(r"(\.\d{6})\d+", r"\1", text.strip())
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return earliest
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
