"""Helm charts as a repository of charts: which there are that an identity may pull."""

import asyncio
import hashlib
from collections.abc import Hashable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from msgspec import json

from entrepot.errors import InvalidName, InvalidTag
from entrepot.hub.contents.artifacts import Artifacts
from entrepot.hub.contents.chart_entries import is_chart_name, read_chart
from entrepot.hub.contents.chart_lists import ChartList, precedence
from entrepot.hub.contents.search import Search
from entrepot.hub.people.actors import Action, Identity
from entrepot.hub.permissions import Permissions
from entrepot.kinds.charts import CHART
from entrepot.metadata.contents import charts
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.registry.manifests import find_manifest
from entrepot.model.charts import ChartEntry, ChartFile, ChartScope, ChartState
from entrepot.model.repositories import Repository
from entrepot.oci.manifests import read_manifest
from entrepot.oci.names import RepositoryName, Tag
from entrepot.versions import semver
from entrepot.versions.keys import Unordered

DESCRIPTION: Final = Tag("artifacthub.io")
"""The tag by which Artifact Hub finds who owns the charts of a repository."""
MOST_FOUND: Final = 100
"""Charts that one search finds at most."""
_REMEMBERED: Final = 64
_LOOKED_AT: Final = 20
"""Versions of a chart among which a search looks for a release."""
_AT_ONCE: Final = 500
"""Versions that are read at once: others are answered in between."""


@dataclass(frozen=True, slots=True)
class ChartIndex:
    """The charts that an identity may pull, before they are listed.

    `revision` is another one when anything in the index changes; `is_empty` where there is no
    repository with charts to pull from.
    """

    states: tuple[ChartState, ...]
    revision: str
    is_empty: bool

    @property
    def count(self) -> int:
        """How many versions there are."""
        return sum(state.count for state in self.states)


@dataclass(frozen=True, slots=True)
class FoundChart:
    """A chart that a search found, with the greatest of its versions that is a release."""

    repository: str
    name: str
    version: str
    app_version: str
    description: str


