"""Access tokens as passwords, and how soon taking a right away is felt on every worker."""

import pytest

from tests.support.http import Answer, Client
from tests.wire.content import image
from tests.wire.hubs import Hub
from tests.wire.people import Person, basic
from tests.wire.repositories import Repository

pytestmark = pytest.mark.wire

ROUNDS = 24


def everywhere(client: Client, method: str, path: str) -> list[Answer]:
    """Answers on so many connections that every worker gave some."""
    return [client.request(method, path) for _ in range(ROUNDS)]


def pinned(client: Client, person: Person, path: str) -> list[int]:
    """The statuses that this name and password get on many connections."""
    value = basic(person.name, person.password)
    return [client.get(path, authorization=value).status for _ in range(ROUNDS)]


@pytest.fixture
def carol(hub: Hub) -> Person:
    """Somebody new, whose rights a test may take away."""
    return hub.newcomer()


def stocked(person: Person, name: str) -> Repository:
    repo = person.repository(name)
    repo.lay()
    repo.tag("latest", image())
    return repo


def holder(person: Person, secret: str) -> Person:
    """The person, with an access token in place of the password."""
    return Person(person.stranger, person.name, secret)


def test_an_access_token_stands_in_for_the_password(hub: Hub, carol: Person) -> None:
    secret, _ = hub.add_token(carol.name, "repo:write")
    repo = stocked(holder(carol, secret), f"{carol.name}/by-token")
    assert repo.list_tags() == ["latest"]
    form = carol.post(grant_type="password", username=carol.name, password=secret)
    form.expect(200)


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        ("repo:read", {"pull"}),
        ("repo:write", {"pull", "push"}),
        ("repo:admin", {"pull", "push", "delete"}),
    ],
)
def test_an_access_token_grants_no_more_than_its_scope(
    hub: Hub, carol: Person, scope: str, allowed: set[str]
) -> None:
    name = f"{carol.name}/scoped"
    stocked(carol, name)
    secret, _ = hub.add_token(carol.name, scope)
    limited = holder(carol, secret)
    assert limited.granted(f"repository:{name}:pull,push,delete") == {name: allowed}
    repo = limited.repository(name)
    repo.client.get(repo.manifest("latest")).expect(200)
    repo.client.post(repo.uploads).expect(202 if "push" in allowed else 401)
    value = basic(carol.name, secret)
    answer = carol.stranger.post(repo.uploads, authorization=value)
    answer.expect(202 if "push" in allowed else 401)
    answer = repo.client.delete(repo.manifest("latest"))
    answer.expect(202 if "delete" in allowed else 401)


def test_an_access_token_opens_no_other_account(hub: Hub, carol: Person, alice: Person) -> None:
    secret, _ = hub.add_token(carol.name, "repo:admin")
    Person(carol.stranger, alice.name, secret).ask().expect(401)


@pytest.mark.parametrize("change", [lambda s: s[:-1], lambda s: s + "0", lambda s: s.swapcase()])
def test_an_access_token_that_is_not_whole_is_refused(
    hub: Hub, carol: Person, change: "object"
) -> None:
    secret, _ = hub.add_token(carol.name, "repo:read")
    assert callable(change)
    holder(carol, change(secret)).ask().expect(401)


def test_a_revoked_access_token_stops_at_once_everywhere(hub: Hub, carol: Person) -> None:
    name = f"{carol.name}/revoked"
    stocked(carol, name)
    secret, number = hub.add_token(carol.name, "repo:admin")
    limited = holder(carol, secret)
    repo = limited.repository(name)
    path = repo.tags()
    assert pinned(carol.stranger, limited, path) == [200] * ROUNDS
    assert [answer.status for answer in everywhere(repo.client, "GET", path)] == [200] * ROUNDS
    hub.cli("token", "revoke", number)
    assert pinned(carol.stranger, limited, path) == [401] * ROUNDS
    assert {limited.ask().status for _ in range(ROUNDS)} == {401}
    assert [answer.status for answer in everywhere(repo.client, "GET", path)] == [401] * ROUNDS
    mine = carol.repository(name)
    mine.client.get(path).expect(200)


def test_a_disabled_account_stops_at_once_everywhere(hub: Hub, carol: Person) -> None:
    repo = stocked(carol, f"{carol.name}/disabled")
    secret, _ = hub.add_token(carol.name, "repo:read")
    assert pinned(carol.stranger, carol, repo.tags()) == [200] * ROUNDS
    hub.cli("user", "disable", carol.name)
    assert pinned(carol.stranger, carol, repo.tags()) == [401] * ROUNDS
    assert {carol.ask().status for _ in range(ROUNDS)} == {401}
    assert {holder(carol, secret).ask().status for _ in range(ROUNDS)} == {401}
    for method in ("GET", "HEAD"):
        statuses = {answer.status for answer in everywhere(repo.client, method, repo.tags())}
        assert statuses == {401}
    hub.cli("user", "enable", carol.name)
    carol.repository(repo.name).client.get(repo.tags()).expect(200)


def test_a_changed_password_ends_the_old_one_everywhere(hub: Hub, carol: Person) -> None:
    repo = stocked(carol, f"{carol.name}/password")
    assert pinned(carol.stranger, carol, repo.tags()) == [200] * ROUNDS
    fresh = "another long password of " + carol.name
    hub.cli("user", "password", carol.name, "--password-stdin", stdin=fresh)
    assert pinned(carol.stranger, carol, repo.tags()) == [401] * ROUNDS
    assert {carol.ask().status for _ in range(ROUNDS)} == {401}
    changed = Person(carol.stranger, carol.name, fresh)
    assert pinned(carol.stranger, changed, repo.tags()) == [200] * ROUNDS


def test_a_repository_made_private_is_gone_for_strangers_at_once(
    hub: Hub, carol: Person, stranger: Person
) -> None:
    repo = stocked(carol, f"{carol.name}/open")
    hub.cli("repo", "visibility", repo.name, "public")
    theirs = stranger.repository(repo.name)
    assert {answer.status for answer in everywhere(theirs.client, "GET", repo.tags())} == {200}
    hub.cli("repo", "visibility", repo.name, "private")
    assert {answer.status for answer in everywhere(theirs.client, "GET", repo.tags())} == {401}


def test_a_member_who_is_removed_can_no_longer_push(hub: Hub, carol: Person) -> None:
    org = f"org-{carol.name}"
    hub.cli("org", "add", org, "--owner", "alice")
    carol.repository(f"{org}/app").client.post(f"/v2/{org}/app/blobs/uploads/").expect(401)
    hub.cli("org", "member", org, carol.name, "--role", "editor")
    repo = stocked(carol, f"{org}/app")
    hub.cli("org", "member", org, carol.name, "--role", "member")
    answers = everywhere(repo.client, "POST", repo.uploads)
    assert {answer.status for answer in answers} == {401}


def test_a_long_password_is_never_cut(hub: Hub) -> None:
    long = "a long password " * 6
    carol = hub.newcomer(password=long)
    carol.ask().expect(200)
    Person(carol.stranger, carol.name, long[:-1]).ask().expect(401)
    Person(carol.stranger, carol.name, long[:72]).ask().expect(401)
