"""Small random blobs and manifests, all of them the work of one seed."""

import hashlib
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass

IMAGE = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
SIZES = (0, 1, 100, 1_000, 2_000, 4_000, 8_000, 20_000)
COMMON = 12


def digest_of(data: bytes) -> str:
    """The digest that names these bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest as it is sent, the blobs it names, and the manifest it speaks about, if any."""

    body: bytes
    blobs: Sequence[str]
    subject: str | None = None

    @property
    def digest(self) -> str:
        """The digest of its bytes."""
        return digest_of(self.body)


class Contents:
    """Makes up blobs and manifests."""

    def __init__(self, rng: random.Random, common: Sequence[bytes]) -> None:
        self._rng = rng
        self._common = common

    def blob(self) -> bytes:
        """Bytes that are new, or that many clients push into many repositories."""
        if self._rng.random() < 0.3:
            return self._rng.choice(self._common)
        return self._rng.randbytes(self._rng.choice(SIZES) + self._rng.randrange(50))

    def manifest(self, blobs: Sequence[tuple[str, int]], subject: Manifest | None) -> Manifest:
        """A manifest that nobody has pushed before, of these blobs, the first being its config."""
        fields: dict[str, object] = {
            "schemaVersion": 2,
            "mediaType": IMAGE,
            "config": _descriptor(CONFIG, *blobs[0]),
            "layers": [_descriptor(LAYER, *blob) for blob in blobs[1:]],
            "annotations": {"number": str(self._rng.getrandbits(64))},
        }
        about = None
        if subject is not None:
            about = subject.digest
            fields["subject"] = _descriptor(IMAGE, about, len(subject.body))
        return Manifest(json.dumps(fields).encode(), [digest for digest, _ in blobs], about)


def common_blobs(rng: random.Random) -> list[bytes]:
    """Blobs for everybody, so that repositories share bytes."""
    return [rng.randbytes(rng.choice(SIZES) + 1) for _ in range(COMMON)]


def _descriptor(media_type: str, digest: str, size: int) -> dict[str, object]:
    return {"mediaType": media_type, "digest": digest, "size": size}
