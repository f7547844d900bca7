"""Search queries and their results."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from entrepot.model.people.accounts import NamespaceKind
from entrepot.model.repositories import Visibility
from entrepot.model.tags import TagRow

_WORDS: Final = re.compile(r"[^\W_]+")


_LONGEST: Final = 64


_SHORTEST_PREFIX: Final = 2


def tokens_of(text: str) -> list[str]:
    """The words of a text without case and accents, so that both engines index the same."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    if not plain.isascii():
        plain = "".join(each for each in plain if not unicodedata.combining(each))
    return [word[:_LONGEST] for word in _WORDS.findall(plain)]


class Facet(StrEnum):
    """A facet of search results; the words of `repository_facets`."""

    KIND = "kind"
    ARCH = "arch"
    OS = "os"
    LICENSE = "license"
    SIGNED = "signed"
    SBOM = "sbom"
    NAMESPACE = "namespace"


class Within(StrEnum):
    """A condition on the artifacts of a repository."""

    PACKAGE = "package"
    PURL = "purl"
    CVE = "cve"
    DIGEST = "digest"
    TAG = "tag"


class SearchOrder(StrEnum):
    """How repositories are sorted; ties go by name."""

    RELEVANCE = "relevance"
    NEWEST = "newest"
    STARS = "stars"
    PULLS = "pulls"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Term:
    """A word or phrase; as a prefix, its last word may go on."""

    text: str
    is_prefix: bool = False

    @property
    def tokens(self) -> list[str]:
        """The term's words as the index has them; none where it holds no letter or digit."""
        return tokens_of(self.text)

    @property
    def may_go_on(self) -> bool:
        """Whether the last word is a prefix; one letter is not worth it."""
        return self.is_prefix and len(self.tokens[-1]) >= _SHORTEST_PREFIX


@dataclass(frozen=True, slots=True)
class Filter:
    """A demand on a repository. Those on one facet are alternatives; all others add up."""

    name: Facet | Within
    value: str
    is_excluded: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A search query; without any term it matches everything."""

    terms: tuple[Term, ...] = ()
    excluded: tuple[Term, ...] = ()
    filters: tuple[Filter, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """A repository as a list shows it."""

    repository_id: int
    name: str
    description: str
    kind: str
    stars: int
    pulls: int
    pushed_at: datetime | None
    visibility: Visibility
    archived: bool
    tag_count: int
    created_at: datetime
    recommended: TagRow | None = None
    """The tag that people are told to pull, where a list shows it."""
    pulls_by_day: tuple[int, ...] = ()
    """Pulls of the last days, today last, where a list shows them."""

    @property
    def summary(self) -> str:
        """The repository's description; else that of the artifact that it recommends."""
        artifact = self.recommended.artifact if self.recommended else None
        return self.description or (artifact.description if artifact else "")


@dataclass(frozen=True, slots=True)
class Shipped:
    """A package in an artifact; the digest is of what the SBOM is about, where it says so."""

    repository: str
    digest: str
    package: str
    version: str
    purl: str
    licenses: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ShippedPage:
    """One page of what ships a package, by version, and how much there is, up to `MOST`."""

    total: int
    entries: tuple[Shipped, ...]


@dataclass(frozen=True, slots=True)
class FoundPackage:
    """A package by name, and how many repositories ship it."""

    name: str
    repositories: int


@dataclass(frozen=True, slots=True)
class FoundTag:
    """A tag of a repository."""

    repository: str
    tag: str


@dataclass(frozen=True, slots=True)
class FoundVulnerability:
    """A vulnerability, and in how many repositories it counts."""

    identifier: str
    repositories: int


@dataclass(frozen=True, slots=True)
class FoundNamespace:
    """A person or an organization."""

    name: str
    kind: NamespaceKind
    description: str


@dataclass(frozen=True, slots=True)
class OtherResults:
    """Results of a search besides repositories; each list has the first few."""

    packages: tuple[FoundPackage, ...] = ()
    vulnerabilities: tuple[FoundVulnerability, ...] = ()
    tags: tuple[FoundTag, ...] = ()
    namespaces: tuple[FoundNamespace, ...] = ()


FacetCounts = dict[Facet, list[tuple[str, int]]]


@dataclass(frozen=True, slots=True)
class SearchResult:
    """One page of what matches, how much there is, and what it is."""

    total: int
    hits: tuple[Hit, ...]
    facets: FacetCounts
