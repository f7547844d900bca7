"""A hub that runs over HTTPS with something in it, and commands that work on it from afar."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner, Result

from entrepot.cli.main import app
from tests.support.server import ADMIN_PASSWORD, Hub

_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@dataclass(frozen=True, slots=True)
class FarHub:
    """The hub, its data, and whoever is logged in to it."""

    hub: Hub

    @property
    def host(self) -> str:
        """The host and the port."""
        return self.hub.host

    def log_in(self, name: str = "admin", password: str = ADMIN_PASSWORD, *more: str) -> Result:
        """Log in as an account."""
        words = ["login", self.host, "--username", name, "--password-stdin"]
        words += ["--ca", str(self.hub.ca), *more]
        return CliRunner().invoke(app, words, input=password)

    def far(self, *words: str, stdin: str = "") -> Result:
        """Run a command on the current login's hub."""
        return CliRunner().invoke(app, [*words], input=stdin)

    def here(self, *words: str, stdin: str = "") -> Result:
        """Run a command on the hub's data."""
        return CliRunner().invoke(app, [*words, "--data", str(self.hub.data)], input=stdin)


def write_layout(path: Path, tags: Mapping[str, bytes]) -> Path:
    """Write an OCI image layout with an image for each tag, of a layer with that content."""
    blobs = path / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    (path / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')

    def descriptor(media_type: str, content: bytes) -> dict[str, object]:
        name = hashlib.sha256(content).hexdigest()
        (blobs / name).write_bytes(content)
        return {"mediaType": media_type, "digest": f"sha256:{name}", "size": len(content)}

    config = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}
    manifests = []
    for tag, layer in tags.items():
        image = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": descriptor(_CONFIG, json.dumps(config).encode()),
            "layers": [descriptor(_LAYER, layer)],
        }
        annotations = {"org.opencontainers.image.ref.name": tag}
        made = descriptor(_MANIFEST, json.dumps(image).encode())
        manifests.append({**made, "annotations": annotations})
    (path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": manifests}))
    return path


def shape(value: object) -> object:
    """The keys and the types of a JSON document, of lists that of their first entry."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in value.items()}
    if isinstance(value, list):
        return [shape(each) for each in value[:1]]
    return "number" if isinstance(value, int | float) else type(value).__name__
