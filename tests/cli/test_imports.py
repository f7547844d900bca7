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
