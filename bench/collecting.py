"""`python -m bench.collecting`: freeing 100,000 blobs while images are pushed.

The blobs are a kilobyte each, old, and named by nothing. Images are pushed by four clients alone,
then while `entrepot collect` runs, then alone again, on SQLite or PostgreSQL, with bytes in files.
A hub slows down a little as it fills: before and after count as much as each other.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from statistics import mean

import psycopg
from rich.console import Console

from bench.measures import measure_pushes
from bench.peers import Entrepot
from entrepot.metadata.engines.sqlite_driver import dbapi2
from tests.metadata.postgres import serving as serving_postgres

CLIENTS = 4
SIZE = 1024
LONGEST = 600.0
LEAST = 0.8
_RUN = 5.0
_OLD = 1_000_000_000


class _Hub(Entrepot):
    """A hub whose facts may be in PostgreSQL."""

    def __init__(self, directory: Path, database: str | None) -> None:
        super().__init__(directory)
        if database is not None:
            os.environ["ENTREPOT_DATABASE"] = database


def main() -> int:
    """Measure; 1 when it takes too long, or pushes suffer too much."""
    options = _options()
    console = Console()
    is_met = True
    for engine in options.engines:
        with ExitStack() as stack:
            place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="collect-")))
            database = stack.enter_context(serving_postgres()) if engine == "postgresql" else None
            stack.callback(os.environ.pop, "ENTREPOT_DATABASE", None)
            hub = _Hub(place, database)
            hub.start()
            stack.callback(hub.tree.end)
            _fill(hub.data, database, options.blobs)
            is_met &= _measure(console, engine, hub, options.blobs, options.seconds)
    return int(not is_met)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.collecting", description=__doc__)
    parser.add_argument("--blobs", type=int, default=100_000, help="to be freed (100,000)")
    parser.add_argument("--seconds", type=float, default=20.0, help="of pushes alone, twice (20)")
    parser.add_argument("--engines", nargs="+", default=["sqlite", "postgresql"])
    return parser.parse_args()


def _measure(console: Console, engine: str, hub: _Hub, count: int, seconds: float) -> bool:
    measure_pushes(hub, 2.0, CLIENTS)
    before = _push_alone(hub, seconds)
    program = str(Path(sys.executable).with_name("entrepot"))
    began = time.monotonic()
    collecting = subprocess.Popen(
        [program, "collect", "--json", "--data", str(hub.data)], stdout=subprocess.PIPE, text=True
    )
    rates = []
    while collecting.poll() is None:
        rates.append(measure_pushes(hub, _RUN, CLIENTS).rate)
    taken = time.monotonic() - began
    said = (collecting.communicate()[0] or "").split()
    after = _push_alone(hub, seconds)
    share = 2 * mean(rates) / (before + after)
    console.print(
        f"{engine}: {count:,} blobs freed in {taken:.0f} s ({LONGEST:.0f} are allowed); images"
        f" pushed {before:.0f} a second before, {mean(rates):.0f} meanwhile, {after:.0f} after:"
        f" {share:.2f} ({LEAST} at least); {' '.join(said)}",
        soft_wrap=True,
    )
    return taken <= LONGEST and share >= LEAST


def _push_alone(hub: _Hub, seconds: float) -> float:
    # In runs as long as those beside the collector: each begins with new connections.
    return mean(measure_pushes(hub, _RUN, CLIENTS).rate for _ in range(round(seconds / _RUN)))


def _fill(data: Path, database: str | None, count: int) -> None:
    rows = []
    for number in range(count):
        content = number.to_bytes(8, "big") * (SIZE // 8)
        name = hashlib.sha256(content).hexdigest()
        path = data / "blobs" / "sha256" / name[:2] / name
        path.write_bytes(content)
        os.utime(path, (_OLD, _OLD))
        rows.append((f"sha256:{name}", f"sha256/{name[:2]}/{name}"))
    if database is None:
        _fill_sqlite(data / "entrepot.db", rows)
    else:
        _fill_postgresql(database, rows)


def _fill_sqlite(path: Path, rows: list[tuple[str, str]]) -> None:
    connection = dbapi2.connect(str(path), timeout=30)
    with suppress(dbapi2.Error):
        connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(
        "INSERT INTO repositories (name, visibility, created_at) VALUES ('old', 'private', 1)"
    )
    connection.executemany(
        f"INSERT INTO blobs (digest, storage_key, size, created_at) VALUES (?, ?, {SIZE}, 1)",  # noqa: S608
        rows,
    )
    connection.execute(
        "INSERT INTO repository_blobs SELECT (SELECT id FROM repositories WHERE name = 'old'),"
        " digest, 1 FROM blobs WHERE created_at = 1"
    )
    connection.commit()
    connection.close()


def _fill_postgresql(url: str, rows: list[tuple[str, str]]) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO repositories (name, visibility, created_at) VALUES ('old', 'private', 1)"
        )
        copying = "COPY blobs (digest, storage_key, size, created_at) FROM STDIN"
        with connection.cursor().copy(copying) as copy:
            for row in _with_rest(rows):
                copy.write_row(row)
        connection.execute(
            "INSERT INTO repository_blobs SELECT (SELECT id FROM repositories WHERE name = 'old'),"
            " digest, 1 FROM blobs WHERE created_at = 1"
        )


def _with_rest(rows: list[tuple[str, str]]) -> Iterator[tuple[str, str, int, int]]:
    for digest, key in rows:
        yield digest, key, SIZE, 1


if __name__ == "__main__":
    sys.exit(main())
