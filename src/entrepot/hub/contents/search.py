"""The rules of search: visible repositories, references that lead to a page, suggestions."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from heapq import nlargest
from operator import add
from typing import Final

from entrepot.hub.contents.queries import Jump, as_named, find_jump, parse_query
from entrepot.hub.names import fold_name
from entrepot.hub.people.actors import Action, Identity
from entrepot.hub.permissions import Permissions
from entrepot.kinds.recognition.catalogue import all_kinds, find_kind
from entrepot.metadata.contents import search, search_others
from entrepot.metadata.contents.search_packages import packages_of
from entrepot.metadata.engines.engine import Reader
from entrepot.metadata.registry.manifests import find_facts
from entrepot.metadata.security.vulnerability_ids import folded_id
from entrepot.metadata.visibility import VisibleTo
from entrepot.model.search import (
    Facet,
    Filter,
    Hit,
    OtherResults,
    Query,
    SearchOrder,
    SearchResult,
    ShippedPage,
    Within,
)
from entrepot.oci.names import Reference, RepositoryName, Tag

_COMPARED: Final = 20_000
"""Names that a misspelt one is compared with: the most popular."""
_ALIKE: Final = 0.3
_SUGGESTED: Final = 5
_OTHERS: Final = 5
_LONGEST_WORD: Final = 100
_VULNERABILITY: Final = re.compile(r"CVE-\d{4}(-\d*)?|GHSA-[a-z0-9]{2,4}(-[a-z0-9]{1,4}){0,2}")


@dataclass(frozen=True, slots=True)
class ResolvedReference:
    """Something that is there and may be seen: a repository, or an artifact in it."""

    repository: RepositoryName
    reference: Reference | None = None


@dataclass(frozen=True, slots=True)
class Results:
    """The results of a search, and a redirect target if the query names one thing.

    `suggestions` are names that look like what was typed, where nothing was found.
    """

    query: Query
    found: SearchResult
    place: ResolvedReference | None = None
    suggestions: tuple[str, ...] = ()


class Search:
    """Finds repositories and packages that the identity may see."""

    def __init__(self, reader: Reader, permissions: Permissions) -> None:
        self._reader = reader
        self._permissions = permissions

    async def find(
        self,
        identity: Identity,
        text: str,
        *,
        hosts: Collection[str] = (),
        order: SearchOrder = SearchOrder.RELEVANCE,
        limit: int = 25,
        offset: int = 0,
    ) -> Results:
        """One page of what the text asks for; `hosts` are the names that the hub is reached by."""
        visible_to = await self.sight_of(identity)
        jump = find_jump(text, hosts)
        place = await self._place(identity, jump)
        for query in _readings(text, jump):
            found = await search.search(
                self._reader,
                with_families(query),
                visible_to,
                order=order,
                limit=limit,
                offset=offset,
            )
            if found.total:
                place = place or await self._only_place(jump, found) or _named_so(jump, found)
                return Results(query, found, place)
        query = parse_query(text)
        return Results(query, found, place, await self._suggestions(visible_to, query))

    async def find_others(
        self, identity: Identity, text: str, limit: int = _OTHERS
    ) -> OtherResults:
        """Find the first packages, vulnerabilities, tags, people and organizations by one word."""
        query = parse_query(text)
        word = query.terms[0].text.rstrip("*") if len(query.terms) == 1 else ""
        if query.filters or query.excluded or not 2 <= len(word) <= _LONGEST_WORD:
            return OtherResults()
        visible_to, reader = await self.sight_of(identity), self._reader
        identifier = folded_id(word)
        if _VULNERABILITY.fullmatch(identifier):
            found = await search_others.list_vulnerabilities_like(
                reader, identifier, visible_to, limit
            )
            return OtherResults(vulnerabilities=tuple(found))
        versions = [word, f"v{word}"] if any(each.isdigit() for each in word) else [word]
        return OtherResults(
            packages=tuple(
                await search_others.list_packages_like(reader, word.lower(), visible_to, limit)
            ),
            tags=tuple(await search_others.list_tags_named(reader, versions, visible_to, limit)),
            namespaces=tuple(
                await search_others.list_namespaces_like(
                    reader,
                    fold_name(word),
                    visible_to,
                    limit,
                    sees_people=identity.is_authenticated,
                )
            ),
        )

    async def suggest(self, identity: Identity, text: str, limit: int) -> list[Hit]:
        """Find repositories by an unfinished text, the best match first."""
        query = parse_query(text)
        if not query.terms and not query.filters:
            return []
        visible_to = await self.sight_of(identity)
        return list(await search.list_hits(self._reader, with_families(query), visible_to, limit))

    async def find_place(
        self, identity: Identity, text: str, hosts: Collection[str]
    ) -> ResolvedReference | None:
        """The one thing that the text names, where it is there and may be seen."""
        return await self._place(identity, find_jump(text, hosts))

    async def packages(
        self, identity: Identity, package: str, *, limit: int = 50, offset: int = 0
    ) -> ShippedPage:
        """The visible artifacts that ship a package (`name`, `name@3.*`, `lib*`)."""
        visible_to = await self.sight_of(identity)
        package = package.replace("\0", "").strip()
        if not package.strip("*"):
            return ShippedPage(0, ())
        return await packages_of(self._reader, package, visible_to, limit=limit, offset=offset)

    async def sight_of(self, identity: Identity) -> VisibleTo:
        """Return the repositories that an identity can see."""
        namespaces = await self._permissions.visible_namespaces(identity)
        return VisibleTo(None if namespaces is None else tuple(namespaces))

    async def _place(self, identity: Identity, jump: Jump | None) -> ResolvedReference | None:
        if jump is None or jump.repository is None:
            return None
        rights = await self._permissions.rights(identity, jump.repository)
        repository = rights.repository
        if repository is None or Action.PULL not in rights.actions:
            return None
        if jump.reference is not None:
            facts = await find_facts(self._reader, repository.id, jump.reference)
            if facts is None:
                return None
        return ResolvedReference(repository.name, jump.reference)

    async def _only_place(self, jump: Jump | None, found: SearchResult) -> ResolvedReference | None:
        """A digest of a manifest that one repository has leads there."""
        if jump is None or jump.reference is None or found.total != 1 or not found.hits:
            return None
        hit = found.hits[0]
        facts = await find_facts(self._reader, hit.repository_id, jump.reference)
        return (
            None if facts is None else ResolvedReference(RepositoryName(hit.name), jump.reference)
        )

    async def _suggestions(self, visible_to: VisibleTo, query: Query) -> tuple[str, ...]:
        words = [term.text for term in query.terms if term.tokens]
        if not words:
            return ()
        names = await search.list_seen_names(self._reader, visible_to, _COMPARED)
        return tuple(closest(" ".join(words), names))


def _readings(text: str, jump: Jump | None) -> Iterable[Query]:
    """Suggestions for the text, the likeliest first."""
    if jump is not None and jump.repository is None:
        yield Query(filters=(Filter(Within.DIGEST, str(jump.reference)),))
        return
    query = parse_query(text)
    named = as_named(query, jump)
    # `app:1.0` is the tag of an app before it is two words of a text.
    if named is not None:
        yield named
    yield query
    words = [term.text.rstrip("*") for term in query.terms]
    identifiers = [word for word in words if _VULNERABILITY.fullmatch(folded_id(word))]
    if identifiers and len(identifiers) == len(words):
        found = tuple(
            Filter(Within.CVE, f"{word}*" if word in _prefixes(query) else word)
            for word in identifiers
        )
        yield replace(query, terms=(), filters=(*query.filters, *found))


def _prefixes(query: Query) -> set[str]:
    return {term.text[:-1] for term in query.terms if term.text.endswith("*")}


def _named_so(jump: Jump | None, found: SearchResult) -> ResolvedReference | None:
    """Return the only repository of that name with the tag: `shop:1.0` means `acme/shop:1.0`."""
    if jump is None or jump.repository is None or not isinstance(jump.reference, Tag):
        return None
    called = [hit.name for hit in found.hits if hit.name.endswith(f"/{jump.repository}")]
    if len(called) != 1 or found.total > len(found.hits):
        return None
    return ResolvedReference(RepositoryName(called[0]), jump.reference)


def with_families(query: Query) -> Query:
    """The query with all kinds that a family (`chart`) or a first word (`helm`) stands for."""
    filters: list[Filter] = []
    for each in query.filters:
        values = _kinds_of(each.value) if each.name is Facet.KIND else [each.value]
        filters += [replace(each, value=value) for value in values]
    return replace(query, filters=tuple(filters))


def _kinds_of(text: str) -> list[str]:
    if find_kind(text) is not None:
        return [text]
    kinds = list(all_kinds())
    family = [kind.id for kind in kinds if kind.family == text]
    return family or [kind.id for kind in kinds if kind.id.startswith(f"{text}-")] or [text]


def closest(text: str, names: Sequence[str], count: int = _SUGGESTED) -> list[str]:
    """The names that share most pairs of letters with the text, of two equals the earlier.

    Names are compared behind their last slash, unless the text has one too.
    """
    wanted, is_whole = _pairs(text.lower()), "/" in text
    scored = (
        (_dice(wanted, _pairs(name if is_whole else name.rpartition("/")[2])), -place)
        for place, name in enumerate(names)
    )
    best = nlargest(count, (each for each in scored if each[0] >= _ALIKE))
    return [names[-place] for _, place in best]


def _dice(one: set[str], other: set[str]) -> float:
    return 2 * len(one & other) / (len(one) + len(other))


def _pairs(text: str) -> set[str]:
    """The pairs of letters; the ends count as letters, so that beginnings matter."""
    return set(map(add, f" {text}", f"{text} "))
