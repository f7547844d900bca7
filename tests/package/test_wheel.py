"""The package is built, installed with pip into an empty environment, and serves from there."""

import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.support.server import PASSWORD, free_port, wait_until_ready
from tests.support.server import Hub as RunningHub
from tests.support.tools import ROOT, run

pytestmark = pytest.mark.package


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that holds nothing but the wheel and what it needs."""
    directory = tmp_path_factory.mktemp("package")
    uv = Path(sys.executable).with_name("uv")
    run(uv, "build", "--wheel", "--out-dir", directory / "dist", ROOT)
    wheel = next((directory / "dist").glob("*.whl"))
    run(sys.executable, "-m", "venv", directory / "env")
    binaries = directory / "env" / "bin"
    run(binaries / "python", "-m", "pip", "install", "--quiet", wheel, seconds=300)
    return binaries


def test_the_command_says_its_version(environment: Path) -> None:
    assert run(environment / "entrepot", "--version").startswith("entrepot ")


def test_an_installed_hub_serves(environment: Path, tmp_path: Path) -> None:
    port = free_port()
    data, log = tmp_path / "data", tmp_path / "log"
    command = [str(environment / "entrepot"), "serve", "--data", str(data), "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=tmp_path)
    try:
        hub = RunningHub(f"localhost:{port}", data)
        wait_until_ready(hub, process, log)
        run(
            environment / "entrepot",
            *("user", "add", "somebody", "--password-stdin", "--data", data),
            stdin=PASSWORD,
        )
        with urllib.request.urlopen(f"{hub.url}/", timeout=10) as page:
            assert b"helm push" in page.read()
        assert "password  " in log.read_text()
    finally:
        process.terminate()
        assert process.wait(40) == 0


def test_nothing_of_the_tests_is_in_the_wheel(environment: Path) -> None:
    listed = run(environment / "python", "-c", "import entrepot; print(entrepot.__path__[0])")
    installed = Path(listed.strip())
    assert (installed / "metadata" / "migrations" / "sqlite.sql").is_file()
    assert not (installed.parent / "tests").exists()
