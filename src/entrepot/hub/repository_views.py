"""Repositories as their pages show them."""

from dataclasses import dataclass

from entrepot.hub.contents.artifacts import Artifacts, Described
from entrepot.hub.contents.readmes import Readmes
from entrepot.hub.recommended import find_recommended, list_versions
from entrepot.metadata import repository_facts
from entrepot.metadata.contents import artifacts
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.registry import tag_listing
from entrepot.metadata.registry.manifests import find_by_id
from entrepot.model.repositories import Repository, RepositoryFacts
from entrepot.model.tags import TagRow

_NEWEST = 6


@dataclass(frozen=True, slots=True)
class Readme:
    """A README as safe HTML; `tag` is the artifact that it came from, "" where it was written here.

    Links within the repository start with `extract.links.HERE`.
    """

    html: str = ""
    tag: str = ""


@dataclass(frozen=True, slots=True)
class RepositoryView:
    """A repository, its README, the tag that people should pull and its newest versions."""

    facts: RepositoryFacts
    readme: Readme
    recommended: TagRow | None
    described: Described | None
    """The artifact of the recommended tag."""
    newest: list[TagRow]
    kinds: dict[str, int]
    """How many tags there are of each kind."""


class RepositoryViews:
    """Answers what the pages and the API show of a repository."""

    def __init__(self, metadata: Metadata, artifacts: Artifacts, readmes: Readmes) -> None:
        self._reader = metadata.reader
        self._artifacts = artifacts
        self._readmes = readmes

    async def get_facts(self, repository: Repository) -> RepositoryFacts:
        """Return the properties of the repository; `RepositoryUnknown` where it is gone."""
        return await repository_facts.get_facts(self._reader, repository.id)

    async def get_readme_source(self, repository: Repository) -> str:
        """Return the Markdown that was written for the repository, "" if it has none."""
        return await repository_facts.find_readme(self._reader, repository.id)

    async def find_recommended(self, repository: Repository) -> TagRow | None:
        """Return the tag that people should pull, `None` where there are no tags."""
        return await find_recommended(self._reader, repository.id)

    async def get(self, repository: Repository) -> RepositoryView:
        """Return the overview of the repository; `RepositoryUnknown` where it is gone."""
        reader = self._reader
        recommended = await find_recommended(reader, repository.id)
        newest = await list_versions(reader, repository.id, _NEWEST)
        first = [recommended] if recommended else []
        return RepositoryView(
            facts=await self.get_facts(repository),
            readme=await self._readme(repository, [*first, *newest]),
            recommended=recommended,
            described=await self._describe(repository, recommended) if recommended else None,
            newest=newest,
            kinds=await artifacts.count_kinds(reader, repository.id),
        )

    async def _describe(self, repository: Repository, row: TagRow) -> Described | None:
        found = await find_by_id(self._reader, row.manifest_id)
        return await self._artifacts.describe(repository.id, found[0]) if found else None

    async def _readme(self, repository: Repository, newest: list[TagRow]) -> Readme:
        """Pushed as the tag `readme`, or else written here, or else out of an artifact."""
        pushed = await tag_listing.find_row(self._reader, repository.id, "readme")
        first = [pushed] if pushed else []
        source = await self.get_readme_source(repository)
        for row in first if source else [*first, *newest]:
            found = await artifacts.find_document(self._reader, row.manifest_id, "readme.html")
            if found is not None:
                return Readme(found.text, row.tag)
        return Readme(await self._readmes.html_of(repository.id, source)) if source else Readme()
