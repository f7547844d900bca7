"""Docker Hub's API: what scripts that are made for it ask here, with the rights that they have."""

import base64
import json
from typing import Any

import pytest

from entrepot.hub.people.actors import Actor, Identity
from entrepot.model.people.tokens import TokenScope
from entrepot.model.repositories import Visibility
from entrepot.oci.names import RepositoryName
from tests.doors.conftest import INDEX_DIGEST, Town
from tests.doors.doors import Answer
from tests.doors.programs import Program
from tests.doors.test_matrix import IDENTITIES, actions_of

PASSWORD = "correct horse battery"


def bearer(town: Town, identity: str) -> str | None:
    """The `Authorization` of somebody's access token, as Docker Hub takes it."""
    auth = town.auth[identity]
    if auth is None:
        return None
    return "Bearer " + base64.b64decode(auth[6:]).decode().partition(":")[2]


async def ask(town: Town, method: str, path: str, auth: str | None, body: object = None) -> Answer:
    """Ask for a path below `/hub/v2`."""
    content = b"" if body is None else json.dumps(body).encode()
    return await town.doors.ask(method, f"/hub/v2{path}", content, auth=auth)


async def sign_in(town: Town, path: str, **body: str) -> Answer:
    """Ask for a token."""
    return await ask(town, "POST", path, None, body)


def claims_of(token: str) -> dict[str, Any]:
    """The claims of a token, as a client reads them without a key."""
    payload = token.split(".")[1]
    said = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert isinstance(said, dict)
    return said


@pytest.mark.parametrize("slash", ["", "/"])
async def test_a_password_or_a_token_buys_a_token_that_says_whose_it_is(
    town: Town, slash: str
) -> None:
    await town.doors.app.accounts.add("walter", PASSWORD)
    answer = await sign_in(town, f"/users/login{slash}", username="walter", password=PASSWORD)
    assert answer.status == 200, answer.body
    token = str(answer.json()["token"])
    said = claims_of(token)
    assert said["https://hub.docker.com"]["username"] == "walter"
    assert said["exp"] - said["iat"] == 24 * 3600
    for word in ("Bearer", "JWT"):
        me = await ask(town, "GET", f"/user{slash}", f"{word} {token}")
        assert (me.status, me.json()["username"]) == (200, "walter")
        assert me.json()["id"] == said["user_id"]
    short = await sign_in(town, "/auth/token", identifier="walter", secret=PASSWORD)
    said = claims_of(str(short.json()["access_token"]))
    assert said["exp"] - said["iat"] == 600
    secret = str(bearer(town, "member repo:read")).partition(" ")[2]
    by_token = await sign_in(town, "/users/login", username="member", password=secret)
    assert claims_of(str(by_token.json()["token"]))["user_id"] != said["user_id"]
    for name, wrong in (
        ("walter", "wrong"),
        ("nobody", PASSWORD),
        ("member", "etp_pat" + "0" * 36),
    ):
        refused = await sign_in(town, "/users/login", username=name, password=wrong)
        assert refused.status == 401
        assert refused.json()["detail"] == "Incorrect authentication credentials"
    assert (await sign_in(town, "/users/login", username="walter")).status == 400


