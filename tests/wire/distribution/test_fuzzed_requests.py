"""Thousands of requests that are nearly right: none is an error of the server."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.http import Answer, Client
from tests.wire.content import IMAGE, INDEX, NOWHERE, digest_of, image
from tests.wire.lines import Line
from tests.wire.repositories import Repository

pytestmark = pytest.mark.wire

REPEATABLE = settings(
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)

METHODS = st.sampled_from(
    ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE", "get"]
)
WORDS = st.sampled_from(
    [
        "v2",
        "wire",
        "fuzz",
        "manifests",
        "blobs",
        "uploads",
        "tags",
        "list",
        "referrers",
        "_catalog",
        "latest",
        "token",
        "",
        ".",
        "..",
        "%2f",
        "%00",
        "%",
        "%ff",
        "_oci",
        "ext",
        "discover",
        "UP",
        NOWHERE,
        digest_of(b"{}"),
        digest_of(image()),
        "sha256:",
        "sha512:x",
        "a" * 130,
        "a" * 300,
        "readyz",
        "healthz",
        "metrics",
        "api",
        "v1",
        "r",
        "-",
        ":",
        "@",
        "~",
        "some-id",
        "caf%C3%A9",
    ]
)
PARAMETERS = st.sampled_from(
    [
        "digest",
        "mount",
        "from",
        "n",
        "last",
        "artifactType",
        "tag",
        "digest-algorithm",
        "scope",
        "service",
        "account",
        "offline_token",
        "grant_type",
        "ns",
        "",
        "%",
        "origin",
        "_state",
    ]
)
VALUES = st.sampled_from(
    [
        "",
        "0",
        "-1",
        "1",
        "99999999999999999999",
        "a",
        "%00",
        "%",
        "wire/fuzz",
        "sha256",
        "md5",
        NOWHERE,
        digest_of(b"{}"),
        digest_of(image()),
        "repository:wire/fuzz:pull,push",
        "true",
        "x" * 3000,
        "%F0%9F%92%A9",
        "%ED%A0%80",
        "a%0d%0aX-Injected:%201",
        "latest",
        ".bad",
    ]
)
HEADERS = st.sampled_from(
    [
        "Accept",
        "Content-Type",
        "Content-Range",
        "Range",
        "If-None-Match",
        "If-Range",
        "Expect",
        "Authorization",
        "X-Forwarded-Proto",
        "X-Forwarded-For",
        "Accept-Encoding",
        "Connection",
        "Content-Encoding",
        "Digest",
        "Cookie",
        "Origin",
        "X-Request-Id",
        "Docker-Upload-UUID",
    ]
)
HEADER_VALUES = st.one_of(
    st.sampled_from(
        [
            "",
            "*",
            "*/*",
            IMAGE,
            INDEX,
            "0-1",
            "5-1",
            "bytes=0-1",
            "bytes=-",
            "bytes 0-1/2",
            "-",
            "Bearer x",
            "Basic Og==",
            "Basic !!",
            "Basic YTpi",
            "gzip",
            "https",
            "keep-alive",
            "application/x-www-form-urlencoded",
            "999999999999999999999-1",
            "a, b, c",
            '"x"',
            "W/",
        ]
    ),
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f")),
)
BODIES = st.one_of(
    st.none(),
    st.sampled_from([b"", b"{}", image(), image()[:-1], b"[", b"\xff", b"a=b&c", b"x" * 5000]),
    st.binary(max_size=50),
    st.lists(st.binary(max_size=20), max_size=4),
)


@st.composite
def targets(draw: st.DrawFn) -> str:
    """A path below /v2/ for the most part, and a query."""
    start = draw(st.sampled_from(["/v2/wire/fuzz", "/v2", "/v2/wire/fuzz/blobs/uploads", "", "/"]))
    path = "/".join([start, *draw(st.lists(WORDS, max_size=4))]) or "/"
    pairs = draw(st.lists(st.tuples(PARAMETERS, VALUES), max_size=4))
    query = "&".join(f"{name}={value}" for name, value in pairs)
    return f"{path if path.startswith('/') else '/' + path}{'?' if query else ''}{query}"


def assert_civil(answer: Answer) -> None:
    """No error of the server, nothing injected, and refusals in the shape that clients read."""
    assert answer.status < 500 or answer.status in {501, 505}, answer.describe()
    assert "X-Injected" not in answer.headers
    if answer.status >= 400 and answer.body and "Docker-Distribution-Api-Version" in answer.headers:
        assert answer.codes


@pytest.fixture(scope="module")
def lines() -> Iterator[list[Line]]:
    """The connection of this module, once there is one."""
    found: list[Line] = []
    yield found
    for line in found:
        line.close()


@settings(REPEATABLE, max_examples=3000)
@given(
    method=METHODS,
    target=targets(),
    headers=st.dictionaries(HEADERS, HEADER_VALUES, max_size=3),
    body=BODIES,
)
def test_an_odd_request_is_never_an_error_of_the_server(
    client: Client,
    lines: list[Line],
    method: str,
    target: str,
    headers: dict[str, str],
    body: bytes | list[bytes] | None,
) -> None:
    if not lines:
        lines.append(Line(client))
    assert_civil(lines[0].ask(method, target, body, headers))


@st.composite
def damage(draw: st.DrawFn) -> list[tuple[str, float, bytes]]:
    """A few changes to bytes, each at a fraction of the whole."""
    change = st.tuples(
        st.sampled_from(["flip", "cut", "insert", "repeat"]),
        st.floats(0, 1),
        st.one_of(
            st.binary(min_size=1, max_size=8),
            st.sampled_from(
                [b"\r\n", b"\n", b"\r", b"\x00", b":", b" ", b"\r\n\r\n", b"0\r\n\r\n"]
            ),
        ),
    )
    return draw(st.lists(change, min_size=1, max_size=4))


def damaged(data: bytes, changes: list[tuple[str, float, bytes]]) -> bytes:
    for what, where, more in changes:
        at = int(where * len(data))
        before, after = data[:at], data[at:]
        if what == "flip" and after:
            data = before + bytes([after[0] ^ more[0]]) + after[1:]
        elif what == "cut":
            data = before + after[len(more) :]
        elif what == "insert":
            data = before + more + after
        else:
            data = before + after[: 5 * len(more)] + after
    return data


@settings(REPEATABLE, max_examples=3000)
@given(changes=damage(), form=st.integers(0, 4))
def test_damaged_bytes_are_never_an_error_of_the_server(
    stocked: Repository, changes: list[tuple[str, float, bytes]], form: int
) -> None:
    client, body = stocked.client, image()
    head, kind = client.head, {"Content-Type": IMAGE}
    requests = [
        head("GET", "/v2/"),
        head("PUT", stocked.manifest("raw"), body, kind) + body,
        head("PUT", stocked.manifest("raw"), [body], kind) + b"%x\r\n" % len(body) + body,
        head("POST", f"{stocked.uploads}?digest={digest_of(body)}", body) + body,
        head("GET", stocked.tags("?n=1"), headers={"Authorization": "Bearer x", "Range": "0-1"}),
    ]
    with client.wire() as wire:
        wire.send(damaged(requests[form], changes))
        wire.end()
        said = wire.rest()
    assert said == b"" or said[9:12].isdigit()
    assert said[9:10] != b"5" or said[9:12] in {b"501", b"505"}, said
    assert b"Traceback" not in said
