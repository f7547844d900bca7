"""What the reference promises and what the code has are the same things."""

import dataclasses
import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from entrepot import errors
from entrepot.cli.main import app
from entrepot.http.errors import status_of
from entrepot.settings import PREFIX, Settings
from entrepot.v2.requests import Endpoint
from tests.support.tools import ROOT

REFERENCE = ROOT / "docs" / "reference"


def _error_classes() -> list[type[errors.EntrepotError]]:
    return [
        each
        for each in vars(errors).values()
        if inspect.isclass(each)
        and issubclass(each, errors.EntrepotError)
        and each is not errors.EntrepotError
    ]


def _commands(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not hasattr(command, "commands"):
        yield words, command
        return
    for name, each in command.commands.items():
        yield from _commands(each, (*words, name))


COMMANDS = list(_commands(typer.main.get_command(app)))


@pytest.mark.parametrize("name", [each.name for each in dataclasses.fields(Settings)])
def test_every_setting_is_documented(name: str) -> None:
    text = (REFERENCE / "settings.md").read_text()
    assert f"| `{name}` | `{PREFIX}{name.upper()}` |" in text


def test_no_setting_is_documented_that_is_not_there() -> None:
    text = (REFERENCE / "settings.md").read_text()
    documented = set(re.findall(rf"`{PREFIX}([A-Z0-9_]+)`", text))
    assert documented == {each.name.upper() for each in dataclasses.fields(Settings)}


@pytest.mark.parametrize("error", _error_classes(), ids=lambda each: str(each.__name__))
def test_every_error_is_documented(error: type[errors.EntrepotError]) -> None:
    text = (REFERENCE / "errors.md").read_text()
    made = error.__new__(error)
    assert f"| `{error.code}` | {status_of(made)} | `{error.__name__}` |" in text


@pytest.mark.parametrize(("words", "command"), COMMANDS, ids=[" ".join(w) for w, _ in COMMANDS])
def test_every_command_and_option_is_documented(words: tuple[str, ...], command: Any) -> None:
    text = (REFERENCE / "commands.md").read_text()
    _, found, rest = text.partition(f"## `entrepot {' '.join(words)}")
    assert found
    section = rest.partition("\n## ")[0]
    for option in command.params:
        if option.param_type_name == "option" and option.name not in ("hub", "data", "as_json"):
            assert f"`{option.opts[0]}`" in section


def test_every_metric_and_endpoint_is_documented() -> None:
    text = (REFERENCE / "metrics.md").read_text()
    source = (ROOT / "src" / "entrepot" / "ops" / "metrics.py").read_text()
    names = set(re.findall(r'"(entrepot_[a-z_]+)"', source))
    assert names
    assert names == set(re.findall(r"`(entrepot_[a-z_]+)`", text))
    assert all(f"`{each.name.lower()}`" in text for each in Endpoint)
