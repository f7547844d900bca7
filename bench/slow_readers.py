"""`python -m bench.slow_readers`: what a hub holds in memory for a hundred clients who do not read.

Each asks for some MiB of one blob and takes nothing of the answer. Memory is what all processes of
the hub hold by themselves (`RssAnon`); what is reported is by how much it grows.
"""

import hashlib
import random
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from faults.servers import Server
from tests.support.http import Client
from tests.support.server import free_port

MIB: Final = 1024 * 1024
READERS: Final = 100
ALLOWED: Final = 64
"""MiB by which the hub may grow."""
SIZE: Final = 64
"""MiB of the blob."""
_SETTLES: Final = 3.0


def ranges() -> Iterator[tuple[str, str]]:
    """What is asked for: in words, and as the header."""
    for count, part in ((16, 300_000), (60, 3_000), (8, 2 * MIB)):
        step = SIZE * MIB // count
        asked = ",".join(f"{n * step}-{n * step + part - 1}" for n in range(count))
        yield f"{count} ranges of {part:,} bytes", f"bytes={asked}"
    yield "two ranges that are nearly all", f"bytes=0-{30 * MIB},{31 * MIB}-"
    yield "one range", "bytes=1-"


def push(server: Server) -> str:
    """Where the blob is, once it was pushed."""
    content = random.Random(1).randbytes(MIB) * SIZE
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    client = Client("127.0.0.1", server.port)
    client.post(f"/v2/bench/slow/blobs/uploads/?digest={digest}", content).expect(201)
    return f"/v2/bench/slow/blobs/{digest}"


def measure(server: Server, target: str, asked: str) -> float:
    """MiB by which the hub grows while nobody reads; every client is gone afterwards."""
    before = held(server)
    with ExitStack() as readers:
        for _ in range(READERS):
            reader = readers.enter_context(socket.socket())
            # Small, so that the kernel takes little of the answer.
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.connect(("127.0.0.1", server.port))
            head = f"GET {target} HTTP/1.1\r\nHost: hub\r\nRange: {asked}\r\n\r\n"
            reader.sendall(head.encode())
        time.sleep(_SETTLES)
        return held(server) - before


def held(server: Server) -> float:
    """MiB that the hub's processes hold."""
    return sum(_held(process.pid) for process in server.members()) / 1024


def _held(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))


def main() -> int:
    """Measure; 1 when the hub grew by more than it may."""
    with tempfile.TemporaryDirectory() as directory:
        server = Server(Path(directory) / "data", free_port())
        server.start()
        try:
            server.wait_ready()
            target = push(server)
            worst = 0.0
            print(f"{READERS} readers who do not read, of a blob of {SIZE} MiB: growth in MiB")
            for words, asked in ranges():
                grown = measure(server, target, asked)
                print(f"{words:40} {grown:8.1f}")
                worst = max(worst, grown)
        finally:
            server.stop()
    return int(worst > ALLOWED)


if __name__ == "__main__":
    sys.exit(main())
