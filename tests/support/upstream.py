"""A registry to mirror that counts what it is asked, and that can fail in every way that is known.

It speaks HTTP/1.1 on a loopback port, as little of it as a registry needs. Behaviour is changed
while it runs: `fail`, `delay`, `cut_after`, `lie`, `redirect_to`, `needs_token`, and `close`.
"""

import asyncio
import base64
import hashlib
import json
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"


def digest_of(content: bytes) -> str:
    """The sha256 digest of the bytes."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass(slots=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    query: str
    headers: dict[str, str]


@dataclass(slots=True)
class Upstream:
    """What the registry has, how it behaves, and what it was asked."""

    manifests: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    """Bytes and media type by `NAME:REFERENCE`."""
    blobs: dict[str, bytes] = field(default_factory=dict)
    """By `NAME@DIGEST`."""
    referrers: dict[str, list[dict[str, object]]] = field(default_factory=dict)
    has_referrers: bool = True
    has_digest_header: bool = True
    endless_tags: bool = False
    """Whether each page of tags is the first, and says that there is another."""
    has_ranges: bool = True
    fail: int = 0
    """A status that everything is answered with."""
    fail_headers: Sequence[tuple[str, str]] = ()
    delay: float = 0.0
    """Seconds before each answer."""
    pause: float = 0.0
    """Seconds between pieces of a blob."""
    piece: int = 256 * 1024
    cut_after: int = -1
    """Bytes of a blob after which the connection is closed, once for each time it is set."""
    redirect_to: str = ""
    """Where blobs are, as the start of a URL; empty: here."""
    needs_token: bool = False
    realm: str = ""
    credentials: tuple[str, str] = ("", "")
    asked: list[Asked] = field(default_factory=list)
    blob_bytes: int = 0
    port: int = 0
    _server: asyncio.Server | None = None
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    @property
    def url(self) -> str:
        """The address of the registry."""
        return f"http://127.0.0.1:{self.port}"

    def count(self, method: str, part: str) -> int:
        """How often paths with this part were asked for so."""
        return sum(each.method == method and part in each.path for each in self.asked)

    @property
    def paths(self) -> Counter[str]:
        """How often each path was asked for."""
        return Counter(each.path for each in self.asked)

    def add_image(self, name: str, tag: str, *layers: bytes, config: bytes = b"{}") -> str:
        """Have an image under a tag; return its digest."""
        for content in (config, *layers):
            self.blobs[f"{name}@{digest_of(content)}"] = content
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": _descriptor("application/vnd.oci.image.config.v1+json", config),
            "layers": [_descriptor("application/vnd.oci.image.layer.v1.tar", x) for x in layers],
        }
        return self.add_manifest(name, tag, json.dumps(document).encode(), OCI_MANIFEST)

    def add_manifest(self, name: str, tag: str, content: bytes, media_type: str) -> str:
        """Have a manifest under its digest, and a tag where there is one."""
        digest = digest_of(content)
        for reference in filter(None, (tag, digest)):
            self.manifests[f"{name}:{reference}"] = content, media_type
        return digest

    async def start(self, port: int = 0) -> "Upstream":
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port or self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def close(self) -> None:
        """Vanish: connections are refused from now on."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            while request := await _read_request(reader):
                self.asked.append(request)
                if self.delay:
                    await asyncio.sleep(self.delay)
                if self._server is None or not await self._answer(request, writer):
                    return
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            return
        finally:
            writer.transport.abort()

    async def _answer(self, request: Asked, writer: asyncio.StreamWriter) -> bool:
        """Answer; whether the connection stays open."""
        status, headers, body = self._find(request)
        if status in (200, 206) and "/blobs/" in request.path and request.method == "GET":
            return await self._send_blob(writer, status, headers, body)
        await _send(writer, status, headers, body, without_body=request.method == "HEAD")
        return True

    def _find(self, request: Asked) -> tuple[int, list[tuple[str, str]], bytes]:
        path = request.path
        if path.startswith("/token"):
            return self._token(request)
        if self.fail:
            return self.fail, list(self.fail_headers), b"no"
        if self.needs_token and request.headers.get("authorization") != "Bearer good":
            realm = self.realm or f"{self.url}/token"
            scope = path.removeprefix("/v2/").rsplit("/", 2)[0]
            challenge = f'Bearer realm="{realm}",service="fake",scope="repository:{scope}:pull"'
            return 401, [("WWW-Authenticate", challenge)], b"{}"
        if path == "/v2/":
            return 200, [("Content-Type", "application/json")], b"{}"
        name, _, rest = path.removeprefix("/v2/").rpartition("/")
        name, _, kind = name.rpartition("/")
        return self._content(request, name, kind, rest)

    def _token(self, request: Asked) -> tuple[int, list[tuple[str, str]], bytes]:
        if self.credentials != ("", ""):
            pair = base64.b64encode(":".join(self.credentials).encode()).decode()
            if request.headers.get("authorization") != f"Basic {pair}":
                return 401, [], b"{}"
        return 200, [("Content-Type", "application/json")], b'{"token":"good","expires_in":300}'

    def _content(
        self, request: Asked, name: str, kind: str, rest: str
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        if kind == "manifests":
            found = self.manifests.get(f"{name}:{rest}")
            if found is None:
                return 404, [], b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}'
            headers = [("Content-Type", found[1])]
            if self.has_digest_header:
                headers.append(("Docker-Content-Digest", digest_of(found[0])))
            return 200, headers, found[0]
        if kind == "blobs":
            return self._blob(request, name, rest)
        if kind == "tags":
            return self._tags(request, name)
        if kind == "referrers" and self.has_referrers:
            listed = self.referrers.get(rest, [])
            document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed}
            return 200, [("Content-Type", OCI_INDEX)], json.dumps(document).encode()
        return 404, [], b"{}"

    def _tags(self, request: Asked, name: str) -> tuple[int, list[tuple[str, str]], bytes]:
        query = parse_qs(request.query)
        last, size = query.get("last", [""])[0], int(query.get("n", ["100"])[0])
        last = "" if self.endless_tags else last
        keys = [
            key.removeprefix(f"{name}:") for key in self.manifests if key.startswith(f"{name}:")
        ]
        every = sorted(tag for tag in keys if not tag.startswith("sha256:") and tag > last)
        if not keys:
            return 404, [], b"{}"
        page = every[:size]
        headers = [("Content-Type", "application/json")]
        if len(every) > size or self.endless_tags:
            headers.append(("Link", f'</v2/{name}/tags/list?n={size}&last={page[-1]}>; rel="next"'))
        return 200, headers, json.dumps({"name": name, "tags": page}).encode()

    def _blob(
        self, request: Asked, name: str, digest: str
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        content = self.blobs.get(f"{name}@{digest}")
        if content is None:
            return 404, [], b"{}"
        if self.redirect_to:
            return 307, [("Location", f"{self.redirect_to}/v2/{name}/blobs/{digest}")], b""
        wanted = request.headers.get("range", "")
        if wanted and self.has_ranges:
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            end = int(last) + 1 if last else len(content)
            shown = f"bytes {first}-{end - 1}/{len(content)}"
            return 206, [("Content-Range", shown)], content[int(first) : end]
        return 200, [("Content-Type", "application/octet-stream")], content

    async def _send_blob(
        self,
        writer: asyncio.StreamWriter,
        status: int,
        headers: list[tuple[str, str]],
        body: bytes,
    ) -> bool:
        await _send(writer, status, headers, body, without_body=True)
        for at in range(0, len(body), self.piece):
            piece = body[at : at + self.piece]
            if 0 <= self.cut_after < at + len(piece):
                writer.write(piece[: max(0, self.cut_after - at)])
                await writer.drain()
                self.cut_after = -1
                return False
            writer.write(piece)
            self.blob_bytes += len(piece)
            await writer.drain()
            if self.pause:
                await asyncio.sleep(self.pause)
        return True


class RunningUpstream:
    """An upstream in a thread of its own."""

    def __init__(self) -> None:
        self.upstream = Upstream()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.upstream.start(), self._loop).result(10)

    def stop(self) -> None:
        """Vanish."""
        asyncio.run_coroutine_threadsafe(self.upstream.close(), self._loop).result(10)

    def end(self) -> None:
        """Vanish, with the thread."""
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


def _descriptor(media_type: str, content: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


async def _read_request(reader: asyncio.StreamReader) -> Asked | None:
    line = (await reader.readline()).decode().split()
    if len(line) != 3:
        return None
    headers: dict[str, str] = {}
    while (text := (await reader.readline()).decode().strip()) != "":
        name, _, value = text.partition(":")
        headers[name.lower()] = value.strip()
    parts = urlsplit(line[1])
    return Asked(line[0], parts.path, parts.query, headers)


async def _send(
    writer: asyncio.StreamWriter,
    status: int,
    headers: Sequence[tuple[str, str]],
    body: bytes,
    *,
    without_body: bool,
) -> None:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    if not without_body:
        writer.write(body)
    await writer.drain()
