"""A hub with something of everything in it, pushed by the clients people have."""

import json
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from tests.browser import stock
from tests.clients.layouts import push_layout, write_index
from tests.clients.programs import Program, program, remember_password
from tests.support.http import Client
from tests.support.server import Hub, serving
from tests.wire.people import Person
from tests.wire.repositories import Repository

CHARTS: Final = ("0.1.0", "0.9.0", "0.10.0")
VOLUME: Final = "application/vnd.docker.volume.v1+tar.gz"
READ_WITHIN: Final = 90.0
JSON: Final = {"accept": "application/json"}


@dataclass(frozen=True, slots=True)
class Seeded:
    """A hub, somebody who is signed in with every client, and what they pushed."""

    hub: Hub
    env: Mapping[str, str]
    directory: Path

    def client(self, name: str) -> Program:
        """A client's program, working in this person's directory."""
        return program(name, self.env, self.directory)

    def repository(self, name: str) -> Repository:
        """A repository spoken to with a token, for what no client would push."""
        stranger = Client("localhost", self.hub.port)
        return Person(stranger, self.hub.username, self.hub.password).repository(name)

    def open(self, *names: str) -> None:
        """Let everybody pull from these repositories."""
        for name in names:
            self.hub.cli("repo", "visibility", name, "public")

    def page(self, path: str) -> dict[str, object]:
        """A page's values, as a program that may see everything gets them."""
        answer = httpx.get(
            self.hub.url + path, headers=JSON, auth=(self.hub.username, self.hub.password)
        )
        found = answer.raise_for_status().json()
        assert isinstance(found, dict)
        return found

    def wait_until_read(self, references: Iterable[str]) -> None:
        """Return once the hub has looked into each of these artifacts."""
        deadline = time.monotonic() + READ_WITHIN
        for reference in references:
            while (state := self._state(reference)) == "queued":
                assert time.monotonic() < deadline, f"{reference} is {state}\n{self.log_tail()}"
                time.sleep(0.1)

    def log_tail(self) -> str:
        """The last lines of the hub's log, requests aside."""
        log = self.hub.data.with_name(self.hub.data.name + ".log")
        lines = (line for line in log.read_text().splitlines() if '"event":"request"' not in line)
        return "\n".join(deque(lines, maxlen=40))

    def _state(self, reference: str) -> str:
        artifact = self.page(f"/r/{reference}")["artifact"]
        assert isinstance(artifact, dict)
        return str(artifact["state"])


@contextmanager
def seeded(directory: Path) -> Iterator[Seeded]:
    """A hub of two workers with charts, volumes, files, an index and evidence, all of it read."""
    home, work = directory / "home", directory / "work"
    home.mkdir(parents=True)
    work.mkdir()
    with serving(directory / "data") as hub:
        made = Seeded(hub, clean_environment(home), work)
        remember_password(hub, made.env)
        _push_charts(made)
        _push_files(made)
        _push_images(made)
        _attach(made)
        made.open("docker/demo", "docker/data", "docker/notes", "docker/app")
        made.wait_until_read(references(made))
        yield made


def clean_environment(home: Path) -> dict[str, str]:
    """The environment of somebody who has never used a client."""
    return stock.environment(home)


def references(made: Seeded) -> list[str]:
    """Every tagged artifact, and all that is attached to the newest chart."""
    tagged = [f"docker/demo:{version}" for version in CHARTS]
    tagged += ["docker/demo:0.0.1", "docker/demo:0.0.2", "docker/data:2024-05-01"]
    tagged += ["docker/notes:1", "docker/app:1.0", "docker/app:single"]
    return tagged + [f"docker/demo@{digest}" for digest in attached(made)]


def attached(made: Seeded) -> list[str]:
    """The digests of what is attached to the newest chart."""
    found = made.page("/r/docker/demo:0.10.0/referrers")["nodes"]
    assert isinstance(found, list)
    return [str(each["attached"]["digest"]) for each in found]


def _push_charts(made: Seeded) -> None:
    helm = made.client("helm4")
    login = ("registry", "login", made.hub.host, "-u", made.hub.username, "--password-stdin")
    helm(*login, "--plain-http", stdin=made.hub.password)
    helm("create", "demo")
    stock.write_chart_documents(made.directory / "demo")
    for version in CHARTS:
        helm("package", "demo", "--version", version)
        helm("push", f"demo-{version}.tgz", f"oci://{made.hub.host}/docker", "--plain-http")


def _push_files(made: Seeded) -> None:
    work, oras = made.directory, made.client("oras")
    stock.write_files(work)
    host = made.hub.host
    oras("push", f"{host}/docker/demo:0.0.1", f"--artifact-type={VOLUME}", "myvolume.txt")
    oras("push", f"{host}/docker/demo:0.0.2", "myartifact.txt:text/plain")
    made.client("tar")("czf", "backup.tar.gz", "myvolume.txt", "pictures")
    archive = "backup.tar.gz:application/gzip"
    oras("push", f"{host}/docker/data:2024-05-01", f"--artifact-type={VOLUME}", archive)
    oras("push", f"{host}/docker/notes:1", "README.md:text/markdown", "settings.json", "LICENSE")


def _push_images(made: Seeded) -> None:
    repository = f"{made.hub.host}/docker/app"
    layout = write_index(made.directory / "layout", ("amd64", "arm64"), attested=True)
    push_layout(made.client("oras"), layout, f"{repository}:1.0", tls=False)
    made.client("tar")("cf", "layer.tar", "myvolume.txt")
    crane = made.client("crane")
    crane("append", "--oci-empty-base", "-f", "layer.tar", "-t", f"{repository}:single")
    label = ("--label", "org.opencontainers.image.licenses=MIT")
    crane("mutate", f"{repository}:single", *label, "-t", f"{repository}:single")


def _attach(made: Seeded) -> None:
    work, oras = made.directory, made.client("oras")
    subject = f"{made.hub.host}/docker/demo:0.10.0"
    for name, (kind, document) in stock.EVIDENCE.items():
        (work / name).write_text(json.dumps(document))
        oras("attach", "--artifact-type", kind, subject, f"{name}:{kind}")
    cosign = Program(made.client("cosign").path, {**made.env, "COSIGN_PASSWORD": ""}, work)
    cosign("generate-key-pair")
    offline = ("--allow-http-registry", "--tlog-upload=false", "--use-signing-config=false")
    for signed in (
        subject,
        f"{made.hub.host}/docker/app:1.0",
        f"{made.hub.host}/docker/app:single",
    ):
        pinned = f"{signed.rpartition(':')[0]}@{oras('resolve', signed).strip()}"
        cosign("sign", *offline, "--key", "cosign.key", "-y", pinned)
