"""`python -m bench.mirrors`: one blob through a mirror, cold, for one client and for many at once.

The upstream is a registry of ours in a process of its own, which counts its requests. Printed are
its downloads, the slowest client beside a single one, the latest first byte, and how much memory
the hub takes.
"""

import argparse
import asyncio
import http.client
import multiprocessing
import os
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from bench.processes import Tree
from tests.support.server import PROGRAM, free_port, operate
from tests.support.upstream import Upstream, digest_of

MIB = 1024 * 1024
_RUN = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Pull:
    """Seconds until a client's first byte and until its last, and the bytes between."""

    first: float
    last: float
    size: int


def serve_upstream(pipe: Connection, size: int) -> None:
    """Serve two images of one layer each; answer each message with the downloads so far."""

    async def run() -> None:
        upstream = await Upstream(piece=MIB).start()
        digests = []
        for tag in ("one", "many"):
            layer = os.urandom(MIB) * (size // MIB)
            upstream.add_image("lib/app", tag, layer)
            digests.append(digest_of(layer))
        pipe.send((upstream.url, digests))
        while await asyncio.to_thread(pipe.recv):
            pipe.send(upstream.count("GET", "/blobs/"))

    asyncio.run(run())


def pull(port: int, path: str, began: float) -> Pull:
    """Pull a path and throw its bytes away."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read(1)
    first, size = time.monotonic() - began, 1
    while run := answer.read(_RUN):
        size += len(run)
    connection.close()
    return Pull(first, time.monotonic() - began, size)


def pull_at_once(port: int, path: str, clients: int) -> list[Pull]:
    """Pull a path with so many clients that begin together."""
    began = time.monotonic()
    with ThreadPoolExecutor(clients) as pool:
        return list(pool.map(lambda _: pull(port, path, began), range(clients)))


def watch(hub: Tree, seen: list[int], is_over: threading.Event) -> None:
    """Keep the bytes that were resident in the hub's processes, looked at all the time."""
    while not is_over.wait(0.2):
        seen.append(hub.resident())


def wait_until_ready(port: int) -> None:
    """Return when the hub answers."""
    for _ in range(600):
        with suppress(OSError):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        time.sleep(0.1)


def measure(directory: Path, size: int, clients: int) -> None:
    """Print the figures."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=serve_upstream, args=(theirs, size), daemon=True)
    process.start()
    url, (one, many) = ours.recv()
    data, port = directory / "data", free_port()
    command = [str(PROGRAM), "serve", "--data", str(data), "--port", str(port), "--workers", "2"]
    hub = Tree(command, directory / "log", {})
    seen: list[int] = []
    is_over = threading.Event()
    try:
        wait_until_ready(port)
        options = ("--url", url, "--allow-private-network", "--visibility", "public")
        operate(data, "mirror", "add", "up", *options)
        for tag in ("one", "many"):
            pull(port, f"/v2/up/lib/app/manifests/{tag}", time.monotonic())
        (single,) = pull_at_once(port, f"/v2/up/lib/app/blobs/{one}", 1)
        before = hub.resident()
        watcher = threading.Thread(target=watch, args=(hub, seen, is_over))
        watcher.start()
        pulls = pull_at_once(port, f"/v2/up/lib/app/blobs/{many}", clients)
        is_over.set()
        watcher.join()
        warm = pull_at_once(port, f"/v2/up/lib/app/blobs/{many}", clients)
        ours.send(True)
        asked = ours.recv()
    finally:
        hub.end()
        process.terminate()
    if {each.size for each in (single, *pulls, *warm)} != {size}:
        raise SystemExit("a client did not get all of the blob")
    slowest = max(each.last for each in pulls)
    print(f"downloads of the blob by {clients} clients: {asked - 1}")
    print(f"single cold pull: {single.last:.2f} s ({size / MIB / single.last:.0f} MiB/s)")
    print(f"slowest of {clients} cold: {slowest:.2f} s ({slowest / single.last:.2f} x)")
    print(f"latest first byte: {max(each.first for each in pulls) * 1000:.0f} ms")
    print(f"memory grew by at most {(max(seen) - before) / MIB:.0f} MiB")
    print(f"slowest of {clients} warm: {max(each.last for each in warm):.2f} s")


def main() -> None:
    """Measure as the options say."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--clients", type=int, default=16)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mirrors-") as directory:
        measure(Path(directory), options.mib * MIB, options.clients)


if __name__ == "__main__":
    main()