class Charts:
    """The charts of all repositories."""

    def __init__(
        self,
        metadata: Metadata,
        permissions: Permissions,
        search: Search,
        artifacts: Artifacts,
    ) -> None:
        self._metadata = metadata
        self._reader = metadata.reader
        self._permissions = permissions
        self._search = search
        self._artifacts = artifacts
        self._version: Hashable | None = None
        self._states: dict[tuple[int, ...], tuple[ChartState, ...]] = {}

    async def find_index(self, identity: Identity, scope: ChartScope) -> ChartIndex:
        """Return what an index lists for the identity; nothing where there is nothing to pull."""
        found = await self._list_pullable(identity, scope)
        states = await self._list_states(tuple(each.id for each in found))
        named = [(each.id, each.name.text) for each in found]
        revision = hashlib.sha256(repr((named, states)).encode()).hexdigest()
        return ChartIndex(states, revision, not found)

    async def _list_states(self, among: tuple[int, ...]) -> tuple[ChartState, ...]:
        """The states of these repositories; remembered until anything is committed."""
        version = await self._metadata.version()
        if version is None or version != self._version:
            self._states.clear()
            self._version = version
        states = self._states.get(among)
        if states is None:
            states = tuple(await charts.list_states(self._reader, among))
            # Others may have found a newer version meanwhile: these states are of the older one.
            is_current = version is not None and version == self._version
            if is_current and len(self._states) < _REMEMBERED:
                self._states[among] = states
        return states

    async def list_entries(self, index: ChartIndex, most_versions: int) -> list[ChartEntry]:
        """The entries by name, the greatest version first; of equal versions one."""
        listed = ChartList(most_versions)
        few: list[ChartState] = []
        for state in index.states:
            if state.count > _AT_ONCE:
                await self._add_many(listed, state.repository_id)
                continue
            if sum(each.count for each in few) + state.count > _AT_ONCE:
                await self._add_few(listed, few)
                few = []
            few.append(state)
        await self._add_few(listed, few)
        return await asyncio.to_thread(listed.entries)

    async def _add_few(self, listed: ChartList, states: Sequence[ChartState]) -> None:
        among = [each.repository_id for each in states]
        listed.add(await charts.list_entries(self._reader, among))
        await asyncio.sleep(0)

    async def _add_many(self, listed: ChartList, repository_id: int) -> None:
        after = 0
        while found := await charts.list_entries_after(
            self._reader, repository_id, after, _AT_ONCE
        ):
            listed.add(found)
            after = found[-1].manifest_id
            await asyncio.sleep(0)

    async def find_file(
        self, identity: Identity, scope: ChartScope, filename: str
    ) -> ChartFile | None:
        """Return the version of a chart that the index lists as `NAME-VERSION`.

        One that was pushed a moment ago, and that no index lists yet, is found by its tag.
        """
        found = await self._list_pullable(identity, scope)
        files = await charts.list_files(self._reader, [each.id for each in found], filename)
        if files:
            return max(files, key=precedence)
        for name, version in _splits(filename):
            for path in (f"{scope.path}/{name}".lstrip("/"), scope.path):
                file = await self._find_pushed(identity, path, version)
                if file is not None and f"{file.name}-{file.version}" == filename:
                    return file
        return None

    async def _find_pushed(self, identity: Identity, path: str, version: str) -> ChartFile | None:
        """The chart that the tag of a version points at, in a repository of that name."""
        with suppress(InvalidName, InvalidTag):
            name, tag = RepositoryName(path), Tag(version.replace("+", "_"))
            rights = await self._permissions.rights(identity, name)
            repository = rights.repository
            if repository is None or Action.PULL not in rights.actions:
                return None
            stored = await find_manifest(self._reader, repository.id, tag)
            if stored is None:
                return None
            manifest = await read_manifest(stored.content, stored.media_type)
            if manifest.config is None:
                return None
            config = await self._artifacts.read_json(repository.id, manifest.config)
            chart = read_chart(manifest, config)
            if chart is not None:
                return ChartFile(
                    manifest_id=stored.id,
                    digest=stored.digest,
                    repository_id=repository.id,
                    repository=repository.name.text,
                    name=chart.name,
                    version=chart.version,
                    entry=chart.entry,
                    content=chart.content,
                    provenance=chart.provenance,
                    tag=tag.text,
                    pushed_at=repository.pushed_at or repository.created_at,
                )
        return None

    async def find_described(self, identity: Identity, scope: ChartScope) -> Repository | None:
        """Return the repository of the scope whose tag `DESCRIPTION` describes the charts.

        Of several it is the nearest to the scope: the one with the shortest name.
        """
        found = await self._list_pullable(identity, scope)
        among = [each.id for each in found]
        tagged = await charts.list_with_tag(self._reader, among, DESCRIPTION.text)
        described = [each for each in found if each.id in tagged]
        return min(described, key=lambda each: len(each.name.text), default=None)

    async def search(self, identity: Identity, text: str) -> list[FoundChart]:
        """Return the charts that a text finds, the best first; at most `MOST_FOUND`."""
        # The filter comes first: the last word of a text may be the beginning of one.
        results = await self._search.find(identity, f"kind:{CHART.id} {text}", limit=MOST_FOUND)
        hits = results.found.hits
        among = [hit.repository_id for hit in hits]
        rows = await charts.list_greatest(self._reader, among, _LOOKED_AT)
        shown: dict[str, ChartEntry] = {}
        for row in rows:
            before = shown.setdefault(row.repository, row)
            if semver.is_stable(row.version) and not semver.is_stable(before.version):
                shown[row.repository] = row
        return [_found(shown[hit.name]) for hit in hits if hit.name in shown]

    async def _list_pullable(self, identity: Identity, scope: ChartScope) -> list[Repository]:
        found = await charts.list_repositories(self._reader, scope)
        return await self._permissions.keep_pullable(identity, found)


def _splits(filename: str) -> Iterator[tuple[str, str]]:
    """The names and versions that `NAME-VERSION` can be of: both may hold dashes."""
    for place, character in enumerate(filename):
        name, version = filename[:place], filename[place + 1 :]
        if character == "-" and is_chart_name(name):
            with suppress(Unordered):
                semver.key(version)
                yield name, version


def _found(chart: ChartEntry) -> FoundChart:
    said = json.decode(chart.entry, type=dict[str, Any])
    return FoundChart(
        chart.repository,
        chart.name,
        chart.version,
        said.get("appVersion", ""),
        said.get("description", ""),
    )
