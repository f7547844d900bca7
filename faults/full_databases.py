"""A PostgreSQL whose disk is full, or that takes no writes: pushes are refused, and come back."""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psycopg

from faults.processes import Postgres, remove_directory
from faults.servers import Server
from faults.shortages import ENVIRONMENT, RESUMES_WITHIN, Shortage, Shortfall, meddled
from faults.small_disks import SmallDisk, mounted
from faults.steps import Refused

KINDS: Final = ("tables", "log", "read-only database")
"""No room for a page of a table; none for the log, which ends PostgreSQL; no leave to write."""
_SIZE: Final = "size=96m"
_ENOUGH: Final = 3
_MESSAGES: Final = 40
_MESSAGE: Final = "SELECT pg_logical_emit_message(false, 'faults', repeat('x', 500000))"


class DatabaseShortage(Shortage):
    """One server, whose bytes have room enough, and whose facts have not."""

    def __init__(
        self, server: Server, disk: SmallDisk, kind: str, *, seed: int, database: Postgres
    ) -> None:
        super().__init__(server, disk, kind, seed=seed)
        self._database = database

    def _begin(self) -> None:
        if self._kind == "read-only database":
            self._set_read_only("on")
            return
        self._disk.fill_bytes()
        if self._kind == "log":
            # What is left of the log's last file.
            with suppress(psycopg.Error):
                for _ in range(_MESSAGES):
                    self._database.run(_MESSAGE)

    async def _free(self) -> None:
        """What an operator does: make room, and start what has ended; or allow writes again."""
        if self._kind == "read-only database":
            await asyncio.to_thread(self._set_read_only, "off")
            return
        self._disk.make_room()
        await asyncio.to_thread(self._database.start)

    def _set_read_only(self, value: str) -> None:
        self._database.run(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
        self._database.run("SELECT pg_reload_conf()")

    def _is_enough(self) -> bool:
        # A page that has room left takes some more rows.
        return sum(self.found.refused.values()) >= _ENOUGH

    def _look_at(self, refused: Refused) -> None:
        status = refused.status
        self.found.refused[status] = self.found.refused.get(status, 0) + 1
        # A blob that was pushed and never named may be collected before its manifest comes.
        allowed = (507, 404, 400) if self._kind == "tables" else (503, 404, 400)
        if status not in allowed or '"code"' not in str(refused):
            self._complain(f"not a clear refusal: {refused}")
        if status == 503 and not refused.says_when:
            self._complain(f"503 without Retry-After: {refused}")

    async def _read_back(self) -> None:
        """Without its database a hub knows nothing; with one that only writes nothing, all."""
        if self._kind == "log" and not self._database.answers():
            return
        await super()._read_back()


@contextmanager
def small_database(kind: str) -> Iterator[tuple[Postgres, SmallDisk]]:
    """A database on a small disk; its log has another where only the tables are to be short."""
    # A socket's path is short, and whoever runs PostgreSQL must be able to reach it.
    place = Path(tempfile.mkdtemp(prefix="etp-pg-"))
    place.chmod(0o755)
    try:
        with mounted(place / "disk", _SIZE) as disk:
            log = place / "log" if kind == "tables" else None
            database = Postgres(disk.path / "pg", log=log)
            database.create()
            database.start()
            try:
                yield database, disk
            finally:
                database.stop()
    finally:
        remove_directory(place)


def run(
    place: Path,
    kind: str,
    port: int,
    *,
    seed: int,
    bug: str | None = None,
    patience: int = RESUMES_WITHIN,
) -> Shortfall:
    """Let a database run short of one thing."""
    with small_database(kind) as (database, disk):
        environment = {**ENVIRONMENT, "ENTREPOT_DATABASE": database.url, **meddled(bug)}
        server = Server(place / "data", port, 1, environment=environment, log=place / "log")
        shortage = DatabaseShortage(server, disk, kind, seed=seed, database=database)
        try:
            return asyncio.run(shortage.run(patience))
        finally:
            server.stop()
