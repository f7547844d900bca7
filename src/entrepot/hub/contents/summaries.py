"""Summaries of repositories: kind, size and search words."""

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import DecodeError, json

from entrepot.extract.findings import Findings
from entrepot.hub.contents.readmes import Readmes
from entrepot.kinds.recognition.catalogue import kind_of_id
from entrepot.metadata import repositories, repository_facts
from entrepot.metadata.contents import artifact_relations, artifacts, search
from entrepot.metadata.engines.engine import Metadata, storable
from entrepot.metadata.registry import tag_listing
from entrepot.model.artifacts import Artifact, AttachmentCounts
from entrepot.model.search import Facet

_NEWEST: Final = 30
"""Artifacts whose texts a repository is found by."""
_LONGEST: Final = 200_000
_FILES: Final = 2000
_MOST_LICENSES: Final = 20
_CHILDREN: Final = 3
"""Children of an index whose texts it is found by: they say much the same."""


class Summaries:
    """Keeps what lists and searches say of repositories in step with what they hold."""

    def __init__(self, metadata: Metadata, readmes: Readmes) -> None:
        self._metadata = metadata
        self._readmes = readmes

    async def summarize(self, repository_id: int) -> None:
        """Describe the repository anew; one that is gone is found no more."""
        reader = self._metadata.reader
        name = await repository_facts.find_name(reader, repository_id)
        if name is None:
            async with self._metadata.begin() as tx:
                await search.delete_document(tx, repository_id)
            return
        facts = await repository_facts.get_facts(reader, repository_id)
        kinds = await artifacts.count_kinds(reader, repository_id)
        newest = await artifacts.list_newest(reader, repository_id, _NEWEST)
        size, tag_count = await repository_facts.measure(reader, repository_id)
        pushed = await tag_listing.find_row(reader, repository_id, "readme")
        read = [*([pushed.artifact] if pushed and pushed.artifact else []), *newest]
        readme = await repository_facts.find_readme(reader, repository_id)
        texts = [readme, *[await self._text_of(each) for each in read]]
        body = " ".join(dict.fromkeys(texts))[:_LONGEST]
        titles = [facts.description, *_titles(newest, kinds)]
        drawn = await self._readmes.catch_up(repository_id, readme)
        async with self._metadata.begin() as tx:
            if not await repositories.lock_by_id(tx, repository_id):
                return
            # Ids are given anew: the words must not become those of another repository.
            if await repository_facts.find_name(tx, repository_id) != name:
                return
            if drawn is not None:
                await self._readmes.keep(tx, repository_id, drawn)
            kind = next(iter(kinds), "")
            await repository_facts.set_summary(tx, repository_id, kind, size, tag_count)
            await search.write_document(
                tx, repository_id, name, storable(" ".join(titles)), storable(body)
            )
            facets = {(facet, storable(each)) for facet, each in _facets(name, kinds, newest)}
            await search.set_facets(tx, repository_id, facets)

    async def _text_of(self, artifact: Artifact) -> str:
        """The words of the artifact and of the first that an index lists."""
        listed = await artifact_relations.list_children(
            self._metadata.reader, artifact.repository_id, artifact.manifest_id, _CHILDREN
        )
        return " ".join([await self._own_text_of(each) for each in (artifact, *listed)])

    async def _own_text_of(self, artifact: Artifact) -> str:
        """The words of the artifact's documents, labels, annotations and file names."""
        reader = self._metadata.reader
        words = []
        for name in ("readme", "words"):
            document = await artifacts.find_document(reader, artifact.manifest_id, name)
            words += [document.text] if document else []
        document = await artifacts.find_document(reader, artifact.manifest_id, "findings")
        if document is not None:
            words += _words_of(document.text)
        return " ".join(words)


def _words_of(text: str) -> list[str]:
    try:
        found = json.decode(text, type=Findings)
    except DecodeError:
        return []
    maintainers = [value for each in found.maintainers for value in each.values()]
    names = [each.path for each in found.files[:_FILES]]
    return [*found.keywords, *maintainers, *found.facts.values(), *found.images, *names]


def _titles(newest: Iterable[Artifact], kinds: Iterable[str]) -> list[str]:
    said = [text for each in newest for text in (each.title, each.description)]
    return [
        *dict.fromkeys(text for text in said if text),
        *(kind_of_id(each).name for each in kinds),
    ]


def _facets(name: str, kinds: Iterable[str], newest: Iterable[Artifact]) -> set[tuple[Facet, str]]:
    found = {(Facet.KIND, kind) for kind in kinds}
    first, slash, _ = name.partition("/")
    found |= {(Facet.NAMESPACE, first)} if slash else set()
    licenses = [each.licenses for each in newest if each.licenses]
    found |= {(Facet.LICENSE, each[:100]) for each in licenses[:_MOST_LICENSES]}
    for each in newest:
        for platform in each.platforms:
            os, _, rest = platform.partition(":")[0].partition("/")
            found |= {(Facet.OS, os), (Facet.ARCH, rest.partition("/")[0])} if rest else set()
        found |= {(Facet.SIGNED, value) for value in _signed(each.marks)}
        found |= {(Facet.SBOM, "true")} if each.marks.sboms else set()
    return found


def _signed(marks: AttachmentCounts) -> Iterator[str]:
    """`true` for any signature that names the artifact, and what came of checking them."""
    counts = {
        "true": marks.signatures,
        "verified": marks.verified,
        "valid": marks.valid,
        "invalid": marks.invalid,
    }
    return (value for value, count in counts.items() if count)