async def test_a_token_ends_with_what_it_was_got_with_and_opens_nothing_else(town: Town) -> None:
    app = town.doors.app
    await app.accounts.add("walter", PASSWORD)
    answer = await sign_in(town, "/users/login", username="walter", password=PASSWORD)
    auth = f"Bearer {answer.json()['token']}"
    name = await town.build(Visibility.PRIVATE)
    assert (await town.doors.ask("GET", f"/v2/{name}/tags/list", auth=auth)).status == 401
    assert (await Program(town.doors, auth).ask("GET", "/me")).status == 401
    assert (await town.doors.ask("GET", f"/hf/api/models/{name}", auth=auth)).status == 401
    assert (await ask(town, "GET", "/user", auth)).status == 200
    await app.accounts.set_password("walter", "another horse battery")
    assert (await ask(town, "GET", "/user", auth)).status == 401

    secret = str(bearer(town, "owner repo:read")).partition(" ")[2]
    answer = await sign_in(town, "/users/login", username="owner", password=secret)
    auth = f"Bearer {answer.json()['token']}"
    assert (await ask(town, "GET", f"/repositories/{name}", auth)).status == 200
    assert (await ask(town, "DELETE", f"/repositories/{name}/tags/v1", auth)).status == 403
    owner = town.people["owner"]
    for token in await app.tokens.list_of(owner):
        await app.tokens.revoke(token.id, Actor(Identity(owner)))
    assert (await ask(town, "GET", f"/repositories/{name}", auth)).status == 401
    registry = await town.doors.bearer(town.auth["editor"], f"repository:{name}:*")
    assert (await ask(town, "GET", f"/repositories/{name}", registry)).status == 401
    assert (await ask(town, "GET", "/user", town.auth["editor"])).status == 401


async def test_history_names_an_organization_s_token(town: Town) -> None:
    name = await town.build(Visibility.PRIVATE)
    _, secret = await town.doors.app.tokens.add_organization("acme", "cleaner", TokenScope.ADMIN)
    answer = await ask(town, "DELETE", f"/repositories/{name}/tags/v1", f"Bearer {secret}")
    assert answer.status == 204, answer.body
    owner = Program(town.doors, town.auth["owner"])
    events = (await owner.get(f"/repositories/{name}/-/history?tag=v1"))["items"]
    assert [(each["action"], each["by"]) for each in events] == [("deleted", "acme:cleaner")]


@pytest.mark.parametrize("identity", IDENTITIES)
async def test_everybody_may_what_they_may_elsewhere(town: Town, identity: str) -> None:
    auth = bearer(town, identity)
    nobody, disabled = identity == "nobody", identity.startswith("disabled")
    for visibility in (Visibility.PRIVATE, Visibility.PUBLIC, None):
        actions = actions_of(identity, visibility) if visibility else set()
        name = await town.build(visibility)
        rest = name.partition("/")[2]
        hidden = 401 if disabled else 404
        for base in (f"/repositories/{name}", f"/namespaces/acme/repositories/{rest}"):
            for path in ("", "/", "/tags", "/tags/v1", "/tags/v1/images"):
                for method in ("GET", "HEAD"):
                    answer = await ask(town, method, base + path, auth)
                    assert answer.status == (200 if "pull" in actions else hidden), base + path
                assert (await ask(town, "PUT", base + path, auth)).status == 405
        refusal = hidden if "pull" not in actions else 401 if nobody else 403
        changes: list[tuple[str, str, object, int]] = [
            ("PATCH", "", {"full_description": "# Hi"}, 200),
            ("POST", "/privacy", {"is_private": visibility is Visibility.PRIVATE}, 200),
            ("DELETE", "/tags/v1", None, 204),
            ("DELETE", "", None, 202),
        ]
        for method, path, body, done in changes:
            answer = await ask(town, method, f"/repositories/{name}{path}", auth, body)
            due = done if "delete" in actions else refusal
            assert answer.status == due, (method, path, visibility, answer.body)
            if due >= 400:
                assert set(answer.json()) == {"detail", "message", "errinfo"}


