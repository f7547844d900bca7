"""Cookies of other programs stand among ours, and do nothing to them."""

import re
import time

import pytest

from entrepot.http.cookies import MAX_COOKIES, cookie_name, parse_cookies
from tests.doors.browsers import FORM_SECRET, Browser
from tests.doors.conftest import Open
from tests.doors.doors import Doors

PASSWORD = "a whole sentence of mine"
FOREIGN = (
    'settings={"x":1}',
    'prefs={"a":[1,2],"b":"c"}',
    "a b=1",
    "theme[]=dark",
    "x=é",
    "名=值",
    'quoted="a\\"b; c"',
    'unclosed="abc',
    "noname",
    "=novalue",
    "=",
    ";;;",
    "a=b=c==",
    "a@b=c/d?e",
    "$Version=1",
    "entrepot=mine",
    "entrepot_session_8080=other",
    "expires=Thu, 01 Jan 1970 00:00:00 GMT",
    "\x01\x7f=\x02",
    "Path=/",
    "HttpOnly",
)


async def session(doors: Doors) -> str:
    """The secret of a session of somebody's."""
    app = doors.app
    anna = await app.accounts.add("anna", PASSWORD)
    return await app.sessions.begin(anna, address="", client="")


async def who(doors: Doors, cookie: str, host: str = "hub.test") -> bool:
    """Whether somebody with that `Cookie` is signed in."""
    answer = await doors.ask("GET", "/settings", cookie=cookie, host=host)
    return answer.status == 200


@pytest.mark.parametrize("foreign", FOREIGN)
async def test_cookies_of_other_programs_sign_nobody_out(doors: Doors, foreign: str) -> None:
    own = f"entrepot_session={await session(doors)}"
    assert await who(doors, f"{foreign}; {own}")
    assert await who(doors, f"{own};{foreign}")
    assert await who(doors, f"{foreign}; {own}; {foreign}")


async def test_forms_are_taken_among_cookies_of_other_programs(doors: Doors) -> None:
    browser = Browser(doors, await session(doors))
    cookie = f'prefs={{"x":1}}; {browser.cookies}; a b=1'
    page = await doors.ask("GET", "/settings", cookie=cookie)
    token = re.search(rb'name="token" value="([^"]+)"', page.body)
    assert token is not None
    assert page.headers("set-cookie") == []
    body = f"token={token[1].decode()}&theme=dark".encode()
    headers = {"cookie": cookie, "content_type": "application/x-www-form-urlencoded"}
    assert (await doors.ask_with("POST", "/preferences", body, headers)).status == 303


@pytest.mark.parametrize("at", [0, 1, 2])
async def test_a_cookie_of_the_same_name_does_not_hide_the_session(doors: Doors, at: int) -> None:
    cookies = ["entrepot_session=stale", "entrepot_session=other"]
    cookies.insert(at, f"entrepot_session={await session(doors)}")
    assert await who(doors, "; ".join(cookies))


async def test_sessions_of_two_hubs_on_one_host_do_not_overwrite_each_other(doors: Doors) -> None:
    await session(doors)
    names = {}
    for host in ("hub.test", "hub.test:80", "hub.test:5000", "hub.test:5001"):
        headers = {"cookie": f"entrepot_form={FORM_SECRET}", "host": host}
        page = await doors.ask_with("GET", "/login", b"", headers)
        set_here = [each.partition("=")[0] for each in page.headers("set-cookie")]
        names[host] = set_here[0] if set_here else "entrepot_form"
    assert names["hub.test"] == names["hub.test:80"] == "entrepot_form"
    assert names["hub.test:5000"] != names["hub.test:5001"]


async def test_a_session_of_before_its_cookie_named_the_port_goes_on(doors: Doors) -> None:
    cookie = f"entrepot_session_5000=stale; entrepot_session={await session(doors)}"
    assert await who(doors, cookie, host="hub.test:5000")


