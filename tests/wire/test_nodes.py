"""Three nodes over PostgreSQL and S3 behind nginx, as operators run them; nothing is sticky."""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from entrepot.oci.digests import Digest
from entrepot.oci.media_types import OCI_MANIFEST
from tests.conformance.suites import examine
from tests.conformance.test_suite import TESTS_OF_DEV, account, nothing_was_left_out
from tests.support import nodes
from tests.support.server import ADMIN_PASSWORD, ORGANIZATION, PASSWORD, USER, Hub
from tests.wire.content import image

pytestmark = [pytest.mark.wire, pytest.mark.postgresql, pytest.mark.s3]

MIB = 1024 * 1024
NAME = f"{ORGANIZATION}/app"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[nodes.Nodes]:
    """Three nodes, each with a directory of its own."""
    data: Path = tmp_path_factory.mktemp("nodes") / "data"
    manner = nodes.Manner("postgresql", "versitygw", 3)
    # The suite mounts with a token that lists only the target: from what everybody may read.
    settings = {
        "ENTREPOT_ADMIN_PASSWORD": ADMIN_PASSWORD,
        "ENTREPOT_DEFAULT_VISIBILITY": "public",
    }
    with nodes.serving(manner, data, settings) as running:
        yield running
        for server in running.servers:
            assert "Traceback" not in server.log.read_text()


@pytest.fixture(scope="module")
def hub(running: nodes.Nodes) -> Hub:
    """The hub that clients see."""
    data = running.servers[0].data
    hub = Hub(f"localhost:{running.port}", data, settings=running.settings)
    hub.cli("user", "add", USER, "--password-stdin", stdin=PASSWORD)
    hub.cli("org", "add", ORGANIZATION, "--owner", USER)
    return hub


def test_the_conformance_suite_passes_whole(hub: Hub, tmp_path: Path) -> None:
    report = examine(hub, "dev", account(hub), tmp_path)
    nothing_was_left_out(report)
    assert report.tests >= TESTS_OF_DEV
    hub.cli("check")


def test_every_chunk_of_an_upload_may_reach_another_node(hub: Hub, running: nodes.Nodes) -> None:
    content = os.urandom(7 * MIB)
    digest = str(Digest.of(content))
    base = [f"http://127.0.0.1:{each.port}" for each in running.servers]
    with httpx.Client(auth=(USER, PASSWORD), timeout=60) as client:
        location = client.post(f"{base[0]}/v2/{NAME}/blobs/uploads/").headers["location"]
        for number in range(7):
            piece = content[number * MIB : (number + 1) * MIB]
            done = client.patch(f"{base[number % 3]}{_path(location)}", content=piece)
            assert done.status_code == 202, done.text
            location = done.headers["location"]
        put = client.put(f"{base[2]}{_path(location)}", params={"digest": digest})
        assert put.status_code == 201, put.text
        for each in base:
            assert client.get(f"{each}/v2/{NAME}/blobs/{digest}").content == content


def test_what_one_node_was_told_every_node_knows_at_once(hub: Hub, running: nodes.Nodes) -> None:
    base = [f"http://127.0.0.1:{each.port}" for each in running.servers]
    headers = {"content-type": OCI_MANIFEST}
    layer = b"a layer of three nodes"
    with httpx.Client(auth=(USER, PASSWORD), timeout=60) as client:
        for content in (layer, b"{}"):
            digest = str(Digest.of(content))
            done = client.post(
                f"{hub.url}/v2/{NAME}/blobs/uploads/", params={"digest": digest}, content=content
            )
            assert done.status_code == 201, done.text
        for number in range(12):
            manifest = image(layer, annotations={"number": str(number)})
            target = f"/v2/{NAME}/manifests/moving"
            put = client.put(f"{base[number % 3]}{target}", content=manifest, headers=headers)
            assert put.status_code == 201, put.text
            for each in base:
                assert client.get(f"{each}{target}").content == manifest
        made = client.post(
            f"{base[0]}/api/v1/me/tokens", json={"label": "test", "scope": "repo:read"}
        ).json()
        listing = f"{base[1]}/v2/{NAME}/tags/list"
        assert httpx.get(listing, auth=(USER, made["secret"])).status_code == 200
        client.delete(f"{base[2]}/api/v1/me/tokens/{made['token']['id']}")
        assert httpx.get(listing, auth=(USER, made["secret"])).status_code == 401


def _path(location: str) -> str:
    return httpx.URL(location).raw_path.decode()
