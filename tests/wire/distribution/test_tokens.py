"""The token service: what it grants, to whom, and in which words."""

from urllib.parse import urlencode

import pytest

from tests.support.http import Client
from tests.wire.content import image
from tests.wire.people import Person, access, bearing

pytestmark = pytest.mark.wire


def test_a_token_is_answered_in_the_words_of_every_client(alice: Person) -> None:
    answer = alice.ask("repository:alice/words:pull,push").expect(200)
    body = answer.object()
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert body["token"] == body["access_token"]
    assert isinstance(body["expires_in"], int)
    assert 60 <= body["expires_in"] <= 300
    assert "refresh_token" not in body
    assert len(answer.body) < 8192


def test_a_login_asks_for_no_scope(alice: Person) -> None:
    body = alice.ask(account="alice", client_id="docker", offline_token="true").expect(200)
    assert access(str(body.object()["token"])) == []


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_wrong_credentials_never_get_a_token(guarded: Client, alice: Person, method: str) -> None:
    for name, password in (("alice", "wrong"), ("nobody", "wrong"), ("alice", "")):
        person = Person(guarded, name, password)
        if method == "GET":
            answer = person.ask("repository:alice/words:pull")
        else:
            answer = person.post(grant_type="password", username=name, password=password)
        assert answer.expect(401).body
        assert b"token" not in answer.body


def test_an_unknown_name_and_a_wrong_password_look_alike(guarded: Client, alice: Person) -> None:
    known = Person(guarded, "alice", "wrong password").ask()
    unknown = Person(guarded, "nobody", "wrong password").ask()
    assert (known.status, known.body) == (unknown.status, unknown.body)
    assert known.headers.names() == unknown.headers.names()


@pytest.mark.parametrize("value", [None, "Basic Og=="])
def test_a_stranger_gets_a_token_for_public_pulls_alone(
    guarded: Client, public: str, private: str, value: str | None
) -> None:
    target = f"/token?service=x&scope=repository:{public}:pull,push&scope=repository:{private}:pull"
    headers = {} if value is None else {"Authorization": value}
    token = str(guarded.request("GET", target, headers=headers).expect(200).object()["token"])
    granted = [entry for entry in access(token) if entry["actions"]]
    assert granted == [{"type": "repository", "name": public, "actions": ["pull"]}]


def test_less_than_asked_is_no_error(alice: Person, bob: Person, private: str) -> None:
    assert alice.granted(f"repository:{private}:pull,push") == {private: {"pull", "push"}}
    assert bob.granted(f"repository:{private}:pull,push") == {}


@pytest.mark.parametrize(
    "scope",
    [
        "repository:alice/g:push,pull",
        "repository(plugin):alice/g:pull,push",
        "repository:alice/g:pull,push repository:alice/h:pull",
        "repository:alice/g:pull,push,pull,push",
    ],
)
def test_scopes_come_in_many_forms(alice: Person, scope: str) -> None:
    assert alice.granted(scope)["alice/g"] == {"pull", "push"}


def test_a_star_is_everything_the_person_has(alice: Person) -> None:
    assert alice.granted("repository:alice/g:*")["alice/g"] >= {"pull", "push", "delete"}


def test_scopes_may_be_repeated_and_listed(alice: Person) -> None:
    both = "repository:alice/a:pull repository:alice/b:pull"
    granted = alice.granted(both, "repository:alice/c:pull")
    assert granted == {f"alice/{name}": {"pull"} for name in "abc"}


@pytest.mark.parametrize(
    "scope",
    [
        "",
        " ",
        "nonsense",
        "repository",
        "repository:",
        "repository::pull",
        "repository:alice/g",
        "repository:alice/g:",
        "repository:UPPER/g:pull",
        "repository:../alice/g:pull",
        "repository:alice/g:fly",
        "planet:mars:pull",
        ":::::",
        "repository:" + "a" * 5000 + ":pull",
        "repository:alice/g\x00:pull",
        "registry:catalog:drop",
        "repository(((:alice/g:pull",
    ],
)
def test_a_scope_that_is_none_is_dropped(alice: Person, scope: str) -> None:
    granted = alice.granted(scope, "repository:alice/kept:pull")
    assert granted == {"alice/kept": {"pull"}}


def test_a_thousand_scopes_make_a_small_answer_or_none(alice: Person) -> None:
    answer = alice.ask(" ".join(f"repository:alice/s{n}:pull,push" for n in range(1000)))
    assert answer.status in {200, 400, 414, 431}
    assert len(answer.body) < 65_536


