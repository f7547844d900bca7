"""A push to where nothing can be says so, to those who are signed in."""

import json
from urllib.parse import urlencode

import pytest

from entrepot.model.repositories import Visibility
from tests.doors.conftest import Town
from tests.doors.doors import Answer

NAMES = {
    "nowhere/app": (
        'namespace "nowhere" does not exist: create it at http://hub.test/new/organisation'
    ),
    "nowhere/deep/app": (
        'namespace "nowhere" does not exist: create it at http://hub.test/new/organisation'
    ),
    "busybox": '"busybox" has no namespace: push it as stranger/busybox',
}
PUSHES = (
    ("POST", "blobs/uploads/"),
    ("PUT", "manifests/v1"),
    ("HEAD", "manifests/v1"),
    ("HEAD", f"blobs/sha256:{'0' * 64}"),
)
DENIED = "the requested access to the resource is denied"


async def ask_token(town: Town, who: str, name: str, actions: str = "pull,push") -> Answer:
    """Ask for a token for one repository."""
    query = urlencode({"service": "hub.test", "scope": f"repository:{name}:{actions}"})
    return await town.doors.ask("GET", f"/token?{query}", auth=town.auth[who])


def message_of(answer: Answer) -> str:
    """The message of its only error."""
    (error,) = json.loads(answer.body)["errors"]
    return str(error["message"])


@pytest.mark.parametrize("name", NAMES)
async def test_a_push_to_a_missing_namespace_says_why(town: Town, name: str) -> None:
    for method, path in PUSHES:
        auth = town.auth["stranger"]
        answer = await town.doors.ask(method, f"/v2/{name}/{path}", b"{}", auth=auth)
        assert answer.status == 401
        challenge = answer.header("www-authenticate") or ""
        quoted = NAMES[name].replace('"', "'")
        assert challenge.endswith(f'error="insufficient_scope",error_description="{quoted}"')
        if method != "HEAD":
            assert message_of(answer) == NAMES[name]


@pytest.mark.parametrize("name", NAMES)
async def test_the_token_service_says_why_a_push_cannot_be(town: Town, name: str) -> None:
    answer = await ask_token(town, "stranger", name)
    assert (answer.status, message_of(answer)) == (403, NAMES[name])
    assert answer.header("www-authenticate") is None
    scope = f"repository:{name}:push repository:stranger/app:pull,push"
    body = urlencode({"grant_type": "refresh_token", "refresh_token": "x", "scope": scope}).encode()
    assert (await town.doors.ask("POST", "/token", body)).status in (400, 401)


async def test_a_token_for_something_else_too_is_given(town: Town) -> None:
    scope = "repository:nowhere/app:pull,push repository:stranger/app:pull,push"
    answer = await town.doors.ask(
        "GET", "/token?" + urlencode({"scope": scope}), auth=town.auth["stranger"]
    )
    assert answer.status == 200
    assert (await ask_token(town, "stranger", "nowhere/app", "pull")).status == 200


@pytest.mark.parametrize("visibility", [None, Visibility.PRIVATE, Visibility.PUBLIC])
async def test_nothing_is_said_of_repositories_in_namespaces_that_exist(
    town: Town, visibility: Visibility | None
) -> None:
    name = await town.build(visibility)
    assert (await ask_token(town, "stranger", name)).status == 200
    for method, path in PUSHES[:2]:
        auth = town.auth["stranger"]
        answer = await town.doors.ask(method, f"/v2/{name}/{path}", b"{}", auth=auth)
        assert (answer.status, message_of(answer)) == (401, DENIED)
        assert "error_description" not in (answer.header("www-authenticate") or "")


@pytest.mark.parametrize("name", NAMES)
async def test_nobody_without_a_name_is_told_what_is_missing(town: Town, name: str) -> None:
    answer = await ask_token(town, "nobody", name)
    assert answer.status == 200
    for auth in (None, f"Bearer {answer.json()['token']}"):
        for method, path in PUSHES[:2]:
            answer = await town.doors.ask(method, f"/v2/{name}/{path}", b"{}", auth=auth)
            assert answer.status == 401
            assert message_of(answer) in (DENIED, "authentication is required")
