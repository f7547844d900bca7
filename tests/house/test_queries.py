"""Every query runs on every engine: a new one is noticed here."""

import ast
from pathlib import Path

import entrepot.metadata

_PACKAGE = Path(entrepot.metadata.__file__).parent
_CONTRACTS = Path(__file__).parents[1] / "contracts"
_ELSEWHERE = frozenset(
    {
        "artifact_relations",
        "closing",
        "rendered_readmes",
        "rows",
        "search",
        "search_packages",
        "slices",
        "unindexing",
    }
)
"""Modules whose queries run in contracts of other names, or within other queries."""


def queries_of(module: Path) -> list[str]:
    """The names of a module's public functions."""
    found = ast.parse(module.read_text()).body
    return [each.name for each in found if isinstance(each, ast.AsyncFunctionDef)]


def test_every_query_is_called_by_a_contract() -> None:
    contracts = "".join(path.read_text() for path in _CONTRACTS.rglob("*_queries.py"))
    missing = [
        f"{module.stem}.{name}"
        for module in sorted(_PACKAGE.rglob("*.py"))
        if module.stem not in _ELSEWHERE and "migrations" not in module.parts
        for name in queries_of(module)
        if not name.startswith("_") and f".{name}(" not in contracts
    ]
    # These run inside the helpers that make the rows.
    inside = {
        "accounts.insert_account",
        "repositories.ensure_repository",
        "repositories.insert_repository",
    }
    assert set(missing) <= inside
