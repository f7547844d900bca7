"""What holds at every door: limits of the head, pages of other origins, headers for browsers."""

import json
import time
from datetime import UTC, datetime

import pytest

from entrepot.errors import AddressTooLong, HeadTooLarge
from entrepot.front import MAX_PATH, MAX_QUERY, Front, check_head
from entrepot.http.messages import PlainHeaders, empty
from entrepot.http.origin import Origins
from entrepot.ops.log import _as_json, _as_text
from tests.doors.conftest import Open, Town
from tests.doors.doors import Answer, Doors, basic, request_of

UI = "https://ui.example"
PATHS = ("/", "/v2/", "/v2/a/", "/token/", "/api/v1/", "/v1/", "/r/a/", "/static/", "/healthz/")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("piece", ["x", "a/", "\u00e9", "%00", "../", ":", "@", "<b>", "/-/"])
async def test_a_long_path_is_refused_and_nothing_of_it_is_repeated(
    doors: Doors, path: str, piece: str
) -> None:
    target = path + piece * (60_000 // len(piece))
    answer = await doors.ask("GET", target)
    assert answer.status == 414
    assert len(answer.body) < 300
    assert sum(len(name) + len(value) for name, value in answer.pairs) < 1000
    assert piece * 3 not in answer.body.decode()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("piece", ["x", "a/", "-/", ":", "@", "/-/", "a/-/", "x@", "x:"])
async def test_a_path_of_the_longest_length_costs_little(
    doors: Doors, path: str, piece: str
) -> None:
    await doors.ask("GET", "/")
    target = (path + piece * MAX_PATH)[:MAX_PATH]
    began = time.process_time()
    for _ in range(5):
        answer = await doors.ask("GET", target)
        assert answer.status in (303, 400, 401, 404)
    # A tenth of this is what it takes.
    assert time.process_time() - began < 0.5
    assert len(answer.body) < 40_000


@pytest.mark.parametrize("path", ["/", "/v2/_catalog", "/api/v1/search", "/search", "/v1/search"])
async def test_a_long_query_is_refused_and_nothing_of_it_is_repeated(
    doors: Doors, path: str
) -> None:
    answer = await doors.ask("GET", f"{path}?q=" + "x" * MAX_QUERY)
    assert answer.status == 414
    assert b"xxx" not in answer.body


@pytest.mark.parametrize("path", ["/search", "/explore", "/settings", "/r/none", "/packages"])
async def test_pages_do_not_repeat_a_query_that_is_long(doors: Doors, path: str) -> None:
    answer = await doors.ask("GET", f"{path}?x=" + "\u4e2d" * 5000)
    assert answer.status in (200, 303, 404)
    assert sum(len(value) for _, value in answer.pairs) < 2000
    assert "\u4e2d".encode() * 3 not in answer.body


async def test_a_token_for_hundreds_of_repositories_may_be_asked_for(doors: Doors) -> None:
    scopes = "&".join(f"scope=repository:acme/repo-{n:03}:pull,push" for n in range(190))
    assert len(scopes) < 60_000
    answer = await doors.ask("GET", f"/token?service=hub.test&{scopes}")
    assert answer.status == 200
    many = await doors.ask("GET", "/token?x=" + "y" * 128 * 1024)
    assert many.status == 414


@pytest.mark.parametrize("path", ["/", "/v2/", "/token", "/api/v1/search", "/healthz"])
async def test_headers_that_are_too_large_are_refused_early(doors: Doors, path: str) -> None:
    for name in ("cookie", "authorization", "accept", "x_any", "user_agent"):
        answer = await doors.ask_with("GET", path, b"", {name: "a=b;" * 12_000})
        assert answer.status == 431
        assert b"a=b;" not in answer.body


def test_what_is_refused_costs_next_to_nothing() -> None:
    front = Front(Origins(None, ()), (), is_local_ca=False)
    request = request_of("GET", "/", cookie="a=b;" * 12_000)
    long = request_of("GET", "/" + "x" * 60_000)
    began = time.process_time()
    for _ in range(20):
        for each in (request, long):
            with pytest.raises((AddressTooLong, HeadTooLarge)):
                front.receive(each)
    assert time.process_time() - began < 0.1
    check_head(request_of("GET", "/", cookie="a=b;" * 7_000))


def test_the_log_holds_the_beginning_of_long_texts() -> None:
    request = request_of("GET", "/" + "x" * 60_000, user_agent="y" * 30_000)
    for form in (_as_json, _as_text):
        assert len(form(request, empty(404), 0.0)) < 6000


async def test_https_outside_is_kept_to(open_doors: Open) -> None:
    name = "strict-transport-security"
    doors = open_doors()
    for target in ("/", "/v2/", "/token", "/api/v1/search", "/healthz", "/nothing", "/static/x"):
        plain = await doors.ask("GET", target)
        assert plain.headers(name) == []
        for more in ({"x_forwarded_proto": "https"}, {"forwarded": "proto=https"}):
            secure = await doors.ask_with("GET", target, b"", more)
            assert secure.headers(name) == ["max-age=31536000"]
        assert (await doors.ask("GET", target, scheme="https")).headers(name)
    by_url = open_doors(url="https://hub.test")
    assert (await by_url.ask("GET", "/v2/")).headers(name)


async def test_a_local_ca_binds_no_browser_to_https(open_doors: Open) -> None:
    doors = open_doors(tls="auto")
    answer = await doors.ask("GET", "/", scheme="https")
    assert answer.headers("strict-transport-security") == []


@pytest.fixture
def with_ui(open_doors: Open) -> Doors:
    """A hub that the pages of one other origin may use."""
    return open_doors(cors_origins=("https://UI.example:443/", "http://localhost:3000"))


async def preflight(doors: Doors, target: str, origin: str, method: str = "PUT") -> Answer:
    """What a browser is told before it sends what a page asks for."""
    return await doors.ask(
        "OPTIONS",
        target,
        origin=origin,
        access_control_request_method=method,
        access_control_request_headers="authorization,content-type",
    )


@pytest.mark.parametrize("target", ["/v2/", "/v2/a/b/manifests/v1", "/token", "/api/v1/search"])
async def test_a_preflight_of_a_listed_origin_is_answered(with_ui: Doors, target: str) -> None:
    for origin in (UI, "http://localhost:3000"):
        answer = await preflight(with_ui, target, origin)
        assert (answer.status, answer.body) == (204, b"")
        assert answer.headers("access-control-allow-origin") == [origin]
        assert "PUT" in (answer.header("access-control-allow-methods") or "")
        sent = (answer.header("access-control-allow-headers") or "").lower()
        assert {"authorization", "content-type", "range"} <= set(sent.split(", "))
        assert "origin" in (answer.header("vary") or "")
        assert answer.header("access-control-allow-credentials") is None


@pytest.mark.parametrize(
    "origin",
    [
        *("https://evil.example", "http://ui.example", "https://ui.example:8443", "null", ""),
        *(
            "https://ui.example.evil.example",
            "https://x.ui.example",
            "https://ui.example@evil",
            "*",
        ),
    ],
)
async def test_an_origin_that_is_not_listed_gets_nothing(with_ui: Doors, origin: str) -> None:
    answers = [await preflight(with_ui, "/v2/", origin)]
    answers += [await with_ui.ask("GET", path, origin=origin) for path in ("/v2/", "/token")]
    for answer in answers:
        assert not [name for name, _ in answer.pairs if name.startswith("access-control")]
        assert "origin" in (answer.header("vary") or "")


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/v2/", 401),
        ("HEAD", "/v2/none/none/manifests/v1", 401),
        ("GET", "/v2/" + "x" * 5000, 414),
        ("GET", "/v2/nothing", 404),
        ("POST", "/v2/", 405),
        ("GET", "/token", 200),
        ("GET", "/token?scope=repository:a/b:pull&service=x", 200),
        ("GET", "/api/v1/nothing", 404),
        ("POST", "/api/v1/me/password", 401),
    ],
)
async def test_every_answer_can_be_read_by_a_listed_origin(
    with_ui: Doors, method: str, target: str, status: int
) -> None:
    answer = await with_ui.ask(method, target, origin=UI)
    assert answer.status == status
    assert answer.headers("access-control-allow-origin") == [UI]
    shown = (answer.header("access-control-expose-headers") or "").lower().split(", ")
    assert {"link", "location", "docker-content-digest", "etag"} <= set(shown)
    assert {"www-authenticate", "oci-subject", "oci-tag", "retry-after"} <= set(shown)
    assert len(answer.headers("vary")) == 1
    assert answer.header("access-control-allow-credentials") is None


