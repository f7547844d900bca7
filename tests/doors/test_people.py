"""What clients of the distribution API notice of teams, tokens, archives, moves and the log."""

import json

import pytest

from entrepot.hub.people.actors import OPERATOR, actor_of
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.people.second_factors import confirm, enrol
from entrepot.model.audit import AuditQuery, AuditRow
from entrepot.model.people.organizations import Permission
from entrepot.model.people.tokens import TokenScope
from entrepot.model.repositories import Visibility
from entrepot.oci.names import RepositoryName
from tests.doors.conftest import INDEX, INDEX_DIGEST, Open, Town
from tests.doors.doors import Doors, basic
from tests.metadata.clocks import START

OWNER = {"content_type": "application/vnd.oci.image.index.v1+json"}


async def push(doors: Doors, name: str, tag: str, auth: str | None, **headers: str) -> int:
    """The status of pushing an index without children."""
    target = f"/v2/{name}/manifests/{tag}"
    return (await doors.ask("PUT", target, INDEX, auth=auth, **OWNER, **headers)).status


async def recorded(town: Town, action: str = "repo") -> list[AuditRow]:
    """What the log says, oldest first."""
    page = await town.doors.app.audit.list_all(OPERATOR, AuditQuery(action=action))
    return page.rows[::-1]


async def test_an_archived_repository_is_only_pulled_from(town: Town) -> None:
    name, auth = await town.build(Visibility.PUBLIC), town.auth["owner"]
    await town.doors.app.repositories.archive(RepositoryName(name))
    manifest, uploads = f"/v2/{name}/manifests/v1", f"/v2/{name}/blobs/uploads/"
    assert (await town.doors.ask("GET", manifest)).status == 200
    bearer = await town.doors.bearer(auth, f"repository:{name}:pull,push,delete")
    for credentials in (auth, bearer, town.auth["admin"]):
        for method, target in (("PUT", manifest), ("DELETE", manifest), ("POST", uploads)):
            answer = await town.doors.ask(method, target, INDEX, auth=credentials)
            assert (answer.status, answer.codes) == (403, ["DENIED"])
            assert f"{name} is archived".encode() in answer.body
    assert (await town.doors.ask("PUT", manifest, INDEX, auth=town.auth["stranger"])).status == 401
    await town.doors.app.repositories.unarchive(RepositoryName(name))
    assert await push(town.doors, name, "v2", auth) == 201


async def test_an_old_name_goes_on_to_work(town: Town) -> None:
    name = await town.build(Visibility.PRIVATE)
    await town.doors.app.repositories.rename(RepositoryName(name), RepositoryName("acme/now"))
    scope = f"repository:{name}:pull,push"
    for who, status in (("member", 200), ("stranger", 401), ("nobody", 401)):
        target = f"/v2/{name}/manifests/v1"
        assert (await town.doors.ask("GET", target, auth=town.auth[who])).status == status
        bearer = await town.doors.bearer(town.auth[who], scope)
        assert (await town.doors.ask("GET", target, auth=bearer)).status == status
    assert await push(town.doors, name, "v2", town.auth["editor"]) == 201
    answer = await town.doors.ask("GET", "/v2/acme/now/tags/list", auth=town.auth["member"])
    assert answer.texts("tags") == ["v1", "v2"]
    assert answer.json()["name"] == "acme/now"


async def test_what_is_pushed_and_deleted_is_recorded_with_who_and_from_where(town: Town) -> None:
    auth, name = town.auth["editor"], "acme/fresh"
    forwarded = {"x_forwarded_for": "203.0.113.9, 198.51.100.7"}
    assert await push(town.doors, name, "v1", auth, **forwarded) == 201
    assert await push(town.doors, name, str(INDEX_DIGEST), auth) == 201
    await town.doors.ask("DELETE", f"/v2/{name}/manifests/v1", auth=auth)
    await town.doors.ask("DELETE", f"/v2/{name}/manifests/{INDEX_DIGEST}", auth=auth)
    rows = await recorded(town)
    assert [(row.action, row.target) for row in rows] == [
        ("repo.create", name),
        ("repo.tag.push", f"{name}:v1"),
        ("repo.tag.delete", f"{name}:v1"),
        ("repo.manifest.delete", name),
    ]
    assert {(row.actor, row.namespace_id, row.request) for row in rows} == {
        ("editor", town.acme, "0123456789")
    }
    assert [row.address for row in rows] == ["198.51.100.7"] * 2 + ["127.0.0.1"] * 2
    assert json.loads(rows[1].details) == {"digest": str(INDEX_DIGEST), "tag": "v1"}
    assert await town.doors.app.audit.verify() is None


