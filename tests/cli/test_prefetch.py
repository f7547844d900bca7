"""`entrepot mirror prefetch`, with a registry on a loopback port."""

from collections.abc import Iterator

import pytest

from tests.cli.conftest import Run
from tests.cli.test_commands import said, told
from tests.support.upstream import RunningUpstream, Upstream


@pytest.fixture
def upstream(run: Run) -> Iterator[Upstream]:
    """A registry with two tags, mirrored as `up`."""
    running = RunningUpstream()
    url = running.upstream.url
    said(run("mirror", "add", "up", "--url", url, "--allow-private-network", "--ttl", "1h"))
    for tag in ("1.0", "1.1"):
        running.upstream.add_image("lib/app", tag, tag.encode() * 1000)
    yield running.upstream
    running.end()


def test_tags_are_fetched_and_then_skipped(run: Run, upstream: Upstream) -> None:
    planned = said(run("mirror", "prefetch", "up/lib/app:1.*", "--dry-run")).splitlines()
    assert planned[0].split() == ["REFERENCE", "ACTION", "BYTES", "NOTE"]
    assert [line.split()[:2] for line in planned[1:]] == [
        ["up/lib/app:1.0", "copy"],
        ["up/lib/app:1.1", "copy"],
    ]
    assert upstream.count("GET", "/blobs/") == 0
    done = said(run("mirror", "prefetch", "up/lib/app:1.*")).splitlines()
    assert [line.split()[:2] for line in done] == [line.split()[:2] for line in planned]
    assert upstream.count("GET", "/blobs/") == 3
    found = told(run("mirror", "prefetch", "up/lib/app:1.0", "--json"))
    assert isinstance(found, dict)
    (row,) = found["artifacts"]
    assert (found["dry_run"], row["action"], row["bytes"], row["note"]) == (False, "skip", 0, "")


def test_what_is_wrong_is_one_line(run: Run, upstream: Upstream) -> None:
    missing = run("mirror", "prefetch", "up/lib/app:9", "up/lib/app:1.0", "--json")
    assert missing.exit_code == 1
    assert missing.stderr == "entrepot: 1 of 2 artifacts failed\n"
    assert "up has no lib/app 9 (status 404)" in missing.stdout
    for words, status in {
        ("up/lib/app",): 2,
        ("up/lib/app:1", "--platform", "amd64"): 2,
        ("up/lib/app:1", "--attachments", "some"): 2,
        ("no/lib/app:1",): 1,
        ("up:1",): 1,
    }.items():
        result = run("mirror", "prefetch", *words)
        assert result.exit_code == status, result.output
        assert result.stderr.startswith("entrepot: ")
        assert result.stderr.count("\n") == 1
