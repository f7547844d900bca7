"""`python -m bench.slices`: pushes while a hub writes, reads again and deletes 50,000 packages.

Two clients push small manifests one after the other, each with a new tag. Meanwhile an SBOM is
pushed, everything is read again, the SBOM is deleted, and a repository with another one in it. How
long a push takes at worst is what counts: at most 200 ms on a machine that does nothing else.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urlencode

import psycopg
from rich.console import Console

from bench.content import MANIFEST_TYPE, digest_of, manifest_of, push_blob, push_manifest
from bench.http import Connection
from bench.peers import NAMESPACE, PASSWORD, USER, Entrepot
from entrepot.metadata.engines.sqlite_driver import dbapi2
from tests.metadata.postgres import serving as serving_postgres

CLIENTS = 2
MOST = 200.0
"""Milliseconds that a push may take."""
_BASIC = f"Basic {b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"
_SPDX = "application/spdx+json"
_PAUSE = 0.1
_READING = 30.0
_AFTER = 1.0
"""Seconds in which clients go on: what began last comes to its end."""


class _Pushing:
    """Clients that push until it is left, and how long each push took."""

    def __init__(self, hub: Entrepot) -> None:
        self._hub = hub
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._push, args=(i,)) for i in range(CLIENTS)]
        self.taken: list[float] = []

    def __enter__(self) -> "_Pushing":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def _push(self, number: int) -> None:
        name = f"{NAMESPACE}/small{number}"
        connection = Connection(self._hub.port, _token(self._hub, name))
        push_blob(connection, name, b"{}")
        while not self._is_over.is_set():
            body = manifest_of(note=os.urandom(8).hex())
            began = time.perf_counter()
            push_manifest(connection, name, f"t{time.time_ns()}", body)
            self.taken.append(1000 * (time.perf_counter() - began))
            time.sleep(_PAUSE)
        connection.close()


def main() -> int:
    """Measure; 1 where a push took too long."""
    options = _options()
    console = Console()
    worst = 0.0
    for engine in options.engines:
        with ExitStack() as stack:
            place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slices-")))
            if engine == "postgresql":
                os.environ["ENTREPOT_DATABASE"] = stack.enter_context(serving_postgres())
                stack.callback(os.environ.pop, "ENTREPOT_DATABASE", None)
            hub = Entrepot(place)
            hub.start()
            stack.callback(hub.tree.end)
            worst = max(worst, _measure(console, engine, hub, options.packages))
    return int(worst > MOST)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.slices", description=__doc__)
    parser.add_argument("--packages", type=int, default=50_000, help="of the SBOM (50,000)")
    parser.add_argument("--engines", nargs="+", default=["sqlite", "postgresql"])
    return parser.parse_args()


def _measure(console: Console, engine: str, hub: Entrepot, count: int) -> float:
    shop, other = f"{NAMESPACE}/shop", f"{NAMESPACE}/other"
    sboms = {name: _sbom(name, count) for name in (shop, other)}
    sboms[f"{NAMESPACE}/first"] = _sbom("first", 10)

    def push(name: str) -> None:
        _push_sbom(hub, name, sboms[name])
        _wait(hub, sboms[name])

    def read_again() -> None:
        _read_again(hub)
        _wait(hub, sboms[shop])

    phases: list[tuple[str, Callable[[], None]]] = [
        ("alone", lambda: time.sleep(5)),
        ("an SBOM is pushed", lambda: push(shop)),
        ("another is pushed", lambda: push(other)),
        ("all is read again", read_again),
        ("the SBOM is deleted", lambda: _delete(hub, f"/v2/{shop}/manifests/sbom", sboms[shop])),
        ("the other's repository is deleted", lambda: _delete_repository(hub, other)),
    ]
    worst = 0.0
    # Programs are loaded, and statements compiled, by what comes first.
    push(f"{NAMESPACE}/first")
    for name, work in phases:
        with _Pushing(hub) as pushing:
            began = time.monotonic()
            work()
            seconds = time.monotonic() - began
            time.sleep(_AFTER)
        taken = sorted(pushing.taken)
        worst = max(worst, taken[-1])
        console.print(
            f"{engine}: {name}: {seconds:.1f} s, {len(taken)} pushes; worst {taken[-1]:.0f} ms,"
            f" p99 {taken[int(len(taken) * 0.99)]:.0f} ms; load {os.getloadavg()[0]:.1f}",
            soft_wrap=True,
        )
    return worst


def _read_again(hub: Entrepot) -> None:
    program = str(Path(sys.executable).with_name("entrepot"))
    command = [program, "reindex", "--all", "--data", str(hub.data)]
    # It works until nothing waits, which does not come while clients push.
    asked = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    with suppress(subprocess.TimeoutExpired):
        asked.wait(_READING)
    asked.terminate()
    asked.wait()


def _sbom(name: str, count: int) -> bytes:
    packages = [
        {
            "name": f"{name}-{number}",
            "versionInfo": f"1.{number}",
            "licenseDeclared": "MIT",
            "SPDXID": f"SPDXRef-{number}",
        }
        for number in range(count)
    ]
    return json.dumps({"spdxVersion": "SPDX-2.3", "name": name, "packages": packages}).encode()


def _manifest(sbom: bytes) -> bytes:
    def descriptor(media_type: str, content: bytes) -> dict[str, object]:
        return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}

    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "artifactType": _SPDX,
        "config": descriptor("application/vnd.oci.empty.v1+json", b"{}"),
        "layers": [descriptor(_SPDX, sbom)],
    }
    return json.dumps(document).encode()


def _digest(sbom: bytes) -> str:
    return digest_of(_manifest(sbom))


def _push_sbom(hub: Entrepot, name: str, sbom: bytes) -> None:
    connection = Connection(hub.port, _token(hub, name))
    push_blob(connection, name, b"{}")
    push_blob(connection, name, sbom)
    push_manifest(connection, name, "sbom", _manifest(sbom))
    connection.close()


def _wait(hub: Entrepot, sbom: bytes) -> None:
    """Wait until all packages can be found; the database is asked, so that the hub only writes."""
    asked, digest = "SELECT state FROM artifacts JOIN manifests ON id = manifest_id", _digest(sbom)
    url = os.environ.get("ENTREPOT_DATABASE")
    while True:
        if url is None:
            file = dbapi2.connect(str(hub.data / "entrepot.db"), timeout=30)
            row = file.execute(f"{asked} WHERE digest = ?", (digest,)).fetchone()
            file.close()
        else:
            with psycopg.connect(url) as connection:
                found = connection.execute(f"{asked} WHERE digest = %s".encode(), (digest,))
                row = found.fetchone()
        if row is not None and row[0] == "done":
            return
        time.sleep(0.5)


def _delete(hub: Entrepot, path: str, sbom: bytes) -> None:
    connection = Connection(hub.port, _token(hub, path.split("/manifests")[0][4:]))
    connection.request("DELETE", path.replace("/sbom", f"/{_digest(sbom)}")).expect(202)
    connection.close()


def _delete_repository(hub: Entrepot, name: str) -> None:
    connection = Connection(hub.port, _BASIC)
    connection.request("DELETE", f"/api/v1/repositories/{name}").expect(204)
    connection.close()


def _token(hub: Entrepot, name: str) -> str:
    connection = Connection(hub.port, _BASIC)
    scope = urlencode({"scope": f"repository:{name}:pull,push,delete"})
    answer = connection.request("GET", f"/token?{scope}").expect(200)
    connection.close()
    return f"Bearer {answer.text('token')}"


if __name__ == "__main__":
    sys.exit(main())
