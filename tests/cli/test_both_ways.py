"""Commands do the same on a hub that is far away as on its data: in words, JSON and failures."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.far_hubs import FarHub, shape, write_layout
from tests.cli.test_commands import said, told
from tests.support.server import PASSWORD, USER, serving
from tests.wire.waiting import until

READS = (
    "repo list",
    "repo list --namespace docker",
    "repo show docker/app",
    "tag list docker/app",
    "tag list docker/app --sort name --text v",
    "tag history docker/app",
    "tag history docker/app v1",
    "search app",
    "search nothing-of-the-kind",
    "promote docker/app:v1 docker/prod:1 --dry-run",
    "diff docker/app:v1 v2",
    "diff docker/app:v2 latest",
    "diff docker/app:v1 docker/app:v2 --platform linux/amd64",
    "org list",
    "org group list docker",
    "token list --all",
    "token list docker",
    "audit list --actor operator",
    "audit list --namespace docker --action repo --limit 3",
    "ci issuer list",
    "ci trust list docker",
    "ci grant list docker",
)
FAILURES = (
    "repo show docker/absent",
    "repo show docker/Absent",
    "repo visibility docker/app secret",
    "repo delete docker/absent --yes",
    "repo delete docker/app",
    "tag list docker/absent",
    "tag delete docker/app absent --yes",
    "tag delete docker/app v1",
    "tag restore docker/app 999999",
    "promote docker/app:absent docker/prod:1",
    "promote docker/app docker/prod:1",
    "diff docker/app v1",
    "diff docker/app:v1 absent",
    "org add docker --owner hubuser",
    "org add crew --owner nobody",
    "org delete absent --yes",
    "org delete docker",
    "org member docker hubuser --role none",
    "org member docker hubuser --role king",
    "token add docker --label x --scope repo:all",
    "token add docker --label x --scope repo:read --expires 99y",
    "token add absent --label x --scope repo:read",
    "token list absent",
    "token revoke 999999 --all",
    "audit list --namespace absent",
    "ci issuer add forge --url http://forge.example.org",
    "ci issuer test absent",
    "ci issuer remove absent",
    "ci trust add docker/x --issuer absent --where a=b --repository *",
    "ci trust add docker --issuer absent --where a=b --repository *",
    "ci trust add docker/x --issuer absent --where a --repository *",
    "ci trust list absent",
    "ci trust enable docker/absent",
    "ci grant end docker 999999",
)
CHANGES = (
    "repo visibility docker/{way} public",
    "tag delete docker/{way} v1 --yes",
    "tag delete docker/{way} v2 --manifest --yes",
    "promote docker/app:v1 docker/{way}:v3",
    "repo delete docker/{way} --yes",
    "org add {way}s --owner hubuser",
    "org member {way}s admin --role editor",
    "org member {way}s admin --role none",
    "org delete {way}s --yes",
    "token add docker --label {way} --scope repo:read --repository docker/app",
    "ci issuer add {way} --url https://{way}.example.org --audience hub",
    "ci issuer keys {way}",
    "ci trust add docker/{way} --issuer {way} --where sub=x --where ref~refs/* --repository *",
    "ci trust disable docker/{way}",
    "ci trust enable docker/{way}",
    "ci trust remove docker/{way}",
    "ci issuer remove {way}",
)
TOKEN = ("--label", "mine", "--scope", "repo:read")
MADE_ANEW = ("id", "token", "hint", "created_at", "expires_at")
"""Fields whose values differ however alike the commands are."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarHub]:
    """A hub with `docker/app` and two copies of it, one to change from here and one from afar."""
    base = tmp_path_factory.mktemp("far")
    tags = {"v1": b"one", "v2": b"two", "latest": b"two"}
    with serving(base / "data", tls=True) as hub:
        layout = write_layout(base / "layout", tags)
        for name in ("app", "here", "far"):
            hub.cli("import", str(layout), f"docker/{name}")
        # A filter finds what the hub has indexed, which it does in a moment.
        words = ("repo", "list", "--namespace", "docker")
        until(lambda: True if hub.cli(*words).count("docker/") == 3 else None)
        yield FarHub(hub)


