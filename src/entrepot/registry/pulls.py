"""Counts pulls, cheaply: in memory, written down every few seconds."""

from collections import Counter

from entrepot.metadata import repositories
from entrepot.metadata.engines.engine import Clock, Metadata
from entrepot.metadata.registry import manifests, pull_days


class Pulls:
    """Pulls since the last flush; a crash loses at most those."""

    def __init__(self, metadata: Metadata, now: Clock) -> None:
        self._metadata = metadata
        self._now = now
        self._by_repository: Counter[int] = Counter()
        self._by_manifest: Counter[int] = Counter()
        self._by_tag: Counter[tuple[int, str]] = Counter()
        self._latest: dict[tuple[int, str, str], list[tuple[int, str]]] = {}

    def count(
        self, repository_id: int, manifest_id: int, digest: str = "", who: str = "", tag: str = ""
    ) -> None:
        """Count one pull of a manifest; `digest` and `who` are for `take_back`.

        `tag` is what the client asked for, empty where that was a digest.
        """
        self._by_repository[repository_id] += 1
        self._by_manifest[manifest_id] += 1
        if tag:
            self._by_tag[repository_id, tag] += 1
        if who:
            self._latest.setdefault((repository_id, digest, who), []).append((manifest_id, tag))

    def take_back(self, repository_id: int, digest: str, who: str) -> None:
        """Take back the pull of a manifest that a client pushes back, as `crane tag` does.

        Only what this worker counted since the last flush: clients go on on one connection.
        """
        for manifest_id, tag in self._latest.pop((repository_id, digest, who), ()):
            self._by_repository[repository_id] -= 1
            self._by_manifest[manifest_id] -= 1
            if tag:
                self._by_tag[repository_id, tag] -= 1

    async def flush(self) -> None:
        """Write down what was counted; what could not be written is kept for the next time."""
        if not self._by_repository:
            return
        by_repository, self._by_repository = self._by_repository, Counter()
        by_manifest, self._by_manifest = self._by_manifest, Counter()
        by_tag, self._by_tag = self._by_tag, Counter()
        self._latest = {}
        now = self._now()
        try:
            async with self._metadata.begin() as tx:
                # In one order on every node, or two that write the same rows wait for each other.
                for repository_id, count in sorted((+by_repository).items()):
                    await repositories.add_pulls(tx, repository_id, count, now)
                for manifest_id, count in sorted((+by_manifest).items()):
                    await manifests.add_pulls(tx, manifest_id, count, now)
                whole = {(each, pull_days.WHOLE): count for each, count in (+by_repository).items()}
                await pull_days.add_pulls(tx, now.date(), {**whole, **+by_tag})
        except BaseException:
            self._by_repository += by_repository
            self._by_manifest += by_manifest
            self._by_tag += by_tag
            raise
