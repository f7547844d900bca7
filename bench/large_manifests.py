"""`python -m bench.large_manifests`: what others wait for while huge manifests are pushed.

Pushed are an index of as many children as one may have, all of them there, and manifests of 4 MiB
of odd shapes. Meanwhile another client asks at a steady rate for `/v2/`, for a manifest by tag and
for pages, some of them of what is being pushed. Reported: how long the push took, until when it was
found out what the manifest is, and what the others waited for.
"""

import argparse
import hashlib
import json
import math
import multiprocessing
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from entrepot.oci.manifests import MAX_DESCRIPTORS, MAX_SIZE
from faults.servers import Server
from tests.support.http import Client
from tests.support.server import free_port

REPOSITORY: Final = "bench/large"
IMAGE: Final = "application/vnd.oci.image.manifest.v1+json"
INDEX: Final = "application/vnd.oci.image.index.v1+json"
EMPTY: Final = "application/vnd.oci.empty.v1+json"
PUSH_WITHIN: Final = 1.0
OTHERS_WITHIN: Final = 0.1
KNOWN_WITHIN: Final = 10.0
_EVERY: Final = 0.02
"""Seconds between two requests of the other client."""
_PATIENCE: Final = 120.0
_PUSHERS: Final = 4


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds of one push; `known` is after its answer, `others` is their 99th percentile."""

    name: str
    status: int
    answered: float
    known: float
    others: float
    slowest: float
    asked: int

    @property
    def is_good(self) -> bool:
        """Whether all three are within their bounds."""
        return (
            self.answered <= PUSH_WITHIN
            and self.others <= OTHERS_WITHIN
            and self.known <= KNOWN_WITHIN
        )


def digest_of(content: bytes) -> str:
    """The name of the content."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def descriptor(content: bytes, media_type: str, **more: object) -> dict[str, object]:
    """What a manifest says of the content."""
    found = {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}
    return {**found, **more}


def image(**more: object) -> bytes:
    """A manifest of nothing but an empty config, with these fields besides."""
    config = descriptor(b"{}", EMPTY)
    said = {"schemaVersion": 2, "mediaType": IMAGE, "artifactType": "application/vnd.bench"}
    return json.dumps({**said, "config": config, "layers": [config], **more}).encode()


def push(client: Client, content: bytes, media_type: str, reference: str) -> int:
    """Push a manifest; the status of the answer."""
    target = f"/v2/{REPOSITORY}/manifests/{reference}"
    return client.put(target, content, content_type=media_type).status


def children(client: Client, count: int) -> list[bytes]:
    """So many small manifests, pushed."""
    made = [image(annotations={"number": str(number)}) for number in range(count)]
    with ThreadPoolExecutor(_PUSHERS) as pool:
        statuses = pool.map(lambda each: push(client, each, IMAGE, digest_of(each)), made)
        refused = sum(status != 201 for status in statuses)
    if refused:
        raise RuntimeError(f"{refused} children were refused")
    return made


