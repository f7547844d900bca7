"""`python -m bench.bounds`: the most that one odd request may cost, in processor time and bytes.

One worker serves. Each case is asked many times, and the processor time of all the hub's processes
is divided by the requests. Attachments of four levels that list each other are asked for as API and
as page; the size of the answer counts.
"""

import asyncio
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from bench.large_manifests import wait_until_idle
from entrepot.app import open_app
from entrepot.settings import Settings
from faults.servers import Server
from tests.support.http import Answer, Client
from tests.support.server import free_port

REPOSITORY: Final = "bench/bounds"
PROCESSOR_WITHIN: Final = 5.0
"""Milliseconds of processor time for a request."""
ANSWER_WITHIN: Final = 500_000
"""Bytes of an answer."""
LEVELS: Final = 4
LISTED: Final = 14
ORGANIZATIONS: Final = 10_000
_TIMES: Final = 100
_IMAGE: Final = "application/vnd.oci.image.manifest.v1+json"
_INDEX: Final = "application/vnd.oci.image.index.v1+json"
_EMPTY: Final = {
    "mediaType": "application/vnd.oci.empty.v1+json",
    "digest": f"sha256:{hashlib.sha256(b'{}').hexdigest()}",
    "size": 2,
}


async def add_organizations(settings: Settings, count: int) -> None:
    """Create `count` organizations with one owner, who may have them as an administrator."""
    async with open_app(settings) as app:
        await app.accounts.add("owner", "the password of owner", is_admin=True)
        for number in range(count):
            await app.organizations.add(f"organization-{number:05}", "owner")


def push_image(client: Client, note: str) -> dict[str, object]:
    """Push a small manifest; return its descriptor."""
    document = {
        "schemaVersion": 2,
        "mediaType": _IMAGE,
        "artifactType": "application/vnd.example.note",
        "config": _EMPTY,
        "layers": [_EMPTY],
        "annotations": {"note": note},
    }
    return push(client, json.dumps(document).encode(), _IMAGE)


def push(client: Client, content: bytes, media_type: str, reference: str = "") -> dict[str, object]:
    """Push a manifest by digest, or as `reference`; return its descriptor."""
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    target = f"/v2/{REPOSITORY}/manifests/{reference or digest}"
    client.put(target, content, content_type=media_type).expect(201)
    return {"mediaType": media_type, "digest": digest, "size": len(content)}


def push_tree(client: Client) -> str:
    """Attach levels of manifests, each to all of the level above; return the root's digest."""
    client.post(f"/v2/{REPOSITORY}/blobs/uploads/?digest={_EMPTY['digest']}", b"{}").expect(201)
    root = push_image(client, "root")
    above = [root]
    for level in range(LEVELS):
        below = [push_image(client, f"{level}/{number}") for number in range(LISTED)]
        listing = {"schemaVersion": 2, "mediaType": _INDEX, "manifests": below}
        content = json.dumps(listing).encode()
        for parent in above:
            # The tag under which clients without the referrers API keep what is attached.
            push(client, content, _INDEX, str(parent["digest"]).replace(":", "-"))
        above = below
    return str(root["digest"])


def processor_seconds(server: Server) -> float:
    """Return the processor time of all the hub's processes so far."""
    ticks = 0
    for process in server.members():
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def cost(server: Server, ask: Callable[[Client], Answer]) -> tuple[float, Answer]:
    """Return milliseconds of processor time per request, and one of the answers."""
    client = Client("127.0.0.1", server.port)
    answer = ask(client)
    before = processor_seconds(server)
    for _ in range(_TIMES):
        ask(client)
    return (processor_seconds(server) - before) * 1000 / _TIMES, answer


def run(server: Server) -> bool:
    """Measure and print; return whether everything was within its bound."""
    root = push_tree(Client("127.0.0.1", server.port))
    wait_until_idle(server.data / "entrepot.db")
    many = "a=b; " * 12_000
    cookies = {
        "cookies, 60 KB": many,
        "cookies, 8 KB": many[:8000],
        "foreign cookies": 'prefs={"x":1}; a b=1; theme[]=dark',
    }
    path = "/r/" + "x/" * 30_000
    api = f"/api/v1/repositories/{REPOSITORY}/-/manifests/{root}/attached"
    cases: dict[str, Callable[[Client], Answer]] = {
        **{name: partial(Client.get, target="/login", cookie=v) for name, v in cookies.items()},
        "a path of 60 KB": lambda c: c.get(path),
        "a path of 2 KB": lambda c: c.get(path[:2000]),
        f"/readyz with {ORGANIZATIONS:,} organizations": lambda c: c.get("/readyz"),
        "attachments by API": lambda c: c.get(api),
        "attachments as a page": lambda c: c.get(f"/r/{REPOSITORY}@{root}/referrers"),
    }
    print(f"{'one request':40} {'status':>6} {'processor':>10} {'answer':>10}")
    is_good = True
    for name, ask in cases.items():
        milliseconds, answer = cost(server, ask)
        print(f"{name:40} {answer.status:6} {milliseconds:7.2f} ms {len(answer.body):8} B")
        is_tree = name.startswith("attachments")
        is_good &= len(answer.body) <= ANSWER_WITHIN
        is_good &= is_tree or milliseconds <= PROCESSOR_WITHIN
    return is_good


def main() -> int:
    """Measure; 1 when a request cost more than it may."""
    with tempfile.TemporaryDirectory() as directory:
        data = Path(directory) / "data"
        asyncio.run(add_organizations(Settings(data=data), ORGANIZATIONS))
        server = Server(data, free_port(), workers=1)
        server.start()
        try:
            server.wait_ready()
            return int(not run(server))
        finally:
            server.stop()


if __name__ == "__main__":
    sys.exit(main())
