"""A running hub of several workers, and the operator's commands on its data."""

import itertools
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from faults.servers import Server
from tests.support import nodes
from tests.support.http import Client
from tests.wire.content import image
from tests.wire.people import Person

PROGRAM = Path(sys.executable).with_name("entrepot")
ADMIN_PASSWORD = "the long password of the admin"
_numbers = itertools.count(1)


@dataclass(slots=True)
class Hub:
    """A server and what is known about it."""

    client: Client
    data: Path
    log: Path
    settings: Mapping[str, str] = field(default_factory=dict)

    def cli(self, *words: str, stdin: str = "") -> str:
        """Run one of the operator's commands while the hub runs."""
        done = subprocess.run(
            [PROGRAM, *words, "--data", str(self.data)],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env=os.environ | dict(self.settings),
        )
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    def newcomer(self, name: str = "", password: str = "") -> Person:
        """A new account."""
        name = name or f"person-{next(_numbers)}"
        password = password or f"the long password of {name}"
        self.cli("user", "add", name, "--password-stdin", stdin=password)
        return Person(self.client, name, password)

    def add_token(self, name: str, scope: str) -> tuple[str, str]:
        """A new access token of an account, and the number by which it is revoked."""
        said = self.cli("token", "add", name, "--label", "test", "--scope", scope, "--json")
        made = json.loads(said)
        return str(made["token"]), str(made["id"])

    def make(self, name: str, visibility: str, owner: Person) -> str:
        """A repository that exists, with an image in it."""
        repository = owner.repository(name)
        repository.lay()
        repository.tag("first", image())
        self.cli("repo", "visibility", name, visibility)
        return name


@contextmanager
def serving(data: Path, **settings: str) -> Iterator[Hub]:
    """A hub of two workers for as long as it is needed; it must end when asked to."""
    environment = {"ENTREPOT_ADMIN_PASSWORD": ADMIN_PASSWORD, **settings}
    manner = nodes.chosen()
    if manner is not None and "ENTREPOT_STORAGE" not in settings:
        with nodes.serving(manner, data, environment) as running:
            log = running.servers[0].log
            yield Hub(Client("127.0.0.1", running.port), data, log, running.settings)
        return
    server = Server(data, free_port(), environment=environment)
    server.start()
    try:
        server.wait_ready()
        yield Hub(Client("127.0.0.1", server.port), data, server.log)
    finally:
        server.stop()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
