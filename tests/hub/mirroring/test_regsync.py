"""Files of regsync: the mirrors and rules that have the same effect, and what has none here."""

import pytest

from entrepot.errors import Invalid
from entrepot.hub.mirroring.regsync import RegsyncPlan, plan_regsync
from entrepot.hub.mirroring.regsync_files import Surroundings
from entrepot.model.mirrors import MirrorVisibility

FILE = r"""
version: 1
x-shared: &filters
  tags:
    allow: ["1\\..*"]
creds:
  - registry: docker.io
    user: "{{env \"HUB_USER\"}}"
    pass: '{{file "/run/secrets/hub"}}'
  - registry: registry.corp:5000
    tls: disabled
  - registry: hub.example
    user: root
    pass: own
defaults:
  interval: 90m
  parallel: 2
  referrers: true
sync:
  - source: busybox:1.36
    target: hub.example/acme/busybox:stable
    type: image
  - source: registry.corp:5000/team/app
    target: hub.example/acme/app
    type: repository
    schedule: "0 */6 * * *"
    platforms: [linux/amd64, linux/arm64]
    <<: *filters
  - source: ghcr.io/acme/tool
    target: hub.example/acme/tool
    type: repository
    referrers: false
    platform: linux/amd64
    tagSets:
      - allow: ["v2.*"]
      - semverRange: [">=3 <4"]
        deny: [".*-rc.*"]
"""


def plan(text: str, *own_hosts: str, url_host: str = "", **environment: str) -> RegsyncPlan:
    """The plan of a file."""
    around = Surroundings(environment, lambda path: f"the text of {path}\n")
    return plan_regsync(text.encode(), around, frozenset(own_hosts), url_host)


def sync(**fields: object) -> str:
    """A file of one step, with these fields."""
    given = {"source": "a.test/b/c", "target": "hub.test/x/c", "type": "repository"} | fields
    return "sync:\n  -\n" + "".join(f"    {name}: {value}\n" for name, value in given.items())


def test_a_file_becomes_mirrors_and_rules() -> None:
    found = plan(FILE, HUB_USER="robot")
    assert found.warnings == []
    assert list(found.mirrors) == ["docker.io", "registry.corp-5000", "ghcr.io"]
    docker, corp, ghcr = found.mirrors.values()
    assert (docker.preset, docker.url) == ("docker.io", "")
    assert (docker.username, docker.password) == ("robot", "the text of /run/secrets/hub")
    assert (corp.url, corp.username, corp.allows_private) == (
        "http://registry.corp:5000",
        "",
        True,
    )
    assert (ghcr.preset, ghcr.allows_private) == ("ghcr.io", False)
    assert docker.visibility is MirrorVisibility.MEMBERS
    assert list(found.rules) == ["acme-busybox", "acme-app", "acme-tool", "acme-tool-2"]
    image, app, old, new = found.rules.values()
    assert (image.source, image.target) == (
        "docker.io/library/busybox:1.36",
        "acme/busybox:stable",
    )
    assert (image.schedule, image.attachments) == ("every 90m", "all")
    assert (app.source, app.target) == ("registry.corp-5000/team/app", "acme/app")
    assert (app.schedule, app.include) == ("0 */6 * * *", (r"/1\..*/",))
    assert (app.platforms, app.flatten) == (("linux/amd64", "linux/arm64"), False)
    assert (old.include, old.versions, old.flatten) == (("/v2.*/",), (), True)
    assert (new.exclude, new.versions) == (("/.*-rc.*/",), (">=3 <4",))
    # The second takes no tags of signatures, the first neither.
    assert (old.attachments, new.attachments) == ("none", "none")


