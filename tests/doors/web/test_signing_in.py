"""Signing in, up and out on pages: passwords, codes, links, tokens, a provider."""

import base64
import re

import pyotp
import pytest

from entrepot.hub.people.actors import OPERATOR
from entrepot.model.people.accounts import Account, SignUpMode
from tests.doors.browsers import FORM_SECRET, Browser
from tests.doors.conftest import Open, Town
from tests.doors.doors import Answer, Doors
from tests.support.identity_provider import CLIENT_ID, CLIENT_SECRET, serving

PASSWORD = "a whole sentence of mine"


async def anna(doors: Doors) -> Account:
    """An account with a password that is known."""
    return await doors.app.accounts.add("anna", PASSWORD)


def session_of(answer: Answer) -> str:
    """The secret of the session that an answer begins."""
    found = [re.match(r"entrepot_session=([\w-]+);", each) for each in answer.headers("set-cookie")]
    return next(each[1] for each in found if each)


async def log_in(doors: Doors, password: str = PASSWORD, next_: str = "") -> Answer:
    """Send the form of the sign-in page."""
    fields = {"name": "Anna", "password": password, "next": next_, "back": "/login"}
    return await Browser(doors).post("/login", **fields)


async def test_a_password_signs_in_and_signing_out_ends_it(doors: Doors) -> None:
    await anna(doors)
    answer = await log_in(doors, next_="/settings?x=1")
    assert (answer.status, answer.header("location")) == (303, "/settings?x=1")
    browser = Browser(doors, session_of(answer))
    assert b"anna" in (await browser.get("/")).body
    await browser.post("/logout")
    assert (await browser.get("/settings")).status == 303


async def test_the_cookie_is_for_this_origin_and_for_no_script(doors: Doors) -> None:
    await anna(doors)
    cookie = next(
        each for each in (await log_in(doors)).headers("set-cookie") if "entrepot_session" in each
    )
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))


async def test_a_wrong_password_leads_back_with_a_word_about_it(doors: Doors) -> None:
    await anna(doors)
    answer = await log_in(doors, "wrong password")
    assert (answer.status, answer.header("location")) == (303, "/login")
    cookie = next(each for each in answer.headers("set-cookie") if "entrepot_problem" in each)
    text = cookie.partition("=")[2].partition(";")[0]
    assert base64.urlsafe_b64decode(text) == b"unknown user name or wrong password"
    headers = {"cookie": f"entrepot_form={FORM_SECRET}; entrepot_problem={text}"}
    page = await doors.ask_with("GET", "/login", b"", headers)
    assert b"unknown user name or wrong password" in page.body


@pytest.mark.parametrize(
    "address", ["//evil.test", "/\\evil.test", "https://evil.test", "/\r\nx: y", "javascript:x", ""]
)
async def test_signing_in_leads_nowhere_else(doors: Doors, address: str) -> None:
    await anna(doors)
    assert (await log_in(doors, next_=address)).header("location") == "/"


async def test_a_second_factor_is_set_up_asked_for_and_replaced_by_a_recovery_code(
    doors: Doors,
) -> None:
    await anna(doors)
    browser = Browser(doors, session_of(await log_in(doors)))
    refused = await browser.post("/settings/second-factor", password="a guess", back="/x")
    assert (refused.status, refused.header("location")) == (303, "/x")
    page = await browser.post("/settings/second-factor", password=PASSWORD)
    secret = re.search(rb"<code>([A-Z2-7]{16,})</code>", page.body)
    assert secret is not None
    assert b"<svg" in page.body
    code = pyotp.TOTP(secret[1].decode()).now()
    page = await browser.post("/settings/second-factor/confirm", code=code)
    codes = re.search(rb"<pre[^>]*>([^<]+)</pre>", page.body)
    assert codes is not None
    answer = await log_in(doors)
    assert answer.header("location") == "/login/code?next=%2F"
    pending = Browser(doors, session_of(answer))
    assert (await pending.get("/settings")).status == 303
    wrong = await pending.post("/login/code", code="000000", back="/login/code")
    assert wrong.header("location") == "/login/code"
    recovery = codes[1].decode().split()[0]
    right = await pending.post("/login/code", code=recovery, next="/settings")
    assert right.header("location") == "/settings"
    assert (await Browser(doors, session_of(right)).get("/settings")).status == 200


