"""Commands about people: invitations, one-time links, second factors, and what was done."""

import json
import sqlite3
from pathlib import Path

import pytest

from tests.cli.conftest import PASSWORD, Run
from tests.cli.test_commands import said, told

HUB = "https://hub.example.org"


@pytest.fixture
def admin(run: Run) -> str:
    """An administrator."""
    assert run("user", "add", "root", "--admin", "--password-stdin", stdin=PASSWORD).exit_code == 0
    return "root"


def test_somebody_is_invited_to_the_hub_or_into_an_organization(run: Run, admin: str) -> None:
    said(run("org", "add", "acme", "--owner", admin))
    link = said(run("invite", "--note", "Bob", "--url", HUB))
    assert link.startswith(f"{HUB}/invitations/")
    made = told(run("invite", "--org", "acme", "--role", "editor", "--url", HUB, "--json"))
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
    assert run("invite", *words, "--url", HUB).exit_code == status


def test_an_invitation_needs_an_administrator(run: Run, alice: str) -> None:
    result = run("invite", "--url", HUB)
    assert alice
    assert result.exit_code == 1
    assert "administrator" in result.stderr


def test_an_account_gets_a_link_for_a_new_password(run: Run, alice: str) -> None:
    link = said(run("user", "link", alice, "--url", f"{HUB}/"))
    assert link.startswith(f"{HUB}/welcome/etp_one")
    made = told(run("user", "link", alice, "--url", HUB, "--json"))
    assert isinstance(made, dict)
    assert made["name"] == alice
    assert run("user", "link", "nobody", "--url", HUB).exit_code == 1


@pytest.mark.parametrize("words", [("user", "link", "root"), ("invite",)], ids=" ".join)
def test_a_link_begins_with_the_hubs_real_address(
    run: Run, admin: str, data: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    assert admin == "root"
    result = run(*words)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "entrepot: the hub's URL is unknown: set url, or pass --url https://HOST\n"
    )
    # As a hub that runs leaves it.
    (data / "address").write_text("https://localhost:8443\n")
    result = run(*words)
    assert result.stdout.startswith("https://localhost:8443/")
    assert "works on this machine only" in result.stderr
    monkeypatch.setenv("ENTREPOT_URL", HUB)
    result = run(*words)
    assert result.stdout.startswith(f"{HUB}/")
    assert result.stderr == ""
    assert run(*words, "--url", "https://other.example.org").stdout.startswith("https://other.")
    assert run(*words, "--url", "hub.example.org").exit_code == 2


def test_a_token_that_no_list_shows_is_not_revoked_by_its_number(run: Run, alice: str) -> None:
    link = said(run("user", "link", alice, "--url", HUB)).strip().rpartition("/")[2]
    token = told(run("token", "add", alice, "--label", "x", "--scope", "repo:read", "--json"))
    assert isinstance(token, dict)
    for number in range(1, token["id"]):
        result = run("token", "revoke", str(number))
        assert result.exit_code == 1
        assert result.stderr == f"entrepot: no active token has the id {number}\n"
    assert link.startswith("etp_one")
    assert said(run("token", "revoke", str(token["id"])))


@pytest.mark.parametrize(
    ("size", "limit"),
    [("20B", 20), ("20KB", 20_000), ("20kib", 20_480), ("2G", 2**31), ("2GB", 2 * 10**9)],
)
def test_a_quota_has_a_unit(run: Run, alice: str, size: str, limit: int) -> None:
    value = told(run("quota", alice, size, "--json"))
    assert isinstance(value, dict)
    assert value["limit"] == limit


@pytest.mark.parametrize("size", ["20", "1", "500000"])
def test_a_quota_without_a_unit_is_refused(run: Run, alice: str, size: str) -> None:
    result = run("quota", alice, size)
    assert result.exit_code == 2
    assert (
        result.stderr == f"entrepot: invalid size {size}: add a unit, such as {size}B or {size}GB\n"
    )


@pytest.mark.parametrize("size", ["0", "0GB", "20iB", "20 GB", "GB", "-5GB", "1.5GB", "20GBB"])
def test_a_quota_that_is_no_size_is_refused(run: Run, alice: str, size: str) -> None:
    result = run("quota", alice, "--", size)
    assert result.exit_code == 2
    assert result.stdout == ""


def test_a_second_factor_is_removed(run: Run, alice: str) -> None:
    assert said(run("user", "second-factor", alice)) == f"Removed the second factor of {alice}.\n"
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
    assert said(run("audit", "list", "--actor", "nobody")) == "There are no entries.\n"


def test_a_log_is_whole_until_somebody_changes_it(run: Run, admin: str, data: Path) -> None:
    assert admin
    assert said(run("audit", "verify")) == "The audit log is intact.\n"
    assert told(run("audit", "verify", "--json")) == {"whole": True, "first_broken": None}
    with sqlite3.connect(data / "entrepot.db") as connection:
        connection.execute("UPDATE audit SET actor = 'somebody'")
    connection.close()
    result = run("audit", "verify")
    assert result.exit_code == 1
    assert "entry 1" in result.stderr


def test_groups_are_mapped_listed_and_removed(
    run: Run, admin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("ISSUER", "https://id"), ("CLIENT_ID", "hub"), ("GROUPS_CLAIM", "g")):
        monkeypatch.setenv(f"ENTREPOT_OIDC_{name}", value)
    said(run("org", "add", "acme", "--owner", admin))
    assert said(run("org", "group", "list", "acme")) == "No groups are mapped in acme.\n"
    made = said(run("org", "group", "add", "acme", "devs", "--role", "editor"))
    assert made == "Mapped the group devs to the role editor in acme.\n"
    for words in (("--role", "king"), ("--source", "saml")):
        assert run("org", "group", "add", "acme", "x", *words).exit_code == 2
    assert run("org", "group", "add", "acme", "x", "--source", "ldap").exit_code == 1
    rows = told(run("org", "group", "list", "acme", "--json"))
    assert isinstance(rows, list)
    assert [(each["group"], each["role"], each["holders"]) for each in rows] == [
        ("devs", "editor", 0)
    ]
    number = str(rows[0]["id"])
    said(run("org", "group", "remove", "acme", number))
    assert run("org", "group", "remove", "acme", number).exit_code == 1
