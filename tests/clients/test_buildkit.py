"""What BuildKit pushes is taken as it is; buildx builds, pushes and reads here."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients.layers import files_in
from tests.clients.layouts import INDEX, Layout, files_of, push_layout, write_index
from tests.clients.programs import Program, program, remember_password, untouched
from tests.support.server import Hub

pytestmark = pytest.mark.clients

CACHE_CONFIG = "application/vnd.buildkit.cacheconfig.v0"
CACHE_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
# `docker build --platform` needs no program of that platform where nothing is run.
DOCKERFILE = "FROM scratch\nCOPY . /\n"


@dataclass(frozen=True, slots=True)
class Build:
    """buildx, docker and oras at one hub, with a repository that nobody else uses."""

    buildx: Program
    docker: Program
    oras: Program
    hub: Hub
    repository: str

    def push(self, layout: Layout, tag: str) -> str:
        """Push a layout with all its children, as BuildKit does; return the reference."""
        reference = f"{self.repository}:{tag}"
        push_layout(self.oras, layout, reference, tls=self.hub.tls)
        return reference

    def make(self, architecture: str) -> str:
        """Build an image with the engine's BuildKit and push it; return the reference."""
        reference = f"{self.repository}:{architecture}"
        context = self.buildx.directory / architecture
        context.mkdir()
        (context / "Dockerfile").write_text(DOCKERFILE)
        for name, content in files_of(architecture).items():
            (context / name).write_bytes(content)
        words = ("--platform", f"linux/{architecture}", "--tag", reference)
        self.buildx("--builder", "default", "build", "--push", *words, context)
        return reference

    def files_of(self, reference: str, architecture: str) -> Mapping[str, bytes]:
        """Pull an image for this architecture; return the files in it."""
        self.docker("pull", "--platform", f"linux/{architecture}", reference)
        container = self.docker("create", reference, "none").strip()
        target = self.docker.directory / "export.tar"
        self.docker("export", "-o", target, container)
        self.docker("rm", container)
        self.docker("rmi", reference)
        return files_in(target)

    def cache(self, *children: object) -> tuple[str, tuple[str, ...]]:
        """Write an index of these children; return its text and the words that push it."""
        index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": children})
        (self.oras.directory / "index.json").write_text(index)
        target = f"{self.repository}:cache"
        words = ("--media-type", INDEX, target, "index.json")
        return index, ("manifest", "push", *self.secure, *words)

    @property
    def secure(self) -> tuple[str, ...]:
        """oras takes localhost for plain HTTP unless it is told otherwise."""
        return ("--plain-http=false",) if self.hub.tls else ()


@pytest.fixture
def build(trusting_engine: str, hub: Hub, home: dict[str, str], tmp_path: Path) -> Build:
    """All of them, with the password remembered."""
    work = tmp_path / "work"
    work.mkdir()
    remember_password(hub, home)
    env = home | {"BUILDX_CONFIG": str(work / "buildx"), "DOCKER_HOST": trusting_engine}
    buildx, docker, oras = (program(name, env, work) for name in ("buildx", "docker", "oras"))
    _configure(buildx, hub)
    return Build(buildx, docker, oras, hub, untouched(hub, "buildkit"))


def _configure(buildx: Program, hub: Hub) -> None:
    """Choose a builder that knows how the hub speaks; nothing is ever built with it."""
    lines = [f'[registry."{hub.host}"]', f"http = {'false' if hub.tls else 'true'}"]
    if hub.ca is not None:
        lines.append(f'ca = ["{hub.ca}"]')
    (buildx.directory / "buildkitd.toml").write_text("\n".join(lines))
    words = ("--use", "--driver", "docker-container", "--buildkitd-config", "buildkitd.toml")
    buildx("create", *words)


def test_an_index_with_attestations_comes_back_byte_for_byte(build: Build, tmp_path: Path) -> None:
    layout = write_index(tmp_path / "layout", ("amd64", "arm64"), attested=True)
    reference = build.push(layout, "attested")
    assert build.oras("manifest", "fetch", *build.secure, reference).encode() == layout.manifest


def test_docker_pulls_each_image_beside_its_attestation(build: Build, tmp_path: Path) -> None:
    layout = write_index(tmp_path / "layout", ("amd64", "arm64"), attested=True)
    reference = build.push(layout, "attested")
    for architecture in ("amd64", "arm64"):
        expected = files_of(architecture)
        assert expected.items() <= build.files_of(reference, architecture).items()


def test_buildx_sees_the_attestations(build: Build, tmp_path: Path) -> None:
    layout = write_index(tmp_path / "layout", ("amd64",), attested=True)
    reference = build.push(layout, "attested")
    assert build.buildx("imagetools", "inspect", "--raw", reference).encode() == layout.manifest
    said = build.buildx("imagetools", "inspect", reference)
    assert "unknown/unknown" in said
    assert "attestation-manifest" in said


def test_buildx_makes_an_index_of_what_it_built(build: Build) -> None:
    sources = [build.make(architecture) for architecture in ("amd64", "arm64")]
    both = f"{build.repository}:both"
    build.buildx("imagetools", "create", "--tag", both, *sources)
    shown = json.loads(build.buildx("imagetools", "inspect", "--raw", both))
    platforms = [each["platform"]["architecture"] for each in shown["manifests"]]
    assert platforms == ["amd64", "arm64"]
    for architecture in platforms:
        expected = files_of(architecture)
        assert expected.items() <= build.files_of(both, architecture).items()


def test_buildx_copies_an_index_to_another_repository(build: Build, tmp_path: Path) -> None:
    layout = write_index(tmp_path / "layout", ("amd64", "arm64"), attested=True)
    source, target = build.push(layout, "here"), untouched(build.hub, "buildkit-copy") + ":there"
    build.buildx("imagetools", "create", "--tag", target, source)
    assert build.buildx("imagetools", "inspect", "--raw", target).encode() == layout.manifest
    assert files_of("amd64").items() <= build.files_of(target, "amd64").items()


def test_a_registry_cache_is_an_index_of_blobs(build: Build) -> None:
    contents = {CACHE_LAYER: b"a layer", CACHE_CONFIG: b'{"layers":[],"records":[]}'}
    children = []
    for kind, content in contents.items():
        (build.oras.directory / "blob").write_bytes(content)
        words = ("blob", "push", "--media-type", kind, "--descriptor", build.repository, "blob")
        children.append(build.oras.object(*words, *build.secure))
    index, push = build.cache(*children)
    build.oras(*push)
    reference = f"{build.repository}:cache"
    assert build.oras("manifest", "fetch", *build.secure, reference) == index
    for child, content in zip(children, contents.values(), strict=True):
        blob = f"{build.repository}@{child['digest']}"
        said = build.oras("blob", "fetch", *build.secure, "--output", "-", blob)
        assert said.encode() == content


def test_a_registry_cache_without_its_blobs_is_refused(build: Build) -> None:
    absent = {"mediaType": CACHE_LAYER, "digest": f"sha256:{'0' * 64}", "size": 1}
    _, words = build.cache(absent)
    assert "MANIFEST_BLOB_UNKNOWN" in build.oras.refused(*words).upper().replace(" ", "_")
