"""The project's own files, as the house rules look at them."""

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "entrepot"
REFERENCE = ROOT / "docs" / "reference"

Function = ast.FunctionDef | ast.AsyncFunctionDef


def python_files(*directories: str) -> list[Path]:
    """Every Python file below these directories of the project."""
    return sorted(path for name in directories for path in (ROOT / name).rglob("*.py"))


def tracked_files() -> list[Path]:
    """Every file that belongs to the project: all but what git ignores."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def functions_of(tree: ast.Module) -> Iterator[Function]:
    """Every function and method, inner ones included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def reference(name: str) -> str:
    """A page of the reference, empty where there is none yet."""
    path = REFERENCE / name
    return path.read_text() if path.exists() else ""
