"""`python -m bench.readmes`: what others wait for while hostile READMEs are saved and looked at.

Each README is written to take long: it is saved, and then twenty people look at its page at once,
every second. Meanwhile another client asks at a steady rate for `/v2/`, for a manifest by tag and
for the page of another repository. The hub has as many workers as it has by itself.
"""

import asyncio
import json
import math
import multiprocessing
import sys
import tempfile
import threading
import time
from base64 import b64encode
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from bench.large_manifests import IMAGE, OTHERS_WITHIN, ask, digest_of, image
from entrepot.app import open_app
from entrepot.hub.repositories import MAX_README
from entrepot.settings import Settings
from faults.servers import Server
from tests.extract.hostile_markdown import HOSTILE
from tests.support.http import Client
from tests.support.server import free_port

OTHER: Final = "bench/other"
READ: Final = "bench/read"
SECRET: Final = "the password of bench"  # noqa: S105 - of a hub that lives for a minute
_VIEWERS: Final = 20
_SECONDS: Final = 8.0
_WARM_UP: Final = 3.0
"""Seconds that the other client's process takes to begin."""
_NAMES: Final = ("brackets and ticks", "pictures", "deep lists", "wide table", "runs of emphasis")
_SIGNED: Final = {"authorization": f"Basic {b64encode(f'bench:{SECRET}'.encode()).decode()}"}


@dataclass(frozen=True, slots=True)
class Viewed:
    """Seconds: to save a README, and what others waited; how often its page was looked at."""

    name: str
    saved: float
    others: float
    slowest: float
    views: int


def view(port: int, control: Connection) -> None:
    """Look at the page of the README with many clients until told to stop; send how often."""
    counts = [0] * _VIEWERS
    over = threading.Event()

    def look(number: int) -> None:
        client = Client("127.0.0.1", port)
        while not over.is_set():
            began = time.monotonic()
            client.get(f"/r/{READ}").expect(200)
            counts[number] += 1
            over.wait(max(0.0, began + 1 - time.monotonic()))

    threads = [threading.Thread(target=look, args=(number,)) for number in range(_VIEWERS)]
    for thread in threads:
        thread.start()
    control.recv()
    over.set()
    for thread in threads:
        thread.join()
    control.send(sum(counts))


def measure(server: Server, name: str) -> Viewed:
    """Save a README and have it looked at, while others ask."""
    context = multiprocessing.get_context("spawn")
    targets = ["/v2/", f"/v2/{OTHER}/manifests/small", f"/r/{OTHER}"]
    pipes = [context.Pipe() for _ in range(2)]
    others = context.Process(target=ask, args=(server.port, targets, pipes[0][1]))
    others.start()
    time.sleep(_WARM_UP)
    client = Client("127.0.0.1", server.port, _SIGNED)
    began = time.monotonic()
    change(client, READ, readme=HOSTILE[name][:MAX_README])
    saved = time.monotonic() - began
    viewers = context.Process(target=view, args=(server.port, pipes[1][1]))
    viewers.start()
    time.sleep(_SECONDS)
    for here, _ in pipes:
        here.send(None)
    taken, views = sorted(pipes[0][0].recv()), pipes[1][0].recv()
    others.join()
    viewers.join()
    return Viewed(name, saved, taken[math.ceil(len(taken) * 0.99) - 1], taken[-1], views)


def change(client: Client, repository: str, **settings: str) -> None:
    """Change settings of a repository."""
    target, head = f"/api/v1/repositories/{repository}", {"content-type": "application/json"}
    client.request("PATCH", target, json.dumps(settings).encode(), head).expect(200)


async def add_owner(settings: Settings) -> None:
    """Create the account that owns the repositories."""
    async with open_app(settings) as app:
        await app.accounts.add("bench", SECRET)


def run(server: Server) -> bool:
    """Measure and print; return whether others were answered in time."""
    client = Client("127.0.0.1", server.port, _SIGNED)
    for name in (OTHER, READ):
        client.post(f"/v2/{name}/blobs/uploads/?digest={digest_of(b'{}')}", b"{}").expect(201)
        client.put(f"/v2/{name}/manifests/small", image(), content_type=IMAGE).expect(201)
        change(client, name, visibility="public")
        client.get(f"/r/{name}").expect(200)
    print(f"{'milliseconds':24} {'saved':>8} {'p99':>7} {'max':>7} views")
    found = [measure(server, name) for name in _NAMES]
    for each in found:
        times = (each.saved * 1000, each.others * 1000, each.slowest * 1000)
        print(f"{each.name:24} {times[0]:8.0f} {times[1]:7.0f} {times[2]:7.0f} {each.views:5}")
    return all(each.others <= OTHERS_WITHIN for each in found)


def main() -> int:
    """Measure; 1 when others waited longer than they may."""
    with tempfile.TemporaryDirectory() as directory:
        data = Path(directory) / "data"
        asyncio.run(add_owner(Settings(data=data)))
        server = Server(data, free_port(), workers=2)
        server.start()
        try:
            server.wait_ready()
            return int(not run(server))
        finally:
            server.stop()


if __name__ == "__main__":
    sys.exit(main())
