"""regctl makes and copies images, uploads in chunks, speaks sha512 and attaches artifacts here."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients.layers import write_layer
from tests.clients.programs import Program, program, untouched
from tests.support.server import Hub

pytestmark = pytest.mark.clients

FILES = {"greeting": b"hello\n"}
SPDX = "application/spdx+json"


@dataclass(frozen=True, slots=True)
class Regctl:
    """regctl at one hub, with a repository that nobody else uses."""

    program: Program
    hub: Hub
    repository: str

    def __call__(self, *words: str | Path, stdin: str = "") -> str:
        """Run a command."""
        return self.program(*words, stdin=stdin)

    def image(self, tag: str) -> str:
        """Make an image of one layer under a tag; return its reference."""
        layer = write_layer(self.program.directory / "layer.tar", FILES)
        empty = f"{self.repository}:empty"
        self("image", "create", empty, "--platform", "linux/amd64")
        self("image", "mod", empty, "--create", tag, "--layer-add", f"tar={layer}")
        return f"{self.repository}:{tag}"

    def head(self, reference: str) -> str:
        """The digest of what a reference names."""
        return self("manifest", "head", reference).strip()

    def manifest(self, reference: str) -> dict[str, object]:
        """The manifest behind a reference."""
        return self.program.object("manifest", "get", "--format", "raw-body", reference)

    def tags(self, repository: str = "") -> list[str]:
        """The tags of a repository, in the order in which they come."""
        return self("tag", "ls", repository or self.repository).split()

    def attach(self, subject: str, kind: str, content: str) -> None:
        """Attach some text to an image."""
        words = ("artifact", "put", "--artifact-type", kind, "--subject", subject)
        self(*words, stdin=content)

    def referrers(self, subject: str, *flags: str) -> list[str]:
        """The types of everything attached to an image."""
        form = '{{range .Descriptors}}{{.ArtifactType}}{{"\\n"}}{{end}}'
        return sorted(self("artifact", "list", subject, "--format", form, *flags).split())


@pytest.fixture
def regctl(hub: Hub, home: dict[str, str], tmp_path: Path) -> Regctl:
    """regctl, logged in."""
    work = tmp_path / "work"
    work.mkdir()
    made = Regctl(program("regctl", home, work), hub, untouched(hub, "regctl"))
    if not hub.tls:
        made("registry", "set", "--tls", "disabled", hub.host)
    login = ("registry", "login", hub.host, "-u", hub.username, "--pass-stdin")
    made(*login, stdin=hub.password)
    return made


def test_an_image_is_made_and_its_files_come_back(regctl: Regctl) -> None:
    reference = regctl.image("one")
    assert regctl("image", "get-file", reference, "greeting") == "hello\n"
    assert regctl.tags() == ["empty", "one"]


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_copy_within_the_hub_and_through_a_directory_keeps_the_digest(
    regctl: Regctl, algorithm: str
) -> None:
    source = regctl.image("sha256")
    if algorithm == "sha512":
        regctl("image", "mod", source, "--create", "sha512", "--digest-algo", "sha512")
        source = f"{regctl.repository}:sha512"
    digest = regctl.head(source)
    assert digest.startswith(algorithm)
    near, far = untouched(regctl.hub, "near") + ":tag", untouched(regctl.hub, "far") + ":tag"
    regctl("image", "copy", source, near)
    regctl("image", "copy", source, "ocidir://layout:tag")
    regctl("image", "copy", "ocidir://layout:tag", far)
    assert [regctl.head(near), regctl.head(far)] == [digest, digest]
    assert regctl("image", "get-file", far, "greeting") == "hello\n"
    by_digest = far.removesuffix(":tag") + "@" + digest
    assert regctl.manifest(by_digest) == regctl.manifest(source)


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_large_blob_arrives_in_chunks(regctl: Regctl, algorithm: str) -> None:
    content = "".join(f"{number:09}\n" for number in range(200_000))
    digest = f"{algorithm}:" + hashlib.new(algorithm, content.encode()).hexdigest()
    limits = ("--blob-max", "500000", "--blob-chunk", "700000")
    regctl("registry", "set", *limits, regctl.hub.host)
    words = ("-v", "debug", "blob", "put", regctl.repository, "--digest", digest)
    said = regctl.program(*words, stdin=content)
    assert said.strip() == digest
    head = regctl("blob", "head", regctl.repository, digest)
    assert f"Content-Length: {len(content)}" in head
    assert regctl("blob", "get", regctl.repository, digest) == content


def test_a_chunked_upload_of_unknown_digest_works(regctl: Regctl) -> None:
    regctl("registry", "set", "--blob-max", "10", "--blob-chunk", "7", regctl.hub.host)
    content = "not much, but in many pieces"
    digest = regctl("blob", "put", regctl.repository, stdin=content).strip()
    assert digest == "sha256:" + hashlib.sha256(content.encode()).hexdigest()
    assert regctl("blob", "get", regctl.repository, digest) == content


def test_a_blob_is_copied_to_another_repository_and_deleted(regctl: Regctl) -> None:
    digest = regctl("blob", "put", regctl.repository, stdin="blob").strip()
    other = untouched(regctl.hub, "regctl-blob")
    regctl("blob", "copy", regctl.repository, other, digest)
    regctl("blob", "delete", regctl.repository, digest)
    assert "not found" in regctl.program.refused("blob", "head", regctl.repository, digest)
    assert regctl("blob", "get", other, digest) == "blob"


def test_attached_artifacts_are_listed_filtered_and_fetched(regctl: Regctl) -> None:
    image = regctl.image("image")
    regctl.attach(image, SPDX, "sbom")
    regctl.attach(image, "application/x.report", "report")
    assert regctl.referrers(image) == [SPDX, "application/x.report"]
    assert regctl.referrers(image, "--filter-artifact-type", SPDX) == [SPDX]
    assert "application/x.report" in regctl("artifact", "tree", image)
    wanted = ("--subject", image, "--filter-artifact-type", SPDX)
    assert regctl("artifact", "get", *wanted) == "sbom"
    assert regctl.tags() == ["empty", "image"]  # no tag stands in for the referrers API


def test_a_copy_with_referrers_takes_them_along_and_each_can_be_deleted(regctl: Regctl) -> None:
    image = regctl.image("image")
    regctl.attach(image, SPDX, "sbom")
    copy = untouched(regctl.hub, "regctl-referrers") + ":copy"
    regctl("image", "copy", "--referrers", image, copy)
    assert regctl.referrers(copy) == [SPDX]
    form = "{{range .Descriptors}}{{.Digest}}{{end}}"
    attached = regctl("artifact", "list", copy, "--format", form)
    regctl("manifest", "delete", "--referrers", copy.replace(":copy", f"@{attached}"))
    assert regctl.referrers(copy) == []
    assert regctl.referrers(image) == [SPDX]


def test_an_artifact_with_files_and_a_config_comes_back(regctl: Regctl) -> None:
    (regctl.program.directory / "one.txt").write_text("one")
    (regctl.program.directory / "two.txt").write_text("")
    reference = f"{regctl.repository}:files"
    files = ("-f", "one.txt", "-m", "text/plain", "-f", "two.txt", "-m", "text/x", "--file-title")
    regctl("artifact", "put", "--artifact-type", "application/x.files", *files, reference)
    (regctl.program.directory / "out").mkdir()
    regctl("artifact", "get", reference, "--output", "out")
    out = regctl.program.directory / "out"
    assert {file.name: file.read_text() for file in out.iterdir()} == {
        "one.txt": "one",
        "two.txt": "",
    }


@pytest.mark.parametrize(
    "kind",
    [
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    ],
)
def test_an_index_is_made_and_grown(regctl: Regctl, kind: str) -> None:
    image = regctl.image("image")
    regctl("image", "mod", image, "--create", "other", "--label", "a=b")
    index = f"{regctl.repository}:index"
    regctl("index", "create", "--media-type", kind, index, "--ref", image)
    regctl("index", "add", index, "--ref", f"{regctl.repository}:other")
    manifest = regctl.manifest(index)
    assert manifest["mediaType"] == kind
    assert json.dumps(manifest).count("linux") == 2


def test_a_deleted_tag_leaves_the_image_under_its_other_names(regctl: Regctl) -> None:
    image = regctl.image("image")
    digest = regctl.head(image)
    regctl("image", "copy", image, f"{regctl.repository}:second")
    regctl("tag", "rm", image)
    assert regctl.tags() == ["empty", "second"]
    assert regctl.head(f"{regctl.repository}@{digest}") == digest
    assert "not found" in regctl.program.refused("manifest", "head", image)


def test_an_exported_image_is_imported_again(regctl: Regctl) -> None:
    image = regctl.image("image")
    regctl("image", "export", image, "image.tar")
    copy = untouched(regctl.hub, "regctl-import") + ":copy"
    regctl("image", "import", copy, "image.tar")
    assert regctl.head(copy) == regctl.head(image)


def test_repositories_and_tags_are_listed_in_pages(regctl: Regctl) -> None:
    for tag in ("c", "B", "a"):
        regctl("image", "create", f"{regctl.repository}:{tag}")
    words = ("tag", "ls", "--limit", "2", regctl.repository)
    assert regctl(*words).split() == ["B", "a"]
    assert regctl(*words, "--last", "a").split() == ["c"]
    name = regctl.repository.partition("/")[2]
    assert name in regctl("repo", "ls", regctl.hub.host).split()


def test_all_tags_of_a_repository_are_copied(regctl: Regctl) -> None:
    regctl.image("one")
    other = untouched(regctl.hub, "regctl-repository")
    regctl("repo", "copy", regctl.repository, other)
    assert regctl.tags(other) == ["empty", "one"]
