"""`repo` and `check` on a hub that holds something."""

import asyncio
import json
from pathlib import Path

import pytest

from entrepot.app import App, open_app
from entrepot.metadata.repositories import PushTarget
from entrepot.model.policies import Rules
from entrepot.model.repositories import Visibility
from entrepot.oci.digests import Digest
from entrepot.oci.names import RepositoryName, Tag
from entrepot.registry.retention import Reason
from entrepot.settings import Settings
from tests.cli.conftest import Run
from tests.cli.test_commands import listed, said, told
from tests.registry.bodies import body
from tests.wire.content import CONFIG, descriptor, image

LAYER = b"a layer"


@pytest.fixture
def stocked(data: Path) -> Path:
    """The hub with `acme/app:v1` and `acme/app:v2` in it."""

    async def push(app: App) -> None:
        target = PushTarget(RepositoryName("acme/app"), None, Visibility.PRIVATE, None)
        for content in (LAYER, b"config"):
            await app.uploads.put(target, body(content), Digest.of(content))
        manifest = image(LAYER, config=descriptor(b"config", CONFIG))
        tags = [Tag("v1"), Tag("v2")]
        await app.manifests.put(target, manifest, None, digest=None, tags=tags, by=None)

    async def work() -> None:
        async with open_app(Settings(data=data)) as app:
            await push(app)

    asyncio.run(work())
    return data


def blob_path(data: Path, content: bytes = LAYER) -> Path:
    """The file of a blob."""
    digest = Digest.of(content)
    return data / "blobs" / "sha256" / digest.hex[:2] / digest.hex


@pytest.mark.usefixtures("stocked")
def test_a_repository_is_listed_and_shown(run: Run) -> None:
    (found,) = listed(run, "repo")
    assert (found["name"], found["visibility"], found["pulls"]) == ("acme/app", "private", 0)
    assert said(run("repo", "list")).splitlines()[1].split() == ["acme/app", "private", "0"]
    shown = said(run("repo", "show", "acme/app"))
    assert re_find(shown, "Tags") == "v1, v2"
    assert re_find(shown, "Visibility") == "private"
    value = told(run("repo", "show", "acme/app", "--json"))
    assert isinstance(value, dict)
    assert (value["tags"], value["more_tags"]) == (["v1", "v2"], False)


def re_find(text: str, heading: str) -> str:
    """What stands behind a heading."""
    line = next(line for line in text.splitlines() if line.startswith(heading))
    return line.removeprefix(heading).strip()


@pytest.mark.usefixtures("stocked")
def test_a_repository_is_opened_and_closed(run: Run) -> None:
    assert said(run("repo", "visibility", "acme/app", "public")) == "acme/app is now public.\n"
    assert listed(run, "repo")[0]["visibility"] == "public"
    result = run("repo", "visibility", "acme/app", "private", "--json")
    assert told(result) == {"name": "acme/app", "visibility": "private"}


@pytest.mark.usefixtures("stocked")
def test_a_repository_is_deleted_only_by_somebody_who_means_it(run: Run) -> None:
    refused = run("repo", "delete", "acme/app")
    assert refused.exit_code == 2
    assert "--yes" in refused.stderr
    assert len(listed(run, "repo")) == 1
    assert said(run("repo", "delete", "acme/app", "--yes")) == "Deleted acme/app.\n"
    assert listed(run, "repo") == []


def test_what_is_right_is_counted(run: Run, stocked: Path) -> None:
    assert stocked.is_dir()
    assert "Checked 1 manifest and 2 blobs: no problems.\n" in said(run("check"))
    value = told(run("check", "--json"))
    assert isinstance(value, dict)
    assert (value["checked"], value["problems"]) == (3, [])


@pytest.mark.parametrize("damage", ["missing", "flipped", "cut"])
def test_damage_is_named_and_fails_the_check(run: Run, stocked: Path, damage: str) -> None:
    path = blob_path(stocked)
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(LAYER[:-1] if damage == "cut" else LAYER[:-1] + b"?")
    result = run("check")
    assert result.exit_code == 1
    assert str(Digest.of(LAYER)) in result.stdout
    assert ": 1 problem.\n" in result.stdout
    result = run("check", "--json")
    assert result.exit_code == 1
    (problem,) = json.loads(result.stdout)["problems"]
    assert (problem["what"], problem["digest"]) == ("blob", str(Digest.of(LAYER)))


def test_retention_is_previewed_in_one_repository_or_in_all(run: Run, stocked: Path) -> None:
    for words in ((), ("acme/app",)):
        assert said(run("retain", *words, "--dry-run")) == (
            "There are no retention rules, or no tags.\n"
        )
    assert said(run("retain")) == "Removed no tags.\n"

    async def work() -> None:
        async with open_app(Settings(data=stocked)) as app:
            name = RepositoryName("acme/app")
            await app.policies.set_of_repository(name, "", Rules(newest=1))

    asyncio.run(work())
    for words in ((), ("acme/app",)):
        verdicts = told(run("retain", *words, "--dry-run", "--json"))
        assert isinstance(verdicts, list)
        assert [each["repository"] for each in verdicts] == ["acme/app"] * 2
        assert sum(each["reason"] == str(Reason.GOES) for each in verdicts) == 1
    assert said(run("retain")) == "Removed 1 tag.\n"


