"""oras pushes files, attaches files to them, and reads, copies, keeps and deletes all of it."""

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.clients.programs import Program, program, untouched
from tests.support.server import Hub

pytestmark = pytest.mark.clients

UNKNOWN = "application/vnd.unknown.artifact.v1"
VOLUME = "application/vnd.docker.volume.v1+tar.gz"


def digest_of(content: bytes) -> str:
    """The sha256 digest of some bytes."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def reached(hub: Hub) -> Hub:
    """The hub under the name that oras speaks the right scheme to: it takes localhost for HTTP."""
    return replace(hub, host=hub.host.replace("localhost", "127.0.0.1")) if hub.tls else hub


@dataclass(frozen=True, slots=True)
class Oras:
    """oras at one hub, with a repository that nobody else uses."""

    program: Program
    hub: Hub
    repository: str

    def __call__(self, *words: str | Path) -> str:
        """Run a command."""
        return self.program(*words)

    def file(self, name: str, content: bytes = b"") -> Path:
        """Write a file where oras works."""
        path = self.program.directory / name
        path.write_bytes(content)
        return path

    def push(self, tag: str, name: str = "file.txt", content: bytes = b"") -> str:
        """Push one file under a tag; return the manifest's digest."""
        self.file(name, content)
        words = ("push", f"{self.repository}:{tag}", f"{name}:text/plain", "--format", "json")
        return str(self.program.object(*words)["digest"])

    def attach(self, subject: str, kind: str, content: bytes) -> str:
        """Attach a file to what a tag names; return the digest of its manifest."""
        self.file("attached.txt", content)
        reference = f"{self.repository}:{subject}"
        words = ("attach", reference, "--artifact-type", kind, "attached.txt:text/plain")
        return str(self.program.object(*words, "--format", "json")["digest"])

    def pull(self, reference: str) -> dict[str, bytes]:
        """The files behind a reference, by name."""
        into = self.program.directory / f"pulled-{len(list(self.program.directory.iterdir()))}"
        self("pull", reference, "-o", into)
        return {file.name: file.read_bytes() for file in into.iterdir()}

    def tags(self, repository: str = "", *flags: str) -> list[str]:
        """The tags of a repository, in the order in which they come."""
        return self("repo", "tags", repository or self.repository, *flags).split()

    def resolve(self, tag: str) -> str:
        """The digest that a tag of this repository names."""
        return self("resolve", f"{self.repository}:{tag}").strip()

    def referrers(self, reference: str, *flags: str) -> set[tuple[str, str]]:
        """Type and digest of everything attached to a reference."""
        found = self.program.object("discover", reference, "--format", "json", *flags)
        listed = found.get("referrers") or []
        assert isinstance(listed, list)
        return {(item["artifactType"], item["digest"]) for item in listed}


@pytest.fixture
def oras(hub: Hub, home: dict[str, str], tmp_path: Path) -> Oras:
    """oras, logged in."""
    work = tmp_path / "work"
    work.mkdir()
    there = reached(hub)
    made = Oras(program("oras", home, work), there, untouched(there, "oras"))
    login = ("login", there.host, "-u", hub.username, "--password-stdin")
    made.program(*login, stdin=hub.password)
    return made


def test_the_two_documented_pushes_work_with_empty_files(oras: Oras) -> None:
    reference = f"{oras.hub.host}/docker/demo:0.0.1"
    oras.file("myvolume.txt")
    oras.file("myartifact.txt")
    oras("push", reference, f"--artifact-type={VOLUME}", "myvolume.txt:text/plain")
    manifest = oras.program.object("manifest", "fetch", reference)
    assert manifest["artifactType"] == VOLUME
    assert oras.pull(reference) == {"myvolume.txt": b""}
    oras("push", reference, "myartifact.txt:text/plain")
    assert oras.program.object("manifest", "fetch", reference)["artifactType"] == UNKNOWN
    assert oras.pull(reference) == {"myartifact.txt": b""}


