"""The repositories of a made-up hub, and the manifests in them."""

import hashlib
import json
from dataclasses import dataclass

from bench.hub_words import PLATFORMS

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
SPDX = "application/spdx+json"
SARIF = "application/sarif+json"


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository that is being made up."""

    id: int
    name: str
    namespace_id: int
    kind: str
    tags: int
    has_sbom: bool = False
    is_signed: bool = False
    license: str = "MIT"
    description: str = ""
    readme: str = ""
    is_public: bool = True

    @property
    def platforms(self) -> tuple[str, ...]:
        """What its images run on; charts and files run on nothing."""
        if self.kind != "image":
            return ()
        return PLATFORMS[: 1 + self.id % len(PLATFORMS)]


def image_of(repository: Repository, number: int) -> bytes:
    """The manifest of an image of one layer, whose blobs are nowhere."""
    digest = hashlib.sha256(f"{repository.id} {number}".encode()).hexdigest()
    layer = f'{{"mediaType":"{MANIFEST[:-13]}layer.v1.tar+gzip","digest":"sha256:{digest}"'
    config = f'{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:{digest}"'
    return (
        f'{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{config},"size":2000}},'
        f'"layers":[{layer},"size":20000000}}]}}'
    ).encode()


def index_of(children: list[tuple[str, int, str]]) -> bytes:
    """The index of (digest, size, platform)."""
    manifests = []
    for digest, size, platform in children:
        os, architecture, *variant = platform.split("/")
        described = {"os": os, "architecture": architecture}
        if variant:
            described["variant"] = variant[0]
        manifests.append(
            {"mediaType": MANIFEST, "digest": digest, "size": size, "platform": described}
        )
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}).encode()


def attachment_of(kind: str, subject: str) -> bytes:
    """The manifest of something attached to a digest."""
    empty = {
        "mediaType": "application/vnd.oci.empty.v1+json",
        "digest": f"sha256:{hashlib.sha256(b'{}').hexdigest()}",
        "size": 2,
    }
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": kind,
            "config": empty,
            "layers": [empty | {"mediaType": kind}],
            "subject": {"mediaType": MANIFEST, "digest": subject, "size": 700},
        }
    ).encode()
