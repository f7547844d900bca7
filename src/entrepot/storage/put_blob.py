"""One blob whose digest is known, put into a storage."""

import secrets
from collections.abc import AsyncIterator

from entrepot.oci.digests import Digest, new_hasher
from entrepot.storage.protocols import BlobKey, Storage, UploadId


async def store(storage: Storage, digest: Digest, runs: AsyncIterator[bytes]) -> BlobKey | None:
    """Commit the bytes and return their key; `None`, and nothing is left, where they do not match.

    A kill leaves an upload, which expires.
    """
    upload = UploadId(secrets.token_hex(16))
    hasher = new_hasher(digest.algorithm)
    async with storage.open(upload, hasher.update, is_new=True) as staged:
        async for run in runs:
            await staged.write(run)
        await staged.settle()
        if hasher.hexdigest() == digest.hex:
            return await staged.commit(digest)
    await storage.discard(upload)
    return None