def test_files_come_back_byte_for_byte_by_tag_and_by_digest(oras: Oras) -> None:
    content = bytes(range(256)) * 4096
    digest = oras.push("big", "big.bin", content)
    assert oras.resolve("big") == digest
    assert oras.pull(f"{oras.repository}:big") == {"big.bin": content}
    assert oras.pull(f"{oras.repository}@{digest}") == {"big.bin": content}


def test_many_files_a_config_and_a_directory_are_one_artifact(oras: Oras) -> None:
    folder = oras.program.directory / "folder"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "leaf.txt").write_bytes(b"leaf")
    oras.file("a.txt", b"a")
    oras.file("config.json", b'{"a": 1}')
    reference = f"{oras.repository}:many"
    oras("push", reference, "--config", "config.json:application/x.config", "a.txt", "folder")
    assert json.loads(oras("manifest", "fetch-config", reference)) == {"a": 1}
    oras("pull", reference, "-o", "out")
    out = oras.program.directory / "out"
    assert (out / "folder" / "deep" / "leaf.txt").read_bytes() == b"leaf"
    assert (out / "a.txt").read_bytes() == b"a"


def test_what_is_attached_is_discovered_by_type_and_as_a_tree(oras: Oras) -> None:
    oras.push("subject")
    sbom = oras.attach("subject", "application/x.sbom", b"sbom")
    report = oras.attach("subject", "application/x.report", b"report")
    reference = f"{oras.repository}:subject"
    both = {("application/x.sbom", sbom), ("application/x.report", report)}
    assert oras.referrers(reference) == both
    only = oras.referrers(reference, "--artifact-type", "application/x.sbom")
    assert only == {("application/x.sbom", sbom)}
    tree = oras("discover", reference)
    assert sbom in tree
    assert report in tree
    assert oras.pull(f"{oras.repository}@{sbom}") == {"attached.txt": b"sbom"}
    assert oras.tags() == ["subject"]  # no tag stands in for the referrers API


def test_a_deleted_attachment_is_no_longer_discovered(oras: Oras) -> None:
    oras.push("subject")
    sbom = oras.attach("subject", "application/x.sbom", b"sbom")
    oras("manifest", "delete", "--force", f"{oras.repository}@{sbom}")
    assert oras.referrers(f"{oras.repository}:subject") == set()


def test_a_recursive_copy_takes_the_attachments_along(oras: Oras) -> None:
    digest = oras.push("subject", "file.txt", b"copied")
    oras.attach("subject", "application/x.sbom", b"sbom")
    copy = untouched(oras.hub, "oras-copy")
    oras("cp", "--recursive", f"{oras.repository}:subject", f"{copy}:here,there")
    assert oras.tags(copy) == ["here", "there"]
    assert oras("resolve", f"{copy}:here").strip() == digest
    assert oras.referrers(f"{copy}:here") == oras.referrers(f"{oras.repository}:subject")
    assert oras.pull(f"{copy}:there") == {"file.txt": b"copied"}


@pytest.mark.parametrize("layout", ["backup.tar", "backup"])
def test_a_backup_is_restored_whole(oras: Oras, layout: str) -> None:
    oras.push("one", "one.txt", b"one")
    oras.push("two", "two.txt", b"two")
    oras.attach("one", "application/x.sbom", b"sbom")
    oras("backup", "--include-referrers", "--output", layout, oras.repository)
    copy = untouched(oras.hub, "oras-restored")
    oras("restore", "--input", layout, f"{copy}:one,two")
    assert oras.tags(copy) == ["one", "two"]
    assert oras.pull(f"{copy}:two") == {"two.txt": b"two"}
    assert oras.referrers(f"{copy}:one") == oras.referrers(f"{oras.repository}:one")


def test_tags_are_added_listed_in_order_and_paged(oras: Oras) -> None:
    digest = oras.push("b")
    oras("tag", f"{oras.repository}:b", "a", "Z", "10", "9")
    assert oras.tags() == ["10", "9", "Z", "a", "b"]
    assert oras.tags("", "--last", "Z") == ["a", "b"]
    assert {oras.resolve(tag) for tag in oras.tags()} == {digest}


