"""Organizations as code: exported, applied from here and from afar, idempotent, pruned if asked."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.cli.far_hubs import FarHub
from tests.cli.test_commands import said, told
from tests.support.server import USER, serving

WANTED = """
entrepot: 1
organization: {name}
description: Deck and engine
default_visibility: public
members:
  hubuser: owner
  bob: member
teams:
  crew:
    description: On deck
    members: [bob]
    rights: {{"app/*": write, "*": read}}
policies:
  immutable: ["v*"]
  retention: {{tags: ["dev-*"], newest: 10}}
webhooks:
  - url: https://ci.example.org/hook
    events: [tag.pushed]
repositories:
  app/web:
    description: The front
    visibility: private
    policies: {{retention: {{pushed_within: 30, keep: [latest]}}}}
    webhooks:
      - {{url: "https://ci.example.org/web", format: slack, active: false}}
  tools: {{}}
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarHub]:
    """A hub with Bob and Carol."""
    with serving(tmp_path_factory.mktemp("far") / "data", tls=True) as hub:
        for name in ("bob", "carol"):
            hub.cli("user", "add", name, "--password-stdin", stdin="the password of all")
        yield FarHub(hub)


@pytest.fixture
def far(running: FarHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FarHub:
    """The hub, with its administrator logged in."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert running.log_in().exit_code == 0
    return running


def write(tmp_path: Path, text: str) -> str:
    """The path of a file with that text."""
    path = tmp_path / "org.yaml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("way", ["far", "here"])
def test_a_file_makes_an_organization_and_a_second_time_nothing(
    far: FarHub, tmp_path: Path, way: str
) -> None:
    run = far.far if way == "far" else far.here
    name = f"from-{way}"
    file = write(tmp_path, WANTED.format(name=name))
    plan = said(run("apply", file, "--dry-run"))
    assert f"+ organization {name}" in plan
    assert plan.endswith("changes to make.\n")
    assert run("org", "export", name).exit_code == 1
    made = said(run("apply", file))
    assert [line for line in made.splitlines() if line.startswith("  ")] == [
        line for line in plan.splitlines() if line.startswith("  ")
    ]
    assert "The secret of the webhook https://ci.example.org/hook is " in made
    again = told(run("apply", file, "--json"))
    assert isinstance(again, dict)
    assert again["changes"] == []
    # Who makes an organization from afar owns it, until --prune says otherwise.
    assert again["kept"] == (["member admin"] if way == "far" else [])
    pruned = said(run("apply", file, "--prune", "--yes"))
    assert "as the file says" in said(run("apply", file, "--prune", "--dry-run"))
    assert ("- member admin" in pruned) is (way == "far")


def test_an_export_declares_what_there_is_and_changes_nothing(far: FarHub, tmp_path: Path) -> None:
    assert far.here("apply", write(tmp_path, WANTED.format(name="told"))).exit_code == 0
    exported = said(far.far("org", "export", "told"))
    assert exported == said(far.here("org", "export", "told"))
    found, wanted = yaml.safe_load(exported), yaml.safe_load(WANTED.format(name="told"))
    assert (found["members"], found["teams"]) == (wanted["members"], wanted["teams"])
    assert found["policies"] == wanted["policies"]
    assert found["repositories"]["app/web"]["webhooks"] == [
        {"url": "https://ci.example.org/web", "format": "slack", "active": False}
    ]
    assert set(found["repositories"]) == set(wanted["repositories"])
    file = write(tmp_path, exported)
    assert said(far.far("apply", file, "--prune")) == f"told on {far.host}: as the file says\n"
    assert said(far.here("org", "export", "told")) == exported


def test_what_the_file_leaves_out_is_kept_without_prune(far: FarHub, tmp_path: Path) -> None:
    whole = WANTED.format(name="less")
    assert far.here("apply", write(tmp_path, whole)).exit_code == 0
    less = "{entrepot: 1, organization: less, members: {hubuser: owner}, teams: {}, webhooks: []}"
    file = write(tmp_path, less)
    kept = told(far.here("apply", file, "--json"))
    assert isinstance(kept, dict)
    assert (kept["changes"], len(kept["kept"])) == ([], 3)
    before = said(far.here("org", "export", "less"))
    refused = far.far("apply", file, "--prune", stdin="n")
    assert refused.exit_code == 1
    assert f"Remove 3 entries on {far.host}?" in refused.stderr
    assert said(far.here("org", "export", "less")) == before
    assert said(far.far("apply", file, "--prune", "--yes")).endswith("3 changes made.\n")
    after = yaml.safe_load(said(far.here("org", "export", "less")))
    assert (after["members"], after["teams"], after["webhooks"]) == ({USER: "owner"}, {}, [])
    # Content is deleted by no file.
    assert set(after["repositories"]) == {"app/web", "tools"}


def test_changes_are_told_one_by_one(far: FarHub, tmp_path: Path) -> None:
    assert far.here("apply", write(tmp_path, WANTED.format(name="new"))).exit_code == 0
    text = WANTED.format(name="new").replace("bob: member", ["bob: owner", " carol: editor"][0])
    text = text.replace("visibility: private", "visibility: public").replace("write,", "admin,")
    plan = json.loads(said(far.far("apply", write(tmp_path, text), "--dry-run", "--json")))
    assert [f"{each['sign']} {each['change']}" for each in plan["changes"]] == [
        "~ member bob: member → owner",
        "~ team crew: admin on app/*",
        "~ repository new/app/web: visibility 'public'",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{entrepot: 2, organization: x}", "2"),
        ("{entrepot: 1, organization: x, people: {}}", "unknown field `people`"),
        ("{entrepot: 1, organization: x, members: {a: king}}", "king"),
        ("{entrepot: 1, organization: X}", "write X in lower case"),
        ("[", "org.yaml"),
        ("{entrepot: 1, organization: x, webhooks: [{url: a}, {url: a}]}", "twice"),
    ],
)
def test_a_file_of_another_form_changes_nothing(
    far: FarHub, tmp_path: Path, text: str, words: str
) -> None:
    for run in (far.far, far.here):
        refused = run("apply", write(tmp_path, text))
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert words in refused.stderr
        assert refused.stderr.count("\n") == 1


def test_what_the_hub_refuses_is_told_in_a_line(far: FarHub, tmp_path: Path) -> None:
    for text, reason in (
        ("{entrepot: 1, organization: nobodys}", "declare at least one owner"),
        ("{entrepot: 1, organization: bob}", "bob is no organization"),
        ("{entrepot: 1, organization: docker, members: {nobody: member}}", "no such user: nobody"),
    ):
        refused = far.here("apply", write(tmp_path, text))
        assert refused.exit_code == 1
        assert reason in refused.stderr