@pytest.fixture
def far(running: FarHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FarHub:
    """The hub, with its administrator logged in."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert running.log_in().exit_code == 0
    return running


@pytest.mark.parametrize("line", READS)
def test_what_is_read_is_the_same(far: FarHub, line: str) -> None:
    words = line.split()
    assert said(far.far(*words)) == said(far.here(*words))
    assert told(far.far(*words, "--json")) == told(far.here(*words, "--json"))


@pytest.mark.parametrize("line", FAILURES)
def test_what_fails_does_so_alike(far: FarHub, line: str) -> None:
    away, here = far.far(*line.split()), far.here(*line.split())
    assert away.exit_code == here.exit_code != 0
    assert away.stderr.replace(f"{far.host}: ", "").replace(f" on {far.host}", "") == here.stderr
    assert away.stdout == here.stdout


def test_what_changes_does_so_alike(far: FarHub) -> None:
    for line in CHANGES:
        away = told(far.far(*line.format(way="far").split(), "--json"))
        here = told(far.here(*line.format(way="here").split(), "--json"))
        assert shape(away) == shape(here), line
        assert settled(away, "far") == settled(here, "here"), line


def settled(value: object, way: str) -> str:
    """The JSON of a command without what is new each time, and without the way that it went."""
    if isinstance(value, dict):
        value = {key: each for key, each in value.items() if key not in MADE_ANEW}
    return json.dumps(value).replace(way, "WAY")


def test_tokens_of_ones_own_are_listed_made_and_revoked(
    running: FarHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert running.log_in(USER, PASSWORD).exit_code == 0
    made = told(running.far("token", "add", USER, *TOKEN, "--expires", "12h", "--json"))
    assert isinstance(made, dict)
    mine = json.loads(said(running.far("token", "list", "--json")))
    assert (mine[0]["label"], {each["user"] for each in mine}) == ("mine", {USER})
    revoked = said(running.far("token", "revoke", str(made["id"])))
    assert revoked == f"Revoked token {made['id']}.\n"
    assert said(running.far("token", "add", "docker", *TOKEN)).startswith("eto_org")


@pytest.mark.parametrize(
    "line",
    ["token list --all", "audit list", "token list admin", "org add theirs --owner admin"],
)
def test_what_is_for_administrators_is_refused_in_a_line(
    running: FarHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: str
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert running.log_in(USER, PASSWORD).exit_code == 0
    refused = running.far(*line.split())
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith(f"entrepot: {running.host}: ")
    assert refused.stderr.count("\n") == 1


def test_an_organization_is_ones_own(
    running: FarHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert running.log_in(USER, PASSWORD).exit_code == 0
    assert said(running.far("org", "add", "mine")).endswith(f"mine with owner {USER}.\n")
    assert "mine" in said(running.far("org", "list"))
    assert said(running.far("org", "delete", "mine", "--yes")).startswith("Deleted mine")


def test_a_tag_is_restored_by_an_event_of_its_history(far: FarHub) -> None:
    said(far.far("tag", "delete", "docker/app", "latest", "--yes"))
    (event, *_) = json.loads(said(far.far("tag", "history", "docker/app", "--json")))
    assert (event["tag"], event["action"], event["by"]) == ("latest", "deleted", "admin")
    restored = said(far.far("tag", "restore", "docker/app", str(event["id"])))
    assert restored == f"docker/app:latest is {event['digest']} again.\n"


def test_a_deletion_far_away_names_the_hub(far: FarHub) -> None:
    asked = far.far("repo", "delete", "docker/app", stdin="n")
    assert f"Delete docker/app with all its tags and manifests on {far.host}?" in asked.stderr
    assert asked.exit_code == 1
