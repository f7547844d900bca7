"""Fills a hub with realistic content, by its own doors: `make demo`.

    scripts/demo.py [--data DIRECTORY] [--port PORT] [--small] [--stop]

Starts a hub on the directory (`demo-data`), pushes 30 repositories of three organizations, adds 150
accounts, and serves until it is interrupted; with --stop it ends when the hub is filled. Each run
pushes the same bytes. Only the past is written as rows: pulls of 90 days, and pushes of tags.
"""

import argparse
import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx
from sqlalchemy import bindparam, update

sys.path[:0] = [str(Path(__file__).parent)]

from demo_content import Artifact, digest_of, public_key
from demo_shelves import Shelf, shelves

from entrepot.app import open_app
from entrepot.cli.common.configuration import read_settings
from entrepot.metadata import repositories
from entrepot.metadata.engines.engine import SqlStatement, Transaction, to_instant
from entrepot.metadata.registry import pull_days
from entrepot.metadata.tables import blobs, tags
from entrepot.metadata.tables import repositories as repositories_table
from entrepot.oci.names import RepositoryName

PASSWORD: Final = "demo-password"
ORGANIZATIONS: Final = ("acme", "globex", "initech")
FIRST: Final = ("ada", "bo", "cleo", "dev", "eli", "fay", "gus", "hana", "ivo", "jun", "kim", "lea")
LAST: Final = ("abt", "berg", "chen", "diaz", "eng", "fox", "gill", "huang", "ito", "jones", "khan")
DAYS: Final = 90
_SET_PUSHED: Final = SqlStatement(
    update(repositories_table)
    .where(repositories_table.c.id == bindparam("repository_id"))
    .values(pushed_at=bindparam("moment"))
)
_MOVE: Final = SqlStatement(
    update(tags)
    .where(tags.c.repository_id == bindparam("repository_id"), tags.c.name == bindparam("tag"))
    .values(moved_at=bindparam("moment"))
)
_CAME: Final = SqlStatement(
    update(blobs)
    .where(blobs.c.digest >= bindparam("first"), blobs.c.digest < bindparam("end"))
    .values(created_at=bindparam("moment"))
)
STARTS_WITHIN: Final = 60.0
READ_WITHIN: Final = 120.0


