"""regsync: the same file, run by regsync and imported here, gives the same tags and digests."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doors.v2.test_prefetches import SIGNATURE, add_index, attach
from tests.support.tools import run, tool
from tests.support.upstream import RunningUpstream, Upstream
from tests.wire.hubs import ADMIN_PASSWORD, Hub, serving

pytestmark = pytest.mark.clients

FILE = r"""
version: 1
creds:
  - {registry: '{{env "THE_SOURCE"}}', tls: disabled}
  - {registry: "HOST", tls: disabled, user: admin, pass: '{{file "PASSWORD"}}'}
defaults:
  skipDockerConfig: true
sync:
  - {source: "SOURCE/lib/app", target: "HOST/acme/all", type: repository}
  - source: SOURCE/lib/app
    target: HOST/acme/allowed
    type: repository
    tags: {allow: ["1\\..*", "v2"]}
  - source: SOURCE/lib/app
    target: HOST/acme/denied
    type: repository
    tags: {allow: ["[0-9.]+"], deny: ["1\\.1", "2"]}
  - source: SOURCE/lib/app
    target: HOST/acme/anchored
    type: repository
    tags: {allow: ["1", "2\\.[0-9]"]}
  - source: SOURCE/lib/app
    target: HOST/acme/range
    type: repository
    tags: {semverRange: [">=1.1 <2.1"]}
  - source: SOURCE/lib/app
    target: HOST/acme/sets
    type: repository
    tagSets:
      - {allow: ["latest"]}
      - {semverRange: ["^2.0"], deny: [".*-rc.*"]}
  - {source: "SOURCE/lib/app:1.0", target: "HOST/acme/image:stable", type: image}
  - {source: "SOURCE/lib/app", target: "HOST/acme/image", type: image}
  - source: SOURCE/lib/app
    target: HOST/acme/platforms
    type: repository
    tags: {allow: ["multi"]}
    platforms: [linux/amd64]
  - source: SOURCE/lib/app
    target: HOST/acme/platform
    type: repository
    tags: {allow: ["multi"]}
    platform: linux/arm64
  - source: SOURCE/lib/app
    target: HOST/acme/signed
    type: repository
    tags: {allow: ["1.0", "multi"]}
    referrers: true
    digestTags: true
  - {source: "SOURCE/lib/app", target: "HOST/acme/templated", type: image}
"""
REPOSITORIES = (
    *("all", "allowed", "denied", "anchored", "range", "sets", "image"),
    *("platforms", "platform", "signed", "templated"),
)


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """A registry with versions, an index, and signatures in both forms."""
    running = RunningUpstream()
    found = running.upstream
    for tag in ("1.0", "1.1", "2", "2.0", "2.1-rc1", "v2", "latest", "main"):
        found.add_image("lib/app", tag, tag.encode() * 10)
    root = add_index(found, "multi", "amd64", "arm64")
    attach(found, root, SIGNATURE)
    attach(found, root, "x", tag=f"{root.replace(':', '-')}.sig", listed=False)
    yield found
    running.end()


@pytest.fixture
def hubs(tmp_path: Path) -> Iterator[tuple[Hub, Hub]]:
    """Two hubs with the organization of the targets: one for regsync, one for the import."""
    with serving(tmp_path / "theirs") as theirs, serving(tmp_path / "ours") as ours:
        for each in (theirs, ours):
            each.cli("org", "add", "acme", "--owner", "admin")
        yield theirs, ours
        ours.cli("check")


def host_of(hub: Hub) -> str:
    """The registry's name."""
    return f"127.0.0.1:{hub.client.port}"


def read_tags(hub: Hub, name: str, environment: dict[str, str]) -> dict[str, str]:
    """The tags of a repository, and where they point, as crane reads them."""
    crane, path = tool("crane"), f"{host_of(hub)}/acme/{name}"
    tags = run(crane, "ls", "--insecure", path, env=environment).split()
    return {
        tag: run(crane, "digest", "--insecure", f"{path}:{tag}", env=environment).strip()
        for tag in tags
    }


def test_the_same_file_gives_the_same(
    upstream: Upstream, hubs: tuple[Hub, Hub], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, ours = hubs
    source = upstream.url.removeprefix("http://")
    monkeypatch.setenv("THE_SOURCE", source)
    (tmp_path / "password").write_text(f"{ADMIN_PASSWORD}\n")
    text = FILE.replace("SOURCE/", f"{source}/").replace("HOST", host_of(theirs))
    file = tmp_path / "regsync.yml"
    file.write_text(text.replace("PASSWORD", str(tmp_path / "password")))
    run(tool("regsync"), "once", "-c", file)
    made = json.loads(ours.cli("mirror", "import", str(file), "--json"))
    assert made["warnings"] == []
    rules = [each["name"] for each in made["made"] if each["kind"] == "rule"]
    assert len(rules) == 13
    for name in rules:
        ours.cli("mirror", "rule", "run", name)
    auth = base64.b64encode(f"admin:{ADMIN_PASSWORD}".encode()).decode()
    auths = {"auths": {host_of(each): {"auth": auth} for each in hubs}}
    (tmp_path / "config.json").write_text(json.dumps(auths))
    environment = {"DOCKER_CONFIG": str(tmp_path), "HOME": str(tmp_path)}
    for name in REPOSITORIES:
        expected = read_tags(theirs, name, environment)
        assert expected, name
        assert read_tags(ours, name, environment) == expected, name
    again = json.loads(ours.cli("mirror", "import", str(file), "--json"))
    assert {each["action"] for each in again["made"]} == {"skip"}
