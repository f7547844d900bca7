"""How our code is written, where a program can tell."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot.metadata import migrate
from scripts.short_functions import list_short_functions
from tests.house.sources import ROOT, SOURCE, Function, functions_of, python_files

LONGEST_FILE = 400
LONGEST_FUNCTION = 40
MOST_MODULES = 20
PARTS = ("src", "tests", "bench", "faults")
SHORT_FUNCTIONS = 87
"""Private functions of one statement with one caller; where this sinks, write the new figure."""
PACKAGES = ("metadata", "extract", "kinds", "storage", "registry", "jobs", "oci", "cli")

# A protocol's property or a dunder says by its name what it does.
_SPEAKS_FOR_ITSELF = frozenset({"__init__", "__str__", "__aiter__", "__anext__", "__post_init__"})


@pytest.mark.parametrize("part", PARTS)
def test_a_file_is_short_enough_to_be_read(part: str) -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in python_files(part)
        if (lines := path.read_text().count("\n")) > LONGEST_FILE
    }
    assert long == {}


@pytest.mark.parametrize("part", PARTS)
def test_a_function_is_short_enough_to_be_understood(part: str) -> None:
    long = [
        f"{path.relative_to(ROOT)}:{function.lineno} {function.name}"
        for path in python_files(part)
        for function in functions_of(ast.parse(path.read_text()))
        if (function.end_lineno or 0) - function.lineno + 1 > LONGEST_FUNCTION
    ]
    assert long == []


def test_a_reader_hops_no_more_than_before() -> None:
    """A helper that is called once and says less than its own name is inlined."""
    short = [place for place in list_short_functions() if place[0].startswith(PACKAGES)]
    assert len(short) <= SHORT_FUNCTIONS


def test_every_module_class_and_public_function_has_a_docstring() -> None:
    missing = [
        f"{path.relative_to(ROOT)}:{where}"
        for path in python_files("src")
        if "versions" not in path.parts
        for where in _undocumented(path)
    ]
    assert missing == []


def test_a_docstring_begins_with_a_sentence() -> None:
    odd = [
        f"{path.relative_to(ROOT)}: {text.splitlines()[0]}"
        for path in python_files("src")
        for text in _docstrings(ast.parse(path.read_text()))
        if not text.split("\n\n")[0].rstrip().endswith((".", ":", "`"))
    ]
    assert odd == []


def test_only_the_audit_log_adds_to_itself_so_that_entries_are_last() -> None:
    """`hub.audit.record` adds entries at the end of a transaction; nobody goes round it."""
    words = ("find_last_hash", "insert_row")
    others = [
        str(path.relative_to(SOURCE))
        for path in python_files("src")
        if any(f"audit.{word}(" in path.read_text() for word in words)
    ]
    assert others == ["hub/events/audit.py"]


def test_every_package_has_its_types() -> None:
    """Programs that import us get our types only where this file says so."""
    assert (SOURCE / "py.typed").exists()


def test_every_test_says_what_it_shows() -> None:
    """A name is a sentence: at least three words behind `test_`."""
    short = [
        f"{path.relative_to(ROOT)}:{function.lineno} {function.name}"
        for path in python_files("tests")
        for function in functions_of(ast.parse(path.read_text()))
        if function.name.startswith("test_") and function.name.count("_") < 3
    ]
    assert short == []


def test_no_test_is_left_out_without_a_reason() -> None:
    silent = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in python_files("tests")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute | ast.Call) and _is_left_out_silently(node)
    ]
    assert silent == []


def test_no_test_sleeps_but_to_look_again() -> None:
    """`time.sleep` belongs into a loop that ends by a condition or a deadline."""
    sleepers = [
        f"{path.relative_to(ROOT)}:{function.lineno} {function.name}"
        for path in python_files("tests")
        for function in functions_of(ast.parse(path.read_text()))
        if _sleeps_outside_loops(function)
    ]
    assert sleepers == []


def _undocumented(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text())
    if not ast.get_docstring(tree):
        yield "module"
    for node in tree.body:
        yield from _undocumented_in(node, is_inner=False)


def _undocumented_in(node: ast.stmt, *, is_inner: bool) -> Iterator[str]:
    if isinstance(node, ast.ClassDef):
        if not ast.get_docstring(node):
            yield f"{node.lineno} {node.name}"
        if not node.name.startswith("_"):
            for inner in node.body:
                yield from _undocumented_in(inner, is_inner=True)
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        private = node.name.startswith("_") or node.name in _SPEAKS_FOR_ITSELF
        if not private and not ast.get_docstring(node):
            yield f"{node.lineno} {node.name}{' (method)' if is_inner else ''}"


def _docstrings(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield text


def _is_left_out_silently(node: ast.Attribute | ast.Call) -> bool:
    if isinstance(node, ast.Attribute):
        return False
    called = ast.unparse(node.func)
    if called in ("pytest.skip", "pytest.xfail"):
        return not node.args
    if called in ("pytest.mark.skip", "pytest.mark.skipif", "pytest.mark.xfail"):
        return "reason" not in {keyword.arg for keyword in node.keywords}
    return False


def _sleeps_outside_loops(function: Function) -> bool:
    looped = {
        id(inner)
        for loop in ast.walk(function)
        if isinstance(loop, ast.While | ast.For | ast.AsyncFor)
        for inner in ast.walk(loop)
    }
    return any(
        isinstance(node, ast.Call)
        and ast.unparse(node.func) == "time.sleep"
        and id(node) not in looped
        for node in ast.walk(function)
    )


@pytest.mark.parametrize("door", ["api", "helm", "ops", "v2", "web"])
def test_a_door_asks_rules_and_never_the_database(door: str) -> None:
    reaching = [
        f"{path}:{number}"
        for path in sorted((ROOT / "src" / "entrepot" / door).rglob("*.py"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(r"\bapp\.(metadata|storage)\b", line)
    ]
    assert reaching == []


def test_a_package_of_many_modules_has_folders() -> None:
    modules = Counter(path.parent for path in SOURCE.rglob("*.py") if path.name != "__init__.py")
    scripts = SOURCE / "metadata" / "migrations" / "versions"
    crowded = {str(each): count for each, count in modules.items() if count > MOST_MODULES}
    assert set(crowded) <= {str(scripts)}


def test_migrations_are_one_row_and_the_newest_is_the_head() -> None:
    """Two branches that add one each are merged without a conflict."""
    scripts = SOURCE / "metadata" / "migrations" / "versions"
    texts = [path.read_text() for path in sorted(scripts.glob("[0-9]*.py"))]
    numbers = [re.findall(r'^(?:down_)?revision = (?:"(\d+)"|None)', each, re.M) for each in texts]
    assert [each[0] for each in numbers] == [f"{number:04}" for number in range(1, len(texts) + 1)]
    assert [each[1] for each in numbers] == ["", *(each[0] for each in numbers[:-1])]
    assert numbers[-1][0] == migrate.HEAD
