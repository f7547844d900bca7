"""A hub that the demo's own script filled, with fewer versions of everything."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.house.sources import ROOT
from tests.support.server import free_port

PASSWORD: Final = "demo-password"
"""The password of every account there."""


@contextmanager
def filled(data: Path, *options: str) -> Iterator[str]:
    """The address of the hub; it ends with the context."""
    port = free_port()
    script = [sys.executable, str(ROOT / "scripts" / "demo.py"), *options]
    process = subprocess.Popen(
        [*script, "--data", str(data), "--port", str(port)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        # The script says so once the hub is filled, and ends where it cannot fill it.
        assert "repositories" in process.stdout.readline()
        yield f"http://localhost:{port}"
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()
