"""Every command does what it says, in words and in JSON."""

import json
import re

import pytest
from typer.testing import Result

from tests.cli.conftest import PASSWORD, Run


def said(result: Result) -> str:
    """What a command that succeeded printed, with nothing on the standard error."""
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return result.stdout


def told(result: Result) -> object:
    """The JSON that a command that succeeded printed."""
    return json.loads(said(result))


def listed(run: Run, group: str) -> list[dict[str, object]]:
    """What `list` of a group tells."""
    value = told(run(group, "list", "--json"))
    assert isinstance(value, list)
    return value


def test_users_are_added_and_listed(run: Run) -> None:
    assert said(run("user", "list")) == "There are no accounts.\n"
    add = ("user", "add", "alice", "--password-stdin")
    assert said(run(*add, stdin=PASSWORD + "\n")) == "Created account alice.\n"
    added = told(
        run("user", "add", "root", "--admin", "--password-stdin", "--json", stdin=PASSWORD)
    )
    assert added == {"name": "root", "admin": True}
    table = said(run("user", "list")).splitlines()
    assert table[0].split() == ["NAME", "ROLE", "STATE", "CREATED"]
    assert [line.split()[0] for line in table[1:]] == ["alice", "root"]
    assert [(each["name"], each["admin"]) for each in listed(run, "user")] == [
        ("alice", False),
        ("root", True),
    ]


def test_a_user_is_disabled_and_enabled(run: Run, alice: str) -> None:
    assert said(run("user", "disable", alice)) == "Disabled account alice.\n"
    assert listed(run, "user")[0]["disabled"] is True
    assert "disabled" in said(run("user", "list"))
    assert told(run("user", "enable", alice, "--json")) == {"name": "alice", "changed": "enabled"}
    assert listed(run, "user")[0]["disabled"] is False


def test_a_password_is_replaced(run: Run, alice: str) -> None:
    result = run("user", "password", alice, "--password-stdin", stdin="another long one\r\n")
    assert said(result) == "Replaced the password of alice.\n"


def test_a_short_password_is_refused_wherever_it_is_new(run: Run, alice: str) -> None:
    for words in (("add", "bob"), ("password", alice)):
        result = run("user", *words, "--password-stdin", stdin="7 chars")
        assert result.exit_code == 1
        assert result.stderr == "entrepot: a password has 8 to 1024 characters\n"


def test_organizations_have_members(run: Run, alice: str) -> None:
    assert said(run("org", "list")) == "There are no organizations.\n"
    made = said(run("org", "add", "acme", "--owner", alice))
    assert made == "Created organization acme with owner alice.\n"
    run("user", "add", "bob", "--password-stdin", stdin=PASSWORD)
    for role in ("member", "editor", "owner"):
        result = run("org", "member", "acme", "bob", "--role", role, "--json")
        assert told(result) == {"name": "acme", "account": "bob", "role": role}
    assert listed(run, "org")[0]["members"] == {"alice": "owner", "bob": "owner"}
    assert said(run("org", "member", "acme", "alice", "--role", "none"))
    assert "bob (owner)" in said(run("org", "list"))
    added = told(run("org", "add", "zoo", "--owner", "bob", "--json"))
    assert added == {"name": "zoo", "owner": "bob"}


def test_a_token_is_shown_once_and_revoked(run: Run, alice: str) -> None:
    assert said(run("token", "list")) == "There are no tokens.\n"
    secret = said(run("token", "add", alice, "--label", "ci", "--scope", "repo:read")).strip()
    assert re.fullmatch(r"etp_pat[0-9A-Za-z]{36}", secret)
    again = run("token", "add", alice, "--label", "b", "--scope", "repo:admin", "--json")
    assert str(told(again)).count("etp_pat") >= 1
    tokens = listed(run, "token")
    assert [(each["label"], each["scope"]) for each in tokens] == [
        ("ci", "repo:read"),
        ("b", "repo:admin"),
    ]
    assert secret not in said(run("token", "list")) + json.dumps(tokens)
    number = str(tokens[0]["id"])
    assert said(run("token", "revoke", number)) == f"Revoked token {number}.\n"
    assert [each["revoked"] for each in listed(run, "token")] == [True, False]
    assert "revoked" in said(run("token", "list"))


@pytest.mark.parametrize(
    ("expires", "expires_at"), [("never", False), ("12h", True), ("90d", True), ("1y", True)]
)
def test_a_token_lasts_as_long_as_it_is_told(
    run: Run, alice: str, expires: str, expires_at: bool
) -> None:
    words = ("--label", "x", "--scope", "repo:write", "--expires", expires)
    assert said(run("token", "add", alice, *words))
    assert (listed(run, "token")[0]["expires_at"] is not None) is expires_at


def test_an_empty_hub_has_no_repositories_and_no_problems(run: Run) -> None:
    assert said(run("repo", "list")) == "There are no repositories yet.\n"
    assert listed(run, "repo") == []
    checked, sandbox = said(run("check")).splitlines()
    assert checked == "Checked no manifests and no blobs: no problems."
    assert sandbox.startswith("Extraction sandbox: resource limits, ")
    value = told(run("check", "--json"))
    assert isinstance(value, dict)
    assert value.pop("sandbox")["resource limits"] == ""
    assert value == {"checked": 0, "bytes": 0, "problems": [], "directory": None}
