"""A mistake ends a command with one clear line and a status: 1 for what failed, 2 for misuse."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from entrepot.cli.main import app
from tests.cli.conftest import PASSWORD, Run

FAILS: list[tuple[str, ...]] = [
    ("user", "disable", "nobody"),
    ("user", "enable", "nobody"),
    ("org", "add", "acme", "--owner", "nobody"),
    ("org", "add", "alice", "--owner", "alice"),
    ("org", "add", "UPPER", "--owner", "alice"),
    ("org", "member", "nowhere", "alice", "--role", "owner"),
    ("org", "member", "alice", "alice", "--role", "owner"),
    ("token", "add", "nobody", "--label", "x", "--scope", "repo:read"),
    ("token", "revoke", "4711"),
    ("repo", "show", "no/such"),
    ("repo", "visibility", "no/such", "public"),
    ("repo", "delete", "no/such", "--yes"),
]
MISUSED: list[tuple[str, ...]] = [
    ("user", "add", "alice"),
    ("user", "add"),
    ("user", "unknown"),
    ("user", "disable"),
    ("user", "list", "--unknown"),
    ("org", "add", "acme"),
    ("org", "member", "acme", "alice"),
    ("org", "member", "acme", "alice", "--role", "king"),
    ("token", "add", "alice", "--label", "x"),
    ("token", "add", "alice", "--label", "x", "--scope", "repo:king"),
    ("token", "add", "alice", "--label", "x", "--scope", "repo:read", "--expires", "0d"),
    ("token", "add", "alice", "--label", "x", "--scope", "repo:read", "--expires", "soon"),
    ("token", "add", "alice", "--label", "x", "--scope", "repo:read", "--expires", "1"),
    ("token", "revoke", "x"),
    ("repo", "show", "UPPER"),
    ("repo", "visibility", "a/b", "secret"),
    ("unknown",),
]


def one_line(result: Result) -> str:
    """The one line that a command ended with."""
    assert "Traceback" not in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("entrepot: ")
    return line


@pytest.mark.parametrize("words", FAILS, ids=" ".join)
def test_what_fails_says_why(run: Run, alice: str, words: tuple[str, ...]) -> None:
    assert alice
    for form in (words, (*words, "--json")):
        result = run(*form)
        assert result.exit_code == 1
        one_line(result)


@pytest.mark.parametrize("words", MISUSED, ids=" ".join)
def test_misuse_is_told_from_failure(run: Run, alice: str, words: tuple[str, ...]) -> None:
    assert alice
    result = run(*words)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("stdin", ["", "\n", "x" * 1025])
def test_a_password_that_cannot_be_one_is_refused(run: Run, stdin: str) -> None:
    result = run("user", "add", "alice", "--password-stdin", stdin=stdin)
    assert result.exit_code == (1 if len(stdin) > 1 else 2)
    one_line(result)


def test_a_password_that_is_no_text_is_refused(run: Run) -> None:
    result = run("user", "add", "alice", "--password-stdin", stdin=b"\xff\xfe\n")
    assert result.exit_code in (1, 2)
    one_line(result)


def test_a_name_is_taken_once(run: Run, alice: str) -> None:
    result = run("user", "add", alice, "--password-stdin", stdin=PASSWORD)
    assert result.exit_code == 1
    assert one_line(result) == "entrepot: alice is taken"


@pytest.mark.parametrize(
    "words", [("user", "list"), ("check",), ("repo", "list"), ("token", "list"), ("org", "list")]
)
def test_a_directory_without_a_hub_is_left_as_it_is(tmp_path: Path, words: tuple[str, ...]) -> None:
    directory = tmp_path / "nothing"
    result = CliRunner().invoke(app, [*words, "--data", str(directory)])
    assert result.exit_code == 1
    assert "there is no hub" in one_line(result)
    assert not directory.exists()


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "entrepot.db").write_bytes(b"this is no database" * 100)
    result = CliRunner().invoke(app, ["user", "list", "--data", str(tmp_path)])
    assert result.exit_code == 1
    one_line(result)


def test_without_words_the_help_is_shown() -> None:
    for words in ([], ["user"], ["org"], ["token"], ["repo"]):
        result = CliRunner().invoke(app, words)
        assert result.exit_code in (0, 2)
        assert "Usage" in result.output


@pytest.mark.parametrize(
    "words", [(), ("serve",), ("check",), ("trust",), ("user",), ("user", "add"), ("token", "add")]
)
def test_every_command_explains_itself(words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, [*words, "--help"])
    assert result.exit_code == 0
    assert "Usage" in result.stdout


def test_the_version_is_shown() -> None:
    from entrepot import __version__

    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"entrepot {__version__}\n")


@pytest.mark.parametrize(
    ("words", "settings", "status"),
    [
        (("--tls", "yes"), {}, 2),
        ((), {"ENTREPOT_URL": "hub.example.org"}, 2),
        (("--data", "a-file"), {}, 1),
        (("--host", "192.0.2.1"), {}, 1),
    ],
    ids=str,
)
def test_serve_refuses_what_it_cannot_serve(
    tmp_path: Path, words: tuple[str, ...], settings: dict[str, str], status: int
) -> None:
    (tmp_path / "a-file").touch()
    done = subprocess.run(
        [sys.executable, "-m", "entrepot", "serve", "--port", "25991", *words],
        env=os.environ | settings,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.strip()
