"""What is hard to undo is asked about first, on a page that says what will happen."""

import re
from html import unescape

import pytest

from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.people import teams
from tests.doors.browsers import Browser
from tests.doors.conftest import Town
from tests.doors.doors import Answer
from tests.metadata.clocks import START

FORMS: dict[str, tuple[str, dict[str, str], str]] = {
    "make an administrator": (
        "/admin/users",
        {"name": "stranger", "what": "admin"},
        "stranger will be an administrator",
    ),
    "disable an account": (
        "/admin/users",
        {"name": "stranger", "what": "disable"},
        "Disabling stranger signs the account out on all devices",
    ),
    "delete a team": ("/u/acme/-/teams/crew", {"what": "delete"}, "The team crew will be deleted"),
    "remove a member": (
        "/u/acme/-/members",
        {"member": "editor", "role": ""},
        "editor will be removed from acme",
    ),
    "make an owner": (
        "/u/acme/-/members",
        {"member": "editor", "role": "owner"},
        "editor will be an owner of acme",
    ),
    "revoke a token": ("/settings/tokens/revoke", {"id": "TOKEN"}, "will stop working at once"),
}


async def state(town: Town) -> list[object]:
    """Everything that these forms change."""
    app, admin = town.doors.app, town.people["admin"]
    accounts = await app.accounts.list_all()
    return [
        [(each.name, each.is_admin, each.disabled_at) for each in accounts],
        await teams.find_team(town.metadata.reader, town.acme, "crew") is not None,
        await app.organizations.list_of(town.people["editor"]),
        [each.revoked_at for each in await app.tokens.list_of(admin)],
    ]


def fields_of(page: Answer) -> dict[str, str]:
    """What the page's own form sends on."""
    pattern = r'<input type="hidden" name="([^"]*)" value="([^"]*)">'
    body = page.body.decode()
    form = body[body.index('class="card"') :]
    return {name: unescape(value) for name, value in re.findall(pattern, form)}


@pytest.mark.parametrize("act", FORMS)
async def test_it_is_asked_and_done_when_it_is_confirmed(
    town: Town, metadata: Metadata, act: str
) -> None:
    target, fields, words = FORMS[act]
    async with metadata.begin() as tx:
        await teams.insert_team(tx, town.acme, "crew", "", START)
    admin = town.people["admin"]
    token = (await town.doors.app.tokens.list_of(admin))[0]
    fields = {name: value.replace("TOKEN", str(token.id)) for name, value in fields.items()}
    session = await town.doors.app.sessions.begin(admin, address="", client="")
    browser, before = Browser(town.doors, session), await state(town)
    page = await browser.post(target, **fields, back="/somewhere")
    assert page.status == 200
    assert words in unescape(page.body.decode())
    assert b'href="/somewhere"' in page.body
    assert await state(town) == before
    sent = fields_of(page)
    assert {**fields, "back": "/somewhere", "confirmed": "1"}.items() <= sent.items()
    done = await browser.post(target, **sent)
    assert done.status == 303
    assert await state(town) != before


@pytest.mark.parametrize("act", FORMS)
async def test_nobody_is_asked_who_may_not(town: Town, act: str) -> None:
    target, fields, _ = FORMS[act]
    page = await Browser(town.doors).post(target, **fields)
    assert page.status == 403


async def test_the_page_leads_back_to_no_other_site(town: Town) -> None:
    admin = town.people["admin"]
    session = await town.doors.app.sessions.begin(admin, address="", client="")
    fields = {"name": "<b>x", "what": "disable", "back": "https://evil.test/"}
    page = await Browser(town.doors, session).post("/admin/users", **fields)
    assert b'href="/"' in page.body
    assert b"evil.test" not in page.body.replace(b'value="https://evil.test/"', b"")
    assert b"<b>x" not in page.body
