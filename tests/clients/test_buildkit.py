"""What BuildKit pushes is taken as it is, and buildx works on it."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients.layouts import INDEX, Layout, write_index
from tests.clients.programs import Program, program, remember_password, untouched
from tests.support.server import Hub

pytestmark = pytest.mark.clients

CACHE_CONFIG = "application/vnd.buildkit.cacheconfig.v0"


@dataclass(frozen=True, slots=True)
class Build:
    """buildx and oras at one hub, with a repository that nobody else uses."""

    buildx: Program
    oras: Program
    hub: Hub
    repository: str

    def push(self, layout: Layout, tag: str) -> str:
        """Push a layout with all its children, as BuildKit does; return the reference."""
        reference = f"{self.repository}:{tag}"
        source = f"{layout.path}@{layout.digest}"
        secure = ("--to-plain-http=false",) if self.hub.tls else ()
        self.oras("cp", "-r", *secure, "--from-oci-layout", source, reference)
        return reference

    @property
    def secure(self) -> tuple[str, ...]:
        """oras takes localhost for plain HTTP unless it is told otherwise."""
        return ("--plain-http=false",) if self.hub.tls else ()


@pytest.fixture
def build(hub: Hub, home: dict[str, str], tmp_path: Path) -> Build:
    """Both, with the password remembered."""
    work = tmp_path / "work"
    work.mkdir()
    remember_password(hub, home)
    home["BUILDX_CONFIG"] = str(work / "buildx")
    buildx, oras = (program(name, home, work) for name in ("buildx", "oras"))
    return Build(buildx, oras, hub, untouched(hub, "buildkit"))


def _needs_http(build: Build) -> None:
    if build.hub.tls:
        pytest.skip("buildx speaks plain HTTP to localhost, whatever answers there")


def test_an_index_with_attestations_comes_back_byte_for_byte(build: Build, tmp_path: Path) -> None:
    layout = write_index(tmp_path / "layout", ("amd64", "arm64"), attested=True)
    reference = build.push(layout, "attested")
    assert build.oras("manifest", "fetch", *build.secure, reference).encode() == layout.manifest


def test_buildx_sees_the_attestations(build: Build, tmp_path: Path) -> None:
    _needs_http(build)
    layout = write_index(tmp_path / "layout", ("amd64",), attested=True)
    reference = build.push(layout, "attested")
    assert build.buildx("imagetools", "inspect", "--raw", reference).encode() == layout.manifest
    said = build.buildx("imagetools", "inspect", reference)
    assert "unknown/unknown" in said
    assert "attestation-manifest" in said


def test_buildx_makes_an_index_of_two(build: Build, tmp_path: Path) -> None:
    _needs_http(build)
    sources = []
    for architecture in ("amd64", "arm64"):
        layout = write_index(tmp_path / architecture, (architecture,))
        sources.append(build.push(layout, architecture))
    both = f"{build.repository}:both"
    build.buildx("imagetools", "create", "--tag", both, *sources)
    shown = json.loads(build.buildx("imagetools", "inspect", "--raw", both))
    platforms = [each["platform"]["architecture"] for each in shown["manifests"]]
    assert platforms == ["amd64", "arm64"]


def test_a_registry_cache_is_an_index_of_blobs(build: Build, tmp_path: Path) -> None:
    (tmp_path / "work" / "layer").write_bytes(b"a layer")
    (tmp_path / "work" / "config").write_bytes(b'{"layers":[],"records":[]}')
    kinds = {"layer": "application/vnd.oci.image.layer.v1.tar+gzip", "config": CACHE_CONFIG}
    children = []
    for name, kind in kinds.items():
        words = ("blob", "push", "--media-type", kind, "--descriptor", build.repository, name)
        children.append(build.oras.object(*words, *build.secure))
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": children})
    (tmp_path / "work" / "index.json").write_text(index)
    target = f"{build.repository}:cache"
    build.oras("manifest", "push", *build.secure, "--media-type", INDEX, target, "index.json")
    assert build.oras("manifest", "fetch", *build.secure, target) == index


def test_a_registry_cache_without_its_blobs_is_refused(build: Build, tmp_path: Path) -> None:
    missing = {
        "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
        "digest": f"sha256:{'0' * 64}",
        "size": 1,
    }
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [missing]})
    (tmp_path / "work" / "index.json").write_text(index)
    target = f"{build.repository}:cache"
    words = ("manifest", "push", *build.secure, "--media-type", INDEX, target, "index.json")
    assert "MANIFEST_BLOB_UNKNOWN" in build.oras.refused(*words).upper().replace(" ", "_")