def test_an_offline_token_is_exchanged_for_tokens(alice: Person) -> None:
    refresh = _refresh_token(alice)
    scope = "repository:alice/offline:pull,push"
    answer = alice.post(grant_type="refresh_token", refresh_token=refresh, scope=scope)
    body = answer.expect(200).object()
    assert body["refresh_token"] == refresh
    assert isinstance(body["expires_in"], int)
    client = bearing(alice.stranger, str(body["access_token"]))
    client.post("/v2/alice/offline/blobs/uploads/").expect(202)


def _refresh_token(person: Person) -> str:
    """A refresh token, when the hub gives any; not giving one is allowed."""
    body = person.ask(offline_token="true").expect(200).object()
    if "refresh_token" not in body:
        pytest.skip("this hub gives no refresh tokens, which is allowed")
    return str(body["refresh_token"])


@pytest.mark.parametrize("refresh", ["", "x", "a.b.c", "\u00e9", "x" * 10_000])
def test_a_refresh_token_that_is_none_is_refused(alice: Person, refresh: str) -> None:
    alice.post(grant_type="refresh_token", refresh_token=refresh).expect(400, 401)


def test_an_access_token_is_no_refresh_token(alice: Person) -> None:
    answer = alice.post(grant_type="refresh_token", refresh_token=alice.token())
    answer.expect(400, 401)


def test_a_refresh_token_is_no_access_token(alice: Person) -> None:
    bearing(alice.stranger, _refresh_token(alice)).get("/v2/").expect(401)


def test_the_password_grant_gives_a_token(alice: Person) -> None:
    answer = alice.post(
        grant_type="password",
        username=alice.name,
        password=alice.password,
        service="x",
        client_id="containerd",
        scope="repository:alice/one:pull,push repository:alice/two:pull",
    ).expect(200)
    body = answer.object()
    assert isinstance(body["expires_in"], int)
    assert isinstance(body["scope"], str)
    assert "refresh_token" not in body
    client = bearing(alice.stranger, str(body["access_token"]))
    client.post("/v2/alice/one/blobs/uploads/").expect(202)
    client.post("/v2/alice/two/blobs/uploads/").expect(401)


def test_scopes_may_be_repeated_in_a_form(alice: Person) -> None:
    form = (
        f"grant_type=password&username={alice.name}&password={alice.password}"
        "&scope=repository%3Aalice%2Fr%3Apull&scope=repository%3Aalice%2Fs%3Apull"
    )
    kind = "application/x-www-form-urlencoded"
    answer = alice.stranger.post("/token", form.encode(), content_type=kind).expect(200)
    names = {entry["name"] for entry in access(str(answer.object()["access_token"]))}
    assert names == {"alice/r", "alice/s"}


@pytest.mark.parametrize(
    "form",
    [
        b"",
        b"x",
        b"grant_type=nonsense",
        b"grant_type=password",
        b"grant_type=password&username=alice",
        b"grant_type=refresh_token",
        b"\xff\xfe=\xff",
        b"%zz=%",
        b"grant_type=password&" * 2000,
        b'{"grant_type": "password"}',
        b"x" * 500_000,
    ],
    ids=range(11),
)
def test_a_form_that_is_none_is_refused(alice: Person, form: bytes) -> None:
    kind = "application/x-www-form-urlencoded"
    alice.stranger.post("/token", form, content_type=kind).expect(400, 401, 413)


def test_a_password_in_the_query_is_no_password(alice: Person) -> None:
    query = urlencode(
        {"grant_type": "password", "username": alice.name, "password": alice.password}
    )
    alice.stranger.post(f"/token?{query}").expect(400, 401)
    answer = alice.stranger.get(f"/token?{query}&scope=repository:alice/g:push").expect(200)
    assert [e for e in access(str(answer.object()["token"])) if e["actions"]] == []


def test_a_push_with_a_token_makes_the_repository(alice: Person) -> None:
    repo = alice.repository("alice/made-by-push")
    repo.lay()
    repo.tag("latest", image())
    assert repo.list_tags() == ["latest"]


def test_nobody_pushes_into_anothers_namespace(bob: Person) -> None:
    repo = bob.repository("alice/not-yours")
    repo.client.post(repo.uploads).refused(401, "UNAUTHORIZED")
    repo.put("latest", image()).refused(401, "UNAUTHORIZED")


def test_names_of_one_component_belong_to_administrators(admin: Person, alice: Person) -> None:
    alice.ask("repository:oneword:pull,push").refused(403, "DENIED")
    refused = alice.repository("oneword", "pull")
    refused.client.post(refused.uploads).expect(401)
    repo = admin.repository("oneword")
    repo.lay()
    repo.tag("latest", image())


def test_the_catalog_shows_what_its_reader_may_pull(
    alice: Person, bob: Person, public: str, private: str
) -> None:
    for person, wanted in ((alice, {public, private}), (bob, {public})):
        answer = person.with_token("registry:catalog:*").get("/v2/_catalog").expect(200)
        assert {public, private} & set(answer.texts("repositories")) == wanted
