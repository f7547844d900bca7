"""Pulls through a mirror: what is asked of its upstream, and what is answered when that fails."""

import asyncio
import json
from datetime import timedelta

import pytest

from entrepot.errors import OutOfSpace
from entrepot.model.mirrors import NEVER, MirrorVisibility
from entrepot.model.people.accounts import Role
from entrepot.oci.names import RepositoryName
from tests.doors.mirror_doors import Mirrored, mirrored, upstream
from tests.support.upstream import OCI_INDEX, OCI_MANIFEST, Upstream, digest_of

__all__ = ["mirrored", "upstream"]

LAYER = b"layer" * 1000


async def test_a_tag_is_fetched_once_and_served_from_here(mirrored: Mirrored) -> None:
    digest = mirrored.upstream.add_image("lib/app", "1", LAYER)
    first = await mirrored.ask("GET", "lib/app/manifests/1")
    second = await mirrored.ask("GET", "lib/app/manifests/1")
    head = await mirrored.ask("HEAD", "lib/app/manifests/1")
    by_digest = await mirrored.ask("GET", f"lib/app/manifests/{digest}")
    answers = [first, second, head, by_digest]
    assert [each.status for each in answers] == [200] * 4
    assert [each.header("entrepot-cache") for each in answers] == ["miss", "hit", "hit", "hit"]
    assert {each.header("docker-content-digest") for each in answers} == {digest}
    assert first.body == second.body == mirrored.upstream.manifests["lib/app:1"][0]
    assert len(mirrored.upstream.asked) == 1
    assert mirrored.upstream.asked[0].headers["user-agent"].startswith("entrepot/")


async def test_an_old_tag_is_compared_with_the_upstreams(mirrored: Mirrored) -> None:
    mirrored.upstream.add_image("lib/app", "1", LAYER)
    await mirrored.ask("GET", "lib/app/manifests/1")
    await mirrored.age(timedelta(minutes=6))
    same = await mirrored.ask("GET", "lib/app/manifests/1")
    assert same.header("entrepot-cache") == "revalidated"
    assert mirrored.upstream.count("HEAD", "/manifests/1") == 1
    moved = mirrored.upstream.add_image("lib/app", "1", LAYER, b"more")
    assert (await mirrored.ask("GET", "lib/app/manifests/1")).header("entrepot-cache") == "hit"
    await mirrored.age(timedelta(minutes=6))
    new = await mirrored.ask("GET", "lib/app/manifests/1")
    assert new.header("docker-content-digest") == moved
    assert new.header("entrepot-cache") == "miss"
    assert mirrored.upstream.count("GET", "/manifests/1") == 2


async def test_an_upstream_that_names_no_digest_is_read(mirrored: Mirrored) -> None:
    mirrored.upstream.has_digest_header = False
    mirrored.upstream.add_image("lib/app", "1", LAYER)
    await mirrored.ask("GET", "lib/app/manifests/1")
    await mirrored.age(timedelta(minutes=6))
    assert (await mirrored.ask("GET", "lib/app/manifests/1")).status == 200
    assert mirrored.upstream.count("GET", "/manifests/1") == 2


@pytest.mark.parametrize(("ttl", "asked"), [(0, 1), (NEVER, 0)])
async def test_a_ttl_may_be_nothing_or_for_ever(mirrored: Mirrored, ttl: int, asked: int) -> None:
    mirrored.upstream.add_image("lib/app", "1", LAYER)
    await mirrored.change(ttl=ttl)
    await mirrored.ask("GET", "lib/app/manifests/1")
    await mirrored.age(timedelta(days=200))
    await mirrored.ask("GET", "lib/app/manifests/1")
    assert mirrored.upstream.count("HEAD", "/manifests/1") == asked


@pytest.mark.parametrize("failure", ["vanished", "slow", 500, 401, 403, 429])
async def test_what_is_cached_is_served_while_the_upstream_fails(
    mirrored: Mirrored, failure: str | int
) -> None:
    digest = mirrored.upstream.add_image("lib/app", "1", LAYER)
    await mirrored.ask("GET", "lib/app/manifests/1")
    await mirrored.age(timedelta(minutes=6))
    await _break(mirrored.upstream, failure)
    before = len(mirrored.upstream.asked)
    for _ in range(3):
        answer = await mirrored.ask("GET", "lib/app/manifests/1")
        assert answer.status == 200
        assert answer.header("docker-content-digest") == digest
        assert answer.header("entrepot-cache") == "stale"
        assert (answer.header("warning") or "").startswith('299 - "up ')
        assert int(answer.header("age") or 0) >= 360
    asked = len(mirrored.upstream.asked) - before
    assert asked <= (1 if failure in ("vanished", "slow", 429) else 6)


