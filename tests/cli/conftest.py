"""The command line on a data directory of the test's own."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from entrepot.cli.main import app

PASSWORD = "the long password of alice"

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def _no_settings_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No `ENTREPOT_…` and no `entrepot.toml` but the test's."""
    for name in list(os.environ):
        if name.startswith("ENTREPOT_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def database_with_alice(
    tmp_path_factory: pytest.TempPathFactory, empty_database: Path
) -> tuple[Path, Path]:
    """A hub's database without anybody, and one with Alice: hashing takes its time."""
    path = tmp_path_factory.mktemp("cli") / "entrepot.db"
    shutil.copyfile(empty_database, path)
    words = ["user", "add", "alice", "--password-stdin", "--data", str(path.parent)]
    assert CliRunner().invoke(app, words, input=PASSWORD).exit_code == 0
    return empty_database, path


@pytest.fixture
def data(tmp_path: Path, database_with_alice: tuple[Path, Path]) -> Path:
    """A hub's data directory without anybody in it."""
    path = tmp_path / "data"
    path.mkdir()
    shutil.copyfile(database_with_alice[0], path / "entrepot.db")
    return path


@pytest.fixture
def run(data: Path) -> Run:
    """Run a command on the hub's data."""

    def invoke(*words: str, stdin: str | bytes = "") -> Result:
        return CliRunner().invoke(app, [*words, "--data", str(data)], input=stdin)

    return invoke


@pytest.fixture
def alice(data: Path, database_with_alice: tuple[Path, Path]) -> str:
    """An account."""
    shutil.copyfile(database_with_alice[1], data / "entrepot.db")
    return "alice"
