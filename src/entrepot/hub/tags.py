"""The tags of a repository, as lists show them."""

from collections.abc import Iterable

from msgspec import json

from entrepot.errors import ManifestUnknown
from entrepot.extract.findings import Findings
from entrepot.hub.contents.indexing import FINDINGS
from entrepot.kinds.recognition.catalogue import kind_of_id
from entrepot.metadata.contents import artifacts
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.registry import tag_groups, tag_listing
from entrepot.model.repositories import Repository
from entrepot.model.tags import Filters, TagLine, TagOrder, TagRow


def _is_chart(row: TagRow) -> bool:
    return row.artifact is not None and kind_of_id(row.artifact.kind).family == "chart"


class Tags:
    """Lists tags. Tags that point at one manifest are one line where all are listed."""

    def __init__(self, metadata: Metadata) -> None:
        self._reader = metadata.reader

    async def find(self, repository: Repository, tag: str) -> TagRow | None:
        """Return a tag and what is known of its artifact, `None` where there is no such tag."""
        return await tag_listing.find_row(self._reader, repository.id, tag)

    async def get(self, repository: Repository, tag: str) -> TagRow:
        """Return a tag and what is known of its artifact; else `ManifestUnknown`."""
        row = await self.find(repository, tag)
        if row is None:
            raise ManifestUnknown(f"{repository.name} has no tag {tag}")
        return row

    async def list_rows(
        self, repository: Repository, order: TagOrder, filters: Filters, limit: int, offset: int = 0
    ) -> list[TagRow]:
        """Return a page of tags, each on its own."""
        return await tag_listing.list_rows(
            self._reader, repository.id, order, filters, limit=limit, offset=offset
        )

    async def count_rows(self, repository: Repository, filters: Filters) -> int:
        """Return how many tags `list_rows` lists on all pages."""
        return await tag_listing.count_rows(self._reader, repository.id, filters)

    async def list_lines(
        self, repository: Repository, order: TagOrder, filters: Filters, limit: int, offset: int
    ) -> tuple[list[TagLine], int]:
        """Return a page of lines, and how many lines there are.

        A line is a manifest with its tags; with a filter by digest, it is one tag.
        """
        reader, id_ = self._reader, repository.id
        if filters.digest:
            rows = await self.list_rows(repository, order, filters, limit, offset)
            count = await tag_listing.count_rows(reader, id_, filters)
            return [TagLine(row, ()) for row in rows], count
        groups = await tag_groups.list_groups(
            reader, id_, order, filters, limit=limit, offset=offset
        )
        lines = [
            TagLine(each.row, each.others, each.count - len(each.others) - 1) for each in groups
        ]
        if lines and len(lines) < limit:
            # The last page says itself how many lines there are.
            return lines, offset + len(lines)
        return lines, await tag_groups.count_groups(reader, id_, filters)

    async def list_platforms(self, repository: Repository) -> list[str]:
        """Return the platforms that its tags are for, by name."""
        return await tag_listing.list_platforms(self._reader, repository.id)

    async def list_app_versions(self, lines: Iterable[TagLine]) -> dict[int, str]:
        """Return the version of the application that each chart among the lines installs."""
        ids = [line.row.manifest_id for line in lines if _is_chart(line.row)]
        if not ids:
            return {}
        texts = await artifacts.list_texts(self._reader, ids, FINDINGS)
        found = {of: json.decode(text, type=Findings).facts for of, text in texts.items()}
        return {of: facts["App version"] for of, facts in found.items() if "App version" in facts}

    async def list_aliases(self, manifest_id: int) -> list[str]:
        """Return the tags that point at a manifest."""
        return await tag_listing.list_aliases(self._reader, manifest_id)

    async def count_kinds(self, repository: Repository) -> dict[str, int]:
        """Return how many tags there are of each kind, the most frequent kind first."""
        return await artifacts.count_kinds(self._reader, repository.id)
