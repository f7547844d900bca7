"""`/token`, as docker, podman and oras ask for it."""

import base64
from urllib.parse import urlencode

import pytest

from entrepot.model.repositories import Visibility
from tests.doors.conftest import Town
from tests.doors.doors import Answer
from tests.wire.content import digest_of

FORM = "application/x-www-form-urlencoded"


async def post(town: Town, content_type: str = FORM, **fields: str) -> Answer:
    """Ask as an OAuth2 client does."""
    body = urlencode(fields).encode()
    return await town.doors.ask("POST", "/token", body, content_type=content_type)


def secret_of(town: Town, who: str) -> str:
    """The token of somebody, as they would paste it."""
    auth = town.auth[who]
    assert auth is not None
    return base64.b64decode(auth.partition(" ")[2]).decode().partition(":")[2]


async def opens(town: Town, token: object, name: str) -> bool:
    """Say whether a registry token opens a repository to its bearer."""
    answer = await town.doors.ask("GET", f"/v2/{name}/tags/list", auth=f"Bearer {token}")
    return answer.status == 200


async def test_a_token_has_both_its_names_and_a_lifetime(town: Town) -> None:
    answer = await town.doors.ask("GET", "/token", auth=town.auth["owner"])
    document = answer.json()
    assert document["token"] == document["access_token"]
    assert document["expires_in"] == 300
    assert answer.header("cache-control") == "no-store"
    assert "refresh_token" not in document


async def test_a_refresh_token_is_given_only_when_asked_for(town: Town) -> None:
    target = "/token?offline_token=true&client_id=docker"
    document = (await town.doors.ask("GET", target, auth=town.auth["owner"])).json()
    assert str(document["refresh_token"]).startswith("etp_rft")
    assert "refresh_token" not in (await town.doors.ask("GET", target)).json()


async def test_a_password_grant_opens_what_it_asks_for(town: Town) -> None:
    name = await town.build(Visibility.PRIVATE)
    fields = {"username": "owner", "password": secret_of(town, "owner")}
    scope = f"repository:{name}:pull,push repository:other/thing:pull"
    answer = await post(town, grant_type="password", scope=scope, **fields)
    document = answer.json()
    assert document["scope"] == f"repository:{name}:pull,push"
    assert "refresh_token" not in document
    assert await opens(town, document["access_token"], name)


async def test_a_refresh_grant_goes_on_without_the_password(town: Town) -> None:
    name = await town.build(Visibility.PRIVATE)
    first = await post(
        town,
        grant_type="password",
        username="member",
        password=secret_of(town, "member repo:read"),
        access_type="offline",
        client_id="docker",
    )
    refresh = str(first.json()["refresh_token"])
    scope = f"repository:{name}:pull,push"
    again = await post(town, grant_type="refresh_token", refresh_token=refresh, scope=scope)
    assert again.json()["scope"] == f"repository:{name}:pull"
    assert again.json()["refresh_token"] == refresh
    assert await opens(town, again.json()["access_token"], name)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 400),
        ({"grant_type": "client_credentials"}, 400),
        ({"grant_type": "password"}, 401),
        ({"grant_type": "password", "username": "owner", "password": "wrong"}, 401),
        ({"grant_type": "password", "username": "o\0wner", "password": "x\0"}, 401),
        ({"grant_type": "refresh_token"}, 401),
        ({"grant_type": "refresh_token", "refresh_token": "etp_rft" + "0" * 36}, 401),
        ({"grant_type": "password", "username": "owner", "password": "x" * 70_000}, 413),
    ],
)
async def test_other_grants_are_refused(town: Town, fields: dict[str, str], status: int) -> None:
    assert (await post(town, **fields)).status == status


@pytest.mark.parametrize("content_type", ["application/json", "", "text/plain"])
async def test_a_form_is_a_form(town: Town, content_type: str) -> None:
    answer = await post(town, content_type, grant_type="password")
    assert answer.status == 400


@pytest.mark.parametrize(
    "scope",
    [
        *("", ":", "::", "repository", "repository:", "repository::pull", "repository:UP:pull"),
        *("other:acme/x:pull", "repository:acme/x", "repository:acme/x:", "repository:acme/x:fly"),
        *("registry:catalog:pull", "registry:other:*", "x" * 5000, "repository:acme/x:pull:x"),
    ],
)
async def test_a_scope_that_means_nothing_is_left_out(town: Town, scope: str) -> None:
    name = await town.build(Visibility.PRIVATE)
    answer = await town.doors.ask(
        "GET",
        "/token?" + urlencode({"scope": f"{scope} repository:{name}:pull"}),
        auth=town.auth["owner"],
    )
    assert answer.status == 200
    assert await opens(town, answer.json()["token"], name)


@pytest.mark.parametrize("joined", [True, False])
async def test_several_scopes_come_in_one_parameter_or_in_several(town: Town, joined: bool) -> None:
    names = [await town.build(Visibility.PRIVATE) for _ in range(3)]
    scopes = [f"repository(plugin):{name}:*" for name in names]
    query = [("scope", " ".join(scopes))] if joined else [("scope", each) for each in scopes]
    target = "/token?" + urlencode(query)
    token = (await town.doors.ask("GET", target, auth=town.auth["owner"])).json()["token"]
    assert all([await opens(town, token, name) for name in names])


async def test_a_blob_is_mounted_by_a_token_that_lists_both_sides(town: Town) -> None:
    source, target = await town.build(Visibility.PRIVATE), await town.build(None)
    layer = digest_of(b"a layer")
    path = f"/v2/{target}/blobs/uploads/?mount={layer}&from={source}"
    push = f"repository:{target}:pull,push"
    alone = await town.doors.bearer(town.auth["owner"], push)
    assert (await town.doors.ask("POST", path, auth=alone)).status == 202
    both = await town.doors.bearer(town.auth["owner"], push, f"repository:{source}:pull")
    assert (await town.doors.ask("POST", path, auth=both)).status == 201
