"""OCI image layouts written by hand, so that every byte in them is known."""

import gzip
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.clients.layers import write_layer
from tests.clients.programs import Program

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass(frozen=True, slots=True)
class Layout:
    """A layout and the bytes of the manifest or index at its top."""

    path: Path
    manifest: bytes
    media_type: str

    @property
    def digest(self) -> str:
        """The digest of what is at the top."""
        return f"sha256:{hashlib.sha256(self.manifest).hexdigest()}"


def write_layout(path: Path, architecture: str = "amd64") -> Layout:
    """A layout of one image."""
    _begin(path)
    return _end(path, _write_image(path, architecture), MANIFEST)


def write_index(path: Path, architectures: Sequence[str], *, attested: bool = False) -> Layout:
    """A layout of an index; `attested` adds what BuildKit attaches to each image of it."""
    _begin(path)
    children: list[dict[str, object]] = []
    for architecture in architectures:
        image = _write_image(path, architecture)
        platform = {"os": "linux", "architecture": architecture}
        children.append(_store(path, image, MANIFEST) | {"platform": platform})
    if attested:
        children += [_attestation(path, str(child["digest"])) for child in list(children)]
    return _end(path, _json({"mediaType": INDEX, "manifests": children}), INDEX)


def files_of(architecture: str) -> dict[str, bytes]:
    """The files of an image for this architecture."""
    return {architecture: architecture.encode() * 1000}


def push_layout(oras: Program, layout: Layout, reference: str, *, tls: bool) -> None:
    """Push a layout with all its children and not one byte changed."""
    # oras takes localhost for plain HTTP unless it is told otherwise.
    secure = ("--to-plain-http=false",) if tls else ()
    source = f"{layout.path}@{layout.digest}"
    oras("cp", "-r", *secure, "--from-oci-layout", source, reference)


def _write_image(path: Path, architecture: str) -> bytes:
    tar = write_layer(path / "layer.tar", files_of(architecture))
    plain = tar.read_bytes()
    tar.unlink()
    layer = _store(path, gzip.compress(plain, mtime=0), LAYER)
    difference = f"sha256:{hashlib.sha256(plain).hexdigest()}"
    config = json.dumps(
        {
            "architecture": architecture,
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [difference]},
        }
    ).encode()
    stored = _store(path, config, CONFIG)
    return _json({"mediaType": MANIFEST, "config": stored, "layers": [layer]})


def _attestation(path: Path, subject: str) -> dict[str, object]:
    """An attestation manifest as BuildKit writes it: a child for no platform."""
    statement = json.dumps({"_type": "https://in-toto.io/Statement/v0.1", "subject": []}).encode()
    layer = _store(path, statement, "application/vnd.in-toto+json")
    layer["annotations"] = {"in-toto.io/predicate-type": "https://slsa.dev/provenance/v0.2"}
    difference = str(layer["digest"])
    config = json.dumps(
        {
            "architecture": "unknown",
            "os": "unknown",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [difference]},
        }
    ).encode()
    manifest = _json(
        {"mediaType": MANIFEST, "config": _store(path, config, CONFIG), "layers": [layer]}
    )
    return _store(path, manifest, MANIFEST) | {
        "platform": {"os": "unknown", "architecture": "unknown"},
        "annotations": {
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": subject,
        },
    }


def _begin(path: Path) -> None:
    (path / "blobs" / "sha256").mkdir(parents=True)
    (path / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')


def _end(path: Path, top: bytes, media_type: str) -> Layout:
    described = _store(path, top, media_type)
    (path / "index.json").write_bytes(_json({"manifests": [described]}))
    return Layout(path, top, media_type)


def _store(path: Path, content: bytes, media_type: str) -> dict[str, object]:
    digest = hashlib.sha256(content).hexdigest()
    (path / "blobs" / "sha256" / digest).write_bytes(content)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}


def _json(document: dict[str, object]) -> bytes:
    return json.dumps({"schemaVersion": 2} | document).encode()
