"""`python -m bench.fairness`: how long a push waits to be read while another repository floods.

A hub of two workers reads what is pushed. One repository gets `FLOOD` indexes that all have the
same child; while those wait to be read, another repository gets an image now and then. What is
reported is the mean of the seconds until the hub has read that image, beside the same on the idle
hub.
"""

import json
import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Final

from faults.servers import Server
from tests.support.http import Client
from tests.support.server import free_port

FLOOD: Final = 3000
SAMPLES: Final = 15
ALLOWED: Final = 1.5
"""How many times as long a push may wait beside the flood."""
_LOOK: Final = 0.02
_WITHIN: Final = 120.0
_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
_INDEX: Final = "application/vnd.oci.image.index.v1+json"
_EMPTY: Final = b"{}"
_EMPTY_DIGEST: Final = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


def put(client: Client, repository: str, reference: str, document: dict[str, object]) -> int:
    """Push a manifest; its size in bytes."""
    content = json.dumps(document).encode()
    target = f"/v2/{repository}/manifests/{reference}"
    client.put(target, content, content_type=str(document["mediaType"])).expect(201)
    return len(content)


def image(client: Client, repository: str, note: str) -> int:
    """Push an image that says `note`, tagged so; its manifest's size in bytes."""
    client.post(f"/v2/{repository}/blobs/uploads/?digest={_EMPTY_DIGEST}", _EMPTY).expect(201)
    empty = {"mediaType": "application/vnd.oci.empty.v1+json", "digest": _EMPTY_DIGEST, "size": 2}
    document = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "artifactType": "application/vnd.example.note",
        "config": empty,
        "layers": [empty],
        "annotations": {"note": note},
    }
    return put(client, repository, note, document)


def flood(client: Client, repository: str) -> None:
    """Push indexes that share one child."""
    size = image(client, repository, "child")
    answer = client.get(f"/v2/{repository}/manifests/child")
    child = {
        "mediaType": _MANIFEST,
        "digest": answer.headers["docker-content-digest"],
        "size": size,
    }
    for number in range(FLOOD):
        document = {
            "schemaVersion": 2,
            "mediaType": _INDEX,
            "manifests": [child],
            "annotations": {"number": str(number)},
        }
        put(client, repository, f"n{number}", document)


def wait_until_read(client: Client, repository: str, tag: str) -> float:
    """Push an image; the seconds until the hub has read it."""
    image(client, repository, tag)
    began = time.monotonic()
    while state(client, repository, tag) == "queued":
        if time.monotonic() - began > _WITHIN:
            return _WITHIN
        time.sleep(_LOOK)
    return time.monotonic() - began


def state(client: Client, repository: str, tag: str) -> str:
    """Whether the hub has read the artifact."""
    answer = client.get(f"/r/{repository}:{tag}", accept="application/json").expect(200)
    return str(json.loads(answer.body)["artifact"]["state"])


def queued(server: Server) -> int:
    """Jobs that wait."""
    with closing(sqlite3.connect(server.data / "entrepot.db")) as rows:
        (count,) = rows.execute("SELECT count(*) FROM jobs WHERE state = 'queued'").fetchone()
    return int(count)


def sample(client: Client, name: str) -> list[float]:
    """Waits of images in a repository of their own."""
    waits = []
    for number in range(SAMPLES):
        waits.append(wait_until_read(client, f"bench/{name}", f"v{number}"))
        time.sleep(0.1)
    return waits


def main() -> int:
    """Measure; 1 when a push beside the flood waited for longer than it may."""
    with tempfile.TemporaryDirectory() as directory:
        server = Server(Path(directory) / "data", free_port(), workers=2)
        server.start()
        try:
            server.wait_ready()
            client = Client("127.0.0.1", server.port)
            sample(client, "warm")
            idle = statistics.fmean(sample(client, "idle"))
            flood(client, "bench/flood")
            before = queued(server)
            beside = statistics.fmean(sample(client, "beside"))
            after = queued(server)
        finally:
            server.stop()
    ratio = beside / idle
    print(f"idle {idle:.2f} s, beside {before:,} to {after:,} jobs {beside:.2f} s: {ratio:.2f}x")
    return int(ratio > ALLOWED)


if __name__ == "__main__":
    sys.exit(main())
