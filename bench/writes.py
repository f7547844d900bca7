"""What pushes, deletions and the collector change in a large registry, by the hub's own rules.

Bytes of blobs are in memory: it is the facts that are asked for and changed.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Final

from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.repositories import PushTarget, find_by_id
from entrepot.model.repositories import Repository
from entrepot.oci.digests import EMPTY_JSON, EMPTY_JSON_DIGEST, Digest
from entrepot.oci.media_types import OCI_MANIFEST
from entrepot.oci.names import Tag
from entrepot.registry.blobs import Blobs
from entrepot.registry.maintenance.collector import Collector
from entrepot.registry.manifests import Manifests
from entrepot.registry.uploads import Chunk, Uploads
from entrepot.storage.memory import MemoryStorage

SPOTS: Final = """
SELECT repository_id, digest, (
    SELECT named.digest FROM manifest_references AS named
    WHERE named.manifest_id = manifests.id AND role = 'blob' LIMIT 1
) FROM manifests TABLESAMPLE SYSTEM (%s) LIMIT 5000
"""
"""Asks PostgreSQL for a share, in percent, of what can be written to."""
_LAYER: Final = "application/vnd.oci.image.layer.v1.tar"
_EMPTY: Final = "application/vnd.oci.empty.v1+json"
_SIZE: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Spot:
    """A manifest of the registry, and a layer that it names."""

    repository_id: int
    digest: str
    layer: str


class Writer:
    """The rules that change things, over one database."""

    def __init__(self, metadata: Metadata) -> None:
        storage = MemoryStorage(_now)
        self._metadata = metadata
        self._numbers = count()
        self.uploads = Uploads(metadata, storage, _now)
        self.blobs = Blobs(metadata, storage, _now)
        self.manifests = Manifests(metadata, self.uploads, accept_sparse=False, now=_now)
        self.collector = Collector(metadata, storage, _now, grace=timedelta(hours=1))

    def content(self) -> bytes:
        """Bytes that were not there before."""
        return f"{_now()} {next(self._numbers)}".encode()

    async def repository(self, spot: Spot) -> Repository:
        """The repository of that spot."""
        found = await find_by_id(self._metadata.reader, spot.repository_id)
        if found is None:
            raise LookupError(spot)
        return found

    async def target(self, spot: Spot) -> PushTarget:
        """A push to the repository of that spot."""
        found = await self.repository(spot)
        return PushTarget(found.name, found.namespace_id, found.visibility, found)


Write = Callable[[Writer, Spot], Awaitable[object]]


async def _push(writer: Writer, spot: Spot, tag: str) -> None:
    annotations = {"org.opencontainers.image.created": writer.content().decode()}
    content = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": _EMPTY, "digest": str(EMPTY_JSON_DIGEST), "size": len(EMPTY_JSON)},
        "layers": [{"mediaType": _LAYER, "digest": spot.layer, "size": _SIZE}],
        "annotations": annotations,
    }
    await writer.manifests.put(
        await writer.target(spot),
        json.dumps(content).encode(),
        None,
        digest=None,
        tags=[Tag(tag)],
        by=None,
    )


async def _push_new(writer: Writer, spot: Spot) -> None:
    await _push(writer, spot, f"new{Digest.of(writer.content()).hex[:20]}")


async def _move(writer: Writer, spot: Spot) -> None:
    await _push(writer, spot, "latest")


async def _put_blob(writer: Writer, spot: Spot) -> None:
    content = writer.content()
    await writer.uploads.put(await writer.target(spot), _once(content), Digest.of(content))


async def _upload(writer: Writer, spot: Spot) -> None:
    content, target = writer.content(), await writer.target(spot)
    begun = await writer.uploads.begin(target, None, "sha256")
    await writer.uploads.append(begun, Chunk(_once(content), 0))
    kept = await writer.uploads.get(await writer.repository(spot), None, begun.id)
    await writer.uploads.finish(kept, Chunk(_once(b"")), Digest.of(content))


async def _mount(writer: Writer, spot: Spot) -> None:
    # Into a repository that lacks it as often as not.
    elsewhere = Spot(1 + spot.repository_id % 300, "", "")
    source, target = await writer.repository(spot), await writer.target(elsewhere)
    await writer.blobs.mount(target, source, Digest.parse(spot.layer))


async def _untag(writer: Writer, spot: Spot) -> None:
    tag = f"gone{Digest.of(writer.content()).hex[:20]}"
    await _push(writer, spot, tag)
    await writer.manifests.untag(await writer.repository(spot), Tag(tag), None)


async def _delete(writer: Writer, spot: Spot) -> None:
    await writer.manifests.delete(await writer.repository(spot), Digest.parse(spot.digest), None)


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


def read_spots(rows: Sequence[Sequence[object]]) -> list[Spot]:
    """The spots that `SPOTS` finds."""
    return [Spot(int(str(row[0])), str(row[1]), str(row[2])) for row in rows]


def _now() -> datetime:
    return datetime.now(UTC)


WRITES: Final[dict[str, Write]] = {
    "push a manifest with a new tag": _push_new,
    "push a manifest, moving a tag": _move,
    "push a blob at once": _put_blob,
    "push a blob in three requests": _upload,
    "mount a blob": _mount,
    "push a manifest and untag it": _untag,
    "delete a manifest": _delete,
}