@pytest.mark.parametrize("failure", [None, "vanished"])
async def test_a_full_disk_ends_no_pull_of_what_is_cached(
    mirrored: Mirrored, failure: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> None:
        raise OutOfSpace

    mirrored.upstream.add_image("lib/app", "1", LAYER)
    await mirrored.ask("GET", "lib/app/manifests/1")
    await mirrored.age(timedelta(minutes=6))
    for query in ("set_checked_at", "set_back_off"):
        monkeypatch.setattr(f"entrepot.metadata.registry.mirrors.{query}", refuse)
    if failure:
        await _break(mirrored.upstream, failure)
    answer = await mirrored.ask("GET", "lib/app/manifests/1")
    expected = "stale" if failure else "revalidated"
    assert (answer.status, answer.header("entrepot-cache")) == (200, expected)


async def test_an_upstream_that_comes_back_is_asked_again(mirrored: Mirrored) -> None:
    mirrored.upstream.add_image("lib/app", "1", LAYER)
    await mirrored.ask("GET", "lib/app/manifests/1")
    await mirrored.age(timedelta(minutes=6))
    await mirrored.upstream.close()
    await mirrored.ask("GET", "lib/app/manifests/1")
    await mirrored.upstream.start()
    await mirrored.age(timedelta(minutes=6))
    answer = await mirrored.ask("GET", "lib/app/manifests/1")
    assert answer.header("entrepot-cache") == "revalidated"
    assert (await mirrored.town.doors.app.mirrors.get("up")).back_off is None


@pytest.mark.parametrize(
    ("failure", "status", "code", "says"),
    [
        ("vanished", 503, "UNAVAILABLE", "up cannot be reached"),
        ("slow", 503, "UNAVAILABLE", "up did not answer in time"),
        (500, 503, "UNAVAILABLE", "up failed with status 500"),
        (429, 429, "TOOMANYREQUESTS", "up limits requests"),
        (401, 404, "MANIFEST_UNKNOWN", "up denied access with status 401"),
        (404, 404, "MANIFEST_UNKNOWN", "up has no lib/app 1"),
    ],
)
async def test_a_failure_names_the_upstream_and_the_reason(
    mirrored: Mirrored, failure: str | int, status: int, code: str, says: str
) -> None:
    await _break(mirrored.upstream, failure)
    answer = await mirrored.ask("GET", "lib/app/manifests/1")
    assert (answer.status, answer.codes) == (status, [code])
    assert says in answer.body.decode()
    assert (answer.header("retry-after") is not None) == (status in (503, 429))


async def test_a_limit_is_answered_from_memory(mirrored: Mirrored) -> None:
    mirrored.upstream.fail = 429
    mirrored.upstream.fail_headers = [("Retry-After", "120"), ("RateLimit-Limit", "100;w=21600")]
    first = await mirrored.ask("GET", "lib/app/manifests/1")
    assert first.header("retry-after") == "120"
    assert first.header("ratelimit-limit") == "100;w=21600"
    again = [await mirrored.ask("GET", f"lib/app/manifests/{n}") for n in range(5)]
    assert {each.status for each in again} == {429}
    assert len(mirrored.upstream.asked) == 1


async def test_what_is_not_there_is_asked_for_once(mirrored: Mirrored) -> None:
    for _ in range(3):
        assert (await mirrored.ask("GET", "lib/app/manifests/no")).status == 404
    assert len(mirrored.upstream.asked) == 1


async def test_a_tag_that_is_gone_upstream_is_gone_here(mirrored: Mirrored) -> None:
    digest = mirrored.upstream.add_image("lib/app", "1", LAYER)
    await mirrored.ask("GET", "lib/app/manifests/1")
    await mirrored.age(timedelta(minutes=6))
    mirrored.upstream.manifests.clear()
    assert (await mirrored.ask("GET", "lib/app/manifests/1")).status == 404
    assert (await mirrored.ask("GET", f"lib/app/manifests/{digest}")).status == 200


async def test_clients_that_ask_together_cause_one_question(mirrored: Mirrored) -> None:
    mirrored.upstream.add_image("lib/app", "1", LAYER)
    mirrored.upstream.delay = 0.05
    answers = await asyncio.gather(*(mirrored.ask("GET", "lib/app/manifests/1") for _ in range(10)))
    assert {each.status for each in answers} == {200}
    assert len(mirrored.upstream.asked) == 1


async def test_a_lie_about_a_digest_is_refused_and_not_kept(mirrored: Mirrored) -> None:
    honest = mirrored.upstream.add_image("lib/app", "1", LAYER)
    other, kind = mirrored.upstream.manifests["lib/app:1"]
    mirrored.upstream.manifests[f"lib/app:{honest}"] = other + b" ", kind
    answer = await mirrored.ask("GET", f"lib/app/manifests/{honest}")
    assert answer.status == 503
    assert "up sent a manifest that cannot be kept" in answer.body.decode()
    assert (await mirrored.ask("GET", f"lib/app/manifests/{honest}")).status == 503


async def test_offline_asks_for_nothing(mirrored: Mirrored) -> None:
    mirrored.upstream.add_image("lib/app", "1", LAYER)
    mirrored.upstream.add_image("lib/app", "2", b"x")
    await mirrored.ask("GET", "lib/app/manifests/1")
    await mirrored.change(is_offline=True)
    await mirrored.age(timedelta(days=1))
    before = len(mirrored.upstream.asked)
    assert (await mirrored.ask("GET", "lib/app/manifests/1")).header("entrepot-cache") == "hit"
    answer = await mirrored.ask("GET", "lib/app/manifests/2")
    assert answer.status == 404
    assert "up is offline here" in answer.body.decode()
    blob = await mirrored.ask("GET", f"lib/app/blobs/{digest_of(LAYER)}")
    assert (blob.status, blob.codes) == (404, ["BLOB_UNKNOWN"])
    assert len(mirrored.upstream.asked) == before


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "lib/app/blobs/uploads/"),
        ("PUT", "lib/app/manifests/1"),
        ("DELETE", "lib/app/manifests/1"),
    ],
)
@pytest.mark.parametrize("who", ["nobody", "stranger", "admin"])
async def test_a_mirror_takes_no_pushes(
    mirrored: Mirrored, method: str, path: str, who: str
) -> None:
    answer = await mirrored.ask(method, path, who, b"{}")
    assert (answer.status, answer.codes) == (405, ["UNSUPPORTED"])
    assert "up is a mirror of" in answer.body.decode()