async def test_a_welcome_link_gives_a_password_once(doors: Doors) -> None:
    account = await anna(doors)
    secret = await doors.app.password_links.begin(account, OPERATOR)
    browser = Browser(doors)
    assert (await browser.get(f"/welcome/{secret}")).status == 200
    answer = await browser.post(f"/welcome/{secret}", password="another sentence")
    assert answer.status == 303
    assert (await Browser(doors, session_of(answer)).get("/settings")).status == 200
    assert (await browser.get(f"/welcome/{secret}")).status == 404


async def test_an_invitation_makes_an_account_where_that_is_the_only_way(
    town: Town, open_doors: Open
) -> None:
    doors = open_doors(sign_up=SignUpMode.INVITATION)
    assert (await Browser(doors).get("/signup")).status == 404
    owner = town.people["owner"]
    session = await doors.app.sessions.begin(owner, address="", client="")
    page = await Browser(doors, session).post("/u/acme/-/invitations", role="editor")
    link = re.search(rb"/invitations/([\w-]+)", page.body)
    assert link is not None
    secret = link[1].decode()
    assert b"acme" in (await Browser(doors).get(f"/invitations/{secret}")).body
    closed = await Browser(town.doors).get(f"/invitations/{secret}")
    assert b'name="password"' not in closed.body
    answer = await Browser(doors).post(
        "/signup", name="newcomer", password=PASSWORD, invitation=secret
    )
    assert answer.status == 303
    page = await Browser(doors, session_of(answer)).get("/u/acme/-/members")
    assert b"newcomer" in page.body


async def test_a_token_is_shown_once_and_revoked(doors: Doors) -> None:
    await anna(doors)
    browser = Browser(doors, session_of(await log_in(doors)))
    asked = {"label": "ci", "scope": "repo:read", "days": "30", "back": "/settings/tokens"}
    for wrong in ({}, {"password": "a guess"}):
        refused = await browser.post("/settings/tokens", **asked, **wrong)
        assert (refused.status, refused.header("location")) == (303, "/settings/tokens")
    page = await browser.post("/settings/tokens", **asked, password=PASSWORD)
    secret = re.search(rb"etp_pat\w+", page.body)
    assert secret is not None
    listed = await browser.get("/settings/tokens")
    assert secret[0] not in listed.body
    token_id = re.search(rb'name="id" value="(\d+)"', listed.body)
    assert token_id is not None
    await browser.post("/settings/tokens/revoke", id=token_id[1].decode(), confirmed="1")
    assert b"revoked" in (await browser.get("/settings/tokens")).body


async def test_sessions_are_listed_and_ended(doors: Doors) -> None:
    await anna(doors)
    first = Browser(doors, session_of(await log_in(doors)))
    second = Browser(doors, session_of(await log_in(doors)))
    await first.post("/settings/sessions", session="others")
    assert (await second.get("/settings")).status == 303
    assert (await first.get("/settings")).status == 200


async def test_a_provider_signs_in_whoever_it_knows(open_doors: Open) -> None:
    with serving() as provider:
        doors = open_doors(
            oidc_issuer=provider.url,
            oidc_client_id=CLIENT_ID,
            oidc_client_secret=CLIENT_SECRET,
            oidc_name="Example",
            oidc_sign_up=True,
        )
        browser = Browser(doors)
        assert b"Sign in with Example" in (await browser.get("/login")).body
        begun = await browser.get("/login/oidc?next=/settings")
        code, state = provider.authorize(begun.header("location") or "")
        kept = "; ".join(each.partition(";")[0] for each in begun.headers("set-cookie"))
        target = f"/sign-in/oidc/callback?code={code}&state={state}"
        answer = await doors.ask_with("GET", target, b"", {"cookie": kept})
        assert (answer.status, answer.header("location")) == (303, "/settings"), answer.body
        page = await Browser(doors, session_of(answer)).get("/settings")
        assert b"carol" in page.body.lower()
        forged = await doors.ask_with("GET", target, b"", {"cookie": "entrepot_oidc=e30="})
        assert forged.status in (400, 401, 403)