def odd_shapes() -> dict[str, bytes]:
    """Manifests of nearly 4 MiB, most of which a registry has to accept."""
    room = MAX_SIZE - 2000
    notes = {f"note-{number:06}": "x" * 28 for number in range(room // 48)}
    nest = json.loads('{"a":[' * 14 + "1" + "]}" * 14)
    escaped = "\\u0041" * (room // 6)
    layers = [descriptor(b"{}", EMPTY, annotations={"pad": "x" * 880}) for _ in range(3900)]
    return {
        "one annotation of 4 MiB": image(annotations={"note": "x" * (room - 100)}),
        "87,000 annotations": image(annotations=notes),
        "nested 28 deep, 40,000 times": image(more=[nest] * (room // 150)),
        "3,900 layers with annotations": image(layers=layers),
        "an escaped text of 4 MiB": image(more="@").replace(b"@", escaped.encode()),
        "2,000,000 numbers (refused)": image(more=[{"\u00e9": 1}, *[1] * (room // 3)]),
        "nested 2,000,000 deep (refused)": image(more="@").replace(
            b'"@"', b"[" * (room // 2) + b"]" * (room // 2)
        ),
    }


def ask(port: int, targets: Sequence[str], control: Connection) -> None:
    """Ask for each of the targets in turn until told to stop; send what each request took."""
    client = Client("127.0.0.1", port)
    taken: list[float] = []
    due = time.monotonic()
    while not control.poll():
        due = max(due + _EVERY, time.monotonic())
        began = time.monotonic()
        client.get(targets[len(taken) % len(targets)]).expect(200, 401)
        taken.append(time.monotonic() - began)
        time.sleep(max(0.0, due - time.monotonic()))
    control.send(taken)


def wait_until_known(database: Path, digest: str) -> float:
    """Seconds until the manifest was looked at."""
    began = time.monotonic()
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        while time.monotonic() - began < _PATIENCE:
            row = connection.execute(
                "SELECT a.reader FROM artifacts a JOIN manifests m ON m.id = a.manifest_id"
                " WHERE m.digest = ? AND a.reader > 0",
                (digest,),
            ).fetchone()
            if row is not None:
                return time.monotonic() - began
            time.sleep(0.02)
    return math.inf


def wait_until_idle(database: Path) -> None:
    """Wait until the hub has done all that the children have asked for."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        while connection.execute("SELECT count(*) FROM jobs").fetchone()[0]:
            time.sleep(0.5)


def measure(server: Server, name: str, content: bytes, media_type: str) -> Measured:
    """Push the manifest while others ask."""
    client = Client("127.0.0.1", server.port)
    targets = ["/v2/", f"/v2/{REPOSITORY}/manifests/small", f"/r/{REPOSITORY}"]
    here, there = multiprocessing.get_context("spawn").Pipe()
    other = multiprocessing.get_context("spawn").Process(
        target=ask, args=(server.port, targets, there)
    )
    other.start()
    time.sleep(1.0)
    began = time.monotonic()
    status = push(client, content, media_type, "large")
    answered = time.monotonic() - began
    known = (
        wait_until_known(server.data / "entrepot.db", digest_of(content)) if status == 201 else 0
    )
    time.sleep(1.0)
    here.send(None)
    taken = sorted(here.recv())
    other.join()
    rank = taken[math.ceil(len(taken) * 0.99) - 1]
    return Measured(name, status, answered, known, rank, taken[-1], len(taken))


def measure_views(server: Server, digest: str) -> list[tuple[str, float]]:
    """Seconds that each page of the index takes."""
    client = Client("127.0.0.1", server.port)
    found = []
    for tab in ("", "/platforms", "/vulnerabilities", "/referrers", "/raw"):
        began = time.monotonic()
        client.get(f"/r/{REPOSITORY}@{digest}{tab}").expect(200, 404)
        found.append((tab or "/", time.monotonic() - began))
    return found


def run(server: Server, count: int) -> list[Measured]:
    """Push everything that is to be measured."""
    client = Client("127.0.0.1", server.port)
    client.post(f"/v2/{REPOSITORY}/blobs/uploads/?digest={digest_of(b'{}')}", b"{}").expect(201)
    push(client, image(), IMAGE, "small")
    # The first page of a worker loads what pages are made of: no push is to blame for that.
    client.get(f"/r/{REPOSITORY}").expect(200, 401, 404)
    listed = children(client, count)
    wait_until_idle(server.data / "entrepot.db")
    entries = [descriptor(each, IMAGE, annotations={"pad": "x" * 700}) for each in listed]
    whole = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode()
    found = [measure(server, f"an index of {count:,} children", whole, INDEX)]
    show(found[0])
    for tab, seconds in measure_views(server, digest_of(whole)):
        print(f"    its page {tab:18} {seconds * 1000:8.0f} ms")
    for name, content in odd_shapes().items():
        found.append(measure(server, name, content, IMAGE))
        show(found[-1])
    return found


def show(each: Measured) -> None:
    """One line of the table."""
    print(
        f"{each.name:34} {each.status} {each.answered * 1000:7.0f} {each.known * 1000:8.0f} "
        f"{each.others * 1000:7.0f} {each.slowest * 1000:7.0f} {each.asked:6}"
    )


def main() -> int:
    """Measure; 1 when something took longer than it may."""
    parser = argparse.ArgumentParser(prog="python -m bench.large_manifests", description=__doc__)
    parser.add_argument("--children", type=int, default=MAX_DESCRIPTORS, help="of the index")
    parser.add_argument("--workers", type=int, default=1, help="of the hub (1)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        server = Server(Path(directory) / "data", free_port(), workers=options.workers)
        server.start()
        try:
            server.wait_ready()
            print(
                f"{'milliseconds':34} {'':3} {'push':>7} {'known':>8} {'p99':>7} {'max':>7} asked"
            )
            found = run(server, options.children)
        finally:
            server.stop()
    return int(not all(each.is_good for each in found))


if __name__ == "__main__":
    sys.exit(main())
