"""Room: how many bytes a namespace may hold, those that are still arriving included.

Bytes are staged only where room was reserved for them before, and a reservation ends when they are
counted as a blob or are gone. So what is on the disk never exceeds the quota, however uploads meet.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from entrepot.errors import QuotaExceeded
from entrepot.metadata.engines.engine import Clock, Metadata, Transaction
from entrepot.metadata.registry import manifests, policies, reservations
from entrepot.metadata.registry.policies import REFERENCE_COST
from entrepot.model.manifests import NewManifest
from entrepot.model.policies import Quota
from entrepot.oci.digests import EMPTY_JSON_DIGEST, Digest

AHEAD: Final = 4 * 1024 * 1024
"""Bytes that are reserved at a time for clients that do not say how many they send."""


@dataclass(frozen=True, slots=True)
class QuotaUsage:
    """A namespace's quota and usage a moment ago; `quota` is `None` where there is no limit."""

    quota: Quota | None = None

    def check(self, size: int) -> None:
        """Raise `QuotaExceeded` before that many bytes are sent, if they exceed the quota."""
        if self.quota is not None and max(size, 1) > self.quota.free:
            raise _exceeded(self.quota, size)


class Quotas:
    """Keeps count where room is limited; elsewhere it costs one look."""

    def __init__(self, metadata: Metadata) -> None:
        self._metadata = metadata

    async def find_room(self, namespace_id: int | None) -> QuotaUsage:
        """The namespace's room."""
        if namespace_id is None:
            return QuotaUsage()
        return QuotaUsage(await policies.find_quota(self._metadata.reader, namespace_id))

    async def measure(self, namespace_id: int) -> None:
        """Count anew what the namespace holds: as after a repository was deleted or given away."""
        async with self._metadata.begin() as tx:
            await policies.count_used(tx, namespace_id)

    async def measure_all(self) -> None:
        """Count anew wherever room is limited."""
        for each in await policies.list_quotas(self._metadata.reader):
            await self.measure(each.namespace_id)


class Reservation:
    """Room for one upload's bytes, taken before they are staged."""

    def __init__(
        self, metadata: Metadata, upload_id: str, namespace_id: int | None, now: Clock
    ) -> None:
        self._metadata = metadata
        self._upload_id = upload_id
        self._namespace_id = namespace_id
        self._now = now
        self._granted = 0

    @property
    def namespace_id(self) -> int | None:
        """The namespace; `None` where its room is not limited."""
        return self._namespace_id

    async def ensure(self, size: int, *, is_all: bool = False) -> None:
        """Have room for `size` bytes in all; else `QuotaExceeded`, and what was granted stays.

        Unless that is all that comes, some more is taken, so that not every run asks.
        """
        if self._namespace_id is None or size <= self._granted:
            return
        async with self._metadata.begin() as tx:
            # Locked: of two uploads at once the second sees what the first took.
            if not await policies.lock_quota(tx, self._namespace_id):
                self._namespace_id = None
                return
            found = await policies.find_quota(tx, self._namespace_id, upload=self._upload_id)
            if found is None or size > found.free:
                raise _exceeded(found, size)
            # A small part of what is left: others who begin just now find room too.
            ahead = 0 if is_all else min(AHEAD, (found.free - size) // 16)
            await reservations.set_reservation(
                tx, self._upload_id, self._namespace_id, size + ahead, self._now()
            )
        self._granted = size + ahead

    async def settle(self, tx: Transaction, size: int) -> None:
        """Keep room for the bytes alone that have been staged."""
        if self._namespace_id is not None and self._granted:
            await reservations.set_reservation(
                tx, self._upload_id, self._namespace_id, size, self._now()
            )
            self._granted = size

    async def release(self) -> None:
        """Give the room back, for the bytes are gone."""
        await give_back(self._metadata, self._upload_id)


async def give_back(metadata: Metadata, upload_id: str) -> None:
    """End the upload's reservation, where there is one."""
    if await reservations.find_reservation(metadata.reader, upload_id) is not None:
        async with metadata.begin() as tx:
            await reservations.delete_reservation(tx, upload_id)


async def charge(
    tx: Transaction, repository_id: int, digest: Digest, size: int, upload_id: str = ""
) -> None:
    """Count a blob that is about to be linked into the repository; else `QuotaExceeded`.

    What the upload has reserved becomes what is used, and is never refused.
    """
    if digest == EMPTY_JSON_DIGEST:
        return
    # Locked: of two pushes at once the second sees what the first took.
    quota = await policies.lock_quota_of(tx, repository_id)
    if quota is None:
        return
    reserved = await reservations.find_reservation(tx, upload_id) if upload_id else None
    if reserved is not None:
        await reservations.delete_reservation(tx, upload_id)
    found = await policies.find_quota(tx, quota.namespace_id, digest)
    is_granted = reserved is not None and reserved[0] == quota.namespace_id and size <= reserved[1]
    if is_granted or (found is not None and (found.holds or size <= found.free)):
        await policies.take_room(tx, quota.namespace_id, digest, size)
        return
    raise _exceeded(found, size)


async def charge_manifest(tx: Transaction, repository_id: int, new: NewManifest) -> None:
    """Count a manifest that is about to be stored, unless it is there; else `QuotaExceeded`."""
    quota = await policies.lock_quota_of(tx, repository_id)
    if quota is None or await manifests.find_facts(tx, repository_id, new.digest) is not None:
        return
    size = len(new.content) + len(new.descriptor or "")
    size += REFERENCE_COST * (len(new.blobs) + len(new.children))
    found = await policies.find_quota(tx, quota.namespace_id)
    if found is None or size > found.free:
        raise _exceeded(found, size)
    await policies.add_used(tx, quota.namespace_id, size)


async def release(tx: Transaction, repository_id: int, digests: Collection[str]) -> None:
    """Count blobs no longer that were unlinked from the repository in this transaction."""
    quota = await policies.lock_quota_of(tx, repository_id) if digests else None
    if quota is not None:
        await policies.free_room(tx, quota.namespace_id, digests)


def _exceeded(found: Quota | None, size: int) -> QuotaExceeded:
    if found is None:
        return QuotaExceeded("no room")
    arriving = (
        f" and {_mib(found.reserved)} reserved for unfinished uploads" if found.reserved else ""
    )
    return QuotaExceeded(
        f"quota exceeded: {_mib(size)} more would exceed the namespace's quota of "
        f"{_mib(found.limit)}, of which {_mib(found.used)} are used{arriving}",
        {"quota": found.limit, "used": found.used, "wanted": size},
    )


def _mib(size: int) -> str:
    return f"{size} bytes" if size < 1024 * 1024 else f"{size / 1024 / 1024:,.1f} MiB"
