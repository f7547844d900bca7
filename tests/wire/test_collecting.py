"""While space is freed every second, clients push, delete, mount and skip, and nothing is lost."""

import hashlib
import json
import random
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.http import Client
from tests.wire.content import CONFIG, IMAGE, descriptor, digest_of, image
from tests.wire.hubs import Hub, serving
from tests.wire.repositories import Repository
from tests.wire.waiting import until

pytestmark = pytest.mark.wire

CLIENTS = 4
KEPT = 4
"""Manifests of one client that stay, so that blobs come and go."""
SECONDS = 15.0
GRACE = 2.0
PROMISED = GRACE * 0.9
"""What is left to a client that was told that a blob is there."""
_rng = random.Random(25)
POOL: Mapping[str, bytes] = {
    digest_of(data): data for data in (_rng.randbytes(900 + 700 * n) for n in range(48))
}


@pytest.fixture
def busy_hub(tmp_path: Path) -> Iterator[Hub]:
    """A hub that collects every second what is two seconds old."""
    settings = {
        "ENTREPOT_OPEN": "true",
        "ENTREPOT_GRACE": "PT2S",
        "ENTREPOT_COLLECT_EVERY": "PT1S",
        "ENTREPOT_LOG_FORMAT": "json",
    }
    with serving(tmp_path / "data", **settings) as hub:
        yield hub


@dataclass(slots=True)
class Pusher:
    """One client, and what it knows to be there: the blobs of each manifest it pushed."""

    number: int
    client: Client
    rng: random.Random
    held: dict[tuple[str, str], tuple[bytes, list[str]]] = field(default_factory=dict)
    pushed: int = 0
    skipped: int = 0
    mounted: int = 0
    deleted: int = 0

    def run(self, deadline: float) -> None:
        """Work until the deadline; whatever goes wrong is raised."""
        while time.monotonic() < deadline:
            self.rng.choice((self.push, self.push, self.push, self.read))()
            while len(self.held) > KEPT:
                self.delete()

    @property
    def repository(self) -> Repository:
        """Its own, or the one that all share."""
        name = self.rng.choice((f"soak/client-{self.number}", "soak/shared"))
        return Repository(self.client, name)

    def push(self) -> None:
        """Push an image of some blobs that others push too; think for a while before the end."""
        repository = self.repository
        digests = self.rng.sample(sorted(POOL), self.rng.randrange(1, 4))
        began = time.monotonic()
        for digest in digests:
            self.bring(repository, digest)
        thinks_until = time.monotonic() + self.rng.choice((0.0, 0.0, 0.0, 0.2, 0.9))
        while time.monotonic() < thinks_until:
            time.sleep(0.02)
        body = self.image(digests)
        answer = None
        if time.monotonic() - began < PROMISED - 0.3:
            answer = repository.put(self.rng.choice(("latest", digest_of(body))), body)
        if answer is not None:
            answer.expect(201)
            self.pushed += 1
            self.held[repository.name, digest_of(body)] = (body, digests)

    def image(self, digests: list[str]) -> bytes:
        """A manifest that nobody else has pushed."""
        config, *layers = (POOL[digest] for digest in digests)
        about = {"client": str(self.number), "number": str(self.rng.getrandbits(64))}
        return image(*layers, config=descriptor(config, CONFIG), annotations=about)

    def bring(self, repository: Repository, digest: str) -> None:
        """Have the blob in the repository: skip it, mount it, or push it."""
        way = self.rng.random()
        if (
            way < 0.5
            and self.client.head_of(repository.blob(digest)).expect(200, 404).status == 200
        ):
            self.skipped += 1
            return
        if way < 0.75:
            source = f"soak/client-{self.rng.randrange(CLIENTS)}"
            query = f"?mount={digest}&from={source}"
            if self.client.post(repository.uploads + query).expect(201, 202).status == 201:
                self.mounted += 1
                return
        repository.push(POOL[digest])

    def delete(self) -> None:
        """Delete one of its own manifests."""
        name, digest = self.rng.choice(sorted(self.held))
        del self.held[name, digest]
        repository = Repository(self.client, name)
        self.client.delete(repository.manifest(digest)).expect(202)
        self.deleted += 1

    def read(self) -> None:
        """Read one of its own manifests, with all that it names."""
        if self.held:
            self.read_one(*self.rng.choice(sorted(self.held)))

    def read_one(self, name: str, digest: str) -> None:
        """Every byte is there, and right."""
        repository = Repository(self.client, name)
        body, digests = self.held[name, digest]
        assert self.client.get(repository.manifest(digest)).expect(200).body == body
        for each in digests:
            assert self.client.get(repository.blob(each)).expect(200).body == POOL[each]


def stored(data: Path) -> set[str]:
    """The digests of all files below the blobs."""
    return {f"sha256:{path.name}" for path in (data / "blobs").rglob("*") if path.is_file()}


def collected(hub: Hub, what: str) -> float:
    """How many of these the metrics say were freed."""
    lines = hub.client.get("/metrics").expect(200).body.decode().splitlines()
    prefix = f'entrepot_collected_total{{what="{what}"}} '
    return sum(float(line.removeprefix(prefix)) for line in lines if line.startswith(prefix))


def run_all(hub: Hub, seconds: float) -> list[Pusher]:
    """All clients at once."""
    pushers = [Pusher(n, hub.client, random.Random(n)) for n in range(CLIENTS)]
    deadline = time.monotonic() + seconds
    with ThreadPoolExecutor(CLIENTS) as pool:
        for done in [pool.submit(pusher.run, deadline) for pusher in pushers]:
            done.result()
    return pushers


def test_clients_notice_nothing_of_the_collector_and_the_disk_is_freed(busy_hub: Hub) -> None:
    pushers = run_all(busy_hub, SECONDS)
    for doing in ("pushed", "skipped", "mounted", "deleted"):
        assert sum(getattr(pusher, doing) for pusher in pushers) > 5, doing
    for pusher in pushers:
        for name, digest in sorted(pusher.held)[2:]:
            Repository(busy_hub.client, name).client.delete(
                f"/v2/{name}/manifests/{digest}"
            ).expect(202)
            del pusher.held[name, digest]
    needed = {each for pusher in pushers for _, layers in pusher.held.values() for each in layers}
    assert needed < set(POOL)
    until(lambda: True if stored(busy_hub.data) == needed else None)
    for pusher in pushers:
        for name, digest in pusher.held:
            pusher.read_one(name, digest)
    assert collected(busy_hub, "blobs") > 5
    assert json.loads(busy_hub.cli("check", "--json"))["problems"] == []
    log = busy_hub.log.read_text()
    assert '"collected"' in log
    assert "Traceback" not in log


def test_bytes_are_freed_that_a_crash_left(busy_hub: Hub) -> None:
    stray = hashlib.sha256(b"stray").hexdigest()
    (busy_hub.data / "blobs/sha256" / stray[:2] / stray).write_bytes(b"stray")
    kept = Repository(busy_hub.client, "soak/kept")
    kept.lay(b"layer")
    kept.tag("v1", image(b"layer"), IMAGE)
    until(lambda: True if f"sha256:{stray}" not in stored(busy_hub.data) else None)
    assert collected(busy_hub, "strays") >= 1
    assert busy_hub.client.get(kept.blob(digest_of(b"layer"))).expect(200).body == b"layer"
