"""The pages of trusts and issuers: made, tried, switched, ended."""

import pytest

from entrepot.hub.identity.sessions import Sessions
from entrepot.hub.people.actors import OPERATOR
from tests.doors.browsers import Browser
from tests.doors.conftest import Town
from tests.doors.doors import basic
from tests.doors.jobs import Ci, ci, provider
from tests.support.job_tokens import AUDIENCE
from tests.support.private_sigstore import PrivateSigstore

__all__ = ["ci", "provider"]

pytestmark = pytest.mark.usefixtures("town")
ADDRESS = "/u/acme/-/trusts"


async def browser_of(ci: Ci, town: Town, who: str) -> Browser:
    """Somebody's browser at the hub."""
    sessions = Sessions(town.metadata, ci.clock)
    secret = await sessions.begin(town.people[who], address="127.0.0.1", client="test")
    return Browser(ci.doors, secret)


async def test_an_owner_makes_tries_switches_and_deletes_a_trust(ci: Ci, town: Town) -> None:
    owner = await browser_of(ci, town, "owner")
    fields = {
        "what": "add",
        "name": "main",
        "issuer": "ci",
        "conditions": "repository_id = 22\nref ~ refs/heads/*\n",
        "repositories": "app, lib/*",
        "tags": "dev-*",
        "scope": "repo:write",
        "minutes": "30",
    }
    assert (await owner.post(ADDRESS, **fields)).status == 303
    page = (await owner.get(ADDRESS)).text
    assert "refs/heads/*" in page
    assert "audience=http://hub.test" in page
    assert "docker login hub.test -u acme/main --password-stdin" in page
    tried = (await owner.post(ADDRESS, what="try", id_token=ci.token())).text
    assert "The signature, the audience and the times are right." in tried
    assert "does not match" not in tried
    tried = (await owner.post(ADDRESS, what="try", id_token=ci.token(ref="refs/tags/1"))).text
    assert "does not match" in tried
    tried = (await owner.post(ADDRESS, what="try", id_token=ci.token(aud="sts"))).text
    assert "another audience" in tried
    assert not await ci.doors.app.trusts.list_grants("acme")
    for what, shown in (("disable", "inactive"), ("enable", "Deactivate"), ("delete", "no trusts")):
        assert (await owner.post(ADDRESS, what=what, name="main")).status == 303
        assert shown in (await owner.get(ADDRESS)).text


async def test_a_live_grant_is_shown_and_ended(ci: Ci, town: Town) -> None:
    await ci.trust("main")
    owner = await browser_of(ci, town, "owner")
    auth = basic("acme", ci.token(actor="<script>"))
    assert (await ci.doors.ask("GET", "/token", auth=auth)).status == 200
    assert "ci octo/app@refs/heads/main run 8123" in (await owner.get(ADDRESS)).text
    grant = (await ci.doors.app.trusts.list_grants("acme", OPERATOR))[0]
    assert (await owner.post(ADDRESS, what="end", id=str(grant.id))).status == 303
    assert "run 8123" not in (await owner.get(ADDRESS)).text
    assert (await ci.doors.ask("GET", "/token", auth=auth)).status == 401


async def test_what_is_pasted_is_told_when_it_is_no_token(ci: Ci, town: Town) -> None:
    owner = await browser_of(ci, town, "owner")
    for text in ("secret", "a.b.c", "ey.ey.ey"):
        answer = await owner.post(ADDRESS, what="try", id_token=text)
        assert answer.status in (303, 400)


async def test_an_administrator_registers_tests_and_deletes_an_issuer(ci: Ci, town: Town) -> None:
    admin = await browser_of(ci, town, "admin")
    address = "/admin/issuers"
    assert (await admin.post(address, what="add", preset="gitlab")).status == 303
    page = (await admin.get(address)).text
    assert "https://gitlab.com" in page
    assert ci.provider.url in page
    tested = (await admin.post(address, what="test", name="ci")).text
    assert "ci: 2 keys" in tested or "ci: 1 key" in tested
    ci.provider.discovery = {"issuer": AUDIENCE}
    try:
        ci.doors.app.issuers._id_tokens._keys.clear()
        failed = (await admin.post(address, what="test", name="ci")).text
    finally:
        ci.provider.discovery = {}
    assert "calls itself by another issuer" in failed
    assert (await admin.post(address, what="delete", name="gitlab")).status == 303
    assert "https://gitlab.com" not in (await admin.get(address)).text


async def test_an_administrator_adds_and_removes_trust_roots(ci: Ci, town: Town) -> None:
    admin, address = await browser_of(ci, town, "admin"), "/admin/trust-roots"
    page = (await admin.get(address)).text
    assert "public-good" in page
    assert "comes with the hub" in page
    root = PrivateSigstore().trusted_root()
    assert (await admin.post(address, what="add", name="ours", content=root)).status == 303
    for name in ("ours", "public-good"):
        asked = (await admin.post(address, what="remove", name=name)).text
        assert f"The trust root {name} will be removed" in asked
        assert (await admin.post(address, what="remove", name=name, confirmed="1")).status == 303
    assert "The hub trusts no root" in (await admin.get(address)).text
    assert (await admin.post(address, what="restore")).status == 303
    assert "public-good" in (await admin.get(address)).text
    assert "removed the trust root ours" in (await admin.get("/admin/audit")).text
