"""Administrators' lists are read from the database by pages, however long they are."""

import pytest

from entrepot.metadata.engines.engine import Reader
from entrepot.metadata.people import accounts, invitations
from entrepot.model.people.accounts import Account
from entrepot.model.people.organizations import Invitation
from tests.doors.conftest import Town
from tests.doors.web.test_namespace_deletion import browser, program
from tests.metadata.rows import add_account

MANY = 120


@pytest.fixture
async def crowd(town: Town, monkeypatch: pytest.MonkeyPatch) -> Town:
    """A hub of many accounts, on which nobody may list all of them."""

    async def refuse(reader: Reader) -> list[Account]:
        raise AssertionError("every account was listed")

    for number in range(MANY):
        await add_account(town.metadata, f"user{number:03}")
    monkeypatch.setattr(accounts, "list_accounts", refuse)
    return town


async def test_the_page_of_users_shows_some_and_finds_the_others(crowd: Town) -> None:
    admin = await browser(crowd, "admin")
    first = (await admin.get("/admin/users")).body.decode()
    assert first.count("data-item") == 50
    assert 'rel="next" href="?q=&amp;sort=name&amp;page=2"' in first
    assert "user119" not in first
    last = (await admin.get("/admin/users?page=99")).body.decode()
    assert "user119" in last
    found = (await admin.get("/admin/users?q=USER119")).body.decode()
    assert found.count("data-item") == 1
    assert 'value="USER119"' in found
    none = await admin.get("/admin/users?q=%00%25")
    assert none.status == 200


async def test_programs_list_all_users_page_by_page(crowd: Town) -> None:
    admin, names, after = program(crowd, "admin"), [], ""
    while True:
        page = await admin.get(f"/admin/users?limit=50&after={after}")
        assert len(page["items"]) <= 50
        names += [each["name"] for each in page["items"]]
        if page["next"] is None:
            break
        after = page["next"]
    assert names == sorted(set(names))
    assert len(names) >= MANY


async def test_programs_list_invitations_to_the_hub_page_by_page(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits: list[int] = []
    list_hub_invitations = invitations.list_hub_invitations

    async def note(reader: Reader, limit: int, offset: int) -> list[Invitation]:
        limits.append(limit)
        return await list_hub_invitations(reader, limit, offset)

    monkeypatch.setattr(invitations, "list_hub_invitations", note)
    admin = program(town, "admin")
    for number in range(5):
        await admin.do("POST", "/admin/invitations", {"note": str(number)}, status=201)
    first = await admin.get("/admin/invitations?limit=3")
    assert [each["note"] for each in first["items"]] == ["4", "3", "2"]
    rest = await admin.get(f"/admin/invitations?limit=3&after={first['next']}")
    assert ([each["note"] for each in rest["items"]], rest["next"]) == (["1", "0"], None)
    assert limits == [4, 4]
    id_ = rest["items"][0]["id"]
    await admin.do("DELETE", f"/admin/invitations/{id_}", status=204)
    await admin.do("DELETE", f"/admin/invitations/{id_}", status=404)
