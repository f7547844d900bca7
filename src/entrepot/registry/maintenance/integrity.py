"""Damage of stored bytes: the one place that compares them with their digest."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from entrepot.errors import EntrepotError
from entrepot.model.blobs import StoredBlob
from entrepot.oci.digests import Digest, new_hasher
from entrepot.storage.protocols import BlobKey, Storage

MISSING: Final = "the bytes are missing"
OTHERS: Final = "the bytes do not match the digest"

Wait = Callable[[int], Awaitable[None]]
"""Called with the number of bytes just read; the next are read when it returns."""


async def at_once(_: int) -> None:
    """Wait for nothing."""


async def find_damage(storage: Storage, blob: StoredBlob, wait: Wait = at_once) -> str | None:
    """Read all of the blob and say what is wrong with it, `None` where it is right.

    Raises the storage's error where it cannot answer: a short outage is not damage.
    """
    digest, size = Digest.parse(blob.digest), 0
    hasher = new_hasher(digest.algorithm)
    try:
        async for run in storage.read(BlobKey(blob.key)):
            await asyncio.to_thread(hasher.update, run)
            size += len(run)
            await wait(len(run))
    except OSError as error:
        return cannot_be_read(error)
    except EntrepotError:
        if await storage.find_size(BlobKey(blob.key)) is None:
            return MISSING
        raise
    if size != blob.size:
        return f"{size} bytes instead of {blob.size}"
    return None if hasher.hexdigest() == digest.hex else OTHERS


def cannot_be_read(error: OSError) -> str:
    """Return the message for bytes that the disk cannot read."""
    return f"the bytes cannot be read: {error.strerror}"
