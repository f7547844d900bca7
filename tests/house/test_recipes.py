"""Recipes of CONTRIBUTING, followed in a scratch copy of the sources."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.sources import SOURCE

WIDGET = """

WIDGET: Final = Kind(
    id="acme-widget",
    name="Acme widget",
    plural="Acme widgets",
    family=Family.PACKAGE,
    icon="package",
    recognizes=typed("application/vnd.acme.widget.v1"),
    commands=shell.generic,
    describe=describe,
    facts=lambda evidence: (),
)
"""
GREETING = '    greeting: str = _setting("The greeting on the start page.", "Hello")\n'


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the sources to change."""
    shutil.copytree(SOURCE, tmp_path / "entrepot", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "entrepot"


def says(copy: Path, program: str) -> str:
    """The output of a program that imports the copy."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(copy.parent), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=copy.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_a_kind_is_one_value_in_the_module_of_its_family(copy: Path) -> None:
    module = copy / "kinds" / "files.py"
    module.write_text(module.read_text() + WIDGET)
    catalogue = copy / "kinds" / "recognition" / "catalogue.py"
    order = catalogue.read_text().replace(
        "    files.VOLUME,", "    files.WIDGET,\n    files.VOLUME,"
    )
    catalogue.write_text(order)
    program = (
        "from entrepot.kinds.recognition.catalogue import kind_of_id; "
        "print(kind_of_id('acme-widget').plural)"
    )
    assert says(copy, program) == "Acme widgets"


def test_a_setting_is_one_field(copy: Path) -> None:
    module = copy / "settings.py"
    head, field, rest = module.read_text().partition("    log_format: ")
    module.write_text(head + GREETING + field + rest)
    program = (
        "from entrepot.settings import Settings; "
        "print(Settings(greeting='Hi').greeting, {x.name: x.value for x in Settings().described()})"
    )
    shown = says(copy, program)
    assert shown.startswith("Hi ")
    assert "'greeting': 'Hello'" in shown