def test_an_import_that_changes_nothing_is_in_no_audit_log(
    run: Run, alice: str, stocked: Path, tmp_path: Path
) -> None:
    assert stocked.is_dir()
    assert said(run("org", "add", "shop", "--owner", alice))
    layout = tmp_path / "layout"
    assert said(run("export", "acme/app", str(layout))) == f"Wrote 1 manifest to {layout}.\n"
    imported = said(run("import", str(layout), "shop/app"))
    before = told(run("audit", "list", "--json"))
    for _ in range(2):
        assert said(run("import", str(layout), "shop/app")) == imported
    assert told(run("audit", "list", "--json")) == before
    assert isinstance(before, list)
    assert "repo.create" in {each["action"] for each in before}


@pytest.mark.parametrize("kind", ["org", "user"])
def test_what_is_deleted_is_said_first(run: Run, alice: str, kind: str) -> None:
    for name in ("bob", "carla"):
        said(run("user", "add", name, "--password-stdin", stdin="the password of all"))
    said(run("org", "add", "shop", "--owner", alice))
    said(run("org", "member", "shop", "bob", "--role", "editor"))
    name = "shop" if kind == "org" else "bob"
    result = run(kind, "delete", name)
    assert result.exit_code == 2
    assert f"Delete {name} with no repositories" in result.stderr
    assert "pass --yes" in result.stderr
    assert run(kind, "delete", name, stdin="n").exit_code == 1
    assert name in said(run(kind, "list"))
    result = run(kind, "delete", name, stdin="y")
    assert result.exit_code == 0
    assert f"\nDeleted {name} with no repositories" in result.stdout
    assert name not in [each["name"] for each in listed(run, kind)]
    result = run(kind, "delete", name, "--yes")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no such" in result.stderr


def test_an_account_goes_with_its_repositories_and_is_forgotten(
    run: Run, alice: str, stocked: Path, tmp_path: Path
) -> None:
    assert stocked.is_dir()
    said(run("export", "acme/app", str(tmp_path / "layout")))
    for name in (f"{alice}/one", f"{alice}/two"):
        said(run("import", str(tmp_path / "layout"), name))
    said(run("token", "add", alice, "--label", "x", "--scope", "repo:read"))
    value = told(run("user", "delete", alice, "--yes", "--json"))
    assert value == {
        "name": alice,
        "deleted": True,
        "repositories": [f"{alice}/one", f"{alice}/two"],
    }
    assert [each["name"] for each in listed(run, "repo")] == ["acme/app"]
    assert listed(run, "token") == []
    assert ": no problems." in said(run("check"))
    entries = told(run("audit", "list", "--json"))
    assert isinstance(entries, list)
    assert {"account.delete", "repo.delete"} <= {each["action"] for each in entries}


def test_the_only_owner_of_an_organization_stays(run: Run, alice: str) -> None:
    said(run("org", "add", "shop", "--owner", alice))
    result = run("user", "delete", alice, "--yes")
    assert result.exit_code == 1
    assert result.stderr == (
        "entrepot: alice is the only owner of shop: give it another owner, or delete it first\n"
    )
    said(run("org", "delete", "shop", "--yes"))
    said(run("user", "delete", alice, "--yes"))


def test_promote_copies_an_artifact_with_its_tags(run: Run, stocked: Path) -> None:
    shown = said(run("promote", "acme/app:v1", "acme/prod:1.0", "--dry-run"))
    assert shown == "Would promote acme/app:v1 to acme/prod:1.0: 1 manifest and no attachments.\n"
    assert said(run("promote", "acme/app:v1", "acme/prod:1.0")) == shown.replace(
        "Would promote", "Promoted"
    )
    again = json.loads(run("promote", "acme/app:v1", "acme/prod:1.0", "--json").stdout)
    assert (again["from"], again["to"], again["tags"]) == ("acme/app:v1", "acme/prod", ["1.0"])
    assert again["copied"] == {"manifests": 0, "attachments": 0, "blobs": 0}
    by_digest = run("promote", f"acme/app@{again['digest']}", "acme/prod:2.0", "--json")
    assert json.loads(by_digest.stdout)["digest"] == again["digest"]


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("acme/app", "acme/prod:1"), 2, "say which artifact"),
        (("acme/app:v1", f"acme/prod@sha256:{'0' * 64}"), 2, "is no tag: write TO:TAG"),
        (("acme/app:v1", "acme/Prod:1"), 2, "invalid repository name"),
        (("acme/app:absent", "acme/prod:1"), 1, "acme/app has no absent"),
        (("acme/absent:v1", "acme/prod:1"), 1, "no such repository"),
    ],
)
def test_a_promotion_that_cannot_be_says_so(
    run: Run, stocked: Path, words: tuple[str, str], status: int, message: str
) -> None:
    found = run("promote", *words)
    assert found.exit_code == status
    assert message in found.stderr
    assert found.stderr.count("\n") == 1
