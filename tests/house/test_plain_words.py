"""Docstrings, messages, pages and documentation are in plain words.

A riddle reads well to whoever wrote it. The lists grow: a phrase that a reader had to ask about is
added here with the sentence that replaced it in the same commit.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from babel.messages.pofile import read_po

from tests.house.sources import ROOT, SOURCE, python_files

PHRASES: Final = (
    "thereof",
    "so many",
    "so much",
    "what nothing needs",
    "nothing needs any more",
    "that no blob is",
    "and is none",
    "is now none in",
    "is not what it should be",
    "nobody finds what",
    "begin so",
    "is called so",
    "not of the internet at large",
    "one address without",
    "nobody is called",
    "is no public key",
    "the facts.",
    "memory is there",
    "must happen later",
    "everything that can be changed",
    "bytes that were looked at",
    "what would go",
    "what they point at too",
    "trust it no more",
    "signed out everywhere",
    "who may pull",
    "password now",
    "was given up",
)
"""Phrases that circle round the thing, in lower case. Name the thing instead."""

TEXTS: Final = frozenset(
    {
        "Words",
        "Another name",
        "Who may pull",
        "Holds",
        "Is",
        "Bytes that were looked at",
        "Room",
        "May",
        "Made",
        "Of what",
        "What",
        "By whom",
        "Make it",
        "Make the token",
        "Make the account",
        "Trust it no more",
        "Bring it back",
        "To the start",
        "What would go",
        "Only the tags",
        "What they point at too",
        "Speaks of",
        "Attached",
        "Get it",
        "Use it",
        "Password now",
        "Given up",
        "pull",
        "push",
    }
)
"""Labels of pages that left their reader guessing."""

TERMS: Final = ("中心", "标签名", "来源文件", "粘贴引用")
"""Chinese terms that mean something else to readers than was meant."""

_OPENINGS: Final = re.compile(r"(What|Whoever|Whatever|Whichever)\b")
_INSIDE: Final = ("metadata", "registry", "hub", "extract", "storage", "kinds", "model", "oci")
"""Packages whose private docstrings are read too."""
_HISTORY: Final = ("decisions",)
_BRITISH: Final = re.compile(r"(?<!/)organisation", re.IGNORECASE)
"""Addresses, and what the API and the database hold, keep the spelling that they began with."""


def _docstrings(path: Path) -> Iterator[tuple[str, str]]:
    """The docstrings of a module, by the name that they describe."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            name = getattr(node, "name", "module")
            if text := ast.get_docstring(node):
                yield name, text


def _phrases_in(text: str) -> list[str]:
    flat = " ".join(text.lower().split())
    return [each for each in PHRASES if re.search(rf"(?<!\w){re.escape(each)}", flat)]


def _literals(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def _pages() -> list[Path]:
    return sorted((SOURCE / "web" / "templates").rglob("*.html"))


def _documents() -> list[Path]:
    shelves = (path for path in (ROOT / "docs").rglob("*.md") if path.parent.name not in _HISTORY)
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(shelves)]


def test_no_docstring_opens_with_a_riddle() -> None:
    found = [
        f"{path.relative_to(ROOT)} {name}: {text.splitlines()[0]}"
        for path in python_files("src")
        for name, text in _docstrings(path)
        if _OPENINGS.match(text)
        and (not name.startswith("_") or path.relative_to(SOURCE).parts[0] in _INSIDE)
    ]
    assert found == []


def test_no_docstring_or_message_holds_a_phrase_that_is_hard_to_read() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {phrases}"
        for path in python_files("src")
        for line, text in _literals(path)
        if (phrases := _phrases_in(text))
    ]
    assert found == []


def test_no_page_or_document_holds_a_phrase_that_is_hard_to_read() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {phrases}"
        for path in [*_pages(), *_documents()]
        if (phrases := _phrases_in(path.read_text()))
    ]
    assert found == []


def test_no_page_has_a_label_that_leaves_its_reader_guessing() -> None:
    shown = re.compile(r"\b_\('([^']+)'")
    found = {
        f"{path.name}: {text}"
        for path in _pages()
        for text in shown.findall(path.read_text())
        if text in TEXTS
    }
    assert found == set()


def test_chinese_pages_use_the_terms_of_the_field() -> None:
    with (SOURCE / "web/locale/zh/LC_MESSAGES/entrepot.po").open("rb") as file:
        catalog = read_po(file, locale="zh")
    found = [
        str(message.id)
        for message in catalog
        if message.id and any(term in str(message.string) for term in TERMS)
    ]
    assert found == []


def test_organization_is_spelled_in_one_way() -> None:
    literals = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in python_files("src")
        for line, text in _literals(path)
        if text != "organisation" and _BRITISH.search(text)
    ]
    texts = [path.name for path in [*_pages(), *_documents()] if _BRITISH.search(path.read_text())]
    assert literals + texts == []
