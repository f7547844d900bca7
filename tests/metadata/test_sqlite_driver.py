"""A hub runs where there are wheels: with either driver of SQLite, on each platform it names."""

import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import Marker
from packaging.utils import parse_wheel_filename

from tests.support.tools import ROOT

OTHER_DRIVER = """
import sys
sys.modules["pysqlite3"] = None
import pytest
from entrepot.metadata.engines.sqlite_driver import dbapi2
assert dbapi2.__name__.startswith("sqlcipher3"), dbapi2
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "-k", "not postgresql", *sys.argv[1:]]))
"""
CONTRACTS = (
    "people/test_account_queries",
    "registry/test_manifest_queries",
    "engines/test_metadata",
    "contents/test_search",
    "registry/test_tag_row_queries",
)


def test_the_driver_of_other_processors_keeps_the_same_contracts(tmp_path: Path) -> None:
    files = [f"tests/contracts/{name}.py" for name in CONTRACTS]
    # In the common directory it would first delete what this very run has left there.
    where = f"--basetemp={tmp_path / 'inner'}"
    done = subprocess.run(
        [sys.executable, "-c", OTHER_DRIVER, where, *files, "tests/metadata/test_sqlite_file.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("libc", ["manylinux", "musllinux"])
@pytest.mark.parametrize("version", ["3.11", "3.13"])
def test_every_package_has_a_wheel_for_the_platforms(machine: str, libc: str, version: str) -> None:
    locked = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    packages = {each["name"]: each for each in locked}
    lacking = [
        name
        for name in sorted(set(_needed(packages, "entrepot", ("postgresql", "s3"), machine)))
        if not any(
            _fits(wheel["url"].rpartition("/")[2], machine, libc, version)
            for wheel in packages[name].get("wheels", [])
        )
    ]
    assert lacking == []


def _needed(
    packages: dict[str, Any], name: str, extras: tuple[str, ...], machine: str
) -> Iterator[str]:
    """Names of all packages that an installation brings, by the lock."""
    waiting, seen = [(name, extras)], set()
    while waiting:
        name, extras = waiting.pop()
        package = packages[name]
        wanted = list(package.get("dependencies", []))
        for extra in extras:
            wanted += package.get("optional-dependencies", {}).get(extra, [])
        for each in wanted:
            if "marker" in each and not Marker(each["marker"]).evaluate(
                {"platform_machine": machine, "sys_platform": "linux"}
            ):
                continue
            key = (each["name"], tuple(each.get("extra", ())))
            if key not in seen:
                seen.add(key)
                waiting.append(key)
                yield each["name"]


def _fits(file: str, machine: str, libc: str, version: str) -> bool:
    python = f"cp{version.replace('.', '')}"
    for tag in parse_wheel_filename(file)[3]:
        is_ours = tag.platform == "any" or (
            tag.platform.startswith(libc) and tag.platform.endswith(machine)
        )
        if is_ours and (tag.interpreter in (python, "py3") or tag.abi == "abi3"):
            return True
    return False
