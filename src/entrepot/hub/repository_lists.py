"""Lists of repositories as pages show them: with the recommended version and the last pulls."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from entrepot.hub.contents.search import Search
from entrepot.hub.people.actors import Identity
from entrepot.metadata import repository_lists
from entrepot.metadata.engines.engine import Clock, Metadata
from entrepot.metadata.registry import history, pull_days, recommended_tags
from entrepot.model.people.accounts import Account
from entrepot.model.search import Hit, SearchOrder
from entrepot.model.tags import TagEvent

PULL_DAYS: Final = 30
"""Days of pulls that a list shows of each repository."""


@dataclass(frozen=True, slots=True)
class Owned:
    """A page of the repositories of some namespaces; `kinds` counts those of every kind."""

    hits: list[Hit]
    total: int
    kinds: dict[str, int]


class RepositoryLists:
    """Answers which repositories are an account's own, and completes lists of others."""

    def __init__(self, metadata: Metadata, search: Search, now: Clock) -> None:
        self._reader = metadata.reader
        self._search = search
        self._now = now

    async def list_owned(
        self,
        namespace_ids: Collection[int],
        text: str,
        kind: str,
        order: SearchOrder,
        *,
        limit: int,
        offset: int,
    ) -> Owned:
        """Return a page of the repositories of namespaces that the account belongs to."""
        hits = await repository_lists.list_owned(
            self._reader,
            namespace_ids,
            text=text,
            kind=kind,
            order=order,
            limit=limit,
            offset=offset,
        )
        kinds = await repository_lists.count_owned_kinds(self._reader, namespace_ids, text)
        total = kinds.get(kind, 0) if kind else sum(kinds.values())
        return Owned(await self.complete(hits), total, kinds)

    async def list_starred(self, identity: Identity, account: Account, limit: int) -> list[Hit]:
        """Return the account's newest stars that the identity sees."""
        visible_to = await self._search.sight_of(identity)
        return await repository_lists.list_starred_hits(self._reader, account.id, visible_to, limit)

    async def list_named(self, identity: Identity, names: Iterable[str]) -> list[Hit]:
        """Return the repositories of these names that the identity sees, in their order."""
        visible_to = await self._search.sight_of(identity)
        return await repository_lists.list_named(self._reader, names, visible_to)

    async def list_events(self, hits: Sequence[Hit], limit: int) -> list[tuple[str, TagEvent]]:
        """Return the newest events of these repositories' tags, with the repositories' names.

        Of several tags that came to point at one manifest, the last one stands for all.
        """
        ids = [hit.repository_id for hit in hits]
        found: dict[object, tuple[str, TagEvent]] = {}
        for name, event in await history.list_newest_of(self._reader, ids):
            found.setdefault((name, event.digest, event.action), (name, event))
        return sorted(found.values(), key=lambda pair: pair[1].at, reverse=True)[:limit]

    async def complete(self, hits: Sequence[Hit]) -> list[Hit]:
        """Add the recommended tag and the pulls of the last days to each of a list."""
        if not hits:
            return []
        ids = [hit.repository_id for hit in hits]
        tags = await recommended_tags.list_recommended(self._reader, ids)
        first = self._now().date() - timedelta(days=PULL_DAYS - 1)
        days = [first + timedelta(days=number) for number in range(PULL_DAYS)]
        pulls = await pull_days.list_days_of_many(self._reader, ids, first)
        return [
            replace(
                hit,
                recommended=tags.get(hit.repository_id),
                pulls_by_day=tuple(pulls.get((hit.repository_id, day), 0) for day in days),
            )
            for hit in hits
        ]
