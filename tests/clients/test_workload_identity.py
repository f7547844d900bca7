"""Each client logs in with a job's ID token, and pushes when that has expired meanwhile."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from joserfc.jwk import ECKey

from tests.clients.layers import write_layer
from tests.clients.layouts import write_layout
from tests.clients.programs import program, untouched
from tests.clients.test_containers import FILES, Containers, buildah, podman
from tests.clients.test_crane import Crane
from tests.clients.test_docker import Docker
from tests.clients.test_helm import Helm
from tests.clients.test_oras import Oras, oras
from tests.clients.test_regctl import Regctl, regctl
from tests.clients.test_skopeo import Skopeo, skopeo
from tests.support.job_tokens import GITHUB, sign
from tests.support.server import Hub, serving

__all__ = ["buildah", "oras", "podman", "regctl", "skopeo"]

pytestmark = pytest.mark.clients

ISSUER = "https://ci.example.org"
KEY = ECKey.generate_key("P-256", {"kid": "k"})
LEEWAY = 60
LIFE = 4
"""Seconds for which a token holds: enough to log in."""


@dataclass(frozen=True, slots=True)
class Forge:
    """A hub that trusts the jobs of an issuer, whose keys it was given."""

    hub: Hub

    def job(self) -> Hub:
        """The hub as a job sees it, whose ID token holds for a few seconds more."""
        now = int(time.time())
        claims: dict[str, object] = {**GITHUB, "iss": ISSUER, "aud": "hub", "iat": now - LEEWAY}
        token = sign({**claims, "exp": now - LEEWAY + LIFE}, KEY, alg="ES256", kid="k")
        return replace(self.hub, username="docker/ci", password=token)

    def granted(self) -> list[str]:
        """The names of the jobs that signed in."""
        found = json.loads(self.hub.cli("ci", "grant", "list", "docker", "--json"))
        return [each["label"] for each in found]


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forge]:
    """A running hub with an issuer and a trust."""
    directory = tmp_path_factory.mktemp("forge")
    keys = directory / "keys.json"
    keys.write_text(json.dumps({"keys": [KEY.as_dict(private=False)]}))
    with serving(directory / "data") as running:
        words = ("--url", ISSUER, "--kind", "github", "--audience", "hub", "--keys", str(keys))
        running.cli("ci", "issuer", "add", "forge", *words)
        where = ("--issuer", "forge", "--where", "repository_id=22", "--repository", "*")
        running.cli("ci", "trust", "add", "docker/ci", *where)
        yield Forge(running)


@pytest.fixture
def hub(forge: Forge) -> Hub:
    """The hub that clients log in to."""
    return forge.job()


def wait() -> None:
    """Let the ID token expire."""
    end = time.monotonic() + LIFE + 1
    while time.monotonic() < end:
        time.sleep(0.2)


def test_oras_pushes_after_the_token_expired(oras: Oras) -> None:
    wait()
    digest = oras.push("one", content=b"text")
    assert oras.resolve("one") == digest


def test_regctl_pushes_after_the_token_expired(regctl: Regctl) -> None:
    wait()
    assert regctl("image", "get-file", regctl.image("one"), "greeting") == "hello\n"


def test_skopeo_pushes_after_the_token_expired(skopeo: Skopeo, tmp_path: Path) -> None:
    wait()
    layout = write_layout(tmp_path / "layout")
    assert skopeo.raw(skopeo.push(layout.path, "one")) == layout.manifest


def test_podman_pushes_after_the_token_expired(podman: Containers) -> None:
    wait()
    reference = f"{podman.repository}:one"
    podman("import", write_layer(podman.directory / "one.tar", FILES), reference)
    podman.remote("push", reference)


def test_buildah_pushes_after_the_token_expired(buildah: Containers) -> None:
    wait()
    made = buildah("from", "scratch").strip()
    buildah("add", made, write_layer(buildah.directory / "layer.tar", FILES), "/")
    reference = f"{buildah.repository}:one"
    buildah("commit", made, reference)
    buildah.remote("push", reference)


def test_crane_pushes_after_the_token_expired(
    hub: Hub, home: dict[str, str], tmp_path: Path
) -> None:
    crane = Crane(program("crane", home, tmp_path), hub, untouched(hub, "crane"))
    login = ("auth", "login", hub.host, "-u", hub.username, "--password-stdin")
    crane.program(*login, stdin=hub.password)
    # Its login asks nobody.
    crane.append("first")
    wait()
    crane("validate", "--remote", crane.append("one"))


@pytest.mark.parametrize("version", ["helm3", "helm4"])
def test_helm_pushes_after_the_token_expired(
    hub: Hub, home: dict[str, str], tmp_path: Path, version: str
) -> None:
    helm = Helm(program(version, home, tmp_path), hub, ("--plain-http",))
    helm.login()
    wait()
    helm("push", helm.package(f"job-{version}"), helm.registry)
    assert (helm.pull(f"job-{version}", "0.1.0") / f"job-{version}-0.1.0.tgz").exists()


def test_docker_pushes_after_the_token_expired(
    forge: Forge, trusting_engine: str, home: dict[str, str], tmp_path: Path
) -> None:
    hub = forge.job()
    client = program("docker", home | {"DOCKER_HOST": trusting_engine}, tmp_path)
    docker = Docker(client, hub, untouched(hub, "docker"))
    docker.login()
    wait()
    reference = docker.make("one")
    assert docker.push(reference).startswith("sha256:")
    # The engine keeps no password, and the run is named.
    assert hub.password not in (Path(home["DOCKER_CONFIG"]) / "config.json").read_text()
    assert "forge octo/app@refs/heads/main run 8123 (trust docker/ci)" in forge.granted()
    history = json.loads(hub.cli("audit", "list", "--action", "repo.tag.push", "--json"))
    assert history[0]["actor"] == "forge octo/app@refs/heads/main run 8123 (trust docker/ci)"
