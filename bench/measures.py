"""How one number is taken: by wrk for many small requests, by ourselves for few large ones."""

import json
import os
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.content import (
    MANIFEST_TYPE,
    REPOSITORY,
    digest_of,
    digest_of_file,
    manifest_of,
    push_manifest,
)
from bench.http import Connection, upload_path
from bench.peers import NAMESPACE, Peer, find_program

CONNECTIONS = 16
_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


@dataclass(frozen=True, slots=True)
class Measure:
    """A rate (per second), the slowest of a hundred answers (ms), memory grown by (bytes).

    `processor` is what the registry took for one of what the rate counts (ms of processor time).
    """

    rate: float
    p99: float | None = None
    grown: int | None = None
    processor: float | None = None

    def with_processor(self, peer: Peer, before: float, seconds: float) -> "Measure":
        """The same, with what the peer has taken since it had taken `before`."""
        spent = peer.tree.processor_seconds() - before
        return replace(self, processor=spent * 1000 / (self.rate * seconds))


def measure_requests(
    peer: Peer, method: str, path: str, seconds: float, scratch: Path, repository: str = REPOSITORY
) -> Measure:
    """Requests per second of one kind, over 16 connections."""
    script = scratch / "request.lua"
    authorization = peer.authorization(repository)
    header = f'wrk.headers["Authorization"] = "{authorization}"\n' if authorization else ""
    # Without it distribution has no OCI content.
    accept = f'wrk.headers["Accept"] = "{MANIFEST_TYPE}, */*"\n'
    script.write_text(f'wrk.method = "{method}"\n{header}{accept}')
    url = f"http://127.0.0.1:{peer.port}{path}"
    _wrk(url, script, 1.0)
    before = peer.tree.processor_seconds()
    return _wrk(url, script, seconds).with_processor(peer, before, seconds)


def measure_heads(peer: Peer, path: str, seconds: float) -> Measure:
    """HEAD requests per second over 16 connections, by ab: wrk would wait for the body."""
    words = [find_program("ab"), "-i", "-k", "-q", f"-c{CONNECTIONS}", "-n1000000"]
    headers = ["-H", f"Accept: {MANIFEST_TYPE}"]
    authorization = peer.authorization(REPOSITORY)
    if authorization:
        headers += ["-H", f"Authorization: {authorization}"]
    url = f"http://127.0.0.1:{peer.port}{path}"
    subprocess.run([*words, "-t1", *headers, url], capture_output=True, check=True)
    timed = [*words, f"-t{max(1, round(seconds))}", *headers, url]
    before = peer.tree.processor_seconds()
    done = subprocess.run(timed, capture_output=True, text=True, check=True)
    rate = re.search(r"Requests per second:\s+([\d.]+)", done.stdout)
    p99 = re.search(r"99%\s+(\d+)", done.stdout)
    if rate is None or p99 is None or "Non-2xx" in done.stdout:
        raise RuntimeError(done.stdout)
    return Measure(float(rate[1]), float(p99[1])).with_processor(peer, before, seconds)


def _wrk(url: str, script: Path, seconds: float) -> Measure:
    command = [find_program("wrk"), "-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s"]
    done = subprocess.run(
        [*command, "--latency", "-s", str(script), url], capture_output=True, text=True, check=True
    )
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise RuntimeError(f"{url}:\n{done.stdout}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", done.stdout)
    if rate is None or p99 is None:
        raise RuntimeError(done.stdout)
    if not float(rate[1]):
        # Not one answer in all that time: as if there had been one at its end.
        return Measure(1 / seconds, seconds * 1000)
    return Measure(float(rate[1]), float(p99[1]) * _UNITS[p99[2]])


