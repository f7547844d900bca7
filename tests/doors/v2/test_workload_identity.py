"""Jobs sign in with their ID tokens: for how long, by which name, and what ends it."""

import base64
import json
from datetime import timedelta

import pytest

from entrepot.hub.events.audit import Audited
from entrepot.hub.identity.secrets import looks_like_secret
from entrepot.hub.people.actors import OPERATOR, actor_of
from entrepot.hub.workloads.trust_conditions import parse_condition
from entrepot.hub.workloads.trusts import TrustRules
from entrepot.model.audit import AuditQuery
from entrepot.model.people.tokens import TokenScope
from entrepot.model.people.workloads import IssuerKind
from entrepot.model.repositories import Visibility
from tests.doors.conftest import INDEX_DIGEST, LAYER, LAYER_DIGEST, Town
from tests.doors.doors import basic
from tests.doors.jobs import Ci, ci, provider
from tests.metadata.clocks import START
from tests.support.identity_provider import serving
from tests.support.job_tokens import GITHUB, GITLAB, KUBERNETES, job_token

__all__ = ["ci", "provider"]

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"

pytestmark = pytest.mark.usefixtures("town")


async def test_an_id_token_is_a_password_for_whatever_user_name(ci: Ci, town: Town) -> None:
    name = await town.build(Visibility.PRIVATE)
    await ci.trust("main")
    for user in ("acme", "anything", "acme/main", "$oauthtoken"):
        auth = basic(user, ci.token())
        bearer = await ci.doors.bearer(auth, f"repository:{name}:pull,push")
        assert (await ci.put(f"/v2/{name}/manifests/v2", bearer)).status == 201
        # Basic credentials are taken by the registry and by the API too.
        target = f"/v2/{name}/manifests/{INDEX_DIGEST}"
        assert (await ci.doors.ask("GET", target, auth=auth)).status == 200
        answer = await ci.doors.ask("GET", f"/api/v1/repositories/{name}/-/tags", auth=auth)
        assert answer.status == 200
    answer = await ci.doors.ask("GET", "/token", auth=basic("acme/other", ci.token()))
    assert answer.status == 401
    assert "the trust acme/other does not match" in answer.text


async def test_a_password_grant_takes_one_too(ci: Ci, town: Town) -> None:
    name = await town.build(Visibility.PRIVATE)
    await ci.trust("main")
    scope = f"repository:{name}:pull,push"
    answer = await ci.post(
        grant_type="password",
        username="acme",
        password=ci.token(),
        scope=scope,
        access_type="offline",
        client_id="docker",
    )
    assert answer.json()["scope"] == scope
    assert looks_like_secret(str(answer.json()["refresh_token"]))


async def test_a_token_exchange_gives_a_secret_of_the_job(ci: Ci, town: Town) -> None:
    name = await town.build(Visibility.PRIVATE)
    await ci.trust("main")
    form = {"grant_type": EXCHANGE, "subject_token_type": ID_TOKEN, "connection_id": "0-1"}
    answer = await ci.post("/oauth/token", subject_token=ci.token(), expires_in="300", **form)
    document = answer.json()
    assert answer.status == 200
    assert document["issued_token_type"] == "urn:ietf:params:oauth:token-type:access_token"
    assert (document["token_type"], document["expires_in"]) == ("Bearer", 300)
    secret = str(document["access_token"])
    assert secret.startswith("eto_job")
    for auth in (basic("whoever", secret), f"Bearer {secret}"):
        answer = await ci.doors.ask("GET", f"/api/v1/repositories/{name}/-/tags", auth=auth)
        assert answer.status == 200
    bearer = await ci.doors.bearer(basic("acme", secret), f"repository:{name}:push")
    assert (await ci.put(f"/v2/{name}/manifests/v2", bearer)).status == 201
    ci.clock.advance(timedelta(seconds=300))
    assert (await ci.doors.ask("GET", "/token", auth=basic("acme", secret))).status == 401


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"subject_token_type": ID_TOKEN, "subject_token": "secret"}, 401),
        ({"subject_token_type": ID_TOKEN}, 401),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:saml2"}, 400),
        ({"subject_token_type": ID_TOKEN, "expires_in": "-5"}, 400),
    ],
)
async def test_an_exchange_of_anything_else_is_refused(
    ci: Ci, form: dict[str, str], status: int
) -> None:
    await ci.trust("main")
    form = {"subject_token": ci.token(), **form} if "expires_in" in form else form
    assert (await ci.post(grant_type=EXCHANGE, **form)).status == status


