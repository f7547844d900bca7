"""Whole requests through a hub's doors, without a socket; every answer is held to the manners."""

import base64
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from entrepot.app import App
from entrepot.http.messages import FileBody, PlainHeaders, Request
from entrepot.worker import Hub

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as a client gets it, its body read."""

    status: int
    pairs: Sequence[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """The first value of that header."""
        return next((value for key, value in self.pairs if key == name), None)

    def headers(self, name: str) -> list[str]:
        """Every value of that header."""
        return [value for key, value in self.pairs if key == name]

    @property
    def text(self) -> str:
        """Its body as text."""
        return self.body.decode()

    def json(self) -> dict[str, object]:
        """The body as a JSON object."""
        value = json.loads(self.body)
        assert isinstance(value, dict)
        return value

    def texts(self, key: str) -> list[str]:
        """A list of texts in the body."""
        found = self.json()[key]
        assert isinstance(found, list)
        return found

    @property
    def codes(self) -> list[str]:
        """The codes of its errors."""
        return [each["code"] for each in json.loads(self.body)["errors"]]


@dataclass(frozen=True, slots=True)
class Doors:
    """A hub to ask, and the app behind it."""

    hub: Hub
    app: App

    async def ask(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        *,
        auth: str | None = None,
        scheme: str = "http",
        client: str = "127.0.0.1",
        **headers: str,
    ) -> Answer:
        """Ask; names of headers are written with `_` for `-`."""
        if auth is not None:
            headers["authorization"] = auth
        request = request_of(method, target, body, scheme=scheme, client=client, **headers)
        response = await self.hub.answer(request)
        answer = Answer(response.status, response.headers, await _read(response.body))
        _check(method, request.path, answer)
        return answer

    async def ask_with(
        self, method: str, target: str, body: bytes, headers: Mapping[str, str]
    ) -> Answer:
        """As `ask`, with nothing but headers."""
        values: dict[str, str] = dict(headers)
        return await self.ask(method, target, body, auth=None, scheme="http", **values)

    async def push(self, name: str, content: bytes, digest: str, auth: str) -> None:
        """Push a blob in one request."""
        target = f"/v2/{name}/blobs/uploads/?digest={digest}"
        answer = await self.ask("POST", target, content, auth=auth)
        assert answer.status == 201, answer.body

    async def bearer(self, auth: str | None, *scopes: str) -> str:
        """The `Authorization` of a registry token for these scopes."""
        query = "&".join(f"scope={scope}" for scope in scopes)
        answer = await self.ask("GET", f"/token?service=hub.test&{query}", auth=auth)
        assert answer.status == 200, answer.body
        return f"Bearer {answer.json()['token']}"


def request_of(
    method: str,
    target: str,
    body: bytes = b"",
    *,
    scheme: str = "http",
    client: str = "127.0.0.1",
    **headers: str,
) -> Request:
    """A request; names of headers are written with `_` for `-`."""
    parts = urlsplit(target)
    pairs = [("host", "hub.test")] if "host" not in headers else []
    pairs += [(name.replace("_", "-"), value) for name, value in headers.items()]
    if method in ("PUT", "POST", "PATCH"):
        pairs.append(("content-length", str(len(body))))
    return Request(
        method=method,
        path=parts.path,
        query_string=parts.query,
        headers=PlainHeaders(pairs),
        body=_runs(body),
        scheme=scheme,
        client=client,
        id="0123456789",
    )


def basic(name: str, secret: str) -> str:
    """The `Authorization` of a name and a secret."""
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


def _check(method: str, path: str, answer: Answer) -> None:
    """What holds for every answer, whatever was asked."""
    length = answer.header("content-length")
    assert len(answer.headers("content-length")) <= 1
    assert all(name == name.lower() for name, _ in answer.pairs)
    if method == "HEAD" or answer.status in (204, 304):
        assert answer.body == b""
    elif length is not None:
        assert int(length) == len(answer.body)
    assert answer.headers("x-content-type-options") == ["nosniff"]
    policies = answer.headers("content-security-policy")
    assert policies
    assert all("default-src 'none'" in policy for policy in policies)
    is_api = path == "/token" or path.startswith("/v2")
    if is_api and answer.status >= 400:
        _check_error(method, path, answer)


def _check_error(method: str, path: str, answer: Answer) -> None:
    """The shape of the distribution spec's errors, and what each status needs beside it."""
    assert answer.header("content-type") == JSON
    if method != "HEAD":
        document = answer.json()
        assert list(document) == ["errors"]
        for each in document["errors"]:  # type: ignore[attr-defined]
            assert set(each) == {"code", "message", "detail"}
            assert each["code"].replace("_", "").isupper()
            assert each["message"]
            _check_quiet(each)
    if answer.status == 401 and path.startswith("/v2"):
        (challenge,) = answer.headers("www-authenticate")
        assert challenge.startswith("Bearer realm=")
    if answer.status == 405:
        assert answer.header("allow")
        assert method not in (answer.header("allow") or "").split(", ")


def _check_quiet(entry: Mapping[str, object]) -> None:
    text = json.dumps(entry)
    for word in ("Traceback", "File \\", ".py", "sqlite", "Exception", "object at 0x"):
        assert word not in text


async def _runs(body: bytes) -> AsyncIterator[bytes]:
    if body:
        yield body


async def _read(body: bytes | FileBody | AsyncIterator[bytes]) -> bytes:
    if isinstance(body, bytes):
        return body
    if isinstance(body, FileBody):
        return body.path.read_bytes()[body.start : body.start + body.length]
    return b"".join([run async for run in body])
