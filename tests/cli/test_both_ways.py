"""Commands do the same on a hub that is far away as on its data: in words, JSON and failures."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.far_hubs import FarHub, shape, write_layout
from tests.cli.test_commands import said, told
from tests.support.server import serving
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
)
CHANGES = (
    "repo visibility docker/{way} public",
    "tag delete docker/{way} v1 --yes",
    "tag delete docker/{way} v2 --manifest --yes",
    "promote docker/app:v1 docker/{way}:v3",
    "repo delete docker/{way} --yes",
)


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
        assert shape(away) == shape(here)
        assert json.dumps(away).replace("docker/far", "docker/here") == json.dumps(here)


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
