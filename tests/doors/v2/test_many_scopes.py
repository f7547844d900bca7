"""One token for very many repositories."""

import base64
import json
from urllib.parse import urlencode

import pytest

from entrepot.v2.tokens import MAX_SCOPES
from tests.doors.conftest import Town
from tests.doors.doors import Answer

HEADER_LINE = 8192
"""Bytes of a header line that nginx, Granian and others take."""


def names(count: int, length: int) -> list[str]:
    """Names of acme's that have so many characters."""
    return [f"acme/{number:04}-".ljust(length - 1, "x") + "z" for number in range(count)]


async def ask(town: Town, form: str, scopes: list[str], who: str = "owner") -> Answer:
    """Ask for these scopes, by GET or POST, in one parameter or in one each."""
    pairs = [("scope", scope) for scope in scopes]
    if form.endswith("joined"):
        pairs = [("scope", " ".join(scopes))]
    if form.startswith("get"):
        return await town.doors.ask("GET", "/token?" + urlencode(pairs), auth=town.auth[who])
    secret = base64.b64decode((town.auth[who] or "").partition(" ")[2]).decode().partition(":")[2]
    pairs += [("grant_type", "password"), ("username", who), ("password", secret)]
    kind = "application/x-www-form-urlencoded"
    return await town.doors.ask("POST", "/token", urlencode(pairs).encode(), content_type=kind)


async def status(town: Town, token: object, method: str, name: str) -> int:
    """The status of a first step of a push (POST), or of a pull (GET) or deletion."""
    path = "blobs/uploads/" if method == "POST" else "tags/list"
    path = "manifests/v1" if method == "DELETE" else path
    answer = await town.doors.ask(method, f"/v2/{name}/{path}", auth=f"Bearer {token}")
    return answer.status


@pytest.mark.parametrize("form", ["get", "get joined", "post", "post joined"])
@pytest.mark.parametrize(
    ("count", "length"), [(1, 9), (100, 12), (101, 60), (201, 60), (300, 30), (MAX_SCOPES, 120)]
)
async def test_every_repository_that_a_token_was_asked_for_is_opened(
    town: Town, form: str, count: int, length: int
) -> None:
    asked = names(count, length)
    answer = await ask(town, form, [f"repository:{name}:pull,push" for name in asked])
    assert answer.status == 200, answer.body[:300]
    token = str(answer.json()["token"])
    assert len(f"authorization: Bearer {token}\r\n") < HEADER_LINE
    for name in {asked[0], asked[count // 2], asked[-1]}:
        assert await status(town, token, "POST", name) == 202
        assert await status(town, token, "DELETE", name) == 401
    assert await status(town, token, "POST", "acme/not-asked-for") == 401


async def test_marks_keep_what_each_repository_was_asked_for(town: Town) -> None:
    pulled, pushed = names(200, 40)[:100], names(200, 40)[100:]
    scopes = [f"repository:{name}:pull" for name in pulled]
    scopes += [f"repository:{name}:push" for name in pushed] + ["registry:catalog:*"]
    token = (await ask(town, "get", scopes)).json()["token"]
    assert await status(town, token, "POST", pulled[7]) == 401
    assert await status(town, token, "POST", pushed[7]) == 202
    assert await status(town, token, "GET", pushed[7]) == 401
    catalog = await town.doors.ask("GET", "/v2/_catalog", auth=f"Bearer {token}")
    assert catalog.status == 200


async def test_a_token_of_marks_is_never_more_than_its_account_may(town: Town) -> None:
    scopes = [f"repository:{name}:*" for name in names(200, 40)]
    token = (await ask(town, "get", scopes, "member")).json()["token"]
    assert await status(town, token, "POST", names(200, 40)[3]) == 401
    claims = json.loads(base64.urlsafe_b64decode(str(token).split(".")[1] + "=="))
    assert set(claims["marks"]) == {"pull"}
    stranger = await ask(town, "get", scopes, "stranger")
    assert stranger.json()["token"]
    assert await status(town, stranger.json()["token"], "GET", names(200, 40)[3]) == 401


@pytest.mark.parametrize("form", ["get", "get joined", "post", "post joined"])
async def test_more_scopes_than_a_token_lists_are_refused_with_the_number(
    town: Town, form: str
) -> None:
    scopes = [f"repository:{name}:pull" for name in names(MAX_SCOPES + 1, 30)]
    answer = await ask(town, form, scopes)
    assert answer.status == 400
    message = json.loads(answer.body)["errors"][0]["message"]
    assert f"{MAX_SCOPES + 1} scopes" in message
    assert f"at most {MAX_SCOPES}" in message


async def test_a_scope_that_is_repeated_counts_once(town: Town) -> None:
    answer = await ask(town, "get", ["repository:acme/app:pull"] * 900)
    assert answer.status == 200
    too_many = await ask(town, "get", ["repository:acme/app:pull"] * 1100)
    assert too_many.status == 400
    assert "at most 1000 parameters" in too_many.body.decode()
