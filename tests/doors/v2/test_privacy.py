"""A stranger cannot tell what is private from what is not there."""

from itertools import product

import pytest

from entrepot.model.repositories import Visibility
from entrepot.oci.digests import Digest
from entrepot.oci.names import RepositoryName
from tests.doors.conftest import INDEX, LAYER_DIGEST, Town
from tests.doors.doors import Answer
from tests.doors.test_matrix import ROUTES

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
HIDDEN = "-hidden-name-"


def blinded(answer: Answer, *names: str) -> tuple[int, list[tuple[str, str]], bytes]:
    """The answer but for the names in it, which are all of one length."""
    pairs, body = list(answer.pairs), answer.body
    for name in names:
        pairs = [(key, value.replace(name, HIDDEN)) for key, value in pairs]
        body = body.replace(name.encode(), HIDDEN.encode())
    return answer.status, pairs, body


def bearers(name: str) -> dict[str, tuple[str | None, tuple[str, ...]]]:
    """How a stranger may ask: with what, and with a registry token for which scopes."""
    return {
        "nobody": ("nobody", ()),
        "stranger": ("stranger", ()),
        "nobody's token": ("nobody", (f"repository:{name}:*",)),
        "stranger's token": ("stranger", (f"repository:{name}:pull,push,delete",)),
        "token for nothing": ("stranger", ("repository:other/thing:pull",)),
    }


async def ask_as(town: Town, how: str, name: str, method: str, target: str) -> Answer:
    """Ask as some stranger."""
    who, scopes = bearers(name)[how]
    assert who is not None
    auth = town.auth[who]
    if scopes and name.startswith("none/"):  # a push there is refused by the token service itself
        scopes = tuple(scope.replace("pull,push,delete", "pull") for scope in scopes)
    if scopes:
        auth = await town.doors.bearer(auth, *scopes)
    return await town.doors.ask(method, target, INDEX, auth=auth, content_type="application/json")


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("how", bearers(""))
async def test_every_answer_is_the_same(town: Town, route: str, how: str) -> None:
    """Who is signed in is told of a missing namespace: those have pages that anybody sees."""
    private = await town.build(Visibility.PRIVATE)
    absent = await town.build(None)
    nowhere = "none" + absent[4:]
    upload = await town.begin_upload(private, "owner")
    for method in METHODS:
        answers = [
            blinded(
                await ask_as(
                    town, how, name, method, ROUTES[route].format(name=name, upload=upload)
                ),
                name,
            )
            for name in (private, absent, nowhere)
        ]
        assert answers[0] == answers[1], (method, answers)
        if how.startswith("nobody"):
            assert answers[1] == answers[2], (method, answers)
        assert answers[1][0] == answers[2][0]


@pytest.mark.parametrize("who", ["nobody", "stranger"])
async def test_a_token_grants_nothing_of_either(town: Town, who: str) -> None:
    private, absent = await town.build(Visibility.PRIVATE), await town.build(None)
    documents = []
    for name in (private, absent):
        target = f"/token?service=hub.test&scope=repository:{name}:pull,push,delete"
        answer = await town.doors.ask("GET", target, auth=town.auth[who])
        documents.append({k: v for k, v in answer.json().items() if "token" not in k})
        assert answer.status == 200
    assert documents[0] == documents[1]


@pytest.mark.parametrize("credentials", ["basic", "bearer"])
async def test_a_blob_is_mounted_from_neither(town: Town, credentials: str) -> None:
    """The stranger may push to a place of their own, and asks to mount from acme's."""
    answers = []
    for name in (await town.build(Visibility.PRIVATE), await town.build(None)):
        auth = town.auth["stranger"]
        if credentials == "bearer":
            scopes = ("repository:stranger/app:pull,push", f"repository:{name}:pull")
            auth = await town.doors.bearer(auth, *scopes)
        target = f"/v2/stranger/app/blobs/uploads/?mount={LAYER_DIGEST}&from={name}"
        answer = await town.doors.ask("POST", target, auth=auth)
        upload = answer.header("docker-upload-uuid")
        assert upload
        answers.append(blinded(answer, upload))
    assert answers[0] == answers[1]
    assert answers[0][0] == 202


async def test_a_blob_that_only_private_repositories_hold_is_not_mounted_from_anywhere(
    town: Town,
) -> None:
    await town.build(Visibility.PRIVATE)
    target = f"/v2/stranger/app/blobs/uploads/?mount={LAYER_DIGEST}"
    answer = await town.doors.ask("POST", target, auth=town.auth["stranger"])
    assert answer.status == 202
    await town.build(Visibility.PUBLIC)
    answer = await town.doors.ask("POST", target, auth=town.auth["stranger"])
    assert answer.status == 201


async def test_a_blob_of_a_private_repository_is_found_in_no_other(town: Town) -> None:
    await town.build(Visibility.PRIVATE)
    await town.doors.push("stranger/app", b"mine", str(Digest.of(b"mine")), _auth(town, "stranger"))
    for method in ("GET", "HEAD", "DELETE"):
        target = f"/v2/stranger/app/blobs/{LAYER_DIGEST}"
        answer = await town.doors.ask(method, target, auth=town.auth["stranger"])
        assert answer.status == 404


async def test_the_catalog_lists_what_each_may_pull(town: Town) -> None:
    private, public = await town.build(Visibility.PRIVATE), await town.build(Visibility.PUBLIC)
    for who, names in (
        ("stranger", [public]),
        ("member", [private, public]),
        ("owner", [private, public]),
        ("admin", [private, public]),
    ):
        for auth in (
            town.auth[who],
            await town.doors.bearer(town.auth[who], "registry:catalog:*"),
        ):
            answer = await town.doors.ask("GET", "/v2/_catalog", auth=auth)
            assert answer.texts("repositories") == names, who


async def test_what_is_closed_or_revoked_is_closed_to_the_next_request(town: Town) -> None:
    """Also to credentials that were good a moment ago and are remembered."""
    app = town.doors.app
    public = await town.build(Visibility.PUBLIC)
    target = f"/v2/{public}/tags/list"
    token = await town.doors.bearer(town.auth["member"], f"repository:{public}:pull")
    ways = [(None, 401), (town.auth["stranger"], 401), (town.auth["member"], 200), (token, 200)]
    for auth, _ in ways:
        assert (await town.doors.ask("GET", target, auth=auth)).status == 200
    await app.repositories.set_visibility(RepositoryName(public), Visibility.PRIVATE)
    for auth, due in ways:
        assert (await town.doors.ask("GET", target, auth=auth)).status == due
    await app.organizations.set_member("acme", "member", None)
    for auth, _ in ways:
        assert (await town.doors.ask("GET", target, auth=auth)).status == 401


@pytest.mark.parametrize("who", ["owner", "admin"])
async def test_a_disabled_account_is_nobody_at_the_next_request(town: Town, who: str) -> None:
    name = await town.build(Visibility.PUBLIC)
    bearer = await town.doors.bearer(town.auth[who], f"repository:{name}:pull")
    targets = ("/v2/", f"/v2/{name}/tags/list")
    for auth, target in product((town.auth[who], bearer), targets):
        assert (await town.doors.ask("GET", target, auth=auth)).status == 200
    await town.doors.app.accounts.disable(who)
    for auth, target in product((town.auth[who], bearer), targets):
        assert (await town.doors.ask("GET", target, auth=auth)).status == 401


def _auth(town: Town, who: str) -> str:
    auth = town.auth[who]
    assert auth is not None
    return auth
