"""Blobs and manifests for the tests, and the words of the OCI specifications."""

import hashlib
import json
from collections.abc import Mapping

IMAGE = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_IMAGE = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
EMPTY = b"{}"
NOWHERE = "sha256:" + "0" * 64
LARGEST_MANIFEST = 4 * 1024 * 1024

Fields = Mapping[str, object]


def digest_of(data: bytes, algorithm: str = "sha256") -> str:
    """The digest that names these bytes."""
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def descriptor(data: bytes, media_type: str = LAYER, /, **fields: object) -> dict[str, object]:
    """What a manifest says about these bytes."""
    return {"mediaType": media_type, "digest": digest_of(data), "size": len(data), **fields}


def encode(fields: Fields) -> bytes:
    """A manifest as a client would send it."""
    return json.dumps(fields, separators=(",", ":")).encode()


def image(*layers: bytes, **fields: object) -> bytes:
    """An image manifest of the empty config and these layers; `fields` are added or replace."""
    manifest: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": IMAGE,
        "config": descriptor(EMPTY, CONFIG),
        "layers": [descriptor(layer) for layer in layers],
    }
    return encode(manifest | fields)


def index(*children: Fields, **fields: object) -> bytes:
    """An index of descriptors; `fields` are added or replace."""
    manifest = {"schemaVersion": 2, "mediaType": INDEX, "manifests": list(children)}
    return encode(manifest | fields)


def padded(size: int) -> bytes:
    """An image manifest of exactly this many bytes."""
    bare = image(annotations={"padding": ""})
    return image(annotations={"padding": "x" * (size - len(bare))})
