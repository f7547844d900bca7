"""The command line on a data directory of the test's own."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from entrepot.cli.main import app
from entrepot.settings import Settings
from entrepot.start import prepare

PASSWORD = "the long password of alice"

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def _no_settings_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No `ENTREPOT_…` and no `entrepot.toml` but the test's."""
    for name in list(os.environ):
        if name.startswith("ENTREPOT_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A hub's data directory, as its first start leaves it."""
    path = tmp_path / "data"
    prepare(Settings(data=path))
    return path


@pytest.fixture
def run(data: Path) -> Run:
    """Run a command on the hub's data."""

    def invoke(*words: str, stdin: str | bytes = "") -> Result:
        return CliRunner().invoke(app, [*words, "--data", str(data)], input=stdin)

    return invoke


@pytest.fixture
def alice(run: Run) -> str:
    """An account."""
    assert run("user", "add", "alice", "--password-stdin", stdin=PASSWORD).exit_code == 0
    return "alice"
