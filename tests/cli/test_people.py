"""Commands about people: invitations, one-time links, second factors, and what was done."""

import json
import sqlite3
from pathlib import Path

import pytest

from tests.cli.conftest import PASSWORD, Run
from tests.cli.test_commands import said, told


@pytest.fixture
def admin(run: Run) -> str:
    """An administrator."""
    assert run("user", "add", "root", "--admin", "--password-stdin", stdin=PASSWORD).exit_code == 0
    return "root"


def test_somebody_is_invited_to_the_hub_or_into_an_organisation(run: Run, admin: str) -> None:
    said(run("org", "add", "acme", "--owner", admin))
    link = said(run("invite", "--note", "Bob"))
    assert link.startswith("http://localhost:5000/invitations/")
    made = told(run("invite", "--org", "acme", "--role", "editor", "--json"))
    assert isinstance(made, dict)
    assert set(made) == {"id", "link", "expires_at"}


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("--role", "king"), 2),
        (("--org", "nowhere"), 1),
        (("--team", "devs"), 1),
    ],
)
def test_an_invitation_to_nowhere_is_refused(
    run: Run, admin: str, words: tuple[str, ...], status: int
) -> None:
    assert admin == "root"
    assert run("invite", *words).exit_code == status


def test_an_invitation_needs_an_administrator(run: Run, alice: str) -> None:
    result = run("invite")
    assert alice
    assert result.exit_code == 1
    assert "administrator" in result.stderr


def test_an_account_gets_a_link_for_a_new_password(run: Run, alice: str) -> None:
    assert said(run("user", "link", alice)).startswith("http://localhost:5000/welcome/etp_one")
    made = told(run("user", "link", alice, "--json"))
    assert isinstance(made, dict)
    assert made["name"] == alice
    assert run("user", "link", "nobody").exit_code == 1


def test_a_second_factor_is_removed(run: Run, alice: str) -> None:
    assert said(run("user", "second-factor", alice)) == f"{alice} signs in by the password alone.\n"
    assert run("user", "second-factor", "nobody").exit_code == 1


def test_what_was_done_is_listed(run: Run, admin: str) -> None:
    said(run("org", "add", "acme", "--owner", admin))
    table = said(run("audit", "list")).splitlines()
    assert table[0].split() == ["AT", "ACTOR", "ACTION", "TARGET", "FROM"]
    assert [line.split()[2:5] for line in table[1:]] == [
        ["operator", "org.create", "acme"],
        ["operator", "account.create", "root"],
    ]
    rows = told(run("audit", "list", "--action", "org", "--json"))
    assert isinstance(rows, list)
    assert [(row["action"], json.loads(row["details"])) for row in rows] == [
        ("org.create", {"owner": "root"})
    ]
    assert said(run("audit", "list", "--actor", "nobody")) == "Nothing was done yet.\n"


def test_a_log_is_whole_until_somebody_changes_it(run: Run, admin: str, data: Path) -> None:
    assert admin
    assert said(run("audit", "verify")) == "The audit log is whole.\n"
    assert told(run("audit", "verify", "--json")) == {"whole": True, "first_broken": None}
    with sqlite3.connect(data / "entrepot.db") as connection:
        connection.execute("UPDATE audit SET actor = 'somebody'")
    connection.close()
    result = run("audit", "verify")
    assert result.exit_code == 1
    assert "entry 1" in result.stderr