def measure_download(peer: Peer, path: Path, times: int) -> Measure:
    """MiB per second of a large blob, over one connection."""
    connection = Connection(peer.port, peer.authorization(REPOSITORY))
    address = f"/v2/{REPOSITORY}/blobs/{digest_of_file(path)}"
    connection.request("GET", address, keep=False).expect(200)
    size = path.stat().st_size / (1 << 20)
    with watched(peer) as watch:
        before = peer.tree.processor_seconds()
        began = time.perf_counter()
        for _ in range(times):
            connection.request("GET", address, keep=False).expect(200)
        seconds = time.perf_counter() - began
    connection.close()
    measured = Measure(size * times / seconds, grown=watch.grown)
    return measured.with_processor(peer, before, seconds)


def measure_upload(peer: Peer, path: Path, digest: str, *, streamed: bool) -> Measure:
    """MiB per second of a large blob: POST and PUT, or POST, one PATCH and an empty PUT."""
    repository = f"{NAMESPACE}/upload"
    connection = Connection(peer.port, peer.authorization(repository))
    size = path.stat().st_size / (1 << 20)
    with watched(peer) as watch:
        before = peer.tree.processor_seconds()
        began = time.perf_counter()
        begun = connection.request("POST", f"/v2/{repository}/blobs/uploads/").expect(202)
        location = begun.headers["location"]
        body: bytes | Path = path
        if streamed:
            patch = location[location.index("/v2/") :]
            kind = {"Content-Type": "application/octet-stream"}
            taken = connection.request("PATCH", patch, path, kind).expect(202)
            location, body = taken.headers["location"], b""
        connection.request("PUT", upload_path(location, digest), body).expect(201)
        seconds = time.perf_counter() - began
    connection.close()
    return Measure(size / seconds, grown=watch.grown).with_processor(peer, before, seconds)


def measure_pushes(peer: Peer, seconds: float, clients: int = 8) -> Measure:
    """Images of three objects per second: a layer of 8 KiB, a config, a manifest by tag."""
    names = [f"{NAMESPACE}/push{number}" for number in range(clients)]
    authorization = peer.authorization(*names)
    before = peer.tree.processor_seconds()
    with ThreadPoolExecutor(clients) as pool:
        taken = list(
            pool.map(lambda name: push_images(peer.port, name, authorization, seconds), names)
        )
    times = sorted(each for one in taken for each in one)
    measured = Measure(len(times) / seconds, p99=times[int(len(times) * 0.99)] * 1000)
    return measured.with_processor(peer, before, seconds)


def push_images(port: int, name: str, authorization: str | None, seconds: float) -> list[float]:
    """Push images one after the other; the seconds that each took."""
    connection = Connection(port, authorization)
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while (began := time.perf_counter()) < end:
        layer, config = os.urandom(8192), b'{"noise":"' + os.urandom(64).hex().encode() + b'"}'
        for blob in (layer, config):
            _push_absent(connection, name, blob)
        push_manifest(connection, name, f"t{len(taken)}", _image(layer, config))
        taken.append(time.perf_counter() - began)
    connection.close()
    return taken


def _push_absent(connection: Connection, name: str, blob: bytes) -> None:
    digest = digest_of(blob)
    connection.request("HEAD", f"/v2/{name}/blobs/{digest}").expect(404)
    begun = connection.request("POST", f"/v2/{name}/blobs/uploads/").expect(202)
    connection.request("PUT", upload_path(begun.headers["location"], digest), blob).expect(201)


def _image(layer: bytes, config: bytes) -> bytes:
    """The manifest of a layer, with this config instead of the empty one."""
    document = json.loads(manifest_of(layer))
    document["config"] |= {"digest": digest_of(config), "size": len(config)}
    return json.dumps(document).encode()


class Watch:
    """The most memory that a peer had while it was watched, beyond what it had before."""

    def __init__(self) -> None:
        self.grown = 0


@contextmanager
def watched(peer: Peer) -> Iterator[Watch]:
    """Watch a peer's memory, twenty times a second."""
    watch, over = Watch(), threading.Event()
    before = peer.tree.resident()

    def look() -> None:
        while not over.wait(0.05):
            watch.grown = max(watch.grown, peer.tree.resident() - before)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield watch
    finally:
        over.set()
        thread.join()
