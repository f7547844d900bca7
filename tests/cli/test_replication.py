"""Replication rules by commands: added, listed, run and removed."""

import json

import pytest

from tests.cli.conftest import Run
from tests.cli.test_commands import said, told

URL = "http://127.0.0.1:9"


def test_a_rule_is_added_listed_and_removed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert said(run("replication", "list")) == "There are no replication rules.\n"
    assert said(run("replication", "status")) == "There are no replication rules.\n"
    monkeypatch.setenv("ENTREPOT_SECRET_KEY", "a key of thirty-two characters or more")
    words = ("--repository", "acme/*", "--tag", "v*", "--tag", "!*-rc*", "--strip", "1")
    more = ("--prefix", "mirror", "--deletes", "follow", "--user", "robot", "--password-stdin")
    made = told(
        run("replication", "add", "tokyo", "--url", URL, *words, *more, "--json", stdin="s3cret")
    )
    assert isinstance(made, dict)
    assert (made["has_password"], made["on"], made["every"]) == (True, "push", 86400)
    table = said(run("replication", "list")).splitlines()
    assert table[1].split() == ["tokyo", URL, "acme/*", "v*", "!*-rc*", "push"]
    shown = json.loads(said(run("replication", "show", "tokyo", "--json")))
    assert shown == made
    assert "s3cret" not in said(run("replication", "show", "tokyo"))
    assert run("replication", "remove", "tokyo", stdin="n\n").exit_code == 1
    assert said(run("replication", "remove", "tokyo", "--yes")) == (
        "Removed the replication rule tokyo.\n"
    )
    assert run("replication", "show", "tokyo").exit_code == 1


def test_a_run_without_tags_pushes_nothing(run: Run) -> None:
    said(run("replication", "add", "tokyo", "--url", URL, "--allow-private-network"))
    assert said(run("replication", "run", "tokyo")) == (
        "Compared no tags with tokyo, pushed no tags (0 bytes).\n"
    )
    (listed,) = json.loads(said(run("replication", "status", "--json")))
    assert (listed["waiting"], listed["lag_seconds"], listed["problem"]) == (0, 0, "")
    one = json.loads(said(run("replication", "status", "tokyo", "--json")))
    assert one["tasks"] == []
    assert one["compared_at"] is not None


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (2, ("add", "tokyo")),
        (2, ("add", "tokyo", "--url", URL, "--on", "monday")),
        (2, ("add", "tokyo", "--url", URL, "--deletes", "always")),
        (2, ("add", "tokyo", "--url", URL, "--every", "often")),
        (1, ("add", "tokyo", "--url", URL, "--every", "1s")),
        (1, ("add", "tokyo", "--url", URL, "--on", "manual", "--every", "1h")),
        (1, ("add", "tokyo", "--url", "ftp://there.test")),
        (1, ("add", "tokyo", "--url", URL, "--tag", "v/1")),
        (1, ("add", "tokyo", "--url", URL, "--strip", "99")),
        (1, ("add", "tokyo", "--url", URL, "--prefix", "Not/Valid")),
        (1, ("add", "Tokyo", "--url", URL)),
        (1, ("run", "tokyo")),
        (1, ("status", "tokyo")),
        (1, ("remove", "tokyo", "--yes")),
        (1, ("test", "tokyo")),
    ],
)
def test_mistakes_are_told(run: Run, status: int, words: tuple[str, ...]) -> None:
    outcome = run("replication", *words)
    assert outcome.exit_code == status
    assert outcome.stderr.startswith("entrepot: ")
    assert len(outcome.stderr.splitlines()) == 1


def test_a_password_needs_a_user_and_a_name_is_used_once(run: Run) -> None:
    words = ("replication", "add", "tokyo", "--url", URL)
    refused = run(*words, "--password-stdin", stdin="s3cret")
    assert "a password needs a user name" in refused.stderr
    said(run(*words))
    assert "there is a replication rule tokyo already" in run(*words).stderr
