"""The same hub in many ways: its facts, its bytes, how many nodes, and nginx before them.

`ENTREPOT_TEST_HUB=postgresql+versitygw+3 pytest tests/wire tests/clients tests/conformance` runs
the tests of one hub on many. Nothing is sticky: every request may go to another node.
"""

import os
import re
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from entrepot.http.certificates import ensure_certificate
from faults.servers import Server
from tests.metadata.postgres import serving as serving_postgres
from tests.support import s3
from tests.support.server import free_port
from tests.support.tools import ROOT, tool

STARTS_WITHIN: Final = 30.0
CHOICE: Final = "ENTREPOT_TEST_HUB"


@dataclass(frozen=True, slots=True)
class Manner:
    """How a hub is built: `sqlite` or `postgresql`; `files`, `versitygw` or `minio`; its nodes."""

    facts: str
    store: str
    nodes: int

    @classmethod
    def parse(cls, text: str) -> "Manner":
        """The manner that `facts+bytes+nodes` names."""
        facts, store, nodes = text.split("+")
        return cls(facts, store, int(nodes))


def chosen() -> Manner | None:
    """What the environment asks for; `None`: one node on files, and no proxy."""
    text = os.environ.get(CHOICE)
    return Manner.parse(text) if text else None


@dataclass(frozen=True, slots=True)
class Nodes:
    """Nodes that run: the proxy's port, the settings they share, and their servers."""

    port: int
    settings: Mapping[str, str]
    servers: tuple[Server, ...]
    ca: Path | None


@contextmanager
def serving(
    manner: Manner, data: Path, settings: Mapping[str, str], *, tls: bool = False
) -> Iterator[Nodes]:
    """So many nodes behind nginx, for as long as they are needed; all must end when asked to."""
    with ExitStack() as stack:
        shared = dict(settings)
        if manner.facts == "postgresql":
            # Ten connections for each worker, while one node ends and the next one starts.
            database = serving_postgres(max_connections="100")
            shared["ENTREPOT_DATABASE"] = stack.enter_context(database)
        if manner.store != "files":
            shared |= stack.enter_context(_bucket(manner.store, data))
        servers = [_node(stack, manner, data, number, shared) for number in range(manner.nodes)]
        ca = _certificate(data) if tls else None
        ports = [each.port for each in servers]
        port = stack.enter_context(nginx(data, ports, tls=tls))
        yield Nodes(port, shared, tuple(servers), ca)


def _node(
    stack: ExitStack, manner: Manner, data: Path, number: int, settings: Mapping[str, str]
) -> Server:
    # Where bytes or facts are files, all nodes have the same; else each has its own directory.
    is_shared = manner.facts == "sqlite" or manner.store == "files"
    own = data if is_shared or not number else data.with_name(f"{data.name}-{number + 1}")
    server = Server(own, free_port(), environment=settings)
    server.start()
    stack.callback(server.stop)
    server.wait_ready()
    return server


@contextmanager
def _bucket(store: str, data: Path) -> Iterator[dict[str, str]]:
    directory = data.with_name(f"{data.name}-s3")
    directory.mkdir(parents=True)
    with s3.serving(directory, store) as server:
        yield s3.CREDENTIALS | {
            "ENTREPOT_STORAGE": f"s3://{s3.BUCKET}/hub",
            "ENTREPOT_S3_ENDPOINT": server.url,
        }


def _certificate(data: Path) -> Path:
    directory = data.with_name(f"{data.name}-tls")
    ensure_certificate(directory, "127.0.0.1", None)
    return directory / "ca.crt"


@contextmanager
def nginx(
    data: Path, ports: Sequence[int], *, tls: bool = False, files: Path | None = None
) -> Iterator[int]:
    """The example of the documentation before these ports; its files are beside `data`.

    `files` is the data directory whose blobs it may send, where that is another.
    """
    program, port = tool("nginx"), free_port()
    place = data.with_name(f"{data.name}-nginx")
    place.mkdir(parents=True)
    path, log = place / "nginx.conf", place / "error.log"
    path.write_text(_configuration(place, port, ports, data.with_name(f"{data.name}-tls"), tls=tls))
    blobs = (ROOT / "deploy" / "nginx-blobs.conf").read_text()
    (place / "nginx-blobs.conf").write_text(blobs.replace("/var/lib/entrepot", str(files or data)))
    with log.open("wb") as output:
        process = subprocess.Popen(
            [program, "-e", str(log), "-c", str(path), "-p", str(place)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        _wait_until_ready(port, process, log, tls=tls)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def _configuration(
    place: Path, port: int, ports: Sequence[int], certificates: Path, *, tls: bool
) -> str:
    """The example, with other addresses and places."""
    text = (ROOT / "deploy" / "nginx.conf").read_text()
    text = re.sub(
        r"(?:\s*server 127\.0\.0\.1:500\d ([^\n]*))+",
        lambda found: "".join(f"\nserver 127.0.0.1:{each} {found[1]}" for each in ports),
        text,
    )
    text = text.replace("/var/log/nginx/hub.log", str(place / "access.log"))
    text = text.replace("/etc/nginx/", f"{place}/")
    text = text.replace("/etc/ssl/hub/chain.pem", str(certificates / "server.crt"))
    text = text.replace("/etc/ssl/hub/key.pem", str(certificates / "server.key"))
    text = text.replace("listen 443 ssl;", f"listen 127.0.0.1:{port}{' ssl' if tls else ''};")
    if not tls:
        text = re.sub(r"\n\s*ssl_certificate[^\n]*", "", text)
    places = "".join(
        f"{kind}_temp_path {place}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    text = text.replace("http {", "http {\n" + places, 1)
    return f"daemon off;\nuser root;\npid {place}/pid;\n{text}"


def _wait_until_ready(port: int, process: subprocess.Popen[bytes], log: Path, *, tls: bool) -> None:
    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        if tls and s3.listens(port):
            return
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise AssertionError(log.read_text())
