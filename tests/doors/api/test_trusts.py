"""Issuers, trusts and grants by the API."""

import pytest

from tests.doors.conftest import Town
from tests.doors.doors import basic
from tests.doors.jobs import Ci, ci, provider
from tests.doors.programs import Program

__all__ = ["ci", "provider"]

pytestmark = pytest.mark.usefixtures("town")
TRUST = {
    "name": "main",
    "issuer": "ci",
    "conditions": [{"claim": "repository_id", "values": ["22"]}],
    "repositories": ["*"],
}


async def test_a_trust_lives_by_the_api(ci: Ci, town: Town) -> None:
    owner, path = Program(ci.doors, town.auth["owner"]), "/namespaces/acme/trusts"
    made = await owner.do("POST", path, TRUST, status=201)
    assert (made["scope"], made["minutes"], made["is_enabled"]) == ("repo:write", 60, True)
    assert await owner.get(f"{path}/main") == made
    tried = await owner.do("POST", "/namespaces/acme/id-tokens/try", {"token": ci.token()})
    assert tried["problem"] == ""
    assert tried["trusts"][0]["is_met"] is True
    auth = basic("acme", ci.token())
    assert (await ci.doors.ask("GET", "/token", auth=auth)).status == 200
    grants = (await owner.get("/namespaces/acme/grants"))["items"]
    assert grants[0]["claims"]["run_id"] == "8123"
    await owner.do("DELETE", f"/namespaces/acme/grants/{grants[0]['id']}", status=204)
    assert (await ci.doors.ask("GET", "/token", auth=auth)).status == 401
    changed = await owner.do("PATCH", f"{path}/main", {"minutes": 5, "tags": ["dev-*"]})
    assert (changed["minutes"], changed["tags"]) == (5, ["dev-*"])
    assert changed["conditions"] == made["conditions"]
    await owner.do("DELETE", f"{path}/main", status=204)
    assert (await owner.ask("GET", f"{path}/main")).status == 404


@pytest.mark.parametrize(
    "change",
    [
        {"conditions": []},
        {"conditions": [{"claim": "ref", "values": ["refs/heads/main"]}]},
        {"conditions": [{"claim": "repository", "values": ["*/*"], "is_pattern": True}]},
        {"repositories": []},
        {"repositories": ["../x"]},
        {"minutes": 721},
        {"issuer": "unknown"},
        {"tags": ["a b"]},
        {"name": "A"},
    ],
)
async def test_a_trust_that_would_let_in_others_is_refused(
    ci: Ci, town: Town, change: dict[str, object]
) -> None:
    owner = Program(ci.doors, town.auth["owner"])
    answer = await owner.ask("POST", "/namespaces/acme/trusts", {**TRUST, **change})
    assert 400 <= answer.status < 500


async def test_issuers_are_changed_by_administrators_and_seen_by_the_signed_in(
    ci: Ci, town: Town
) -> None:
    admin, owner = (Program(ci.doors, town.auth[who]) for who in ("admin", "owner"))
    body = {"name": "x", "url": "https://x.example", "audiences": ["hub"]}
    made = await admin.do("POST", "/issuers", body, status=201)
    assert (made["kind"], made["has_keys"]) == ("other", False)
    assert (await admin.ask("POST", "/issuers", body)).status == 409
    assert [each["name"] for each in (await owner.get("/issuers"))["items"]] == ["ci", "x"]
    assert (await owner.ask("DELETE", "/issuers/x")).status == 404
    changed = await admin.do("PATCH", "/issuers/x", {"audiences": ["other"]})
    assert changed["audiences"] == ["other"]
    assert (await admin.ask("PATCH", "/issuers/x", {"keys": "{}"})).status == 400
    assert (await owner.ask("POST", "/issuers/ci/test")).status == 404
    assert await admin.do("POST", "/issuers/ci/test") == {"keys": 2}
    await admin.do("DELETE", "/issuers/x", status=204)


async def test_an_issuer_that_is_deleted_takes_its_trusts_and_grants(ci: Ci, town: Town) -> None:
    await ci.trust("main")
    auth = basic("acme", ci.token())
    bearer = await ci.doors.bearer(auth, "repository:acme/app:pull")
    await Program(ci.doors, town.auth["admin"]).do("DELETE", "/issuers/ci", status=204)
    for given in (auth, bearer):
        assert (await ci.other.ask("GET", "/v2/acme/app/tags/list", auth=given)).status == 401