async def test_an_address_is_believed_of_proxies_only(town: Town) -> None:
    for tag, client, forwarded, found in (
        ("a", "192.0.2.1", "203.0.113.9", "192.0.2.1"),
        ("b", "127.0.0.1", "nonsense", "127.0.0.1"),
        ("c", "127.0.0.1", "203.0.113.9, 127.0.0.1", "203.0.113.9"),
        ("d", "127.0.0.1", "::1", "::1"),
        ("e", "::1", "2001:db8::1", "2001:db8::1"),
    ):
        target = f"/v2/acme/app/manifests/{tag}"
        headers = {**OWNER, "x_forwarded_for": forwarded}
        answer = await town.doors.ask(
            "PUT", target, INDEX, auth=town.auth["editor"], client=client, **headers
        )
        assert answer.status == 201
        assert (await recorded(town, "repo.tag.push"))[-1].address == found


async def test_what_was_refused_is_not_recorded_as_done(town: Town) -> None:
    name = await town.build(Visibility.PUBLIC)
    assert await push(town.doors, name, "v2", town.auth["member"]) == 401
    answer = await town.doors.ask("PUT", f"/v2/{name}/manifests/v2", b"{", auth=town.auth["owner"])
    assert answer.status == 400
    missing = f"/v2/{name}/manifests/never"
    assert (await town.doors.ask("DELETE", missing, auth=town.auth["owner"])).status == 404
    assert await recorded(town) == []


async def test_a_team_may_push_where_its_pattern_says(town: Town) -> None:
    teams = town.doors.app.teams
    await teams.add("acme", "devs")
    await teams.add_member("acme", "devs", "member")
    auth = town.auth["member"]
    assert await push(town.doors, "acme/lib/one", "v1", auth) == 401
    await teams.set_right("acme", "devs", "lib/*", Permission.WRITE)
    assert await push(town.doors, "acme/lib/one", "v1", auth) == 201
    assert await push(town.doors, "acme/other", "v1", auth) == 401
    bearer = await town.doors.bearer(auth, "repository:acme/lib/one:pull,push,delete")
    assert await push(town.doors, "acme/lib/one", "v2", bearer) == 201
    deleted = await town.doors.ask("DELETE", "/v2/acme/lib/one/manifests/v1", auth=bearer)
    assert deleted.status == 401
    await teams.remove_member("acme", "devs", "member")
    assert await push(town.doors, "acme/lib/one", "v3", bearer) == 401


async def test_an_organizations_token_pushes_for_it(town: Town) -> None:
    _, secret = await town.doors.app.tokens.add_organization(
        "acme", "ci", TokenScope.WRITE, None, ["acme/app"]
    )
    auth = basic("acme", secret)
    assert await push(town.doors, "acme/app", "v1", auth) == 201
    bearer = await town.doors.bearer(auth, "repository:acme/app:pull,push")
    assert await push(town.doors, "acme/app", "v2", bearer) == 201
    assert await push(town.doors, "acme/other", "v1", auth) == 401
    rows = await recorded(town, "repo.tag.push")
    assert [(row.actor, row.actor_id) for row in rows] == [("acme:ci", None)] * 2
    (token,) = await town.doors.app.tokens.list_of_organization("acme", OPERATOR)
    assert token.last_used_from == "127.0.0.1"
    answer = await town.doors.ask("GET", "/v2/_catalog", auth=auth)
    assert answer.texts("repositories") == []


async def test_a_limited_token_sees_and_mounts_nothing_else(town: Town) -> None:
    private, allowed = await town.build(Visibility.PRIVATE), await town.build(Visibility.PRIVATE)
    owner = town.people["owner"]
    _, secret = await town.doors.app.tokens.add_personal(
        owner, "ci", TokenScope.ADMIN, None, [allowed], actor_of(owner)
    )
    auth = basic("owner", secret)
    for name, status in ((allowed, 200), (private, 401)):
        answer = await town.doors.ask("GET", f"/v2/{name}/tags/list", auth=auth)
        assert answer.status == status


@pytest.mark.parametrize("way", ["basic", "token", "form"])
async def test_a_password_without_its_second_factor_is_refused_and_told_what_helps(
    open_doors: Open, metadata: Metadata, way: str
) -> None:
    doors = open_doors()
    account = await doors.app.accounts.add("alice", "password")
    async with metadata.begin() as tx:
        await enrol(tx, account.id, "SECRET")
        await confirm(tx, account.id, "SECRET", 1, START)
    auth = basic("alice", "password")
    if way == "form":
        form = b"grant_type=password&username=alice&password=password&service=hub.test"
        headers = {"content_type": "application/x-www-form-urlencoded"}
        answer = await doors.ask("POST", "/token", form, **headers)
    else:
        answer = await doors.ask("GET", "/v2/" if way == "basic" else "/token", auth=auth)
    assert (answer.status, answer.codes) == (401, ["UNAUTHORIZED"])
    assert b"personal access token" in answer.body
