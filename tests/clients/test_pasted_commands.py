"""The commands that pages show, pasted into a shell as they are."""

import os
import shutil
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

from entrepot.kinds.commands import Command, CommandTarget, Language
from entrepot.kinds.recognition.catalogue import recognize
from entrepot.kinds.recognition.manifest_view import ManifestView
from entrepot.oci.digests import Digest
from entrepot.oci.manifests import parse_manifest
from entrepot.oci.media_types import ACCEPTED
from entrepot.oci.names import RepositoryName, Tag
from tests.clients.programs import Program, program, remember_password, untouched
from tests.clients.test_helm import write_chart
from tests.support.server import Hub
from tests.support.tools import attempt, tool

pytestmark = pytest.mark.clients

_CLIENTS = ("oras", "crane", "regctl", "skopeo", "cosign", "curl", "sha256sum", "tar")
# These need a cluster, keys, or programs that are not among the clients.
_ELSEWHERE = ("helm install", "helm upgrade", "--verify", "cosign verify", "cosign download")


@dataclass(frozen=True, slots=True)
class Desk:
    """Somebody's machine with clients, who has signed in and pushes as they like."""

    hub: Hub
    env: Mapping[str, str]
    directory: Path

    def program(self, name: str) -> Program:
        """A client."""
        return program(name, self.env, self.directory)

    def commands(self, reference: str, host: str) -> tuple[str, list[Command]]:
        """What the page of an artifact shows: its kind, and the commands that can be tried here."""
        name, _, tag = reference.removeprefix(f"{self.hub.host}/").partition(":")
        answer = self._get(f"/v2/{name}/manifests/{tag}")
        manifest = parse_manifest(answer.content, answer.headers["content-type"])
        assert manifest.config is not None
        config = self._get(f"/v2/{name}/blobs/{manifest.config.digest}").json()
        found = ManifestView(manifest, config)
        kind = recognize(found)
        digest = Digest.of(answer.content)
        place = CommandTarget(host, self.hub.tls, RepositoryName(name), digest, Tag(tag))
        tried = [each for each in kind.commands(place, found) if _can_be_tried(each)]
        return kind.id, tried

    def _get(self, path: str) -> httpx.Response:
        answer = httpx.get(
            self.hub.url + path,
            headers={"accept": ", ".join(ACCEPTED)},
            verify=ssl.create_default_context(cafile=self.hub.ca),
            follow_redirects=True,
        )
        return answer.raise_for_status()

    def paste(self, command: Command, helm: str) -> str:
        """Run a command in a directory of its own; empty where it succeeds, else what it said."""
        work = self.directory / "work"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        programs = self.directory / f"programs-{helm}"
        if not programs.exists():
            programs.mkdir()
            (programs / "helm").symlink_to(tool(helm))
            for name in _CLIENTS:
                (programs / name).symlink_to(tool(name))
        path = f"{programs}{os.pathsep}{self.env['PATH']}"
        outcome = attempt("sh", "-ec", command.text, env={**self.env, "PATH": path}, cwd=work)
        return "" if outcome.status == 0 else f"{command.text}\n{outcome.said}"


def _can_be_tried(command: Command) -> bool:
    return (
        command.language is Language.SHELL
        and command.tool in (*_CLIENTS, "helm")
        and not any(each in command.text for each in _ELSEWHERE)
    )


@pytest.fixture
def desk(hub: Hub, home: dict[str, str], tmp_path: Path) -> Desk:
    """A desk whose clients know the password."""
    remember_password(hub, home)
    trust = {"CURL_CA_BUNDLE": str(hub.ca)} if hub.ca else {}
    return Desk(hub, home | trust, tmp_path)


def _hosts(hub: Hub) -> list[str]:
    return [hub.host, hub.host.replace("localhost", "127.0.0.1")]


def _open(hub: Hub, reference: str) -> None:
    name = reference.removeprefix(f"{hub.host}/").partition(":")[0]
    hub.cli("repo", "visibility", name, "public")


def _pushed(desk: Desk, *words: str) -> str:
    """Push files with oras, under an address that it speaks the right scheme to."""
    reference = untouched(desk.hub, "pasted") + ":1.0"
    said = reference
    if desk.hub.tls:
        near = replace(desk.hub, host=desk.hub.host.replace("localhost", "127.0.0.1"))
        remember_password(near, desk.env)
        said = reference.replace("localhost", "127.0.0.1")
    desk.program("oras")("push", said, *words)
    _open(desk.hub, reference)
    return reference


@pytest.mark.parametrize("helm", ["helm3", "helm4"])
def test_a_chart_s_commands_work(desk: Desk, helm: str) -> None:
    name = untouched(desk.hub, "chart").rpartition("/")[2]
    write_chart(desk.directory / name, name, "1.2.3+build.5")
    (desk.directory / name / "README.md").write_text("# Read me\n")
    client = desk.program(helm)
    client("package", desk.directory / name, "-d", desk.directory)
    plain = () if desk.hub.tls else ("--plain-http",)
    client("push", f"{name}-1.2.3+build.5.tgz", f"oci://{desk.hub.host}/docker", *plain)
    reference = f"{desk.hub.host}/docker/{name}:1.2.3_build.5"
    _open(desk.hub, reference)
    for host in _hosts(desk.hub):
        kind, commands = desk.commands(reference, host)
        assert kind == "helm-chart"
        assert len(commands) >= 10
        assert [said for each in commands if (said := desk.paste(each, helm))] == []


def test_a_file_s_commands_work(desk: Desk) -> None:
    (desk.directory / "notes of today.txt").write_text("notes\n")
    reference = _pushed(desk, "notes of today.txt:text/plain")
    for host in _hosts(desk.hub):
        kind, commands = desk.commands(reference, host)
        assert kind == "files"
        assert {each.tool for each in commands} == {"oras", "curl", "regctl", "crane"}
        assert [said for each in commands if (said := desk.paste(each, "helm4"))] == []


def test_a_volume_s_commands_work(desk: Desk) -> None:
    (desk.directory / "data.txt").write_text("data\n")
    desk.program("tar")("czf", "myvolume.tar.gz", "data.txt")
    volume = "application/vnd.docker.volume.v1+tar.gz"
    reference = _pushed(desk, "--artifact-type", volume, "myvolume.tar.gz:application/gzip")
    for host in _hosts(desk.hub):
        kind, commands = desk.commands(reference, host)
        assert kind == "volume"
        assert [said for each in commands if (said := desk.paste(each, "helm4"))] == []
    unpack = next(each for each in commands if each.title == "Unpack here")
    assert desk.paste(unpack, "helm4") == ""
    assert (desk.directory / "work" / "data.txt").read_text() == "data\n"


def test_an_image_s_commands_work(desk: Desk) -> None:
    (desk.directory / "hello.txt").write_text("hello\n")
    desk.program("tar")("cf", "layer.tar", "hello.txt")
    reference = untouched(desk.hub, "pasted") + ":1.0"
    desk.program("crane")("append", "--oci-empty-base", "-f", "layer.tar", "-t", reference)
    _open(desk.hub, reference)
    for host in _hosts(desk.hub):
        kind, commands = desk.commands(reference, host)
        assert kind == "image"
        assert {each.tool for each in commands} == {"crane", "skopeo", "oras", "regctl", "cosign"}
        assert [said for each in commands if (said := desk.paste(each, "helm4"))] == []
