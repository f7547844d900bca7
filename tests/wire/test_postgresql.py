"""The same hub with its facts in PostgreSQL: two nodes over one database and one directory."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from entrepot.oci.digests import Digest
from entrepot.oci.media_types import OCI_MANIFEST
from tests.metadata.postgres import serving as serving_postgres
from tests.support.server import PASSWORD, USER, Hub, serving, serving_again
from tests.wire.content import image

pytestmark = [pytest.mark.wire, pytest.mark.postgresql]

NAME = "docker/app"
LAYER = b"a layer of two nodes"


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Hub, Hub]]:
    """Two hubs, each of two workers, that share a database and the directory of bytes."""
    data: Path = tmp_path_factory.mktemp("nodes") / "data"
    with ExitStack() as stack:
        url = stack.enter_context(serving_postgres())
        first = stack.enter_context(serving(data, ENTREPOT_DATABASE=url))
        second = serving_again(data, ENTREPOT_DATABASE=url)
        yield first, stack.enter_context(second)


def client(hub: Hub) -> httpx.Client:
    """A client that is signed in."""
    return httpx.Client(base_url=hub.url, auth=(USER, PASSWORD))


def test_what_one_node_takes_the_other_gives(nodes: tuple[Hub, Hub]) -> None:
    digest = Digest.of(LAYER)
    with client(nodes[0]) as one, client(nodes[1]) as other:
        begun = one.post(f"/v2/{NAME}/blobs/uploads/")
        assert begun.status_code == 202, begun.text
        location = begun.headers["location"]
        half = other.patch(location, content=LAYER[:7], headers={"content-range": "0-6"})
        assert half.status_code == 202, half.text
        location = half.headers["location"]
        done = one.put(location, params={"digest": str(digest)}, content=LAYER[7:])
        assert done.status_code == 201, done.text
        manifest = image(LAYER)
        put = other.put(
            f"/v2/{NAME}/manifests/v1", content=manifest, headers={"content-type": OCI_MANIFEST}
        )
        assert put.status_code == 201, put.text
        got = one.get(f"/v2/{NAME}/manifests/v1")
        assert (got.status_code, got.content) == (200, manifest)
        assert other.get(f"/v2/{NAME}/blobs/{digest}").content == LAYER
        page = one.get(f"/r/{NAME}/-/tags", headers={"accept": "application/json"})
        assert [line["row"]["tag"] for line in page.json()["lines"]] == ["v1"]


def test_a_revoked_token_is_worth_nothing_on_the_other_node(nodes: tuple[Hub, Hub]) -> None:
    first, second = nodes
    with client(first) as one:
        made = one.post("/api/v1/me/tokens", json={"label": "test", "scope": "repo:read"}).json()
    target = "/v2/docker/app/tags/list"
    with httpx.Client(base_url=second.url, auth=(USER, made["secret"])) as other:
        assert other.get(target).status_code in (200, 404)
        with client(first) as one:
            gone = one.delete(f"/api/v1/me/tokens/{made['token']['id']}")
            assert gone.status_code in (200, 204), gone.text
        assert other.get(target).status_code == 401


def test_a_push_that_races_with_a_rename_fails_nobody(nodes: tuple[Hub, Hub]) -> None:
    """Both want the name: the push makes a repository of it, or finds the one that was renamed."""
    first, second = nodes
    digest = Digest.of(LAYER)

    def push(hub: Hub, name: str) -> int:
        with client(hub) as one:
            target = f"/v2/docker/{name}/blobs/uploads/?digest={digest}"
            return one.post(target, content=LAYER).status_code

    def rename(name: str, new: str) -> int:
        with client(first) as one:
            target = f"/api/v1/repositories/docker/{name}/-/move"
            return one.post(target, json={"name": f"docker/{new}"}).status_code

    with ThreadPoolExecutor(4) as pool:
        for number in range(10):
            assert push(first, f"old{number}") == 201
            renaming = pool.submit(rename, f"old{number}", f"new{number}")
            pushing = [pool.submit(push, hub, f"new{number}") for hub in (second, first, second)]
            assert [each.result() for each in pushing] == [201, 201, 201]
            assert renaming.result() in (200, 409)
