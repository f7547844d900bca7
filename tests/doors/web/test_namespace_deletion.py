"""Organizations and accounts are deleted by the API and by pages, with all that is theirs."""

import pytest

from entrepot.metadata.people.accounts import find_namespace
from entrepot.model.repositories import Visibility
from tests.doors.browsers import Browser
from tests.doors.conftest import Town
from tests.doors.programs import Program

N = "/namespaces/acme"


def program(town: Town, who: str) -> Program:
    """Somebody's program."""
    return Program(town.doors, town.auth[who])


async def browser(town: Town, who: str) -> Browser:
    """Somebody's browser."""
    sessions = town.doors.app.sessions
    return Browser(town.doors, await sessions.begin(town.people[who], address="", client=""))


async def exists(town: Town, name: str) -> bool:
    """Whether the namespace is there."""
    return await find_namespace(town.metadata.reader, name) is not None


async def test_an_owner_deletes_an_organization_with_its_repositories(town: Town) -> None:
    await town.build(Visibility.PUBLIC)
    for who, status in (("stranger", 404), ("editor", 403), ("member", 403)):
        await program(town, who).do("DELETE", N, status=status)
    assert (await Program(town.doors).ask("DELETE", N)).status == 401
    assert await exists(town, "acme")
    await program(town, "owner").do("DELETE", N, status=204)
    assert not await exists(town, "acme")
    assert (await program(town, "owner").get("/repositories"))["items"] == []


async def test_an_account_is_deleted_by_administrators_only(town: Town) -> None:
    await program(town, "stranger").do(
        "POST", "/repositories", {"name": "stranger/own"}, status=201
    )
    await program(town, "stranger").do("DELETE", "/namespaces/stranger", status=403)
    await program(town, "owner").do("DELETE", "/admin/users/stranger", status=404)
    admin = program(town, "admin")
    await admin.do("DELETE", "/admin/users/admin", status=403)
    await program(town, "owner").do("POST", "/organisations", {"name": "umbrella"}, status=201)
    await admin.do("DELETE", "/admin/users/owner", status=409)
    await admin.do("DELETE", "/admin/users/acme", status=404)
    await admin.do("DELETE", "/admin/users/stranger", status=204)
    await admin.do("DELETE", "/admin/users/stranger", status=404)
    assert not await exists(town, "stranger")
    assert (await program(town, "stranger").ask("GET", "/me")).status == 401


async def test_a_page_says_what_goes_and_asks_for_the_name(town: Town) -> None:
    name = await town.build(Visibility.PRIVATE)
    owner = await browser(town, "owner")
    assert "/u/acme/-/delete" in (await owner.get("/u/acme/-/settings")).body.decode()
    page = (await owner.get("/u/acme/-/delete")).body.decode()
    assert name in page
    assert "1 repository is deleted with all its tags" in page
    refused = await owner.post("/u/acme/-/delete", confirm="acm")
    assert refused.status == 400
    assert await exists(town, "acme")
    assert (await owner.post("/u/acme/-/delete", confirm="acme")).status == 303
    assert not await exists(town, "acme")


@pytest.mark.parametrize("who", ["member", "editor", "stranger"])
async def test_who_may_not_delete_sees_no_preview(town: Town, who: str) -> None:
    visitor = await browser(town, who)
    for name in ("acme", who):
        refused = 404 if (name, who) == ("acme", "stranger") else 403
        path = f"/u/{name}/-/delete"
        assert (await visitor.get(path)).status == refused, path
        assert (await visitor.post(path, confirm=name)).status == refused, path
    assert await exists(town, "acme")


async def test_an_administrator_deletes_an_account_on_its_page(town: Town) -> None:
    admin = await browser(town, "admin")
    assert "/u/stranger/-/delete" in (await admin.get("/admin/users")).body.decode()
    assert (await admin.get("/u/admin/-/delete")).status == 403
    await program(town, "owner").do("POST", "/organisations", {"name": "umbrella"}, status=201)
    refused = await admin.post("/u/owner/-/delete", confirm="owner")
    assert refused.status == 409
    assert b"only owner of umbrella" in refused.body
    answer = await admin.post("/u/stranger/-/delete", confirm="stranger")
    assert (answer.status, answer.header("location")) == (303, "/admin/users?said=removed")
    assert not await exists(town, "stranger")
