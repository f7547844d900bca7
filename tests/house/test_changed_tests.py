"""The quick loop runs the tests that belong to what was changed."""

import sys

import pytest

from tests.house.sources import ROOT

sys.path.insert(0, str(ROOT / "scripts"))
import changed_tests  # type: ignore[import-not-found]


@pytest.mark.parametrize(
    ("changed", "test"),
    [
        ("src/entrepot/hub/events/webhooks.py", "tests/doors/api/test_webhooks.py"),
        ("src/entrepot/registry/uploads.py", "tests/registry/test_uploads.py"),
        ("tests/hub/people/test_teams.py", "tests/hub/people/test_teams.py"),
        ("src/entrepot/metadata/hook_tables.py", "tests/contracts/engines/test_schema.py"),
        (
            "src/entrepot/metadata/migrations/versions/0015_artifact_revisions.py",
            "tests/contracts/engines/test_schema.py",
        ),
    ],
)
def test_a_change_chooses_the_tests_of_its_noun(changed: str, test: str) -> None:
    assert test in changed_tests.chosen([changed])


def test_the_rules_about_the_project_are_always_run() -> None:
    assert changed_tests.chosen([])[0] == "tests/house"


def test_a_large_change_does_not_run_everything() -> None:
    many = [
        f"src/entrepot/{path}"
        for path in ("hub/identity/tokens.py", "web/tags.py", "api/people/teams.py")
    ]
    count = len(changed_tests.chosen(many * 9))
    assert count <= len(changed_tests.ALWAYS) + changed_tests.MOST
