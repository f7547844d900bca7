"""Prints the tests that a change can break first: `just check` runs them.

A changed module chooses its twin (`hub/events/webhooks.py`: `tests/hub/test_webhooks.py`) and the
tests of its noun in every folder (`test_webhook*.py`); a changed table or migration chooses those
of the schema, and a changed test chooses itself. The rules about the
project, the types of the specifications and the translations are always among them.
`just check-all` runs every quick test, and `make test` runs everything, as CI does.
"""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
TESTS: Final = ROOT / "tests"
ALWAYS: Final = ("tests/house", "tests/oci", "tests/web", "tests/settings")
QUICK: Final = ("cli", "contracts", "doors", "extract", "http", "hub", "jobs", "kinds", "metadata")
MORE: Final = ("ops", "registry", "storage")
MOST: Final = 12
"""Test files of a change; a larger change is for `just check-all`."""


def changed_files(base: str) -> list[str]:
    """Return the files that differ from the common ancestor with `base`, committed or not."""
    commands = (
        ["git", "diff", "--name-only", "--merge-base", base],
        ["git", "ls-files", "--others", "--exclude-standard"],
    )
    names: list[str] = []
    for command in commands:
        done = subprocess.run(  # noqa: S603 - two commands of ours
            command, cwd=ROOT, capture_output=True, text=True, check=False
        )
        names += done.stdout.split()
    return names


def tests_of(name: str) -> list[str]:
    """Return the test files of one changed file, the nearest first."""
    path = Path(name)
    if path.parts[0] == "tests" and path.name.startswith("test_"):
        return [name] if (ROOT / name).exists() and path.parts[1] in (*QUICK, *MORE) else []
    if path.parts[:2] != ("src", "entrepot") or len(path.parts) < 4:
        return []
    noun = path.stem.removesuffix("s")
    twins = list((TESTS / path.parts[2]).rglob(f"test_{path.stem}.py"))
    if path.parts[2] == "metadata" and re.search(r"tables|migrat", name):
        twins.insert(0, TESTS / "contracts" / "engines" / "test_schema.py")
    others = [
        found for part in (*QUICK, *MORE) for found in (TESTS / part).rglob(f"test_*{noun}*.py")
    ]
    return [str(each.relative_to(ROOT)) for each in [*twins, *others] if each.exists()]


def chosen(names: list[str]) -> list[str]:
    """Return what pytest is given for these changed files."""
    nearest = [found[0] for name in names if (found := tests_of(name))]
    rest = [each for name in names for each in tests_of(name)[1:]]
    return [*ALWAYS, *list(dict.fromkeys([*nearest, *rest]))[:MOST]]


if __name__ == "__main__":
    print(*chosen(changed_files(sys.argv[1] if sys.argv[1:] else "main")))
