"""Room: how many bytes of blobs a namespace may hold, each blob counted once."""

from collections.abc import AsyncIterator

from entrepot.errors import QuotaExceeded
from entrepot.metadata import policies
from entrepot.metadata.engine import Metadata, Transaction
from entrepot.metadata.policies import Quota
from entrepot.oci.digests import Digest


class Quotas:
    """Keeps count where room is limited; elsewhere it costs one look."""

    def __init__(self, metadata: Metadata) -> None:
        self._metadata = metadata

    async def check(
        self, namespace_id: int | None, size: int, digest: Digest | None = None
    ) -> None:
        """Raise `QuotaExceeded` where so many bytes more, of a blob that is new, find no room.

        A look ahead, before bytes are sent in vain: `charge` decides.
        """
        if namespace_id is None:
            return
        reader = self._metadata.reader
        found = await policies.find_quota(reader, namespace_id)
        if found is None or found.used + max(size, 1) <= found.limit:
            return
        if digest is None or not await policies.holds_blob(reader, namespace_id, digest):
            raise _exceeded(found, size)

    async def within(
        self,
        namespace_id: int | None,
        content: AsyncIterator[bytes],
        so_far: int,
        digest: Digest | None = None,
    ) -> AsyncIterator[bytes]:
        """Pass the content through; raise `QuotaExceeded` where it has passed what finds room.

        For clients that do not say how many bytes they send, as docker does not.
        """
        found = None
        if namespace_id is not None:
            found = await policies.find_quota(self._metadata.reader, namespace_id)
        if found is not None and digest is not None and namespace_id is not None:
            held = await policies.holds_blob(self._metadata.reader, namespace_id, digest)
            found = None if held else found
        size = so_far
        async for run in content:
            size += len(run)
            if found is not None and found.used + size > found.limit:
                raise _exceeded(found, size)
            yield run

    async def measure(self, namespace_id: int) -> None:
        """Count anew what the namespace holds: what was deleted or given away no longer counts."""
        async with self._metadata.begin() as tx:
            if await policies.lock_quota(tx, namespace_id) is not None:
                size = await policies.measure_namespace(tx, namespace_id)
                await policies.set_used(tx, namespace_id, size)

    async def measure_all(self) -> None:
        """Count anew wherever room is limited."""
        for each in await policies.list_quotas(self._metadata.reader):
            await self.measure(each.namespace_id)


async def charge(tx: Transaction, repository_id: int, digest: Digest, size: int) -> None:
    """Count a blob that is about to be linked into the repository; else `QuotaExceeded`."""
    limited = await policies.find_quota_of(tx, repository_id)
    if limited is None:
        return
    # Looked at again under a lock: of two pushes at once the second sees what the first took.
    found = await policies.lock_quota(tx, limited.namespace_id)
    if found is None or await policies.holds_blob(tx, found.namespace_id, digest):
        return
    if found.used + size > found.limit:
        raise _exceeded(found, size)
    await policies.add_used(tx, found.namespace_id, size)


def _exceeded(found: Quota, size: int) -> QuotaExceeded:
    return QuotaExceeded(
        f"no room: {_mib(size)} more would exceed the namespace's quota of {_mib(found.limit)},"
        f" of which {_mib(found.used)} are used",
        {"quota": found.limit, "used": found.used, "wanted": size},
    )


def _mib(size: int) -> str:
    return f"{size} bytes" if size < 1024 * 1024 else f"{size / 1024 / 1024:,.1f} MiB"
