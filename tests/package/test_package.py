"""The wheel that we build is all that a machine needs."""

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PORT = 25990
STARTS_WITHIN = 60.0

pytestmark = pytest.mark.package


def run(*command: str | Path, cwd: Path, seconds: float = 600) -> str:
    """Run a command that must succeed; return its standard output."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={name: value for name, value in os.environ.items() if not name.startswith("ENTREPOT_")},
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as a release builds it."""
    found = shutil.which(
        "uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    )
    if found is None:
        message = "uv is not installed (make setup brings it)"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    directory = tmp_path_factory.mktemp("dist")
    run(found, "build", "--quiet", "--out-dir", directory, cwd=ROOT)
    (wheel,) = directory.glob("*.whl")
    assert len(list(directory.glob("*.tar.gz"))) == 1
    return wheel


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that holds the wheel and what it asks for."""
    directory = tmp_path_factory.mktemp("environment")
    venv.create(directory, with_pip=True)
    pip = (directory / "bin" / "python", "-m", "pip", "--disable-pip-version-check")
    run(*pip, "install", "--quiet", wheel, cwd=directory)
    run(*pip, "check", cwd=directory)
    return directory / "bin"


def test_the_wheel_holds_the_program_and_no_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for name in (
        "entrepot/py.typed",
        "entrepot/metadata/migrations/sqlite.sql",
        "entrepot/metadata/migrations/versions/0001_the_registry.py",
        "entrepot/__main__.py",
    ):
        assert name in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    foreign = {name.partition("/")[0] for name in names if ".dist-info" not in name}
    assert foreign == {"entrepot"}


def test_the_installed_command_works_anywhere(installed: Path, tmp_path: Path) -> None:
    assert run(installed / "entrepot", "--version", cwd=tmp_path).startswith("entrepot ")
    assert "Usage" in run(installed / "python", "-m", "entrepot", "--help", cwd=tmp_path)


def test_the_installed_command_serves(installed: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(installed / "entrepot"), "serve", "--port", str(PORT), "--workers", "1"],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        wait_until_ready(process, log)
        assert (tmp_path / "data" / "entrepot.db").exists()
        listed = run(installed / "entrepot", "user", "list", cwd=tmp_path)
        assert "admin" in listed
    finally:
        process.terminate()
        try:
            process.wait(40)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    assert "Traceback" not in log.read_text()


def wait_until_ready(process: subprocess.Popen[bytes], log: Path) -> None:
    """Return once `/readyz` answers 200."""
    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/readyz", timeout=5) as answer:
                assert answer.status == 200
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise AssertionError(log.read_text())
