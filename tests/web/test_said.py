"""What kinds say of artifacts is translated like the words of pages: titles, notes, labels."""

import ast
from pathlib import Path

import pytest

from entrepot import kinds
from entrepot.kinds.commands import CommandTarget
from entrepot.kinds.recognition.catalogue import recognize
from entrepot.oci.digests import EMPTY_JSON_DIGEST
from entrepot.oci.names import RepositoryName, Tag
from tests.kinds.corpus import MADE, SPECIFIED, names, view
from tests.web.test_translations import TRANSLATED, catalogue


def said_words() -> set[str]:
    """The titles and notes of all commands for the specimens, and the labels of all facts."""
    words: set[str] = set()
    for tag in (Tag("1.0"), None):
        target = CommandTarget("hub.test", False, RepositoryName("a/b"), EMPTY_JSON_DIGEST, tag)
        for folder in (SPECIFIED, MADE):
            for name in names(folder):
                found = view(name, folder)
                for command in recognize(found).commands(target, found):
                    words |= {command.title, command.note}
    # What is downloaded has a place in a text of its own.
    return {word for word in words | labels() if word and not word.startswith("Download ")}


def labels() -> set[str]:
    """Labels in tables of (label, place in the config), of facts, and titles of commands."""
    found: set[str] = set()
    for path in Path(kinds.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Tuple) and len(texts := _texts(node.elts)) == 2:
                found.add(texts[0])
            elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Fact":
                found.update(_texts(node.args[:1]))
            elif isinstance(node, ast.Call) and len(texts := _texts(node.args[:2])) == 2:
                found.add(texts[1])
    return {each for each in found if each[:1].isupper()}


def _texts(nodes: list[ast.expr]) -> list[str]:
    """The values of those that are texts."""
    return [
        each.value
        for each in nodes
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    ]


@pytest.mark.parametrize("language", TRANSLATED)
def test_what_kinds_say_is_translated(language: str) -> None:
    catalog = catalogue(language, "po")
    lacking = [
        word for word in sorted(said_words()) if word not in catalog or not catalog[word].string
    ]
    assert lacking == []
