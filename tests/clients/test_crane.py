"""crane makes, copies, mounts, tags, lists, saves and deletes images here."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.clients.layers import files_in, write_layer
from tests.clients.programs import Program, program, untouched
from tests.support.server import Hub

pytestmark = pytest.mark.clients

FILES = {"greeting": b"hello\n", "numbers": bytes(range(256)) * 64}


@dataclass(frozen=True, slots=True)
class Crane:
    """crane at one hub, with a repository that nobody else uses."""

    program: Program
    hub: Hub
    repository: str

    def __call__(self, *words: str | Path) -> str:
        """Run a command."""
        return self.program(*words)

    def append(self, tag: str, **more: bytes) -> str:
        """Push an image of one layer under a tag; return its reference."""
        layer = write_layer(self.program.directory / f"{tag}.tar", FILES | more)
        reference = f"{self.repository}:{tag}"
        self("append", "--new_layer", layer, "--new_tag", reference)
        return reference

    def digest(self, reference: str) -> str:
        """The digest of what a reference names."""
        return self("digest", reference).strip()

    def tags(self, repository: str = "") -> list[str]:
        """The tags of a repository, in the order in which they come."""
        return self("ls", repository or self.repository).split()


@pytest.fixture
def stranger(hub: Hub, home: dict[str, str], tmp_path: Path) -> Crane:
    """crane, not logged in."""
    work = tmp_path / "work"
    work.mkdir()
    return Crane(program("crane", home, work), hub, untouched(hub, "crane"))


@pytest.fixture
def crane(stranger: Crane) -> Crane:
    """crane, logged in."""
    words = ("auth", "login", stranger.hub.host, "-u", "hubuser", "--password-stdin")
    stranger.program(*words, stdin=stranger.hub.password)
    return stranger


def test_an_appended_image_comes_back_whole(crane: Crane) -> None:
    reference = crane.append("one")
    crane("export", reference, "files.tar")
    assert files_in(crane.program.directory / "files.tar") == FILES
    crane("validate", "--remote", reference)


@pytest.mark.parametrize("form", ["tarball", "legacy", "oci"])
def test_a_pulled_image_is_pushed_again_in_every_form(crane: Crane, form: str) -> None:
    reference = crane.append("saved")
    crane("pull", "--format", form, reference, "saved")
    other = untouched(crane.hub, "crane-pushed") + ":again"
    crane("push", "saved", other)
    if form != "legacy":  # which keeps no digests
        assert crane.digest(other) == crane.digest(reference)
    crane("export", other, "files.tar")
    assert files_in(crane.program.directory / "files.tar") == FILES


def test_a_copy_mounts_the_blobs_and_keeps_the_digest(crane: Crane) -> None:
    reference = crane.append("source")
    target = untouched(crane.hub, "crane-copy")
    said = crane.program.aloud("copy", reference, f"{target}:copied")
    assert said.count("mounted blob") == 2
    assert "pushed blob" not in said
    assert crane.digest(f"{target}:copied") == crane.digest(reference)
    crane("validate", "--remote", f"{target}:copied")


def test_all_tags_are_copied(crane: Crane) -> None:
    crane("tag", crane.append("one"), "uno")
    crane.append("two", more=b"more")
    target = untouched(crane.hub, "crane-all")
    crane("copy", "--all-tags", crane.repository, target)
    assert crane.tags(target) == ["one", "two", "uno"]
    assert crane.digest(f"{target}:two") == crane.digest(f"{crane.repository}:two")


def test_what_a_person_may_not_read_is_neither_copied_nor_mounted(crane: Crane) -> None:
    reference = crane.append("secret")
    name = f"crane-{'tls' if crane.hub.tls else 'http'}"
    crane.hub.cli("user", "add", name, "--password-stdin", stdin="another long password")
    words = ("auth", "login", crane.hub.host, "-u", name, "--password-stdin")
    crane.program(*words, stdin="another long password")
    own = f"{crane.hub.host}/{name}/stolen:now"
    assert "UNAUTHORIZED" in crane.program.refused("copy", reference, own)
    assert "NAME_UNKNOWN" in crane.program.refused("digest", own)


def test_tags_are_added_listed_and_deleted(crane: Crane) -> None:
    reference = crane.append("b")
    for tag in ("a", "C", "10", "9"):
        crane("tag", reference, tag)
    assert crane.tags() == ["10", "9", "C", "a", "b"]
    crane("delete", f"{crane.repository}:9")
    assert crane.tags() == ["10", "C", "a", "b"]
    assert "MANIFEST_UNKNOWN" in crane.program.refused("manifest", f"{crane.repository}:9")
    crane("delete", f"{crane.repository}@{crane.digest(reference)}")
    assert crane.tags() == []


def test_the_catalog_lists_what_a_person_may_pull(crane: Crane) -> None:
    crane.append("one")
    name = crane.repository.partition("/")[2]
    assert name in crane("catalog", crane.hub.host).split()
    crane("auth", "logout", crane.hub.host)
    assert name not in crane("catalog", crane.hub.host).split()


def test_manifest_config_and_blob_are_read(crane: Crane) -> None:
    reference = crane.append("read")
    crane("mutate", reference, "--label", "a=b", "--annotation", "c=d", "--tag", reference)
    manifest = json.loads(crane("manifest", reference))
    assert manifest["annotations"] == {"c": "d"}
    config = crane("config", reference)
    assert json.loads(config)["config"]["Labels"] == {"a": "b"}
    blob = f"{crane.repository}@{manifest['config']['digest']}"
    assert crane("blob", blob) == config


def test_an_index_is_made_listed_and_copied(crane: Crane) -> None:
    one, two = crane.append("one"), crane.append("two", more=b"more")
    index = f"{crane.repository}:index"
    crane("index", "append", "-m", one, "-m", two, "-t", index)
    children = {child["digest"] for child in json.loads(crane("manifest", index))["manifests"]}
    assert children == {crane.digest(one), crane.digest(two)}
    target = untouched(crane.hub, "crane-index") + ":index"
    crane("copy", index, target)
    assert crane.digest(target) == crane.digest(index)
    crane("validate", "--remote", target)


def test_layers_are_flattened_and_an_image_rebased(crane: Crane) -> None:
    base = crane.append("base")
    layer = write_layer(crane.program.directory / "top.tar", {"top": b"top"})
    image, flat = f"{crane.repository}:image", f"{crane.repository}:flat"
    crane("append", "--base", base, "--new_layer", layer, "--new_tag", image)
    crane("flatten", image, "--tag", flat)
    assert len(json.loads(crane("manifest", flat))["layers"]) == 1
    newer = crane.append("newer", more=b"more")
    rebased = f"{crane.repository}:rebased"
    crane("rebase", image, "--old_base", base, "--new_base", newer, "--tag", rebased)
    crane("export", rebased, "files.tar")
    found = files_in(crane.program.directory / "files.tar")
    assert found == FILES | {"more": b"more", "top": b"top"}


def test_a_stranger_cannot_tell_a_private_repository_from_none(crane: Crane) -> None:
    reference = crane.append("private")
    crane("auth", "logout", crane.hub.host)
    said = crane.program.refused("digest", reference)
    absent = crane.program.refused("digest", reference.replace(":private", "-absent:private"))
    assert "UNAUTHORIZED" in said
    assert _undated(absent).replace("-absent", "") == _undated(said)


def _undated(log: str) -> str:
    return "\n".join(line[20:] if line[:2] == "20" else line for line in log.splitlines())