async def test_every_cookie_over_https_is_one_that_no_other_site_can_set(doors: Doors) -> None:
    await session(doors)
    secure = {"x_forwarded_proto": "https", "origin": "https://hub.test"}
    page = await doors.ask_with("GET", "/login", b"", secure)
    (form,) = page.headers("set-cookie")
    token = re.search(rb'name="token" value="([^"]+)"', page.body)
    assert token is not None
    headers = {
        **secure,
        "cookie": form.partition(";")[0],
        "content_type": "application/x-www-form-urlencoded",
    }
    choice = f"token={token[1].decode()}&theme=dark&language=zh&keys=off&back=/"
    chosen = await doors.ask_with("POST", "/preferences", choice.encode(), headers)
    wrong = f"token={token[1].decode()}&name=anna&password=wrong&back=/login"
    refused = await doors.ask_with("POST", "/login", wrong.encode(), headers)
    right = f"token={token[1].decode()}&name=anna&password={PASSWORD.replace(' ', '+')}"
    signed_in = await doors.ask_with("POST", "/login", right.encode(), headers)
    answers = (page, chosen, refused, signed_in)
    cookies = [each for answer in answers for each in answer.headers("set-cookie")]
    assert len(cookies) == 6
    for cookie in cookies:
        name, _, rest = cookie.partition("=")
        assert name.startswith("__Host-entrepot")
        assert {"Secure", "Path=/", "SameSite=Lax"} <= set(rest.split("; "))
        assert "Domain" not in rest


async def test_scripts_know_what_cookies_are_called(doors: Doors) -> None:
    page = await doors.ask("GET", "/", host="hub.test:5443", x_forwarded_proto="https")
    assert b'data-cookies="__Host-entrepot_*_5443"' in page.body


@pytest.mark.parametrize(
    ("origin", "name"),
    [
        ("http://hub.test", "entrepot_x"),
        ("http://hub.test:80", "entrepot_x"),
        ("https://hub.test:443", "__Host-entrepot_x"),
        ("http://hub.test:443", "entrepot_x_443"),
        ("https://[::1]:5000", "__Host-entrepot_x_5000"),
    ],
)
def test_a_cookie_is_named_by_its_origin(origin: str, name: str) -> None:
    assert cookie_name("entrepot_x", origin) == name


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("", []),
        ("a=1; b=2", [("a", "1"), ("b", "2")]),
        ("a=1;b", [("a", "1"), ("", "b")]),
        (" a = 1 ;; b=", [("a", "1"), ("b", "")]),
        ('a="x y\\054\\"z\\\\"', [("a", 'x y,"z\\')]),
        ('a="x', [("a", '"x')]),
        ('a="', [("a", '"')]),
        ("a=1; a=2", [("a", "1"), ("a", "2")]),
    ],
)
def test_cookies_are_read_one_by_one(text: str, pairs: list[tuple[str, str]]) -> None:
    assert parse_cookies(text) == pairs


async def test_more_cookies_than_are_read_count_as_none(open_doors: Open) -> None:
    doors = open_doors()
    own = f"entrepot_session={await session(doors)}"
    room = MAX_COOKIES - len(own) - len("; a=")
    assert await who(doors, f"a={'x' * room}; {own}")
    assert not await who(doors, f"a={'x' * (room + 1)}; {own}")


async def test_a_page_says_that_cookies_could_not_be_read(open_doors: Open) -> None:
    doors = open_doors()
    for length, is_told in ((MAX_COOKIES - 2, False), (MAX_COOKIES - 1, True)):
        answer = await doors.ask("GET", "/login", cookie=f"a={'x' * length}")
        assert (
            "another program on this host has set cookies" in answer.body.decode()
        ) == is_told, length
    assert "has set cookies" not in (await doors.ask("GET", "/login")).body.decode()


@pytest.mark.parametrize("piece", ["a=b;", ";", "=", '"', '\\"', 'a="\\', "a=\\054"])
def test_reading_cookies_costs_no_more_than_their_length(piece: str) -> None:
    text = (piece * MAX_COOKIES)[: MAX_COOKIES - 4]
    began = time.process_time()
    for _ in range(10):
        parse_cookies(f'a="{text}"')
    # A hundredth of this is what it takes.
    assert time.process_time() - began < 1
