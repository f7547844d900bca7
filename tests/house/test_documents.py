"""Documents say what the code says, lead somewhere, and speak of this project only."""

import dataclasses
import re
import tomllib
from collections.abc import Iterator

import pytest
import typer.main

from entrepot.cli.main import app
from entrepot.settings import Settings
from tests.house.sources import ROOT, SOURCE, reference, tracked_files

EVERYWHERE = frozenset({"--hub", "--data", "--json", "--help"})


def test_every_setting_is_told_as_the_code_tells_it() -> None:
    text = reference("settings.md")
    missing = [
        each.name for each in dataclasses.fields(Settings) if each.metadata["help"] not in text
    ]
    assert missing == []


def commands(group: object, *words: str) -> Iterator[tuple[str, object]]:
    """Every command with the words that call it."""
    inner: dict[str, object] | None = getattr(group, "commands", None)
    if inner is None:
        yield " ".join(words), group
        return
    for name, command in inner.items():
        yield from commands(command, *words, name)


COMMANDS = dict(commands(typer.main.get_command(app)))


def options_of(command: object) -> set[str]:
    """The long names of a command's options."""
    parameters: list[object] = getattr(command, "params", [])
    names = {name for each in parameters for name in getattr(each, "opts", [])}
    return {name for name in names if name.startswith("--")}


@pytest.mark.parametrize("words", COMMANDS)
def test_every_name_of_an_option_is_in_the_reference(words: str) -> None:
    _, found, rest = reference("commands.md").partition(f"## `entrepot {words}")
    assert found, f"entrepot {words}"
    section = rest.partition("\n## ")[0]
    options = options_of(COMMANDS[words]) - EVERYWHERE
    assert {each for each in options if f"`{each}" not in section} == set()


def test_no_command_is_told_of_that_there_is_not() -> None:
    told = re.findall(r"^## `entrepot (.+)`$", reference("commands.md"), re.MULTILINE)
    assert told
    known = tuple(f"{words} " for words in COMMANDS)
    assert [each for each in told if not f"{each} ".startswith(known)] == []


def test_no_document_leads_nowhere() -> None:
    broken = []
    for path in tracked_files():
        if path.suffix != ".md":
            continue
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text()):
            if "://" in target or target.startswith("mailto:"):
                continue
            if not (path.parent / target).exists():
                broken.append(f"{path.relative_to(ROOT)} -> {target}")
    assert broken == []


def test_there_is_a_changelog_with_what_is_coming() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    assert re.search(r"^## ", text, re.MULTILINE)


def test_no_file_speaks_of_papers_that_are_not_ours() -> None:
    """Whoever clones the project has only what is in it."""
    papers = ("/".join(("work", "shared")), "/".join(("", "work", "")), ".".join(("", "library")))
    speaking = [
        str(path.relative_to(ROOT))
        for path in tracked_files()
        if path.suffix in (".py", ".md", ".toml", ".sh", ".yml", ".yaml", ".txt", "")
        and any(paper in path.read_text(errors="replace") for paper in papers)
    ]
    assert speaking == []


def test_each_dependency_says_what_it_is_for_and_is_imported() -> None:
    """A library that nothing imports is installed, updated and trusted for nothing."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [name for extra in project["optional-dependencies"].values() for name in extra]
    names = {re.split(r"[\[<>=;]", text)[0] for text in [*project["dependencies"], *extras]}
    page = next((ROOT / "docs/decisions").glob("*-what-each-dependency-is-for.md")).read_text()
    rows = re.findall(r"^\| ([a-z0-9-]+) \| [^|]+ \| `([a-z0-9_./]+)`", page, flags=re.MULTILINE)
    assert {name for name, _ in rows} - {"dependency"} == names
    modules = {"argon2-cffi": "argon2", "pyyaml": "yaml"}
    unused = []
    for name, place in rows:
        module = modules.get(name, name.replace("-", "_"))
        path = SOURCE / place
        files = path.rglob("*.py") if path.is_dir() else [path]
        importing = re.compile(rf"^\s*(import|from) {module}\b", re.MULTILINE)
        if not any(importing.search(file.read_text()) for file in files):
            unused.append(name)
    assert unused == []
