"""Hubs that replicate to one another end with the same tags, and then send nothing."""

import json
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from tests.wire.content import EMPTY, image
from tests.wire.hubs import Hub, serving
from tests.wire.repositories import Repository

pytestmark = pytest.mark.wire

NAME = "shared/app"
TAGS = ("v1", "v2", "latest")
CHANGES = 12


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Hub]]:
    """Three hubs, each of which replicates to the next."""
    places = [tmp_path_factory.mktemp(f"ring-{number}") / "data" for number in range(3)]
    with (
        serving(places[0], ENTREPOT_OPEN="true") as one,
        serving(places[1], ENTREPOT_OPEN="true") as two,
        serving(places[2], ENTREPOT_OPEN="true") as three,
    ):
        hubs = [one, two, three]
        for hub, following in zip(hubs, [*hubs[1:], hubs[0]], strict=True):
            url = f"http://{following.client.host}:{following.client.port}"
            words = ("--url", url, "--allow-private-network", "--deletes", "follow")
            hub.cli("replication", "add", "next", *words)
        yield hubs
        for hub in hubs:
            assert "Traceback" not in hub.log.read_text()


def state(hub: Hub) -> dict[str, object]:
    """The state of a hub's rule."""
    (found,) = json.loads(hub.cli("replication", "status", "--json"))
    assert isinstance(found, dict)
    return found


def tags_of(hub: Hub) -> dict[str, str | None]:
    """Where the tags point."""
    repository, found = Repository(hub.client, NAME), {}
    for tag in TAGS:
        answer = hub.client.get(repository.manifest(tag))
        found[tag] = answer.headers.get("Docker-Content-Digest") if answer.status == 200 else None
    return found


def change(hub: Hub, seed: int) -> None:
    """Push, move and delete tags at a hub."""
    choose, repository = random.Random(seed), Repository(hub.client, NAME)
    repository.lay()
    for number in range(CHANGES):
        tag = choose.choice(TAGS)
        if choose.random() < 0.2:
            hub.client.request("DELETE", repository.manifest(tag)).expect(202, 404)
        else:
            repository.tag(tag, image(annotations={"by": f"{seed} {number}"}))


def settle(hubs: list[Hub]) -> None:
    """Wait until nothing is queued anywhere."""
    deadline = time.monotonic() + 120
    quiet = 0
    # A change is queued where it arrives before it is done where it came from.
    while quiet < 5:
        assert time.monotonic() < deadline, [state(hub) for hub in hubs]
        texts = [hub.client.get("/metrics").expect(200).body for hub in hubs]
        is_quiet = all(b'lag_seconds{destination="next"} 0.0\n' in text for text in texts)
        quiet = quiet + 1 if is_quiet else 0


def test_three_hubs_in_a_ring_converge_and_become_quiet(ring: list[Hub]) -> None:
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(change, ring, range(3)))
    settle(ring)
    first, second, third = map(tags_of, ring)
    assert first == second == third
    sent = [state(hub)["sent_tags"] for hub in ring]
    assert all(isinstance(count, int) and count <= 2.2 * 3 * CHANGES for count in sent), sent
    assert all(state(hub)[key] == 0 for hub in ring for key in ("conflicts", "failed", "behind"))
    settle(ring)
    assert [state(hub)["sent_tags"] for hub in ring] == sent


def test_the_later_author_wins_and_a_deletion_is_remembered(open_hub: Hub) -> None:
    repository = Repository(open_hub.client, "shared/arrivals")
    repository.lay(EMPTY)
    now = datetime.now(UTC)

    def put(tag: str, by: str, at: datetime) -> int:
        headers = {
            "Content-Type": "application/vnd.oci.image.manifest.v1+json",
            "Entrepot-Tagged-At": at.isoformat(),
        }
        body = image(annotations={"by": by})
        return open_hub.client.request("PUT", repository.manifest(tag), body, headers).status

    def delete(tag: str, at: datetime) -> int:
        headers = {"Entrepot-Tagged-At": at.isoformat()}
        path = repository.manifest(tag)
        return open_hub.client.request("DELETE", path, headers=headers).status

    hour = timedelta(hours=1)
    assert put("v1", "one", now - 3 * hour) == 201
    assert put("v1", "two", now - 4 * hour) == 412
    assert put("v1", "two", now - 2 * hour) == 201
    # Two at the same moment: the larger digest stays, whichever comes first.
    assert {put("v1", "three", now - 2 * hour), put("v1", "two", now - 2 * hour)} == {201, 412}
    assert delete("v1", now - 3 * hour) == 412
    assert delete("v1", now - hour) == 202
    assert put("v1", "one", now - 2 * hour) == 412
    assert put("v1", "one", now) == 201
    # Who pushes here without saying so sets it now.
    repository.tag("v1", image(annotations={"by": "four"}))
    assert put("v1", "one", now) == 412
    assert (
        open_hub.client.request(
            "PUT", repository.manifest("v1"), image(), {"Entrepot-Tagged-At": "noon"}
        ).status
        == 400
    )
