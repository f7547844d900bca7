"""Issuers, trusts and grants by commands."""

import json
import time
from pathlib import Path

import pytest
from joserfc.jwk import ECKey

from tests.cli.conftest import Run
from tests.cli.test_commands import said, told
from tests.support.job_tokens import GITHUB, sign

URL = "https://ci.example.org"
KEY = ECKey.generate_key("P-256", {"kid": "k"})


@pytest.fixture
def issuer(run: Run, tmp_path: Path) -> str:
    """An issuer whose keys are in a file."""
    file = tmp_path / "keys.json"
    file.write_text(json.dumps({"keys": [KEY.as_dict(private=False)]}))
    words = ("--url", URL, "--kind", "github", "--audience", "hub", "--keys", str(file))
    assert (
        said(run("ci", "issuer", "add", "forge", *words)) == f"Registered issuer forge ({URL}).\n"
    )
    return "forge"


def test_an_issuer_is_registered_listed_tested_and_removed(run: Run, issuer: str) -> None:
    table = said(run("ci", "issuer", "list")).splitlines()
    assert table[1].split() == [issuer, "github", URL, "hub", "uploaded"]
    assert said(run("ci", "issuer", "test", issuer)) == "forge has 1 key.\n"
    assert said(run("ci", "issuer", "keys", issuer)) == "The keys of forge are fetched.\n"
    assert told(run("ci", "issuer", "remove", issuer, "--json")) == {
        "name": issuer,
        "removed": True,
    }
    assert said(run("ci", "issuer", "list")) == "There are no issuers.\n"


def test_a_trust_is_made_tried_switched_and_removed(run: Run, alice: str, issuer: str) -> None:
    where = ("--where", "repository_id=22", "--where", "ref~refs/heads/*")
    name = f"{alice}/main"
    words = ("--issuer", issuer, *where, "--repository", "app", "--tag", "dev-*")
    made = told(run("ci", "trust", "add", name, *words, "--json"))
    assert isinstance(made, dict)
    assert made["conditions"][1] == {
        "claim": "ref",
        "values": ["refs/heads/*"],
        "is_pattern": True,
    }
    now = int(time.time())
    claims: dict[str, object] = {**GITHUB, "iss": URL, "aud": "hub", "iat": now, "exp": now + 60}
    token = sign(claims, KEY, alg="ES256", kid="k")
    tried = said(run("ci", "trust", "try", alice, stdin=token))
    assert tried.startswith("The signature, the audience and the times are right.\n")
    assert [line.split()[-1] for line in tried.splitlines()[2:]] == ["yes", "yes"]
    wrong = sign({**claims, "aud": "sts", "repository_id": "7"}, KEY, alg="ES256", kid="k")
    document = told(run("ci", "trust", "try", alice, "--json", stdin=wrong))
    assert isinstance(document, dict)
    assert "another audience" in str(document["problem"])
    assert document["trusts"] == [{"trust": name, "is_met": False}]
    assert said(run("ci", "trust", "disable", name)) == f"{name} is disabled now.\n"
    table = said(run("ci", "trust", "list", alice)).splitlines()
    assert table[1].split()[-1] == "disabled"
    assert said(run("ci", "trust", "enable", name)) == f"{name} is enabled now.\n"
    assert said(run("ci", "grant", "list", alice)) == "There are no grants.\n"
    assert said(run("ci", "trust", "remove", name)) == f"Removed trust {name}.\n"
    assert said(run("ci", "trust", "list", alice)) == "There are no trusts.\n"


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("ci", "issuer", "add", "x", "--url", "http://ci.example.org"), 1),
        (("ci", "issuer", "add", "x", "--url", "https://x.example", "--kind", "jenkins"), 2),
        (("ci", "issuer", "add", "unknown"), 1),
        (("ci", "issuer", "test", "unknown"), 1),
        (("ci", "trust", "list", "nobody"), 1),
        (("ci", "trust", "enable", "alice"), 2),
        (("ci", "trust", "enable", "alice/none"), 1),
        (("ci", "grant", "end", "alice", "7"), 1),
    ],
)
def test_mistakes_are_told(run: Run, alice: str, words: tuple[str, ...], status: int) -> None:
    assert alice == "alice"
    assert run(*words).exit_code == status


@pytest.mark.parametrize(
    "where",
    [
        ("event_name=push",),
        ("repository~*",),
        ("repository~octo*",),
        ("sub~repo:*",),
        ("repository_id~2*",),
        ("repository_id",),
        ("repository_id=",),
    ],
)
def test_conditions_that_let_strangers_in_are_refused(
    run: Run, alice: str, issuer: str, where: tuple[str, ...]
) -> None:
    words = [part for each in where for part in ("--where", each)]
    made = run("ci", "trust", "add", f"{alice}/x", "--issuer", issuer, *words, "--repository", "*")
    assert made.exit_code == 1
