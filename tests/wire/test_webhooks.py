"""The receiver of the documentation hears everything, in order, whoever dies on the way."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from faults.servers import Server
from tests.support.http import Client
from tests.support.tools import ROOT
from tests.wire.content import image
from tests.wire.hubs import ADMIN_PASSWORD, Hub, free_port
from tests.wire.repositories import Repository
from tests.wire.waiting import until

pytestmark = pytest.mark.wire

PATIENCE = 120.0
"""A delivery that was cut short by a crash is somebody else's after a minute."""
TAGS = [f"v{number}" for number in range(8)]


@contextmanager
def receiving(directory: Path, port: int, secret: str) -> Iterator[Path]:
    """The documented receiver, and the file with what it prints."""
    text = (ROOT / "docs" / "how-to" / "webhooks.md").read_text()
    (program,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    script, told = directory / "receiver.py", directory / "told.txt"
    script.write_text(program)
    with told.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, script, str(port)],
            stdout=output,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"SECRET": secret},
        )
    try:
        yield told
    finally:
        process.kill()
        process.wait()


@contextmanager
def tarpit() -> Iterator[int]:
    """A server that takes connections and never says anything; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        held: list[socket.socket] = []

        def take() -> None:
            try:
                while True:
                    held.append(listener.accept()[0])
            except OSError:
                pass

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        yield int(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)
        for each in held:
            each.close()


def tags_in(told: Path) -> list[str]:
    """The tags that the receiver was told of."""
    lines = [line.split(" ", 1) for line in told.read_text().splitlines()]
    return [json.loads(data)["tag"] for kind, data in lines if kind == "entrepot.tag.pushed"]


def add_webhook(hub: Hub, port: int) -> str:
    """A webhook of the organization; its secret."""
    url = f"http://127.0.0.1:{port}/hooks"
    said = hub.cli("webhook", "add", "shop", url, "--event", "tag.pushed", "--json")
    return str(json.loads(said)["secret"])


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A hub of two workers that may tell those on this machine."""
    networks = '["127.0.0.0/8"]'
    monkeypatch.setenv("ENTREPOT_WEBHOOK_NETWORKS", networks)
    environment = {
        "ENTREPOT_ADMIN_PASSWORD": ADMIN_PASSWORD,
        "ENTREPOT_OPEN": "true",
        "ENTREPOT_WEBHOOK_NETWORKS": networks,
    }
    server = Server(tmp_path / "data", free_port(), environment=environment)
    server.start()
    server.wait_ready()
    yield server
    server.stop()


def test_nothing_is_lost_where_the_hub_is_killed_before_it_could_tell(
    server: Server, tmp_path: Path
) -> None:
    hub = Hub(Client("127.0.0.1", server.port), tmp_path / "data", server.log)
    hub.cli("org", "add", "shop", "--owner", "admin")
    port = free_port()
    secret = add_webhook(hub, port)
    with tarpit() as slow:
        add_webhook(hub, slow)
        repository = Repository(hub.client, "shop/app")
        repository.lay(b"layer")
        for tag in TAGS:
            repository.tag(tag, image(b"layer", annotations={"tag": tag}))
        server.kill()
        with receiving(tmp_path, port, secret) as told:
            server.start()
            server.wait_ready()
            until(lambda: True if len(tags_in(told)) >= len(TAGS) else None, PATIENCE)
            assert tags_in(told) == TAGS
    listed = json.loads(hub.cli("webhook", "list", "--json"))
    assert listed[1]["waiting"] == len(TAGS)
    assert "entrepot_webhook_attempts_total" in hub.client.get("/metrics").body.decode()
