"""Behind proxies, clients are told an address that works for them, and are known by their own."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from entrepot.http.forms import form_token
from entrepot.http.forwarding import read_hops
from entrepot.http.messages import PlainHeaders
from entrepot.http.origin import Origins, normal_origin
from entrepot.hub.identity.sessions import Sessions
from entrepot.ops.log import _as_json
from tests.doors.browsers import Browser
from tests.doors.conftest import Open, Town
from tests.doors.doors import Doors, request_of

OURS = ("127.0.0.0/8", "::1/128", "10.0.0.0/8")


def seen(client: str = "127.0.0.1", scheme: str = "http", **headers: str) -> tuple[str, str]:
    """The origin and the address of a request that came with these headers."""
    origins = Origins(None, OURS)
    request = request_of("GET", "/v2/", b"", client=client, scheme=scheme, **headers)
    return origins.origin(request), origins.address(request)


@pytest.mark.parametrize(
    ("said", "scheme"),
    [
        ("https", "https"),
        ("HTTPS", "https"),
        ("Https , http", "https"),
        ("https,http", "https"),
        ("https, https", "https"),
        ('"https"', "https"),
        ("http, https", "http"),
        ("http", "http"),
        ("wss", "http"),
        ("", "http"),
        (",", "http"),
    ],
)
def test_the_outermost_proxy_says_the_scheme(said: str, scheme: str) -> None:
    assert seen(x_forwarded_proto=said)[0] == f"{scheme}://hub.test"


@pytest.mark.parametrize(
    ("addresses", "schemes", "scheme", "address"),
    [
        ("203.0.113.9, 10.0.0.2", "https, http", "https", "203.0.113.9"),
        ("203.0.113.9", "https, http", "https", "203.0.113.9"),
        # What is said of somebody who is no proxy of ours, they said themselves.
        ("6.6.6.6, 203.0.113.9", "https, http", "http", "203.0.113.9"),
        ("6.6.6.6, 203.0.113.9, 10.0.0.2", "http, https, http", "https", "203.0.113.9"),
        ("203.0.113.9:4711", "https", "https", "203.0.113.9"),
        ("[2001:db8::1]:4711", "https", "https", "2001:db8::1"),
        ("::ffff:203.0.113.9", "https", "https", "203.0.113.9"),
        ("203.0.113.9, unknown", "https, https", "https", "127.0.0.1"),
    ],
)
def test_hops_are_read_from_ours_outwards(
    addresses: str, schemes: str, scheme: str, address: str
) -> None:
    found = seen(x_forwarded_for=addresses, x_forwarded_proto=schemes)
    assert found == (f"{scheme}://hub.test", address)


@pytest.mark.parametrize(
    ("said", "origin", "address"),
    [
        ("for=203.0.113.9;proto=https;host=a.test", "https://a.test", "203.0.113.9"),
        ('For="[2001:db8::1]:4711";Proto=HTTPS', "https://hub.test", "2001:db8::1"),
        ("for=203.0.113.9;proto=https, for=10.0.0.2;proto=http", "https://hub.test", "203.0.113.9"),
        ("for=6.6.6.6;proto=https;host=e.test, for=203.0.113.9", "http://hub.test", "203.0.113.9"),
        ("proto=https", "https://hub.test", "127.0.0.1"),
        ("for=unknown;proto=https", "https://hub.test", "127.0.0.1"),
        ("for=_hidden;proto=https, for=10.1.1.1;proto=http", "https://hub.test", "10.1.1.1"),
        ('for="203.0.113.9";by="x,y;z";proto="https"', "https://hub.test", "203.0.113.9"),
        ("for=203.0.113.9;;proto=https", "http://hub.test", "127.0.0.1"),
        ('for="203.0.113.9', "http://hub.test", "127.0.0.1"),
        ("host=a b", "http://hub.test", "127.0.0.1"),
        ('host="a.test/x"', "http://hub.test", "127.0.0.1"),
    ],
)
def test_forwarded_is_understood(said: str, origin: str, address: str) -> None:
    assert seen(forwarded=said) == (origin, address)


def test_forwarded_does_not_count_beside_what_our_proxies_set() -> None:
    said = {"forwarded": "for=6.6.6.6;proto=http;host=e.test", "x_forwarded_for": "203.0.113.9"}
    assert seen(**said, x_forwarded_proto="https") == ("https://hub.test", "203.0.113.9")


def test_proxies_say_the_host_that_the_client_used() -> None:
    assert seen(x_forwarded_host="a.test:8443")[0] == "http://a.test:8443"
    assert seen(x_forwarded_host="a.test, inside", x_forwarded_proto="https")[0] == "https://a.test"
    assert seen(x_forwarded_host="a.test/x")[0] == "http://hub.test"
    assert seen(x_forwarded_host="")[0] == "http://hub.test"


def test_a_proxy_that_came_by_ipv6_is_known_by_its_address_of_ipv4() -> None:
    found = seen("::ffff:10.0.0.2", x_forwarded_for="203.0.113.9", x_forwarded_proto="https")
    assert found == ("https://hub.test", "203.0.113.9")
    assert seen("::ffff:192.0.2.1")[1] == "192.0.2.1"


@pytest.mark.parametrize("name", ["forwarded", "x_forwarded_proto", "x_forwarded_host"])
def test_nobody_who_is_no_proxy_of_ours_says_anything(name: str) -> None:
    said = "for=203.0.113.9;proto=https;host=e.test" if name == "forwarded" else "https"
    assert seen("192.0.2.1", **{name: said}) == ("http://hub.test", "192.0.2.1")


def test_no_more_hops_are_read_than_there_can_be() -> None:
    for name, text in (
        ("x-forwarded-for", "10.0.0.1," * 3000),
        ("forwarded", "for=10.0.0.1," * 3000 + "for=10.0.0.1"),
    ):
        assert len(read_hops(PlainHeaders({name: text}))) == 32


@pytest.mark.parametrize(
    "host",
    [
        *("hub.example", "HUB.example", "hub.example.", "hub.example:443", "Hub.Example.:443"),
        *("hub.example:80", "upstream", "upstream:5000", "127.0.0.1:5000", "[::1]", "a b", ""),
    ],
)
async def test_the_public_url_counts_whatever_host_is_named(open_doors: Open, host: str) -> None:
    doors = open_doors(url="https://hub.example")
    for more in ({}, {"x_forwarded_proto": "http"}, {"x_forwarded_host": "e.test"}):
        answer = await doors.ask_with("GET", "/v2/", b"", {"host": host, **more})
        realm = 'Bearer realm="https://hub.example/token",service="hub.example"'
        assert answer.header("www-authenticate") == realm


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Hub.Example:443", "https://hub.example"),
        ("http://hub.example:80", "http://hub.example"),
        ("https://hub.example:8443", "https://hub.example:8443"),
        ("https://hub.example.", "https://hub.example"),
        ("https://[2001:DB8::1]:443", "https://[2001:db8::1]"),
        ("http://[::1]:5000", "http://[::1]:5000"),
        ("null", "null"),
        ("", ""),
    ],
)
def test_origins_are_compared_as_browsers_write_them(url: str, origin: str) -> None:
    assert normal_origin(url) == origin


async def test_other_urls_count_for_requests_that_name_them(open_doors: Open) -> None:
    others = ("https://Inside:443", "http://10.0.0.1:5000", "http://inside", "https://inside:8443")
    doors = open_doors(url="https://hub.example", other_urls=others)
    for headers, origin in (
        ({"host": "inside"}, "http://inside"),
        ({"host": "INSIDE", "x_forwarded_proto": "https"}, "https://inside"),
        ({"host": "inside."}, "http://inside"),
        ({"host": "inside:8443"}, "https://inside:8443"),
        ({"host": "10.0.0.1:5000"}, "http://10.0.0.1:5000"),
        ({"host": "upstream", "x_forwarded_host": "10.0.0.1:5000"}, "http://10.0.0.1:5000"),
        ({"host": "10.0.0.1:5001"}, "https://hub.example"),
        ({"host": "hub.example"}, "https://hub.example"),
    ):
        answer = await doors.ask_with("GET", "/v2/", b"", headers)
        assert f'realm="{origin}/token"' in (answer.header("www-authenticate") or "")


async def test_forms_are_taken_at_the_public_url_however_the_proxy_names_us(
    open_doors: Open,
) -> None:
    doors = open_doors(url="https://Hub.Example:443")
    page = await doors.ask("GET", "/login", host="upstream:5000")
    cookie = page.headers("set-cookie")[0].partition(";")[0]
    assert cookie.startswith("__Host-entrepot_form=")
    secret = cookie.partition("=")[2]
    headers = {
        "cookie": cookie,
        "host": "upstream:5000",
        "origin": "https://hub.example",
        "content_type": "application/x-www-form-urlencoded",
    }
    body = f"token={form_token(secret, '')}&theme=dark".encode()
    assert (await doors.ask_with("POST", "/preferences", body, headers)).status == 303
    headers["origin"] = "https://hub.example:8443"
    assert (await doors.ask_with("POST", "/preferences", body, headers)).status == 403


async def test_the_log_says_the_address_of_the_client(doors: Doors) -> None:
    request = request_of("GET", "/v2/", x_forwarded_for="203.0.113.9")
    response = await doors.hub.answer(request)
    assert json.loads(_as_json(request, response, 0.0))["client"] == "203.0.113.9"


async def test_the_list_of_sessions_says_the_address_of_the_client(town: Town) -> None:
    sessions = town.doors.app.sessions
    earlier = Sessions(town.metadata, lambda: datetime.now(UTC) - timedelta(minutes=2))
    secret = await earlier.begin(town.people["owner"], address="", client="test")
    browser = Browser(town.doors, secret)
    await browser.get("/", x_forwarded_for="203.0.113.9")
    found = await sessions.find(secret)
    assert found is not None
    assert found.session.address == "203.0.113.9"