@dataclass(frozen=True, slots=True)
class Hub:
    """A hub that runs, spoken to as its administrator."""

    client: httpx.Client

    def ask(self, method: str, path: str, *accepted: int, **told: Any) -> httpx.Response:
        """Ask; any success is accepted, and the statuses given."""
        answer = self.client.request(method, path, **told)
        if not answer.is_success and answer.status_code not in accepted:
            raise SystemExit(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        return answer

    def api(self, method: str, path: str, body: object = None) -> Any:
        """Call the API; what is there already stays as it is."""
        answer = self.ask(method, f"/api/v1{path}", 409, json=body)
        return answer.json() if answer.content else None

    def push(self, name: str, made: Artifact, reference: str) -> None:
        """Push an artifact with its blobs, children and attachments."""
        for data in dict.fromkeys(made.blobs):
            digest = digest_of(data)
            target = f"/v2/{name}/blobs/{digest}"
            if self.ask("HEAD", target, 404).status_code == 404:
                self.ask("POST", f"/v2/{name}/blobs/uploads/?digest={digest}", content=data)
        for child in made.children:
            self.push(name, child, child.digest)
        headers = {"content-type": made.media_type}
        target = f"/v2/{name}/manifests/{reference}"
        self.ask("PUT", target, content=made.content, headers=headers)
        for attached in made.attached:
            self.push(name, attached, attached.digest)


def main() -> None:
    """Start a hub, fill it, and serve until somebody interrupts."""
    options = _options()
    began = time.monotonic()
    url = f"http://localhost:{options.port}"
    # As an interrupt: the hub is not left behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    server = _start(options.data, options.port)
    try:
        with httpx.Client(base_url=url, auth=("admin", PASSWORD), timeout=60) as client:
            hub = Hub(client)
            _wait_until_ready(client, server)
            made = shelves(is_small=options.small)
            pushed = fill(hub, made, accounts=6 if options.small else 150)
            asyncio.run(write_history(options.data, pushed))
            _wait_until_read(hub)
        print(f"{len(made)} repositories in {time.monotonic() - began:.0f} s: {url}")
        print(f"Sign in as admin, {_people(1)[0]} or another account, with: {PASSWORD}", flush=True)
        if not options.stop:
            server.wait()
    except KeyboardInterrupt:
        print()
    finally:
        server.terminate()
        server.wait()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Fill a hub with realistic content.")
    parser.add_argument("--data", type=Path, default=Path("demo-data"), help="data directory")
    parser.add_argument("--port", type=int, default=5000, help="port of the hub")
    parser.add_argument("--small", action="store_true", help="fewer versions and accounts")
    parser.add_argument("--stop", action="store_true", help="end once the hub is filled")
    return parser.parse_args()


def _start(data: Path, port: int) -> "subprocess.Popen[bytes]":
    program = Path(sys.executable).with_name("entrepot")
    command = [str(program), "serve", "--data", str(data), "--port", str(port)]
    environment = os.environ | {"ENTREPOT_ADMIN_PASSWORD": PASSWORD}
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    with data.with_name(f"{data.name}.log").open("ab") as log:
        return subprocess.Popen(command, env=environment, stdout=log, stderr=log)


def _wait_until_ready(client: httpx.Client, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if client.get("/readyz").is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise SystemExit("the hub did not start: see its log beside the data directory")


def fill(hub: Hub, made: list[Shelf], *, accounts: int) -> list[tuple[Shelf, list[str]]]:
    """Add accounts and organizations, then push every repository; return its tags in order."""
    people = _people(accounts)
    for name in ORGANIZATIONS:
        hub.api("POST", "/organisations", {"name": name})
        hub.api("POST", f"/namespaces/{name}/keys", {"name": "release", "pem": public_key()})
    with ThreadPoolExecutor(8) as pool:
        new = ({"name": name, "password": PASSWORD} for name in people)
        list(pool.map(partial(hub.api, "POST", "/admin/users"), new))
        list(pool.map(partial(_join, hub), enumerate(people)))
        return list(zip(made, pool.map(partial(_fill_shelf, hub), made), strict=True))


def _join(hub: Hub, numbered: tuple[int, str]) -> None:
    """Make an account a member of one organization; one in ten edits."""
    number, name = numbered
    role = "editor" if number % 10 == 0 else "member"
    organization = ORGANIZATIONS[number % len(ORGANIZATIONS)]
    hub.api("PUT", f"/namespaces/{organization}/members/{name}", {"role": role})


def _fill_shelf(hub: Hub, shelf: Shelf) -> list[str]:
    pushed = []
    for tag, artifact in shelf.tags():
        hub.push(shelf.name, artifact, tag)
        pushed.append(tag)
    said = {"description": shelf.description, "readme": shelf.readme}
    visibility = "public" if shelf.is_public else "private"
    hub.api("PATCH", f"/repositories/{shelf.name}", {**said, "visibility": visibility})
    return pushed


def _people(count: int) -> list[str]:
    names = [f"{first}-{last}" for last in LAST for first in FIRST]
    return [*names, *(f"robot-{number}" for number in range(count))][:count]


def _wait_until_read(hub: Hub) -> None:
    """Return once the hub has read all that was pushed."""
    deadline = time.monotonic() + READ_WITHIN
    while time.monotonic() < deadline:
        found = hub.api("GET", "/admin/jobs")
        if not any(each["state"] == "queued" for each in found["items"]):
            return
        time.sleep(0.5)


async def write_history(data: Path, pushed: list[tuple[Shelf, list[str]]]) -> None:
    """Write the pulls of the last 90 days; nothing where there are some already."""
    today = datetime.now(UTC).date()
    async with open_app(read_settings(data=data)) as app:
        for shelf, names in pushed:
            name = RepositoryName(shelf.name)
            found = await repositories.find_repository(app.metadata.reader, name)
            if found is None or found.pulls > DAYS:
                continue
            counts = list(_pulls(shelf))
            async with app.metadata.begin() as tx:
                for age, count in enumerate(reversed(counts)):
                    day = today - timedelta(days=age)
                    await pull_days.add_pulls(tx, day, {(found.id, pull_days.WHOLE): count})
                await repositories.add_pulls(tx, found.id, sum(counts), datetime.now(UTC))
                for tag, moment in _moments(names).items():
                    instant = to_instant(moment)
                    await tx.run(_MOVE, repository_id=found.id, tag=tag, moment=instant)
                    await tx.run(_SET_PUSHED, repository_id=found.id, moment=instant)
        async with app.metadata.begin() as tx:
            await _spread_blobs(tx)


async def _spread_blobs(tx: Transaction) -> None:
    """Have blobs come over half a year: those whose digests begin alike on the same day."""
    for number in range(180):
        first, end = (f"sha256:{(number + more) * 0xFFFF // 180:04x}" for more in (0, 1))
        moment = datetime.now(UTC) - timedelta(days=179 - number)
        await tx.run(_CAME, first=first, end=end, moment=to_instant(moment))


def _moments(tags: list[str]) -> dict[str, datetime]:
    """When each tag was pushed: the last one a few hours ago, the first half a year ago."""
    newest = datetime.now(UTC) - timedelta(hours=3)
    step = timedelta(days=180) / max(len(tags), 1)
    return {tag: newest - step * (len(tags) - 1 - place) for place, tag in enumerate(tags)}


def _pulls(shelf: Shelf) -> Iterator[int]:
    """Pulls of each day, the oldest first: more on working days, and more as time goes by."""
    chance = random.Random(shelf.name)
    for number in range(DAYS):
        weekly = 0.35 if number % 7 in (4, 5) else 1.0
        grown = 0.6 + 0.8 * number / DAYS
        yield int(shelf.pulls * weekly * grown * chance.uniform(0.75, 1.25))


if __name__ == "__main__":
    main()