@pytest.mark.parametrize(
    ("visibility", "allowed"),
    [
        (MirrorVisibility.PUBLIC, {"nobody", "stranger", "member", "admin"}),
        (MirrorVisibility.SIGNED_IN, {"stranger", "member", "admin"}),
        (MirrorVisibility.MEMBERS, {"member", "admin"}),
    ],
)
async def test_visibility_decides_who_pulls(
    mirrored: Mirrored, visibility: MirrorVisibility, allowed: set[str]
) -> None:
    mirrored.upstream.add_image("lib/app", "1", LAYER)
    await mirrored.change(visibility=visibility)
    await mirrored.town.doors.app.organizations.set_member("up", "member", Role.MEMBER)
    for cached in (False, True):
        for who in ("nobody", "stranger", "member", "admin"):
            answer = await mirrored.ask("GET", "lib/app/manifests/1", who)
            assert (answer.status == 200) == (who in allowed), (cached, who, answer.status)
            assert answer.status in (200, 401)


async def test_closing_a_mirror_closes_what_it_has(mirrored: Mirrored) -> None:
    await mirrored.change(visibility=MirrorVisibility.PUBLIC)
    mirrored.upstream.add_image("lib/app", "1", LAYER)
    assert (await mirrored.ask("GET", "lib/app/manifests/1", "nobody")).status == 200
    await mirrored.change(visibility=MirrorVisibility.MEMBERS)
    assert (await mirrored.ask("GET", "lib/app/manifests/1", "nobody")).status == 401
    app = mirrored.town.doors.app
    repository = await app.repositories.get(RepositoryName("up/lib/app"))
    assert repository.visibility == "private"


async def test_patterns_leave_repositories_out(mirrored: Mirrored) -> None:
    await mirrored.change(include=("lib/*",), exclude=("lib/secret*",))
    for name in ("lib/app", "lib/secret-app", "other/app"):
        mirrored.upstream.add_image(name, "1", LAYER)
    assert (await mirrored.ask("GET", "lib/app/manifests/1")).status == 200
    for name in ("lib/secret-app", "other/app"):
        answer = await mirrored.ask("GET", f"{name}/manifests/1")
        assert (answer.status, answer.codes) == (403, ["DENIED"])
        assert f"up does not mirror {name} here" in answer.body.decode()


async def test_an_index_is_kept_without_its_children(mirrored: Mirrored) -> None:
    child = mirrored.upstream.add_image("lib/app", "", LAYER)
    described = {
        "mediaType": OCI_MANIFEST,
        "digest": child,
        "size": len(mirrored.upstream.manifests[f"lib/app:{child}"][0]),
        "platform": {"os": "linux", "architecture": "amd64"},
    }
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [described]}
    content = json.dumps(document).encode()
    mirrored.upstream.add_manifest("lib/app", "all", content, OCI_INDEX)
    index = await mirrored.ask("GET", "lib/app/manifests/all")
    assert (index.body, index.header("content-type")) == (content, OCI_INDEX)
    assert len(mirrored.upstream.asked) == 1
    assert (await mirrored.ask("GET", f"lib/app/manifests/{child}")).status == 200


async def test_docker_hubs_short_names_are_those_of_its_library(mirrored: Mirrored) -> None:
    await mirrored.change(preset="docker.io")
    mirrored.upstream.add_image("library/app", "1", LAYER)
    for name in ("app", "library/app"):
        assert (await mirrored.ask("GET", f"{name}/manifests/1")).status == 200
    assert len(mirrored.upstream.asked) == 1


async def _break(upstream: Upstream, failure: str | int) -> None:
    if failure == "vanished":
        await upstream.close()
    elif failure == "slow":
        upstream.delay = 8.0
    else:
        upstream.fail = int(failure)