async def test_lists_are_pages_in_docker_hubs_envelope(town: Town) -> None:
    auth = bearer(town, "owner")
    names = [f"acme/repo{number}" for number in range(3)]
    for name in names:
        body = {"name": name.partition("/")[2], "is_private": True}
        made = await ask(town, "POST", "/namespaces/acme/repositories", auth, body)
        assert made.status == 201
    path = "/repositories/acme?page_size=2&ordering=name"
    first: Any = (await ask(town, "GET", path, auth)).json()
    assert (first["count"], len(first["results"]), first["previous"]) == (3, 2, None)
    assert first["next"].startswith("http://hub.test/hub/v2/repositories/acme?ordering=name&page=2")
    second: Any = (
        await town.doors.ask("GET", first["next"].removeprefix("http://hub.test"), auth=auth)
    ).json()
    shown = [
        each["namespace"] + "/" + each["name"] for each in first["results"] + second["results"]
    ]
    assert sorted(shown) == sorted(names)
    assert second["next"] is None
    assert (await ask(town, "GET", f"{path}&page=3", auth)).status == 404
    assert (await ask(town, "GET", f"{path}&page=x", auth)).status == 404
    assert (await ask(town, "GET", "/repositories/acme?ordering=x", auth)).status == 400
    assert (await ask(town, "GET", "/repositories/absent", auth)).status == 404
    hidden: Any = (await ask(town, "GET", "/namespaces/acme/repositories", None)).json()
    assert (hidden["count"], hidden["results"]) == (0, [])
    for name in names:
        repository = await town.doors.app.repositories.get(RepositoryName(name))
        await town.doors.app.summaries.summarize(repository.id)
    found: Any = (await ask(town, "GET", "/search/repositories/?query=repo", auth)).json()
    assert {each["repo_name"] for each in found["results"]} == set(names)
    orgs: Any = (await ask(town, "GET", "/user/orgs/", auth)).json()
    assert [each["orgname"] for each in orgs["results"]] == ["acme"]
    assert (await ask(town, "GET", "/orgs/acme", auth)).json()["type"] == "Organization"
    assert (await ask(town, "GET", "/users/owner/", auth)).json()["username"] == "owner"
    assert (await ask(town, "GET", "/orgs/owner", auth)).status == 404
    assert (await ask(town, "GET", "/user/orgs", None)).status == 401


async def test_a_repository_is_made_described_and_read(town: Town) -> None:
    auth = bearer(town, "owner")
    body = {"name": "fresh", "description": "New", "is_private": True, "registry": "docker.io"}
    made: Any = await ask(town, "POST", "/namespaces/acme/repositories", auth, body)
    assert made.status == 201, made.body
    changed: Any = await ask(
        town, "PATCH", "/repositories/acme/fresh/", auth, {"full_description": "# Fresh"}
    )
    said = changed.json()
    assert (said["description"], said["full_description"]) == ("New", "# Fresh")
    assert (said["namespace"], said["name"], said["is_private"]) == ("acme", "fresh", True)
    assert said["permissions"] == {"read": True, "write": True, "admin": True}
    again = await ask(town, "POST", "/namespaces/acme/repositories", auth, body)
    assert again.status == 409
    assert (await ask(town, "POST", "/namespaces/acme/repositories", None, body)).status == 401
    deep = {**body, "name": "team/app"}
    assert (await ask(town, "POST", "/namespaces/acme/repositories", auth, deep)).status == 201
    assert (await ask(town, "GET", "/repositories/acme/team/app", auth)).json()[
        "name"
    ] == "team/app"


async def test_a_tag_is_shown_as_clients_read_it(town: Town) -> None:
    auth, name = bearer(town, "owner"), await town.build(Visibility.PUBLIC)
    tag: Any = (await ask(town, "GET", f"/repositories/{name}/tags/v1/", auth)).json()
    assert (tag["name"], tag["digest"], tag["tag_status"]) == ("v1", str(INDEX_DIGEST), "active")
    assert tag["content_type"] == "unrecognized"
    assert tag["tag_last_pushed"].endswith("Z")
    images = json.loads((await ask(town, "GET", f"/repositories/{name}/tags/v1/images", auth)).body)
    assert images == tag["images"]
    listed: Any = (await ask(town, "GET", f"/repositories/{name}/tags/?name=v", auth)).json()
    assert (listed["count"], listed["results"]) == (1, [tag])
    assert (await ask(town, "GET", f"/repositories/{name}/tags/v2", auth)).status == 404
    assert (await ask(town, "GET", "/nothing", auth)).status == 404
