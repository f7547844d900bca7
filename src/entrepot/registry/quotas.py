"""Room: how many bytes of blobs a namespace may hold, each blob counted once."""

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass

from entrepot.errors import QuotaExceeded
from entrepot.metadata import policies
from entrepot.metadata.engine import Metadata, Transaction
from entrepot.metadata.policies import Quota
from entrepot.oci.digests import EMPTY_JSON_DIGEST, Digest


@dataclass(frozen=True, slots=True)
class Room:
    """What there is room for, as it was a moment ago: `charge` decides.

    `quota` is `None` where there is room for all, or the blob is there and costs nothing.
    """

    quota: Quota | None = None

    def check(self, size: int) -> None:
        """Raise `QuotaExceeded` where so many bytes find no room, before they are sent in vain."""
        if self.quota is not None and self.quota.used + max(size, 1) > self.quota.limit:
            raise _exceeded(self.quota, size)

    async def within(self, content: AsyncIterator[bytes], so_far: int) -> AsyncIterator[bytes]:
        """Pass the content through; raise `QuotaExceeded` where it has passed what finds room.

        For clients that do not say how many bytes they send, as docker does not.
        """
        size = so_far
        async for run in content:
            size += len(run)
            if self.quota is not None and self.quota.used + size > self.quota.limit:
                raise _exceeded(self.quota, size)
            yield run


class Quotas:
    """Keeps count where room is limited; elsewhere it costs one look."""

    def __init__(self, metadata: Metadata) -> None:
        self._metadata = metadata

    async def find_room(self, namespace_id: int | None, digest: Digest | None = None) -> Room:
        """The namespace's room for bytes that may be those of the digest."""
        if namespace_id is None:
            return Room()
        found = await policies.find_quota(self._metadata.reader, namespace_id, digest)
        return Room(None if found is None or found.holds else found)

    async def measure(self, namespace_id: int) -> None:
        """Count anew what the namespace holds: as after a repository was deleted or given away."""
        async with self._metadata.begin() as tx:
            await policies.count_used(tx, namespace_id)

    async def measure_all(self) -> None:
        """Count anew wherever room is limited."""
        for each in await policies.list_quotas(self._metadata.reader):
            await self.measure(each.namespace_id)


async def charge(tx: Transaction, repository_id: int, digest: Digest, size: int) -> None:
    """Count a blob that is about to be linked into the repository; else `QuotaExceeded`."""
    if digest == EMPTY_JSON_DIGEST:
        return
    # Locked: of two pushes at once the second sees what the first took.
    quota = await policies.lock_quota_of(tx, repository_id)
    if quota is None:
        return
    if quota.used + size <= quota.limit:
        await policies.take_room(tx, quota.namespace_id, digest, size)
        return
    found = await policies.find_quota(tx, quota.namespace_id, digest)
    if found is not None and not found.holds:
        raise _exceeded(found, size)


async def release(tx: Transaction, repository_id: int, digests: Collection[str]) -> None:
    """Count blobs no longer that were unlinked from the repository in this transaction."""
    quota = await policies.lock_quota_of(tx, repository_id) if digests else None
    if quota is not None:
        await policies.free_room(tx, quota.namespace_id, digests)


def _exceeded(found: Quota, size: int) -> QuotaExceeded:
    return QuotaExceeded(
        f"no room: {_mib(size)} more would exceed the namespace's quota of {_mib(found.limit)},"
        f" of which {_mib(found.used)} are used",
        {"quota": found.limit, "used": found.used, "wanted": size},
    )


def _mib(size: int) -> str:
    return f"{size} bytes" if size < 1024 * 1024 else f"{size / 1024 / 1024:,.1f} MiB"