def test_repositories_are_listed(oras: Oras) -> None:
    oras.push("tag")
    name = oras.repository.removeprefix(oras.hub.host + "/")
    listed = oras("repo", "ls", oras.hub.host).split()
    assert name in listed
    assert listed == sorted(listed)
    assert name not in oras("repo", "ls", oras.hub.host, "--last", name).split()
    under_the_name = oras("repo", "ls", f"{oras.hub.host}/docker").split()
    assert name.removeprefix("docker/") in under_the_name


@pytest.mark.parametrize("content", [b"", b"some bytes"], ids=["empty", "full"])
def test_a_blob_is_pushed_described_fetched_and_deleted(oras: Oras, content: bytes) -> None:
    digest = digest_of(content)
    reference = f"{oras.repository}@{digest}"
    oras("blob", "push", reference, oras.file("blob", content))
    described = oras.program.object("blob", "fetch", "--descriptor", reference)
    assert described["size"] == len(content)
    oras("blob", "fetch", "--output", "fetched", reference)
    assert (oras.program.directory / "fetched").read_bytes() == content
    oras("blob", "delete", "--force", reference)
    assert "not found" in oras.program.refused("blob", "fetch", "--output", "-", reference)


def test_a_manifest_is_pushed_by_tags_and_by_digest_with_its_bytes_kept(oras: Oras) -> None:
    oras.push("first")
    empty = oras.program.object("manifest", "fetch", f"{oras.repository}:first")["config"]
    kind = "application/vnd.oci.image.manifest.v1+json"
    manifest = {"schemaVersion": 2, "mediaType": kind, "config": empty, "layers": [], "odd": [1]}
    content = json.dumps(manifest, indent=7).encode() + b"\n"
    path = oras.file("manifest.json", content)
    digest = digest_of(content)
    oras("manifest", "push", f"{oras.repository}:one,two", path)
    oras("manifest", "push", f"{oras.repository}@{digest}", path)
    assert oras.tags() == ["first", "one", "two"]
    oras("manifest", "fetch", "--output", "fetched.json", f"{oras.repository}:two")
    assert (oras.program.directory / "fetched.json").read_bytes() == content
    described = oras.program.object("manifest", "fetch", "--descriptor", f"{oras.repository}:one")
    assert (described["digest"], described["size"]) == (digest, len(content))


def test_a_deleted_manifest_takes_its_tags_along(oras: Oras) -> None:
    oras.push("kept", "kept.txt", b"kept")
    oras.push("gone", "gone.txt", b"gone")
    oras("tag", f"{oras.repository}:gone", "also-gone")
    oras("manifest", "delete", "--force", f"{oras.repository}:gone")
    assert oras.tags() == ["kept"]
    said = oras.program.refused("manifest", "fetch", f"{oras.repository}:also-gone")
    assert "not found" in said


def test_an_index_is_created_and_updated(oras: Oras) -> None:
    one, two = oras.push("one", "one.txt", b"1"), oras.push("two", "two.txt", b"2")
    reference = f"{oras.repository}:index"
    oras("manifest", "index", "create", reference, "one", "two", "--annotation", "a=b")
    assert _children(oras, reference) == [one, two]
    oras("manifest", "index", "update", reference, "--remove", two)
    assert _children(oras, reference) == [one]
    assert oras.tags() == ["index", "one", "two"]


def _children(oras: Oras, reference: str) -> list[str]:
    listed = oras.program.object("manifest", "fetch", reference)["manifests"]
    assert isinstance(listed, list)
    return [str(child["digest"]) for child in listed]


def test_without_a_login_a_private_repository_looks_absent(oras: Oras) -> None:
    oras.push("private")
    oras("logout", oras.hub.host)
    said = oras.program.refused("manifest", "fetch", f"{oras.repository}:private")
    absent = oras.program.refused("manifest", "fetch", f"{oras.repository}-absent:private")
    assert absent.replace("-absent", "") == said
    assert "unauthorized" in said
