"""Clients who do not read cost the hub little memory, whatever they ask for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.slow_readers import ALLOWED, measure, push, ranges
from faults.servers import Server
from tests.wire.hubs import free_port

pytestmark = pytest.mark.wire


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """An open hub of its own."""
    server = Server(tmp_path / "data", free_port())
    server.start()
    try:
        server.wait_ready()
        yield server
    finally:
        server.stop()


def test_a_hundred_clients_who_do_not_read_cost_little_memory(server: Server) -> None:
    target = push(server)
    for words, asked in ranges():
        grown = measure(server, target, asked)
        assert grown <= ALLOWED, f"{words}: {grown} MiB"
    assert "Traceback" not in server.log.read_text()
