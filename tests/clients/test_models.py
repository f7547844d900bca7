"""`hf` downloads models from the hub, as it does from Hugging Face."""

import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from tests.clients.programs import Program, program, untouched
from tests.support.server import Hub
from tests.support.tools import ROOT
from tests.wire.content import descriptor, image

pytestmark = pytest.mark.clients

WEIGHTS = bytes(range(256)) * 8192


@pytest.fixture
def hf(hub: Hub, home: dict[str, str], tmp_path: Path) -> Program:
    """Hugging Face's command line, with the hub as its endpoint."""
    own = {"HF_ENDPOINT": f"{hub.url}/hf", "HF_HOME": str(tmp_path / "hf"), "NO_COLOR": "1"}
    path = ROOT / ".venv" / "bin" / "hf"
    return Program(path, {**home, **own, "HF_HUB_DISABLE_UPDATE_CHECK": "1"}, tmp_path)


def test_hf_downloads_what_oras_pushed(hub: Hub, hf: Program, oras: Program) -> None:
    name = untouched(hub, "model").partition("/")[2]
    for file, content in (("model.safetensors", WEIGHTS), ("config.json", b"{}")):
        (oras.directory / file).write_bytes(content)
    files = ("model.safetensors:application/octet-stream", "config.json:application/json")
    reached = hub.host.replace("localhost", "127.0.0.1") if hub.tls else hub.host
    oras("login", reached, "-u", hub.username, "--password-stdin", stdin=hub.password)
    oras("push", f"{reached}/{name}:1.0", "--artifact-type", "application/x-model", *files)

    assert "not found" in hf.refused("download", name).lower()
    said = hub.cli("token", "add", hub.username, "--label", name, "--scope", "repo:read", "--json")
    trusted = replace(hf, env={**hf.env, "HF_TOKEN": json.loads(said)["token"]})
    assert hub.username in trusted("auth", "whoami")
    into = hf.directory / "into"
    trusted("download", name, "--revision", "1.0", "--local-dir", into)
    assert (into / "model.safetensors").read_bytes() == WEIGHTS
    assert (into / "config.json").read_bytes() == b"{}"
    only = hf.directory / "only"
    trusted("download", name, "--include", "*.json", "--local-dir", only)
    assert [file.name for file in only.iterdir() if file.is_file()] == ["config.json"]

    hub.cli("repo", "visibility", name, "public")
    hf("download", name, "config.json", "--local-dir", hf.directory / "public")
    assert (hf.directory / "public" / "config.json").read_bytes() == b"{}"


def test_members_of_an_archive_are_downloaded_as_files(
    hub: Hub, hf: Program, oras: Program
) -> None:
    name = untouched(hub, "kit").partition("/")[2]
    reached = hub.host.replace("localhost", "127.0.0.1") if hub.tls else hub.host
    oras("login", reached, "-u", hub.username, "--password-stdin", stdin=hub.password)
    kit = oras.directory / "kit.tar"
    with tarfile.open(kit, "w") as archive:
        for path, text in (("model/weights.gguf", WEIGHTS), ("Kitfile", b"manifestVersion: 1.0\n")):
            member = tarfile.TarInfo(path)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    (oras.directory / "config.json").write_bytes(b"{}")
    for file in ("kit.tar", "config.json"):
        oras("blob", "push", f"{reached}/{name}", file)
    layer = descriptor(kit.read_bytes(), "application/vnd.kitops.modelkit.model.v1.tar")
    config = descriptor(b"{}", "application/vnd.kitops.modelkit.config.v1+json")
    manifest = image(config=config, layers=[layer])
    (oras.directory / "manifest.json").write_bytes(manifest)
    oras("manifest", "push", f"{reached}/{name}:1.0", "manifest.json")
    hub.cli("repo", "visibility", name, "public")
    into = hf.directory / "kit"
    hf("download", name, "--local-dir", into)
    assert (into / "model" / "weights.gguf").read_bytes() == WEIGHTS
    assert (into / "Kitfile").read_bytes() == b"manifestVersion: 1.0\n"


@pytest.fixture
def oras(home: dict[str, str], tmp_path: Path) -> Program:
    """oras, in a directory of its own."""
    work = tmp_path / "work"
    work.mkdir()
    return program("oras", home, work)
