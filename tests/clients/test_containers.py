"""podman and buildah push and pull here, each with storage of its own."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients.engines import certificate_directory
from tests.clients.layers import files_in, write_layer
from tests.clients.layouts import files_of, push_layout, write_index
from tests.clients.programs import Program, program, remember_password, untouched
from tests.support.requirements import IS_ROOT, require
from tests.support.server import Hub

pytestmark = pytest.mark.clients

FILES = {"greeting": b"hello\n", "numbers": bytes(range(256)) * 4096}


@dataclass(frozen=True, slots=True)
class Containers:
    """podman or buildah at one hub, with a repository that nobody else uses."""

    program: Program
    hub: Hub
    repository: str
    options: tuple[str, ...]
    access: tuple[str, ...]

    def __call__(self, *words: str | Path, stdin: str = "") -> str:
        """Run a command on the tool's own storage."""
        return self.program(*self.options, *words, stdin=stdin)

    def remote(self, command: str, *words: str | Path, stdin: str = "") -> str:
        """Run a command that talks to the hub."""
        return self(command, *self.access, *words, stdin=stdin)

    def login(self) -> None:
        """Log in as `hubuser`."""
        words = ("-u", self.hub.username, "--password-stdin", self.hub.host)
        assert "Login Succeeded" in self.remote("login", *words, stdin=self.hub.password)

    def files_of(self, reference: str) -> dict[str, bytes]:
        """The files of an image of one layer in the tool's own storage."""
        archive, layer = self.directory / "archive.tar", self.directory / "layer.tar"
        archive.unlink(missing_ok=True)
        self("push", reference, f"docker-archive:{archive}")
        [content] = [held for name, held in files_in(archive).items() if name.endswith(".tar")]
        layer.write_bytes(content)
        return files_in(layer)

    @property
    def directory(self) -> Path:
        """Where it works."""
        return self.program.directory


@contextmanager
def _logged_in(name: str, hub: Hub, home: Mapping[str, str]) -> Iterator[Containers]:
    require(IS_ROOT)
    # Short: the tools refuse a run directory of more than fifty characters.
    work = Path(tempfile.mkdtemp(prefix="c-", dir="/tmp"))
    try:
        made = _containers(name, hub, home, work)
        made.login()
        yield made
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _containers(name: str, hub: Hub, home: Mapping[str, str], work: Path) -> Containers:
    env = {key: value for key, value in home.items() if key != "SSL_CERT_FILE"}
    env["REGISTRY_AUTH_FILE"] = str(work / "auth.json")
    options = ("--root", f"{work}/root", "--runroot", f"{work}/run", "--storage-driver", "vfs")
    access: tuple[str, ...] = ("--tls-verify=false",)
    if hub.tls:
        access = ("--cert-dir", str(certificate_directory(hub, work)))
    return Containers(program(name, env, work), hub, untouched(hub, name), options, access)


@pytest.fixture
def podman(hub: Hub, home: dict[str, str]) -> Iterator[Containers]:
    """podman, logged in."""
    with _logged_in("podman", hub, home) as made:
        yield made


@pytest.fixture
def buildah(hub: Hub, home: dict[str, str]) -> Iterator[Containers]:
    """buildah, logged in."""
    with _logged_in("buildah", hub, home) as made:
        yield made
        # A container that is left may be mounted.
        made("rm", "--all")


def _import(podman: Containers, tag: str) -> str:
    reference = f"{podman.repository}:{tag}"
    podman("import", write_layer(podman.directory / f"{tag}.tar", FILES), reference)
    return reference


def _id_of(containers: Containers, reference: str) -> str:
    return containers("images", "--quiet", "--no-trunc", reference).strip()


@pytest.mark.parametrize("form", ["oci", "v2s2"])
def test_podman_gets_back_what_it_pushed_in_either_format(podman: Containers, form: str) -> None:
    reference = _import(podman, "one")
    podman.remote("push", "--format", form, reference)
    podman("rmi", reference)
    podman.remote("pull", reference)
    assert podman.files_of(reference) == FILES


