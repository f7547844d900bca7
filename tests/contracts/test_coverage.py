"""Every query runs on every engine: a new one is noticed here."""

import ast
from pathlib import Path

import entrepot.metadata

_QUERIES = (
    "accounts",
    "artifact_revisions",
    "artifacts",
    "audit",
    "blobs",
    "deliveries",
    "emptying",
    "external_identities",
    "gc_queries",
    "history",
    "gc_leases",
    "invitations",
    "job_lanes",
    "jobs",
    "limits",
    "manifests",
    "statistics",
    "packages",
    "policies",
    "redirects",
    "deletion_impact",
    "reservations",
    "repositories",
    "repository_facts",
    "repository_settings",
    "scrubs",
    "second_factors",
    "sessions",
    "stars",
    "tag_listing",
    "teams",
    "tokens",
    "trusted_keys",
    "uploads",
    "vulnerabilities",
    "webhooks",
)


def queries_of(module: str) -> list[str]:
    """The names of a module's public functions."""
    path = Path(entrepot.metadata.__file__).with_name(f"{module}.py")
    found = ast.parse(path.read_text()).body
    return [each.name for each in found if isinstance(each, ast.AsyncFunctionDef)]


def test_every_query_is_called_by_a_contract() -> None:
    contracts = "".join(path.read_text() for path in Path(__file__).parent.glob("*_queries.py"))
    missing = [
        f"{module}.{name}"
        for module in _QUERIES
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
