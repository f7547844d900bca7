"""Artifacts of the demo hub: what a push consists of, the same bytes every time."""

import gzip
import hashlib
import io
import json
import random
import tarfile
import zipfile
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

OCI_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX: Final = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
OCI_LAYER: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
EMPTY: Final = "application/vnd.oci.empty.v1+json"
SPECIMENS: Final = Path(__file__).parents[1] / "tests" / "corpus" / "specified"
KEY: Final = ec.derive_private_key(0x5EED, ec.SECP256R1())

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Artifact:
    """A manifest with the blobs that it names; `children` and `attached` are pushed with it."""

    content: bytes
    media_type: str
    blobs: tuple[bytes, ...] = ()
    children: tuple["Artifact", ...] = ()
    attached: tuple["Artifact", ...] = field(default=())

    @property
    def digest(self) -> str:
        """The manifest's digest."""
        return digest_of(self.content)

    @property
    def descriptor(self) -> Fields:
        """What an index or a referrer says of the manifest."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.content)}


def digest_of(data: bytes) -> str:
    """The SHA-256 digest."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def encode(value: object) -> bytes:
    """Compact JSON."""
    return json.dumps(value, separators=(",", ":")).encode()


def noise(seed: str, size: int) -> bytes:
    """Bytes that do not compress, as programs and models are."""
    return random.Random(seed).randbytes(size)


def archive(files: Mapping[str, bytes], *, is_zipped: bool = True) -> bytes:
    """A tar of these files, gzipped without a date."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(content), 1_780_000_000
            tar.addfile(member, io.BytesIO(content))
    return gzip.compress(buffer.getvalue(), 1, mtime=0) if is_zipped else buffer.getvalue()


def blob(data: bytes, media_type: str, **annotations: str) -> Fields:
    """A descriptor of bytes; names of annotations are written with `__` for `.`."""
    found: Fields = {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}
    if annotations:
        found["annotations"] = {key.replace("__", "."): text for key, text in annotations.items()}
    return found


def manifest(
    config: tuple[bytes, str], layers: Sequence[tuple[bytes, str, str]], **fields: Any
) -> Artifact:
    """A manifest of a config and of layers (bytes, media type, title)."""
    said = [
        blob(data, kind, **({"org__opencontainers__image__title": title} if title else {}))
        for data, kind, title in layers
    ]
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": blob(*config),
        "layers": said,
        **fields,
    }
    blobs = (config[0], *(layer[0] for layer in layers))
    return Artifact(encode(document), OCI_MANIFEST, blobs)


def attach(artifact_type: str, document: object, subject: Artifact) -> Artifact:
    """A document attached to an artifact, as `oras attach` does it."""
    return manifest(
        (b"{}", EMPTY),
        [(encode(document), artifact_type, "")],
        artifactType=artifact_type,
        subject=subject.descriptor,
    )


@dataclass(frozen=True, slots=True)
class ImageRecipe:
    """An image that is built anew for each version."""

    name: str
    base: str
    command: Sequence[str]
    port: int
    licence: str = "Apache-2.0"
    source: str = "https://git.example.com"
    platforms: Sequence[tuple[str, str]] = (("amd64", ""), ("arm64", ""), ("arm", "v7"))
    size: int = 160_000


def image(recipe: ImageRecipe, version: str, created: str) -> Artifact:
    """An index of platforms; all versions of a minor release share their base and libraries."""
    minor = ".".join(version.split(".")[:2])
    children = tuple(_platform(recipe, version, minor, created, each) for each in recipe.platforms)
    described = [
        {
            **child.descriptor,
            "platform": {"os": "linux", "architecture": name}
            | ({"variant": variant} if variant else {}),
        }
        for child, (name, variant) in zip(children, recipe.platforms, strict=True)
    ]
    index = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": described,
        "annotations": _annotations(recipe, version, created),
    }
    return Artifact(encode(index), OCI_INDEX, children=children)


def _platform(
    recipe: ImageRecipe, version: str, minor: str, created: str, platform: tuple[str, str]
) -> Artifact:
    architecture, variant = platform
    release = f'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="{recipe.base}"\n'.encode()
    base = {"etc/os-release": release, "usr/bin/sh": noise(f"{recipe.base}{architecture}", 90_000)}
    library = {"usr/lib/libapp.so": noise(f"{recipe.name}{minor}{architecture}", 60_000)}
    program = {f"app/{recipe.name}": noise(f"{recipe.name}{version}{architecture}", recipe.size)}
    layers = [archive(each) for each in (base, library, program)]
    config = {
        "architecture": architecture,
        "os": "linux",
        **({"variant": variant} if variant else {}),
        "created": created,
        "author": "ci@example.com",
        "config": {
            "Env": [
                "PATH=/usr/local/bin:/usr/bin:/bin",
                f"APP_VERSION={version}",
                "LOG_LEVEL=info",
            ],
            "Entrypoint": [f"/app/{recipe.name}"],
            "Cmd": list(recipe.command),
            "User": "10001" if version >= "2" else "root",
            "WorkingDir": "/app",
            "ExposedPorts": {f"{recipe.port}/tcp": {}},
            "Labels": _annotations(recipe, version, created),
        },
        "rootfs": {"type": "layers", "diff_ids": [digest_of(gzip.decompress(x)) for x in layers]},
        "history": [
            {"created": created, "created_by": f"/bin/sh -c #(nop) ADD file:{recipe.base} in /"},
            {"created": created, "created_by": 'CMD ["bash"]', "empty_layer": True},
            {"created": created, "created_by": f"RUN apt-get install -y libapp={minor} # buildkit"},
            {"created": created, "created_by": "ENV LOG_LEVEL=info", "empty_layer": True},
            {"created": created, "created_by": f"COPY build/{recipe.name} /app/ # buildkit"},
        ],
    }
    return manifest((encode(config), OCI_CONFIG), [(layer, OCI_LAYER, "") for layer in layers])


def _annotations(recipe: ImageRecipe, version: str, created: str) -> dict[str, str]:
    prefix = "org.opencontainers.image"
    return {
        f"{prefix}.title": recipe.name,
        f"{prefix}.version": version,
        f"{prefix}.created": created,
        f"{prefix}.licenses": recipe.licence,
        f"{prefix}.source": f"{recipe.source}/{recipe.name}",
        f"{prefix}.base.name": f"docker.io/library/{recipe.base}",
    }


def single(recipe: ImageRecipe, version: str, created: str) -> Artifact:
    """The same for one platform, without an index."""
    minor = ".".join(version.split(".")[:2])
    return _platform(recipe, version, minor, created, recipe.platforms[0])


def sign(subject: Artifact, name: str) -> Artifact:
    """A signature of cosign's form, by the key of the demo."""
    payload = encode(
        {
            "critical": {
                "identity": {"docker-reference": name},
                "image": {"docker-manifest-digest": subject.digest},
                "type": "cosign container image signature",
            },
            "optional": None,
        }
    )
    made = KEY.sign(payload, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    layer = blob(payload, "application/vnd.dev.cosign.simplesigning.v1+json")
    layer["annotations"] = {"dev.cosignproject.cosign/signature": b64encode(made).decode()}
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": blob(b"{}", "application/vnd.dev.cosign.artifact.sig.v1+json"),
        "layers": [layer],
        "subject": subject.descriptor,
    }
    return Artifact(encode(document), OCI_MANIFEST, (b"{}", payload))


