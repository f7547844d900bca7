"""What holds for every call of the API: who asks, what is malformed, how errors look."""

import base64

import pytest

from entrepot.model.people.tokens import TokenScope
from entrepot.model.repositories import Visibility
from tests.doors.conftest import Open, Town
from tests.doors.doors import Doors
from tests.doors.programs import PREFIX, Program


def secret_of(auth: str | None) -> str:
    """The secret in Basic credentials."""
    assert auth is not None
    return base64.b64decode(auth.removeprefix("Basic ")).decode().partition(":")[2]


async def test_a_token_is_a_name_with_it_or_a_bearer(town: Town) -> None:
    bearer = f"Bearer {secret_of(town.auth['owner'])}"
    for auth in (town.auth["owner"], bearer):
        me = await Program(town.doors, auth).get("/me")
        assert me["name"] == "owner"
        assert me["actions"] == ["delete", "pull", "push"]


async def test_the_registry_takes_a_token_as_a_bearer_too(town: Town) -> None:
    name = await town.build(Visibility.PRIVATE)
    due = {f"member {TokenScope.READ}": 200, f"stranger {TokenScope.ADMIN}": 401}
    for who, status in due.items():
        bearer = f"Bearer {secret_of(town.auth[who])}"
        answer = await town.doors.ask("GET", f"/v2/{name}/tags/list", auth=bearer)
        assert answer.status == status


async def test_a_limited_token_says_so(town: Town) -> None:
    me = await Program(town.doors, town.auth[f"owner {TokenScope.READ}"]).get("/me")
    assert me["actions"] == ["pull"]


async def test_a_password_is_enough(doors: Doors) -> None:
    await doors.app.accounts.add("alice", "the long password")
    auth = "Basic " + base64.b64encode(b"alice:the long password").decode()
    assert (await Program(doors, auth).get("/me"))["name"] == "alice"


@pytest.mark.parametrize(
    "auth",
    [
        "Bearer nonsense",
        "Bearer etp_pat" + "0" * 36,
        "Basic nonsense",
        "Basic " + base64.b64encode(b"owner:wrong password").decode(),
        "Digest username=owner",
    ],
)
async def test_wrong_credentials_open_not_even_what_is_public(town: Town, auth: str) -> None:
    name = await town.build(Visibility.PUBLIC)
    nobody, wrong = Program(town.doors), Program(town.doors, auth)
    paths = [f"/repositories/{name}", "/search", "/openapi.json", "/me"]
    asked = [("GET", each) for each in paths]
    assert await nobody.statuses(*asked) == [200, 200, 200, 401]
    assert await wrong.statuses(*asked) == [401] * 4


async def test_a_revoked_token_opens_nothing(town: Town) -> None:
    account = town.people["owner"]
    owner = Program(town.doors, town.auth["owner"])
    for each in await town.doors.app.tokens.list_of(account):
        await town.doors.app.tokens.revoke(each.id)
    assert await owner.statuses(("GET", "/me")) == [401]


async def test_a_registry_token_is_for_the_registry_alone(town: Town) -> None:
    name = await town.build(Visibility.PRIVATE)
    bearer = await town.doors.bearer(town.auth["owner"], f"repository:{name}:pull")
    answer = await Program(town.doors, bearer).ask("GET", f"/repositories/{name}")
    assert answer.status == 401
    assert 'error="invalid_token"' in answer.headers("www-authenticate")[1]


async def test_cookies_are_never_read(town: Town) -> None:
    account = town.people["owner"]
    secret = await town.doors.app.sessions.begin(account, address="", client="")
    cookie = f"entrepot_session={secret}; __Host-entrepot_session={secret}"
    answer = await Program(town.doors).ask("GET", "/me", cookie=cookie)
    assert answer.status == 401


async def test_what_is_not_in_the_table_is_not_there(doors: Doors) -> None:
    nobody = Program(doors)
    missing = ["/", "/nothing", "/repositories/", "/repositories/UPPER", "/me/", "//me"]
    assert await nobody.statuses(*(("GET", each) for each in missing)) == [404] * len(missing)
    answer = await doors.ask("GET", "/api/v2/me")
    assert answer.status == 404
    assert answer.header("content-type") == "application/problem+json"


async def test_another_method_is_told_which_there_are(doors: Doors) -> None:
    nobody = Program(doors)
    answer = await nobody.ask("PATCH", "/repositories")
    assert (answer.status, answer.header("allow")) == (405, "GET, POST, HEAD")
    # What is behind `/-/` is no part of a name.
    answer = await nobody.ask("DELETE", "/repositories/acme/app/-/tags")
    assert (answer.status, answer.header("allow")) == (405, "GET, HEAD")


async def test_a_head_is_a_get_without_its_body(doors: Doors) -> None:
    nobody = Program(doors)
    head, get = await nobody.ask("HEAD", "/search"), await nobody.ask("GET", "/search")
    assert (head.status, head.body) == (200, b"")
    assert head.header("content-length") == get.header("content-length")


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        (b"", "application/json", 400, "invalid"),
        (b"{", "application/json", 400, "invalid"),
        (b"[]", "application/json", 400, "invalid"),
        (b'{"name": "owner/x", "nmae": "y"}', "application/json", 400, "invalid"),
        (b'{"name": 1}', "application/json", 400, "invalid"),
        (b'{"name": "UPPER"}', "application/json", 400, "invalid"),
        (b'{"name": "owner/x\\ud800"}', "application/json", 400, "invalid"),
        (b'{"name": "owner/\xff"}', "application/json", 400, "invalid"),
        (b"[" * 100_000, "application/json", 400, "invalid"),
        (b'{"name": "owner/x"}', "text/plain", 415, "unsupported_form"),
        (b"name=owner", "application/x-www-form-urlencoded", 415, "unsupported_form"),
        (b" " * 600_000, "application/json", 413, "too_large"),
    ],
)
async def test_a_body_that_is_not_what_the_document_says_is_refused(
    town: Town, content: bytes, kind: str, status: int, code: str
) -> None:
    target = f"{PREFIX}/repositories"
    answer = await town.doors.ask(
        "POST", target, content, auth=town.auth["owner"], content_type=kind
    )
    assert (answer.status, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=101", "limit=x", "after=%20", "after=zz", "lmit=1", "limit=1&limit=2"],
)
async def test_a_parameter_that_is_not_known_is_refused(doors: Doors, query: str) -> None:
    answer = await Program(doors).ask("GET", f"/repositories?{query}")
    assert answer.status == 400


async def test_a_bug_is_a_problem_with_the_id_to_look_for(
    doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr(doors.app.search, "find", fail)
    answer = await doors.ask("GET", f"{PREFIX}/search")
    assert (answer.status, answer.header("content-type")) == (500, "application/problem+json")
    assert answer.json()["request"] == "0123456789"
    assert b"secret" not in answer.body


async def test_an_open_hub_lets_everybody_do_everything_but_administer(open_doors: Open) -> None:
    nobody = Program(open_doors(open=True))
    assert await nobody.statuses(("GET", "/admin/users"), ("GET", "/me")) == [401, 401]