@pytest.mark.parametrize(
    ("fields", "attachments"),
    [
        ({}, "all"),
        ({"tags": '{allow: ["v.*"]}'}, "none"),
        ({"tags": '{allow: ["v.*"]}', "digestTags": "true"}, "all"),
        ({"tags": '{allow: ["v.*"]}', "referrers": "true"}, "all"),
        (
            {
                "tags": '{allow: ["v.*"]}',
                "referrers": "true",
                "referrerFilters": "[{artifactType: application/vnd.cncf.notary.signature}]",
            },
            "signatures",
        ),
        # Without a filter regsync takes the tags of signatures like others.
        ({"tags": '{deny: ["sha256-.*"]}'}, "none"),
    ],
)
def test_attachments_come_along_where_regsync_takes_them(
    fields: dict[str, object], attachments: str
) -> None:
    (rule,) = plan(sync(**fields)).rules.values()
    assert rule.attachments == attachments


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        ({"hooks": "{pre: {type: exec, params: [ls]}}"}, "hooks: commands are not run"),
        ({"backup": '"old-{{.Ref.Tag}}"'}, "backup: the tag's history keeps the old image"),
        ({"type": "registry"}, "a whole registry is not copied"),
        ({"ratelimit": "{min: 50, retry: 15m}"}, "ratelimit: the hub waits"),
        ({"mediaTypes": "[application/vnd.oci.image.manifest.v1+json]"}, "mediaTypes: images of"),
        ({"includeExternal": "true"}, "include_external: layers of other hosts"),
        ({"referrerSource": "a.test/other"}, "referrerSource: attachments are looked for beside"),
        (
            {"referrers": "true", "referrerFilters": "[{artifactType: application/spdx+json}]"},
            "referrerFilters: all attachments are copied",
        ),
        ({"target": "ocidir://x/y"}, "directories are not copied"),
        ({"source": "hub.test/x/b"}, "the source is this hub: use entrepot promote"),
        ({"frequency": "1h"}, "sync: the field frequency is ignored"),
    ],
)
def test_what_works_in_another_way_is_warned_of(fields: dict[str, object], part: str) -> None:
    (warning,) = plan(sync(**fields), "hub.test").warnings
    assert part in warning


def test_a_step_for_another_registry_is_left_out() -> None:
    both = sync() + "  - {source: a.test/b/c, target: other.test/x/c, type: repository}\n"
    with pytest.raises(Invalid, match=r"several registries \(hub.test, other.test\)"):
        plan(both)
    for found in (plan(both, "hub.test"), plan(both, url_host="hub.test")):
        assert list(found.rules) == ["x-c"]
        assert "other.test is not this hub" in found.warnings[0]


def test_credentials_are_warned_of_where_they_are_not_supported() -> None:
    creds = "creds: [{registry: a.test, tls: insecure, credHelper: docker-credential-x}]\n"
    found = plan(creds + sync())
    assert found.warnings == [
        "creds: the field credHelper is not supported, and is ignored",
        "a.test: its certificate is checked, although the file says tls: insecure",
    ]
    found = plan("creds: [{registry: a.test, user: '{{env `NOBODY`}}'}]\n" + sync())
    assert found.warnings == ["the environment variable NOBODY is not set"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version: 2\n", "version 2 of regsync's files is not supported: only 1 is"),
        ("sync: [", "not a file of regsync"),
        ("- a\n", "not a file of regsync"),
        ("sync: [{source: 5}]\n", "not a file of regsync"),
        ("sync: [{source: a.test/b}]\n", r"type \(none\): there are repository and image"),
        (sync(type="folder"), "type folder: there are repository and image"),
        (sync(source='"{{ time.Now }}"'), "uses time.Now: only env and file are supported"),
        (sync(target='"{{.Sync.Source}}"'), "uses .Sync.Source: only env and file"),
        (sync(tags='{allow: ["(?i)v.*"]}'), r"invalid regular expression \(\?i\)v"),
        (sync(tags='{semverRange: ["a"]}'), "invalid range of versions: a"),
        (sync(schedule='"CRON_TZ=Asia/Tokyo 0 1 * * *"'), "invalid schedule"),
        (sync(interval="often"), "invalid interval often"),
        (sync(type="image", source="a.test/b/c@sha256:" + "0" * 64), "names a digest"),
        (sync(target="hub.test/alone"), "alone has no namespace"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(text: str, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        plan(text, "hub.test")


@pytest.mark.parametrize(
    ("fields", "schedule"),
    [
        ({"interval": "1h30m"}, "every 90m"),
        ({"interval": "20s"}, "every 1m"),
        ({"interval": str(3600 * 10**9)}, "every 60m"),
        ({"schedule": '"@every 2h"'}, "every 120m"),
        ({"schedule": '"15 3 * * *"'}, "15 3 * * *"),
        ({}, ""),
    ],
)
def test_times_are_the_same(fields: dict[str, object], schedule: str) -> None:
    (rule,) = plan(sync(**fields)).rules.values()
    assert rule.schedule == schedule