def test_podman_pulls_by_digest(podman: Containers) -> None:
    reference = _import(podman, "one")
    podman.remote("push", "--digestfile", podman.directory / "digest", reference)
    digest = (podman.directory / "digest").read_text().strip()
    podman("rmi", reference)
    pinned = f"{podman.repository}@{digest}"
    podman.remote("pull", pinned)
    assert podman.files_of(pinned) == FILES


@pytest.mark.parametrize("compression", ["gzip", "zstd", "zstd:chunked"])
def test_podman_pushes_compressed_layers(podman: Containers, compression: str) -> None:
    reference = _import(podman, "one")
    podman.remote("push", "--format", "oci", "--compression-format", compression, reference)
    podman("rmi", reference)
    podman.remote("pull", reference)
    assert podman.files_of(reference) == FILES


def test_podman_lists_the_tags_of_a_repository(podman: Containers) -> None:
    reference = _import(podman, "b")
    podman.remote("push", reference)
    podman.remote("push", reference, f"{podman.repository}:a")
    # It has no option for a CA of one's own.
    said = podman("search", "--tls-verify=false", "--list-tags", podman.repository)
    assert [line.split()[-1] for line in said.splitlines()[1:]] == ["a", "b"]


def test_podman_pushes_a_manifest_list_with_its_images(podman: Containers) -> None:
    podman("manifest", "create", "both")
    for tag in ("one", "two"):
        reference = _import(podman, tag)
        podman("manifest", "add", "--arch", "amd64", "both", f"containers-storage:{reference}")
    target = f"{podman.repository}:both"
    podman("manifest", "push", *podman.access, "--all", "both", f"docker://{target}")
    podman("manifest", "rm", "both")
    podman("rmi", "--all")
    podman.remote("pull", target)
    assert podman.files_of(target) == FILES


def test_podman_pulls_an_image_beside_its_attestation(
    podman: Containers, home: dict[str, str], tmp_path: Path
) -> None:
    layout = write_index(tmp_path / "layout", ("amd64", "arm64"), attested=True)
    reference = f"{podman.repository}:attested"
    remember_password(podman.hub, home)
    oras = program("oras", home, tmp_path)
    push_layout(oras, layout, reference, tls=podman.hub.tls)
    for architecture in ("amd64", "arm64"):
        podman.remote("pull", "--arch", architecture, reference)
        assert podman.files_of(reference) == files_of(architecture)


def test_podman_is_refused_after_its_logout(podman: Containers) -> None:
    reference = _import(podman, "one")
    podman("logout", podman.hub.host)
    words = (*podman.options, "push", *podman.access, reference)
    assert "denied" in podman.program.refused(*words)


def test_buildah_gets_back_what_it_built(buildah: Containers) -> None:
    container = buildah("from", "scratch").strip()
    (buildah.directory / "greeting").write_bytes(FILES["greeting"])
    buildah("add", container, buildah.directory / "greeting", "/greeting")
    buildah("config", "--label", "made.by=buildah", container)
    reference = f"{buildah.repository}:one"
    buildah("commit", container, reference)
    held = _id_of(buildah, reference)
    buildah.remote("push", reference)
    buildah("rm", container)
    buildah("rmi", reference)
    buildah.remote("pull", reference)
    assert _id_of(buildah, reference) == held
    assert buildah.files_of(reference) == {"greeting": FILES["greeting"]}


def test_buildah_pushes_a_manifest_list(buildah: Containers) -> None:
    container = buildah("from", "scratch").strip()
    buildah("commit", container, f"{buildah.repository}:one")
    buildah("manifest", "create", "list", f"{buildah.repository}:one")
    target = f"docker://{buildah.repository}:list"
    buildah("manifest", "push", *buildah.access, "--all", "list", target)
    held = _id_of(buildah, f"{buildah.repository}:one")
    buildah("manifest", "rm", "list")
    buildah("rm", container)
    buildah("rmi", f"{buildah.repository}:one")
    buildah.remote("pull", f"{buildah.repository}:list")
    assert _id_of(buildah, f"{buildah.repository}:list") == held
