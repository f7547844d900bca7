"""`entrepot ldap` and `entrepot check` with a real directory."""

from collections.abc import Iterator

import pytest

from tests.cli.conftest import Run
from tests.cli.test_commands import said, told
from tests.support.directory import GROUPS, PASSWORD, PEOPLE, SERVICE, LdapServer, serving


@pytest.fixture
def server(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[LdapServer]:
    """A directory with Bob, and settings that name it."""
    with serving(tmp_path_factory.mktemp("slapd")) as running:
        running.add_group("devs", running.add_person("bob", "bob's", mail="bob@example.org"))
        settings = {
            "URL": f"ldaps://localhost:{running.tls_port}",
            "CA_FILE": str(running.ca_file),
            "BIND_DN": SERVICE,
            "BIND_PASSWORD": PASSWORD,
            "USER_BASE": PEOPLE,
            "GROUP_BASE": GROUPS,
        }
        for name, value in settings.items():
            monkeypatch.setenv(f"ENTREPOT_LDAP_{name}", value)
        yield running


def test_the_directory_is_tested_before_anybody_signs_in(
    run: Run, alice: str, server: LdapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert alice
    assert said(run("ldap", "test")) == "The directory answers.\n"
    lines = said(run("ldap", "test", "bob")).splitlines()
    assert lines[1] == f"entry: uid=bob,{PEOPLE}"
    assert lines[-1] == f"  cn=devs,{GROUPS}"
    found = told(run("ldap", "test", "bob", "--json"))
    assert isinstance(found, dict)
    assert found["entry"]["e-mail"] == "bob@example.org"
    assert "no person with the login name carol" in run("ldap", "test", "carol").stderr
    assert said(run("check")).splitlines()[-1] == "Directory: it answers."
    server.stop()
    refused = run("ldap", "test", "bob")
    assert refused.exit_code == 1
    assert "the directory does not answer: [Errno 111] Connection refused" in refused.stderr
    assert "refused" in said(run("check")).splitlines()[-1]
    monkeypatch.delenv("ENTREPOT_LDAP_URL")
    assert "set ldap_url" in run("ldap", "test").stderr


def test_accounts_are_linked_and_unlinked(run: Run, alice: str, server: LdapServer) -> None:
    assert server.port
    assert said(run("ldap", "link", alice, "bob")) == f"Linked alice to uid=bob,{PEOPLE}.\n"
    assert run("ldap", "link", alice, "bob").exit_code == 1
    assert run("user", "password", alice, "--password-stdin", stdin="another one").exit_code == 1
    unlinked = told(run("ldap", "unlink", alice, "--json"))
    assert unlinked == {"account": "alice"}
    assert run("ldap", "unlink", alice).exit_code == 1
    assert run("user", "password", alice, "--password-stdin", stdin="another one").exit_code == 0