async def test_a_push_goes_on_when_the_id_token_has_expired(ci: Ci, town: Town) -> None:
    """Docker renews its tokens by what it got; others present the ID token again."""
    name = await town.build(Visibility.PRIVATE)
    await ci.trust("main", session=timedelta(hours=1))
    token = ci.token(exp=int(ci.clock().timestamp()) + 10)
    target, auth = "/token?offline_token=true&client_id=docker", basic("acme", token)
    refresh = str((await ci.doors.ask("GET", target, auth=auth)).json()["refresh_token"])
    scope = f"repository:{name}:pull,push"
    for minutes in range(0, 58, 4):
        form = {"grant_type": "refresh_token", "refresh_token": refresh, "scope": scope}
        answer = await ci.post(**form)
        assert answer.status == 200, minutes
        first = f"Bearer {answer.json()['access_token']}"
        for bearer in (first, await ci.doors.bearer(auth, scope), auth):
            pushed = await ci.put(f"/v2/{name}/manifests/m{minutes}", bearer)
            assert pushed.status == 201, minutes
        ci.clock.advance(timedelta(minutes=4))
    ci.clock.advance(timedelta(minutes=5))
    assert (await ci.post(**form)).status == 401
    answer = await ci.doors.ask("GET", "/token", auth=auth)
    assert answer.status == 401
    assert "the ID token expired at" in answer.text


async def test_a_token_that_opened_nothing_while_it_held_opens_nothing_later(ci: Ci) -> None:
    await ci.trust("main")
    token = ci.token()
    ci.clock.advance(timedelta(minutes=11, seconds=1))
    answer = await ci.doors.ask("GET", "/token", auth=basic("acme", token))
    assert answer.status == 401


async def test_a_trust_that_is_switched_off_ends_its_grants_on_every_worker(
    ci: Ci, town: Town
) -> None:
    name = await town.build(Visibility.PRIVATE)
    await ci.trust("main")
    trusts, auth = ci.doors.app.trusts, basic("acme", ci.token())
    target = f"/v2/{name}/tags/list"
    for end in ("disable", "change", "delete"):
        bearer = await ci.doors.bearer(auth, f"repository:{name}:pull")
        offline = await ci.doors.ask("GET", "/token?offline_token=true", auth=auth)
        refresh = str(offline.json()["refresh_token"])
        for worker in (ci.doors, ci.other):
            assert (await worker.ask("GET", target, auth=bearer)).status == 200
        trust = await trusts.get("acme", "main")
        rules = TrustRules("ci", trust.conditions, ("*",), is_enabled=end != "disable")
        if end == "delete":
            await trusts.delete("acme", "main")
        else:
            await trusts.edit("acme", "main", rules)
        for worker in (ci.other, ci.doors):
            for given in (bearer, f"Bearer {refresh}", basic("acme", refresh)):
                assert (await worker.ask("GET", target, auth=given)).status == 401, end
        # The job signs in again where the trust still holds.
        again = await ci.other.ask("GET", target, auth=auth)
        assert (again.status == 200) == (end == "change")
        if end == "disable":
            await trusts.edit("acme", "main", TrustRules("ci", trust.conditions, ("*",)))


async def test_a_grant_that_is_ended_takes_its_token_with_it(ci: Ci, town: Town) -> None:
    name = await town.build(Visibility.PRIVATE)
    await ci.trust("main")
    auth, trusts = basic("acme", ci.token()), ci.doors.app.trusts
    bearer = await ci.doors.bearer(auth, f"repository:{name}:pull")
    await ci.doors.ask("GET", "/token?offline_token=true", auth=auth)
    await ci.doors.ask("GET", "/token?offline_token=true", auth=auth)
    grants = await trusts.list_grants("acme")
    assert [each.is_live(ci.clock()) for each in grants] == [True, True]
    await trusts.end_grant("acme", grants[0].id, actor_of(town.people["owner"]))
    assert not any(each.is_live(ci.clock()) for each in await trusts.list_grants("acme"))
    for worker in (ci.other, ci.doors):
        for given in (bearer, auth, basic("other", ci.token())):
            answer = await worker.ask("GET", f"/v2/{name}/tags/list", auth=given)
            assert answer.status == 401
    # Another job of the same repository is another token.
    other = basic("acme", ci.token(jti="job-2", run_id="8124"))
    assert (await ci.doors.ask("GET", f"/v2/{name}/tags/list", auth=other)).status == 200


async def test_audit_log_history_and_tags_name_the_run(ci: Ci, town: Town) -> None:
    name = await town.build(Visibility.PRIVATE)
    await ci.trust("main")
    auth = basic("acme", ci.token())
    assert (await ci.put(f"/v2/{name}/manifests/nightly", auth)).status == 201
    run = "ci octo/app@refs/heads/main run 8123 (trust acme/main)"
    rows = (await ci.doors.app.audit.list_all(OPERATOR, AuditQuery())).rows
    told = {row.action: row for row in rows}
    assert told[Audited.TAG_PUSH].actor == run
    assert told[Audited.GRANT_OPEN].actor == run
    assert told[Audited.GRANT_OPEN].target == "acme/main"
    assert json.loads(told[Audited.GRANT_OPEN].details)["subject"] == GITHUB["sub"]
    owner = town.auth["owner"]
    api = f"/api/v1/repositories/{name}/-"
    history = (await ci.doors.ask("GET", f"{api}/history", auth=owner)).json()["items"]
    assert isinstance(history, list)
    assert history[0]["by"] == run
    tag = (await ci.doors.ask("GET", f"{api}/tags/nightly", auth=owner)).json()
    assert tag["moved_by"] == run
    grants = (await ci.doors.ask("GET", "/api/v1/namespaces/acme/grants", auth=owner)).json()
    items = grants["items"]
    assert isinstance(items, list)
    assert items[0]["label"] == run
    assert items[0]["claims"]["run_id"] == "8123"


