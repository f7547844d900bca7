"""`entrepot mirror rule` and `entrepot mirror import`, with a registry on a loopback port."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.test_commands import said, told
from tests.support.upstream import RunningUpstream, Upstream


@pytest.fixture
def upstream(run: Run, alice: str) -> Iterator[Upstream]:
    """A registry with some tags, mirrored as `up`, and an organization to copy to."""
    running = RunningUpstream()
    url = running.upstream.url
    said(run("mirror", "add", "up", "--url", url, "--allow-private-network", "--ttl", "1h"))
    said(run("org", "add", "acme", "--owner", alice))
    for tag in ("1.0", "1.1", "2.0", "latest"):
        running.upstream.add_image("lib/app", tag, tag.encode() * 1000)
    yield running.upstream
    running.end()


def test_a_rule_is_made_tried_run_and_removed(run: Run, upstream: Upstream) -> None:
    assert said(run("mirror", "rule", "list")) == "There are no pull rules.\n"
    options = ("--include", "1.*", "--newest", "1", "--schedule", "every 6h", "--delete", "follow")
    made = said(run("mirror", "rule", "add", "app", "up/lib/app", "acme/*", *options))
    assert made == "Created pull rule app from up/lib/app to acme/app; it runs every 6h.\n"
    planned = said(run("mirror", "rule", "run", "app", "--dry-run")).splitlines()
    assert planned[0].split() == ["TAG", "ACTION", "BYTES", "NOTE"]
    assert [line.split()[:2] for line in planned[1:]] == [["1.1", "copy"]]
    assert said(run("mirror", "rule", "run", "app")).startswith("Ran pull rule app: copy 1; ")
    again = told(run("mirror", "rule", "run", "app", "--json"))
    assert isinstance(again, dict)
    assert (again["state"], again["counts"], again["bytes"]) == ("done", {"skip": 1}, 0)
    shown = told(run("mirror", "rule", "show", "app", "--json"))
    assert isinstance(shown, dict)
    assert (shown["source"], shown["include"], shown["newest"]) == ("up/lib/app", ["1.*"], 1)
    assert shown["next_run"] > shown["last_run"]["started_at"]
    assert [(each["tag"], each["action"]) for each in shown["tags"]] == [("1.1", "skip")]
    assert "1.1" in said(run("mirror", "rule", "show", "app"))
    table = said(run("mirror", "rule", "list")).splitlines()
    assert table[1].split()[:6] == ["app", "up/lib/app", "acme/*", "every", "6h", "done"]
    upstream.manifests.clear()
    waiting = run("mirror", "rule", "run", "app")
    assert waiting.exit_code == 1
    assert "1 of 1 tags vanished at the source" in waiting.stderr
    assert "delete 1" in said(run("mirror", "rule", "run", "app", "--confirm-deletions"))
    assert said(run("mirror", "rule", "remove", "app", "--yes")) == "Deleted pull rule app.\n"
    assert told(run("mirror", "rule", "list", "--json")) == []


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (("add", "x", "up", "acme/app"), 2, "say which repository of up: write up/REPOSITORY"),
        (("add", "x", "up/a", "app"), 2, "app has no namespace: write NAMESPACE/REPOSITORY"),
        (("add", "x", "up/a", "no/app"), 1, "no such user or organization: no"),
        (("add", "x", "no/a", "acme/app"), 1, "no such mirror: no"),
        (("add", "x", "up/a", "up/b"), 1, "up is a mirror: nothing is copied into it"),
        (("add", "a b", "up/a", "acme/a"), 1, "invalid name of a rule a b"),
        (("add", "x", "up/a", "acme/a", "--include", "/(/"), 1, "invalid regular expression ("),
        (("add", "x", "up/a", "acme/a", "--versions", "v"), 1, "invalid range of versions: v"),
        (("add", "x", "up/a", "acme/a", "--schedule", "often"), 2, "invalid schedule often"),
        (("add", "x", "up/a", "acme/a", "--platform", "amd64"), 2, "invalid platform amd64"),
        (("add", "x", "up/a", "acme/a", "--flatten"), 2, "exactly one platform"),
        (("add", "x", "up/a", "acme/a", "--delete", "all"), 2, "Invalid enum value"),
        (("run", "x"), 1, "no such pull rule: x"),
        (("remove", "x", "--yes"), 1, "no such pull rule: x"),
    ],
)
def test_what_is_wrong_is_one_line(
    run: Run, upstream: Upstream, words: tuple[str, ...], status: int, message: str
) -> None:
    result = run("mirror", "rule", *words)
    assert result.exit_code == status, result.output
    assert message in result.stderr
    assert result.stderr.startswith("entrepot: ")
    assert result.stderr.count("\n") == 1
    assert upstream.asked == []


def test_a_file_of_regsync_is_imported(run: Run, upstream: Upstream, tmp_path: Path) -> None:
    host = upstream.url.removeprefix("http://")
    file = tmp_path / "regsync.yml"
    file.write_text(
        f"creds: [{{registry: '{host}', tls: disabled}}]\n"
        "defaults: {interval: 1h, backup: 'old'}\n"
        f"sync: [{{source: {host}/lib/app, target: hub.test/acme/app, type: repository,"
        " tags: {allow: ['[0-9.]+']}}]\n"
    )
    planned = run("mirror", "import", str(file), "--dry-run")
    assert planned.exit_code == 0
    assert planned.stderr == (
        f"entrepot: warning: sync 1 ({host}/lib/app to hub.test/acme/app):"
        " backup: the tag's history keeps the old image, not another tag\n"
    )
    rows = [line.split()[:3] for line in planned.stdout.splitlines()]
    # The mirror of that registry is here already, under another name.
    assert rows == [
        ["KIND", "NAME", "ACTION"],
        ["mirror", "up", "skip"],
        ["rule", "acme-app", "add"],
    ]
    assert told(run("mirror", "rule", "list", "--json")) == []
    assert run("mirror", "import", str(file)).stdout == planned.stdout
    done = told(run("mirror", "rule", "run", "acme-app", "--json"))
    assert isinstance(done, dict)
    assert done["counts"] == {"copy": 3}
    again = told(run("mirror", "import", str(file), "--json"))
    assert isinstance(again, dict)
    assert [each["action"] for each in again["made"]] == ["skip", "skip"]


def test_a_file_that_means_nothing_here_is_refused_as_a_whole(
    run: Run, upstream: Upstream, tmp_path: Path
) -> None:
    file = tmp_path / "regsync.yml"
    good = "{source: a.test/b/c, target: hub.test/acme/c, type: image}"
    for text, status, message in (
        ("version: 2", 2, "version 2 of regsync's files is not supported"),
        (f"sync: [{good}, {{source: a.test/d/e, type: x}}]", 2, "sync 2 (a.test/d/e): type x"),
        (f"sync: [{good.replace('acme', 'nobody')}]", 1, "organizations nobody: create them"),
        ("creds: [{registry: '{{env `A` | lower}}'}]", 2, "only env and file are supported"),
    ):
        file.write_text(text)
        result = run("mirror", "import", str(file))
        assert (result.exit_code, result.stderr.count("\n")) == (status, 1), result.output
        assert message in result.stderr
    missing = run("mirror", "import", str(tmp_path / "none.yml"))
    assert missing.exit_code == 1
    assert told(run("mirror", "rule", "list", "--json")) == []
    mirrors = told(run("mirror", "list", "--json"))
    assert isinstance(mirrors, list)
    assert [each["name"] for each in mirrors] == ["up"]
