"""Policies by the API, and what clients and pages then get."""

from entrepot.model.repositories import Visibility
from entrepot.oci.digests import Digest
from entrepot.oci.media_types import OCI_INDEX
from tests.doors.api.test_api_repositories import programs
from tests.doors.browsers import Browser
from tests.doors.conftest import INDEX, LAYER, Town
from tests.doors.programs import Program
from tests.wire.content import index

RULES = {"tags": ["*"], "keep": ["latest"], "newest": 1, "pushed_within": None}


async def test_policies_are_told_as_they_were_set(town: Town) -> None:
    name = await town.build(Visibility.PUBLIC)
    owner = programs(town)["owner"]
    for path in (f"/repositories/{name}/-/policies", "/namespaces/acme/policies"):
        assert await owner.get(path) == {"immutable": [], "retention": None}
        wanted = {"immutable": ["v*", "!v*-rc"], "retention": {**RULES, "pulled_within": None}}
        answer = await owner.ask("PUT", path, wanted)
        assert (answer.status, answer.json()) == (200, wanted)
        refused: list[dict[str, object]] = [{"immutable": ["a b"]}, {"retention": {"newest": 0}}]
        for wrong in refused:
            assert (await owner.ask("PUT", path, wrong)).status == 400, wrong


async def test_a_client_that_moves_an_immutable_tag_is_told_the_rule(town: Town) -> None:
    name = await town.build(Visibility.PUBLIC)
    owner = programs(town)["owner"]
    path = f"/repositories/{name}/-/policies"
    assert (await owner.ask("PUT", path, {"immutable": ["v*"]})).status == 200

    async def push(content: bytes) -> tuple[int, bytes]:
        answer = await town.doors.ask(
            "PUT",
            f"/v2/{name}/manifests/v1",
            content,
            auth=town.auth["owner"],
            content_type=OCI_INDEX,
        )
        return answer.status, answer.body

    other = index(annotations={"a": "b"})
    assert Digest.of(other) != Digest.of(INDEX)
    status, said = await push(other)
    assert status == 403
    assert b'"DENIED"' in said
    assert b"the tag v1 is immutable: it matches the rule v* of the repository" in said
    assert (await push(INDEX))[0] == 201
    assert (await owner.ask("DELETE", f"/repositories/{name}/-/tags/v1")).status == 403


async def test_a_preview_tells_what_applying_does(town: Town) -> None:
    name = await town.build(Visibility.PUBLIC)
    owner, path = programs(town)["owner"], f"/repositories/{name}/-/policies"
    assert (await owner.get(f"{path}/preview"))["items"] == []
    rules = {"tags": ["v*"], "pulled_within": 1}
    assert (await owner.ask("PUT", path, {"retention": rules})).status == 200
    (decision,) = (await owner.get(f"{path}/preview"))["items"]
    assert (decision["tag"], decision["goes"], decision["reason"]) == ("v1", True, "goes")
    applied = await owner.ask("POST", f"{path}/apply")
    assert (applied.status, applied.json()) == (200, {"removed": 1})
    log = (await owner.get("/namespaces/acme/audit"))["items"]
    assert "repo.tag.delete" in {each["action"] for each in log}
    assert (await owner.ask("POST", f"{path}/apply")).json() == {"removed": 0}


async def test_an_upload_that_finds_no_room_is_refused_at_its_beginning(town: Town) -> None:
    name = await town.build(Visibility.PUBLIC)
    admin, owner = programs(town)["admin"], programs(town)["owner"]
    # A layer and the manifest that is there.
    used = len(LAYER) + len(INDEX)
    limited = await admin.ask("PUT", "/admin/quotas/acme", {"limit": used + 1})
    assert (limited.status, limited.json()) == (200, {"limit": used + 1, "used": used})
    assert await owner.get("/namespaces/acme/quota") == {"limit": used + 1, "used": used}
    auth = town.auth["owner"]
    uploads = f"/v2/{name}/blobs/uploads/"
    content = b"more than one"
    whole = f"{uploads}?digest={Digest.of(content)}"
    refused = await town.doors.ask("POST", whole, content, auth=auth)
    assert (refused.status, refused.codes) == (403, ["DENIED"])
    assert f"of which {used} bytes are used".encode() in refused.body
    begun = await town.doors.ask("POST", uploads, auth=auth)
    assert begun.status == 202
    sent = await town.doors.ask("PATCH", begun.header("location") or "", content, auth=auth)
    assert (sent.status, sent.codes) == (403, ["DENIED"])
    assert (await admin.ask("PUT", "/admin/quotas/acme", {"limit": None})).json()["limit"] is None
    assert (await admin.ask("PUT", "/admin/quotas/nobody-here", {"limit": 1})).status == 404
    assert (await town.doors.ask("POST", whole, content, auth=auth)).status == 201


async def test_pages_show_what_was_set_and_what_would_happen(town: Town) -> None:
    name = await town.build(Visibility.PUBLIC)
    admin = town.people["admin"]
    secret = await town.doors.app.sessions.begin(admin, address="::1", client="test")
    browser = Browser(town.doors, secret)
    path = f"/r/{name}/-/policies"
    fields = {"immutable": "release-*", "tags": "v*", "keep": "latest", "pulled_within": "3"}
    shown = await browser.post(path, what="preview", **fields)
    assert shown.status == 200
    assert b"1 tag would be deleted." in shown.body
    assert (await browser.post(path, what="save", **fields)).status == 303
    page = (await browser.get(path)).body
    assert b"release-*" in page
    assert b'name="pulled_within" value="3"' in page
    room = await browser.post("/admin/quota", namespace="acme", mib="1")
    assert room.status == 303
    used = len(LAYER) + len(INDEX)
    assert f"{used} B of 1".encode() in (await browser.get("/u/acme/-/policies")).body
    assert (await browser.post(path, what="apply")).header(
        "location",
    ) == (f"/r/{name}/-/history?said=saved")
    assert (await browser.get(f"/r/{name}:v1")).status == 404


async def test_a_program_that_nobody_signed_in_changes_nothing(town: Town) -> None:
    name = await town.build(Visibility.PUBLIC)
    nobody = Program(town.doors, None)
    for path in (f"/repositories/{name}/-/policies", "/namespaces/acme/policies"):
        assert (await nobody.ask("PUT", path, {"immutable": ["*"]})).status in (401, 404)