@pytest.mark.parametrize(
    ("job", "kind", "where", "label"),
    [
        (GITLAB, IssuerKind.GITLAB, "project_id=4242", "x team/app@main job 302"),
        (
            KUBERNETES,
            IssuerKind.KUBERNETES,
            "/kubernetes.io/serviceaccount/name = pusher",
            "x builds/pusher build-7",
        ),
        ({"sub": "spiffe://corp.example/build"}, IssuerKind.OTHER, "sub~spiffe://**", "x spiffe"),
    ],
)
async def test_jobs_of_other_issuers_are_known_by_their_claims(
    ci: Ci, job: dict[str, object], kind: IssuerKind, where: str, label: str
) -> None:
    with serving(START.timestamp()) as other:
        add = ci.doors.app.issuers.add
        await add("x", other.url, kind, allows_private=True)
        rules = TrustRules("x", (parse_condition(where),), ("*",))
        await ci.doors.app.trusts.add("acme", "jobs", rules)
        auth = basic("acme", job_token(other, START.timestamp(), job))
        assert (await ci.put("/v2/acme/app/manifests/v1", auth)).status == 201
    grants = await ci.doors.app.trusts.list_grants("acme")
    assert grants[0].label.startswith(label)


async def test_wrong_tokens_never_lock_a_person_out(ci: Ci, town: Town) -> None:
    await ci.trust("main")
    forged = ci.token()[:-8] + "AAAAAAAA"
    statuses = set()
    for number in range(150):
        answer = await ci.doors.ask("GET", "/token", auth=basic("owner", forged + "A" * number))
        statuses.add(answer.status)
    assert statuses <= {401, 429}
    assert 429 in statuses
    await ci.doors.app.accounts.set_password("owner", "correct horse battery")
    answer = await ci.doors.ask("GET", "/token", auth=basic("owner", "correct horse battery"))
    assert answer.status == 200


async def test_a_job_is_nobody_elsewhere(ci: Ci, town: Town) -> None:
    """It has no account, administers nothing, and sees no more than its repositories."""
    await town.build(Visibility.PRIVATE)
    await ci.trust("main", repositories=("app",), scope=TokenScope.ADMIN)
    auth = basic("acme", ci.token())
    for method, path, status in [
        ("GET", "/me/tokens", 403),
        ("POST", "/me/tokens", 403),
        ("GET", "/namespaces/acme/trusts", 404),
        ("GET", "/namespaces/acme/tokens", 404),
        ("GET", "/namespaces/acme/audit", 404),
        ("POST", "/issuers", 404),
    ]:
        body = b"{}" if method == "POST" else b""
        if path == "/me/tokens" and body:
            body = b'{"label": "x", "scope": "repo:read"}'
        if path == "/issuers":
            body = b'{"name": "x", "url": "https://x.example"}'
        answer = await ci.doors.ask(
            method, f"/api/v1{path}", body, auth=auth, content_type="application/json"
        )
        assert answer.status == status, (path, answer.body)
    found = (await ci.doors.ask("GET", "/api/v1/repositories", auth=auth)).json()
    assert found["items"] == []
    page = await ci.doors.ask("GET", "/settings", auth=auth)
    assert page.status in (403, 404)


async def test_a_disabled_accounts_trusts_give_nothing(ci: Ci, town: Town) -> None:
    await ci.trust("own", namespace="stranger")
    auth = basic("x", ci.token())
    assert (await ci.put("/v2/stranger/app/manifests/v1", auth)).status == 201
    await ci.doors.app.accounts.disable("stranger")
    for worker in (ci.other, ci.doors):
        answer = await worker.ask("GET", "/v2/stranger/app/tags/list", auth=auth)
        assert answer.status == 401


async def test_pull_requests_need_a_condition_that_says_so(ci: Ci) -> None:
    await ci.trust("any")
    for event, status in [("push", 200), ("pull_request", 401), ("pull_request_target", 401)]:
        auth = basic("acme", ci.token(event_name=event, jti=event))
        assert (await ci.doors.ask("GET", "/token", auth=auth)).status == status
    await ci.trust("wanted", "repository_id=22", "event_name=pull_request")
    auth = basic("acme/wanted", ci.token(event_name="pull_request"))
    assert (await ci.doors.ask("GET", "/token", auth=auth)).status == 200


async def test_a_token_is_never_logged(ci: Ci, caplog: pytest.LogCaptureFixture) -> None:
    token = ci.token()
    with caplog.at_level("DEBUG"):
        await ci.doors.ask("GET", "/token", auth=basic("acme", token))
    assert token not in caplog.text
    assert base64.b64encode(f"acme:{token}".encode()).decode() not in caplog.text


async def test_blobs_are_pushed_by_a_job(ci: Ci) -> None:
    await ci.trust("main")
    await ci.doors.push("acme/app", LAYER, str(LAYER_DIGEST), basic("acme", ci.token()))
