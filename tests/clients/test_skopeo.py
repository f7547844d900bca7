"""skopeo copies, synchronises, inspects, lists and deletes here."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients.engines import certificate_directory
from tests.clients.layouts import write_index, write_layout
from tests.clients.programs import Program, program, untouched
from tests.support.server import Hub

pytestmark = pytest.mark.clients


@dataclass(frozen=True, slots=True)
class Skopeo:
    """skopeo at one hub, with a repository that nobody else uses."""

    program: Program
    hub: Hub
    repository: str

    def __call__(self, *words: str | Path, stdin: str = "") -> str:
        """Run a command."""
        return self.program(*words, stdin=stdin)

    def access(self, side: str = "") -> tuple[str, ...]:
        """The options that reach the hub: for one side of a copy, or for all."""
        if self.hub.tls:
            return (f"--{side}cert-dir", str(self.program.directory / "certificates"))
        return (f"--{side}tls-verify=false",)

    def push(self, layout: Path, tag: str, *words: str) -> str:
        """Copy a layout to the hub; return its address."""
        address = f"docker://{self.repository}:{tag}"
        self("copy", *self.access("dest-"), *words, f"oci:{layout}", address)
        return address

    def digest(self, address: str) -> str:
        """The digest of what an address names."""
        said = self("inspect", *self.access(), "--format", "{{.Digest}}", address)
        return said.strip()

    def raw(self, address: str) -> bytes:
        """The bytes of the manifest."""
        return self("inspect", *self.access(), "--raw", address).encode()


@pytest.fixture
def skopeo(hub: Hub, home: dict[str, str], tmp_path: Path) -> Skopeo:
    """skopeo, logged in."""
    work = tmp_path / "work"
    work.mkdir()
    certificate_directory(hub, work)
    env = {key: value for key, value in home.items() if key != "SSL_CERT_FILE"}
    env["REGISTRY_AUTH_FILE"] = str(work / "auth.json")
    made = Skopeo(program("skopeo", env, work), hub, untouched(hub, "skopeo"))
    words = ("-u", hub.username, "--password-stdin", hub.host)
    made("login", *made.access(), *words, stdin=hub.password)
    return made


def test_a_copy_comes_back_byte_for_byte(skopeo: Skopeo, tmp_path: Path) -> None:
    layout = write_layout(tmp_path / "layout")
    address = skopeo.push(layout.path, "one")
    assert skopeo.raw(address) == layout.manifest
    skopeo("copy", *skopeo.access("src-"), address, f"oci:{tmp_path / 'back'}:one")
    for blob in (tmp_path / "layout" / "blobs" / "sha256").iterdir():
        assert (
            tmp_path / "back" / "blobs" / "sha256" / blob.name
        ).read_bytes() == blob.read_bytes()


def test_an_index_is_copied_with_all_its_images(skopeo: Skopeo, tmp_path: Path) -> None:
    layout = write_index(tmp_path / "layout", ("amd64", "arm64"))
    address = skopeo.push(layout.path, "both", "--all")
    assert skopeo.raw(address) == layout.manifest
    other = f"docker://{untouched(skopeo.hub, 'skopeo-copy')}:both"
    both = (*skopeo.access("src-"), *skopeo.access("dest-"))
    skopeo("copy", "--all", "--preserve-digests", *both, address, other)
    assert skopeo.raw(other) == layout.manifest


def test_one_platform_of_an_index_is_read(skopeo: Skopeo, tmp_path: Path) -> None:
    layout = write_index(tmp_path / "layout", ("amd64", "arm64"))
    address = skopeo.push(layout.path, "both", "--all")
    words = ("--override-arch", "arm64", "--override-os", "linux", "inspect", *skopeo.access())
    assert json.loads(skopeo(*words, address))["Architecture"] == "arm64"


@pytest.mark.parametrize("form", ["oci", "v2s2"])
def test_a_manifest_is_converted_by_the_client(skopeo: Skopeo, tmp_path: Path, form: str) -> None:
    layout = write_layout(tmp_path / "layout")
    address = skopeo.push(layout.path, form, "--format", form)
    kind = json.loads(skopeo.raw(address)).get("mediaType", "application/vnd.oci.")
    assert ("docker" in kind) == (form == "v2s2")


def test_tags_are_listed(skopeo: Skopeo, tmp_path: Path) -> None:
    layout = write_layout(tmp_path / "layout")
    for tag in ("b", "a", "10"):
        skopeo.push(layout.path, tag)
    said = json.loads(skopeo("list-tags", *skopeo.access(), f"docker://{skopeo.repository}"))
    assert said["Tags"] == ["10", "a", "b"]


def test_a_repository_is_synchronised_to_a_directory_and_back(
    skopeo: Skopeo, tmp_path: Path
) -> None:
    layout = write_layout(tmp_path / "layout")
    addresses = [skopeo.push(layout.path, tag) for tag in ("one", "two")]
    target = tmp_path / "mirror"
    target.mkdir()
    source = (*skopeo.access("src-"), "--src", "docker", "--dest", "dir")
    skopeo("sync", *source, skopeo.repository, target)
    assert len(list(target.iterdir())) == len(addresses)
    back = (*skopeo.access("dest-"), "--src", "dir", "--dest", "docker")
    place = f"{skopeo.hub.host}/docker/synchronised-{skopeo.repository.rpartition('-')[2]}"
    skopeo("sync", *back, target, place)
    name = skopeo.repository.rpartition("/")[2]
    assert skopeo.raw(f"docker://{place}/{name}:one") == layout.manifest


def test_deleting_takes_every_tag_of_the_manifest(skopeo: Skopeo, tmp_path: Path) -> None:
    layout = write_layout(tmp_path / "layout")
    address = skopeo.push(layout.path, "one")
    skopeo.push(layout.path, "two")
    skopeo("delete", *skopeo.access(), address)
    words = ("inspect", *skopeo.access())
    assert "manifest unknown" in skopeo.program.refused(*words, f"docker://{skopeo.repository}:two")


def test_nobody_reads_without_credentials(skopeo: Skopeo, tmp_path: Path) -> None:
    address = skopeo.push(write_layout(tmp_path / "layout").path, "one")
    words = ("inspect", *skopeo.access(), "--no-creds", address)
    assert "unauthorized" in skopeo.program.refused(*words).lower()
