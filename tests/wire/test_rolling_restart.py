"""Nodes behind nginx are restarted one after the other, and no client is told of it."""

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from entrepot.oci.digests import Digest
from entrepot.oci.media_types import OCI_MANIFEST
from faults.servers import Server
from tests.support import nodes
from tests.support.server import ADMIN_PASSWORD, ORGANIZATION, PASSWORD, USER, Hub
from tests.wire.content import image

pytestmark = [pytest.mark.wire, pytest.mark.postgresql, pytest.mark.s3]

PUSHERS = 4


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[nodes.Nodes]:
    """Three nodes that tell two seconds ahead that they end."""
    data: Path = tmp_path_factory.mktemp("rolling") / "data"
    settings = {"ENTREPOT_ADMIN_PASSWORD": ADMIN_PASSWORD, "ENTREPOT_STOP_DELAY": "PT2S"}
    with nodes.serving(nodes.Manner("postgresql", "versitygw", 3), data, settings) as running:
        yield running


@pytest.fixture(scope="module")
def hub(running: nodes.Nodes) -> Hub:
    """The hub that clients see."""
    hub = Hub(f"localhost:{running.port}", running.servers[0].data, settings=running.settings)
    hub.cli("user", "add", USER, "--password-stdin", stdin=PASSWORD)
    hub.cli("org", "add", ORGANIZATION, "--owner", USER)
    return hub


class Pusher:
    """Pushes images and pulls them again until told to stop; no answer may be a failure."""

    def __init__(self, hub: Hub, number: int, stop: threading.Event) -> None:
        self._base = f"{hub.url}/v2/{ORGANIZATION}/rolling-{number}"
        self._stop = stop
        self.kept: list[str] = []
        self.failures: list[str] = []
        self.requests = 0

    def run(self) -> "Pusher":
        """Go on until told to stop."""
        with httpx.Client(auth=(USER, PASSWORD), timeout=60) as client:
            while not self._stop.is_set():
                self._push(client)
        return self

    def missing(self, client: httpx.Client) -> list[str]:
        """What was acknowledged and is not there."""
        return [url for url in self.kept if client.head(url).status_code != 200]

    def _push(self, client: httpx.Client) -> None:
        layer = os.urandom(40_000)
        if not all(self._upload(client, content) for content in (layer, b"{}")):
            return
        manifest = image(layer)
        url = f"{self._base}/manifests/{Digest.of(manifest)}"
        done = self._ask(
            client, "PUT", url, content=manifest, headers={"content-type": OCI_MANIFEST}
        )
        if done is not None and done.status_code == 201:
            self.kept.append(url)
            self._ask(client, "GET", url)

    def _upload(self, client: httpx.Client, content: bytes) -> bool:
        begun = self._ask(client, "POST", f"{self._base}/blobs/uploads/")
        if begun is None:
            return False
        location = httpx.URL(self._base).join(begun.headers["location"])
        sent = self._ask(client, "PATCH", str(location), content=content)
        if sent is None:
            return False
        location = location.join(sent.headers["location"])
        location = location.copy_merge_params({"digest": str(Digest.of(content))})
        return self._ask(client, "PUT", str(location)) is not None

    def _ask(
        self,
        client: httpx.Client,
        method: str,
        url: str,
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response | None:
        self.requests += 1
        try:
            answer = client.request(method, url, content=content, headers=headers)
        except httpx.HTTPError as error:
            self.failures.append(f"{method} {url}: {error!r}")
            return None
        if answer.status_code >= 400:
            self.failures.append(f"{method} {url}: {answer.status_code} {answer.text[:200]}")
            return None
        return answer


def test_no_request_fails_while_nodes_are_restarted(hub: Hub, running: nodes.Nodes) -> None:
    stop = threading.Event()
    with ThreadPoolExecutor(PUSHERS) as pool:
        running_pushers = [pool.submit(Pusher(hub, n, stop).run) for n in range(PUSHERS)]
        try:
            for server in running.servers:
                server.stop()
                server.start()
                server.wait_ready()
        finally:
            stop.set()
        pushers = [each.result() for each in running_pushers]
    assert [failure for each in pushers for failure in each.failures] == []
    assert sum(each.requests for each in pushers) > 100
    with httpx.Client(auth=(USER, PASSWORD), timeout=60) as client:
        assert [url for each in pushers for url in each.missing(client)] == []


def test_a_node_is_not_ready_as_soon_as_it_is_to_end(running: nodes.Nodes, hub: Hub) -> None:
    server = running.servers[0]
    address = f"http://127.0.0.1:{server.port}"
    ready = httpx.get(f"{address}/readyz")
    assert (ready.status_code, ready.headers.get("connection")) == (200, None)
    os.kill(main_process(server), signal.SIGTERM)
    while httpx.get(f"{address}/readyz").status_code == 200:
        pass
    # Whoever was sent here meanwhile is answered as ever.
    begun = httpx.get(f"{address}/v2/{ORGANIZATION}/app/tags/list", auth=(USER, PASSWORD))
    assert begun.status_code == 404
    # No proxy keeps a connection for a request that would come when the node has gone.
    assert begun.headers["connection"] == "close"
    server.stop()
    server.start()
    server.wait_ready()


def test_an_upload_under_way_ends_after_the_port_is_closed(running: nodes.Nodes, hub: Hub) -> None:
    server = running.servers[1]
    address = f"http://127.0.0.1:{server.port}"
    content = os.urandom(1_000_000)

    def halves() -> Iterator[bytes]:
        yield content[:500_000]
        os.kill(main_process(server), signal.SIGTERM)
        while takes_connections(server.port):
            time.sleep(0.05)
        yield content[500_000:]

    digest = str(Digest.of(content))
    with httpx.Client(auth=(USER, PASSWORD), timeout=60) as client:
        begun = client.post(f"{address}/v2/{ORGANIZATION}/app/blobs/uploads/")
        location = httpx.URL(address).join(begun.headers["location"])
        location = location.copy_merge_params({"digest": digest})
        assert client.put(location, content=halves()).status_code == 201
        server.stop()
        blob = client.get(f"{hub.url}/v2/{ORGANIZATION}/app/blobs/{digest}", follow_redirects=True)
        assert blob.content == content
    server.start()
    server.wait_ready()


def takes_connections(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def main_process(server: Server) -> int:
    """The process that a service manager would send its signal to."""
    return next(each.group for each in server.members())