async def test_pages_are_never_shared_with_other_origins(with_ui: Doors) -> None:
    for target in ("/", "/login", "/settings", "/v1/search", "/static/style.css", "/healthz"):
        answer = await with_ui.ask("GET", target, origin=UI)
        assert not [name for name, _ in answer.pairs if name.startswith("access-control")]
    assert (await preflight(with_ui, "/login", UI, "POST")).status == 405


async def test_every_origin_can_be_allowed_and_still_without_cookies(open_doors: Open) -> None:
    doors = open_doors(cors_origins=("*",))
    for origin in (UI, "null"):
        answer = await doors.ask("GET", "/v2/", origin=origin)
        assert answer.headers("access-control-allow-origin") == ["*"]
        assert answer.header("access-control-allow-credentials") is None


async def test_without_the_setting_nothing_is_said_of_origins(doors: Doors) -> None:
    answers = [await doors.ask("GET", "/v2/", origin=UI), await preflight(doors, "/v2/", UI)]
    for answer in answers:
        names = [name for name, _ in answer.pairs]
        assert not [name for name in names if name.startswith("access-control")]


async def test_a_page_of_a_listed_origin_pulls_with_a_token(town: Town, open_doors: Open) -> None:
    doors = open_doors(cors_origins=(UI,))
    asked = await doors.ask("GET", "/token?service=hub.test", auth=basic("", ""), origin=UI)
    assert asked.status == 200
    bearer = f"Bearer {asked.json()['token']}"
    answer = await doors.ask("GET", "/v2/", auth=bearer, origin=UI)
    assert (answer.status, answer.headers("access-control-allow-origin")) == (200, [UI])
    assert PlainHeaders(answer.pairs).get("vary") == "origin"


def test_a_line_of_the_log_is_json_that_steers_no_terminal() -> None:
    request = request_of("GET", "/\x1b[2J\x9b2J/中文/\udcff", user_agent="a\x9b2J")
    line = _as_json(request, empty(404), 0.0125)
    assert line.isascii()
    assert line.removesuffix("\n").isprintable()
    found = json.loads(line)
    assert (found["path"], found["status"], found["ms"]) == (request.path, 404, 12.5)
    moment = datetime.fromisoformat(found["at"])
    assert abs((datetime.now(UTC) - moment).total_seconds()) < 60
