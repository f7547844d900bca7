"""Logins: made, kept in a private file, used, and given up."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from entrepot.cli.main import app
from tests.cli.far_hubs import FarHub
from tests.cli.test_commands import said, told
from tests.support.server import PASSWORD, USER, free_port, serving


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarHub]:
    """A hub over HTTPS."""
    with serving(tmp_path_factory.mktemp("far") / "data", tls=True) as hub:
        yield FarHub(hub)


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The directory of configuration of somebody who has not logged in yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "entrepot"


def kept(home: Path) -> dict[str, dict[str, object]]:
    """The logins in the file."""
    found = json.loads((home / "logins.json").read_bytes())["logins"]
    assert isinstance(found, dict)
    return found


def test_a_login_makes_a_token_and_keeps_it_where_others_cannot_read(
    running: FarHub, home: Path
) -> None:
    made = said(running.log_in(USER, PASSWORD))
    assert made == f"Logged in to {running.host} as {USER}.\n"
    assert stat.S_IMODE((home / "logins.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    (login,) = kept(home).values()
    assert str(login["token"]).startswith("etp_pat")
    assert PASSWORD not in (home / "logins.json").read_text()
    assert said(running.far("whoami")) == f"{USER} on {running.host}\n"
    assert told(running.far("whoami", "--json")) == {
        "hub": running.host,
        "name": USER,
        "is_admin": False,
        "actions": ["delete", "pull", "push"],
        "repositories": None,
    }


def test_logging_in_again_revokes_the_token_of_the_login_before(
    running: FarHub, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said(running.log_in(USER, PASSWORD))
    (before,) = kept(home).values()
    said(running.log_in(USER, PASSWORD))
    (after,) = kept(home).values()
    assert before["token"] != after["token"]
    assert said(running.far("whoami"))
    monkeypatch.setenv("ENTREPOT_TOKEN", str(before["token"]))
    assert running.far("whoami").exit_code == 1


def test_a_token_may_be_given_in_place_of_a_password(running: FarHub, home: Path) -> None:
    words = ("token", "add", USER, "--label", "x", "--scope", "repo:read")
    token = said(running.here(*words)).strip()
    nameless = ["login", running.host, "--password-stdin", "--ca", str(running.hub.ca)]
    assert said(CliRunner().invoke(app, nameless, input=token)).endswith(f" as {USER}.\n")
    (login,) = kept(home).values()
    assert (login["token"], login["token_id"]) == (token, None)
    said(running.far("logout"))
    said(running.log_in(USER, token))


def test_a_logout_revokes_the_token(
    running: FarHub, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said(running.log_in(USER, PASSWORD))
    (login,) = kept(home).values()
    assert said(running.far("logout")) == f"Logged out of {running.host}.\n"
    assert kept(home) == {}
    monkeypatch.setenv("SSL_CERT_FILE", str(running.hub.ca))
    monkeypatch.setenv("ENTREPOT_TOKEN", str(login["token"]))
    refused = running.far("whoami", "--hub", running.hub.url)
    assert refused.exit_code == 1
    assert f"log in with: entrepot login {running.host}" in refused.stderr
    again = running.far("logout")
    assert (again.exit_code, again.stderr) == (1, "entrepot: you are not logged in to a hub\n")


def test_a_wrong_password_leaves_nothing(running: FarHub, home: Path) -> None:
    refused = running.log_in(USER, "wrong")
    assert refused.exit_code == 1
    assert refused.stderr.startswith(f"entrepot: {running.host}: ")
    assert refused.stderr.count("\n") == 1
    assert not home.exists()


def test_a_certificate_that_nobody_trusts_is_named(running: FarHub, home: Path) -> None:
    words = ["login", running.host, "--username", USER, "--password-stdin"]
    url = f"https://{running.host}"
    refused = CliRunner().invoke(app, [*words[:1], url, *words[2:]], input=PASSWORD)
    assert refused.exit_code == 1
    assert "its certificate is not trusted" in refused.stderr
    assert "--ca FILE" in refused.stderr
    assert not home.exists()


def test_options_come_before_the_environment_and_that_before_the_login(
    running: FarHub, home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert "there is no hub in data" in running.far("whoami").stderr
    said(running.log_in(USER, PASSWORD))
    assert home.is_dir()
    data = str(running.hub.data)
    assert said(running.here("whoami")) == "operator, by the hub's data here, an administrator\n"
    both = running.far("whoami", "--hub", running.host, "--data", data)
    assert (both.exit_code, both.stdout) == (2, "")
    assert both.stderr.startswith("entrepot: --hub and --data exclude each other")
    nowhere = f"localhost:{free_port()}"
    monkeypatch.setenv("ENTREPOT_HUB", nowhere)
    assert f"{nowhere} cannot be reached" in running.far("whoami").stderr
    assert said(running.far("whoami", "--hub", running.host)).startswith(USER)
    monkeypatch.setenv("ENTREPOT_DATA", data)
    assert running.far("whoami").exit_code == 2
    monkeypatch.delenv("ENTREPOT_HUB")
    assert said(running.far("whoami")).startswith("operator")
    monkeypatch.delenv("ENTREPOT_DATA")
    (tmp_path / "entrepot.toml").write_text(f'data = "{data}"')
    assert said(running.far("whoami")).startswith("operator")


@pytest.mark.parametrize("host", ["http://hub.example.org", "ftp://hub.example.org", "a b", ""])
def test_secrets_go_unencrypted_to_this_machine_only(home: Path, host: str) -> None:
    words = ["login", host, "--username", USER, "--password-stdin"]
    refused = CliRunner().invoke(app, words, input=PASSWORD)
    assert refused.exit_code == 2
    assert not home.exists()


def test_a_hub_that_is_gone_is_forgotten_and_that_said(running: FarHub, home: Path) -> None:
    said(running.log_in(USER, PASSWORD))
    path = home / "logins.json"
    nowhere = f"localhost:{free_port()}"
    path.write_text(path.read_text().replace(running.host, nowhere))
    refused = running.far("logout")
    assert refused.exit_code == 1
    assert "not revoked there" in refused.stderr
    assert kept(home) == {}
