"""The language of the search box: words, "phrases", -exclusions, filters, and references."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

from entrepot.errors import Invalid
from entrepot.model.search import Facet, Filter, Query, Term, Within
from entrepot.oci.digests import Digest
from entrepot.oci.names import Reference, RepositoryName, Tag, parse_reference

LONGEST: Final = 500
"""Characters of a query that are read; what follows is ignored."""
_MOST: Final = 24

_PART: Final = re.compile(
    r"""(?P<minus>-)?(?:(?P<filter>[A-Za-z]+):)?(?:"(?P<quoted>[^"]*)(?:"|$)|(?P<plain>[^\s"]+))"""
)
_FILTERS: Final[dict[str, Facet | Within]] = {
    **{each.value: each for each in Facet},
    **{each.value: each for each in Within},
    "type": Facet.KIND,
    "architecture": Facet.ARCH,
    "licence": Facet.LICENSE,
    "ns": Facet.NAMESPACE,
    "pkg": Within.PURL,
}
_SWITCHES: Final = frozenset({Facet.SIGNED, Facet.SBOM})
_RESULTS: Final = frozenset({"verified", "valid", "invalid"})
"""The results of checking a signature."""
_YES: Final = frozenset({"true", "yes", "1"})
_NO: Final = frozenset({"false", "no", "0"})
_AS_TYPED: Final = frozenset({Facet.LICENSE, *Within})
_ARCHITECTURES: Final = {"x86_64": "amd64", "x64": "amd64", "aarch64": "arm64", "i386": "386"}


def parse_query(text: str) -> Query:
    """Return the query of a typed text; every text is a valid query."""
    terms: list[Term] = []
    excluded: list[Term] = []
    filters: list[Filter] = []
    is_typed = False
    for found in list(_PART.finditer(text[:LONGEST].replace("\0", " ")))[:_MOST]:
        part = _filter_of(found)
        if part is not None:
            filters.append(part)
        elif found["minus"]:
            excluded.append(_term_of(found))
        else:
            terms.append(_term_of(found))
            is_typed = found["quoted"] is None
    if is_typed:
        # The last word may not be finished.
        terms[-1] = Term(terms[-1].text, is_prefix=True)
    # A term without a letter or digit (`--`, `-""`) excludes nothing; alone, it finds nothing.
    wanted = [term for term in terms if term.tokens] or terms[:1]
    unwanted = [term for term in excluded if term.tokens]
    return Query(
        tuple(dict.fromkeys(wanted)), tuple(dict.fromkeys(unwanted)), tuple(dict.fromkeys(filters))
    )


def _term_of(found: re.Match[str]) -> Term:
    text = _value_of(found)
    if found["filter"]:
        text = f"{found['filter']}:{text}"
    return Term(text, is_prefix=found["quoted"] is None and text.endswith("*"))


def _value_of(found: re.Match[str]) -> str:
    return str(found["plain"] if found["quoted"] is None else found["quoted"])


def _filter_of(found: re.Match[str]) -> Filter | None:
    name = _FILTERS.get((found["filter"] or "").lower())
    value = _value_of(found).strip()
    # A star alone asks for everything, which is no demand.
    if name is None or not value.strip("*"):
        return None
    if name is Within.PURL and not value.startswith("pkg:"):
        value = f"pkg:{value}"
    if name in _SWITCHES:
        return _switch(name, value.lower(), is_excluded=bool(found["minus"]))
    if name not in _AS_TYPED:
        value = value.lower()
    if name is Facet.ARCH:
        value = _ARCHITECTURES.get(value, value)
    return Filter(name, value, bool(found["minus"]))


def _switch(name: Facet | Within, value: str, *, is_excluded: bool) -> Filter | None:
    if name is Facet.SIGNED and value in _RESULTS:
        return Filter(name, value, is_excluded)
    if value not in _YES | _NO:
        return None
    return Filter(name, "true", is_excluded != (value in _NO))


@dataclass(frozen=True, slots=True)
class Jump:
    """A thing that was named, be it there or not; without a repository, wherever it is."""

    repository: RepositoryName | None
    reference: Reference | None = None


_COMMANDS: Final = frozenset(
    "buildah cosign crane crictl ctr docker from helm nerdctl oras podman regctl skopeo".split()  # noqa: SIM905 - a sentence of names
)
_SCHEMES: Final = re.compile(r"(?:oci|docker|https?)://|docker://", re.IGNORECASE)
_TABS: Final = re.compile(r"[A-Za-z][a-z]*")


def find_jump(text: str, hosts: Collection[str]) -> Jump | None:
    """The one thing that a text names as people type or paste it, on a hub of those hosts."""
    words = text[:LONGEST].split()
    if not words:
        return None
    if len(words) > 1:
        return _jump_of_command(words, hosts)
    return _jump(words[0].strip("\"'`,;"), hosts)


def _jump_of_command(words: list[str], hosts: Collection[str]) -> Jump | None:
    """The artifact of a command like `docker pull host/ns/name:tag`."""
    if words[0] == "$":
        words = words[1:]
    if words[0].lower() not in _COMMANDS:
        return None
    candidates = (_jump(word, hosts) for word in words[1:] if "/" in word)
    return next((found for found in candidates if found is not None), None)


def _jump(word: str, hosts: Collection[str]) -> Jump | None:
    if word.lower().startswith(("http://", "https://")):
        return _jump_of_page(word, hosts)
    path = _SCHEMES.sub("", word, count=1)
    host, slash, rest = path.partition("/")
    if slash and host.lower() in hosts:
        path = rest
    elif path != word:
        # `oci://` with another host names nothing of ours.
        return None
    return _jump_of_reference(path)


def _jump_of_page(word: str, hosts: Collection[str]) -> Jump | None:
    """A page's address: `/r/NAME`, `/r/NAME:TAG/files`, `/r/NAME/-/tags`."""
    try:
        address = urlsplit(word)
    except ValueError:
        return None
    path = unquote(address.path).strip("/")
    if address.netloc.lower() not in hosts or not path:
        return None
    if not path.startswith("r/"):
        return _jump_of_reference(path)
    path = path[2:].partition("/-/")[0]
    head, separator, tail = _split(path)
    return _jump_of_reference(head + separator + tail.partition("/")[0])


def _jump_of_reference(path: str) -> Jump | None:
    digest = _digest_of(path)
    if digest is not None:
        return Jump(None, digest)
    head, separator, tail = _split(path)
    if "/" not in head and (not separator or head.lower() in _FILTERS):
        return None
    try:
        name = RepositoryName(head)
        return Jump(name, parse_reference(tail) if separator else None)
    except Invalid:
        return None


def _digest_of(text: str) -> Digest | None:
    try:
        return Digest.parse(text.lower())
    except Invalid:
        return None


def _split(path: str) -> tuple[str, str, str]:
    """The name, `:` or `@`, and the tag or digest; of `name:tag@digest`, the digest."""
    head, at, digest = path.partition("@")
    if at:
        return head.partition(":")[0], at, digest
    return path.partition(":")


def as_named(query: Query, jump: Jump | None) -> Query | None:
    """Return the second reading of `php:7.2-apache`: repositories of that name with the tag."""
    if jump is None or jump.repository is None or not isinstance(jump.reference, Tag):
        return None
    tag = Filter(Within.TAG, jump.reference.text)
    return Query((Term(jump.repository.text),), query.excluded, (*query.filters, tag))
