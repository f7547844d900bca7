"""What every process of a hub imports is imported once, before the fork (decision 0041)."""

import subprocess
import sys

ALL = "import entrepot.cli.main, granian.server, entrepot.worker, entrepot.cli.common.configuration"
LATE = ("alembic", "httpx", "jinja2", "joserfc", "obstore", "psycopg", "pygments", "rich")


def run(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    ).stdout


def test_what_is_imported_before_the_fork_starts_no_thread() -> None:
    assert run(f"{ALL}; import os; print(len(os.listdir('/proc/self/task')))").strip() == "1"


def test_what_only_some_requests_need_is_imported_with_the_first_of_them() -> None:
    found = run(f"{ALL}; import sys; print(*sys.modules)").split()
    assert not [name for name in LATE if name in found]


def test_workers_find_their_modules_imported() -> None:
    code = """
import sys
from entrepot.cli import serve
serve._import_hub()
before = set(sys.modules)
from entrepot.worker import Worker
print(*set(sys.modules) - before)
"""
    assert run(code).split() == []


def test_a_command_on_a_hub_far_away_imports_no_server() -> None:
    code = """
import sys
from entrepot.cli import main
from entrepot.cli.hubs import remote
print(*(name for name in sys.modules if name.startswith("entrepot")))
"""
    found = {name.split(".")[1] for name in run(code).split() if "." in name}
    assert "cli" in found
    assert not found & {"api", "app", "hub", "http", "metadata", "registry", "storage", "worker"}
