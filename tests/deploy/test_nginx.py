"""What nginx makes of nodes that hiccup, with the example's settings."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from tests.support.nodes import nginx
from tests.support.server import free_port


class Node(BaseHTTPRequestHandler):
    """Answers 503 to what asks for it, nothing at all to `/cut`, and 204 to the rest."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer, or close the connection."""
        if self.path == "/cut":
            self.close_connection = True
            return
        self.send_response(503 if self.path == "/503" else 204)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def node() -> Iterator[int]:
    """The port of a node."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Node) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()


@pytest.mark.parametrize(("trouble", "said"), [("/cut", 502), ("/503", 503)])
def test_while_a_node_restarts_one_hiccup_takes_no_other_away(
    tmp_path: Path, trouble: str, said: int
) -> None:
    with ExitStack() as stack:
        ports = [free_port(), *(stack.enter_context(node()) for _ in range(2))]
        port = stack.enter_context(nginx(tmp_path / "data", ports))
        client = stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}"))
        # It is known that one is away; both others fail at this.
        assert client.get("/v2/").status_code == 204
        assert client.get(trouble).status_code == said
        assert [client.get("/v2/").status_code for _ in range(20)] == [204] * 20