def public_key() -> str:
    """The key that the demo's organizations trust, in PEM."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return KEY.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def chart(name: str, files: Mapping[str, bytes], said: Fields) -> Artifact:
    """A chart as `helm package` and `helm push` make it."""
    content = archive(
        {
            f"{name}/Chart.yaml": json.dumps(said, indent=2).encode(),
            **{f"{name}/{path}": text for path, text in files.items()},
        }
    )
    layer = (content, "application/vnd.cncf.helm.chart.content.v1.tar+gzip", "")
    config = (encode(said), "application/vnd.cncf.helm.config.v1+json")
    annotations = {
        "org.opencontainers.image.title": name,
        "org.opencontainers.image.version": str(said["version"]),
        "org.opencontainers.image.description": str(said["description"]),
    }
    return manifest(config, [layer], annotations=annotations)


def specimen(name: str, files: Mapping[str, bytes]) -> Artifact:
    """An artifact as the specification of its kind describes it, with these files in its layers.

    A layer that is an archive holds all of them; each other layer is the next one.
    """
    found = json.loads((SPECIMENS / f"{name}.json").read_text())
    document, waiting, blobs = found["manifest"], list(files.values()), []
    for layer in document.get("layers", []):
        data = _layer(layer["mediaType"], files, waiting)
        layer |= {"digest": digest_of(data), "size": len(data)}
        blobs.append(data)
    if "config" in document:
        config = encode(found.get("config") or {})
        if "rootfs" in found.get("config", {}):
            config = encode({**found["config"], "created": "2026-11-20T08:00:00Z"})
        document["config"] |= {"digest": digest_of(config), "size": len(config)}
        blobs.append(config)
    media_type = document.get("mediaType", OCI_MANIFEST)
    return Artifact(encode(document), media_type, tuple(blobs))


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip of these files; every member has zip's first date."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name, content in files.items():
            made.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()


def _layer(media_type: str, files: Mapping[str, bytes], waiting: list[bytes]) -> bytes:
    if media_type.endswith("zip") and "gzip" not in media_type:
        return zipped(files)
    if "tar" in media_type or media_type.endswith("gzip"):
        return archive(files, is_zipped="gz" in media_type)
    return waiting.pop(0) if waiting else noise(media_type, 4000)
