"""Object stores as Google Cloud Storage and Azure Blob Storage answer: what the hub asks of them.

Each keeps objects in memory, checks the conditions of a write, and speaks the XML of its API:
https://cloud.google.com/storage/docs/xml-api and
https://learn.microsoft.com/rest/api/storageservices/blob-service-rest-api.
"""

import base64
import itertools
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar, Final
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from entrepot.storage.buckets import Bucket, BucketConfig, Scheme
from entrepot.storage.object_store import ObjectStorage

_ACCOUNT: Final = "devstoreaccount1"
_KEY: Final = base64.b64encode(b"the key of an account that only tests have").decode()
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Stored:
    """An object's bytes; `number` is new with each write."""

    content: bytes
    number: int
    at: datetime
    headers: dict[str, str]


@dataclass(slots=True)
class Objects:
    """All objects of a server, and the parts of those that are being written."""

    stored: dict[str, Stored] = field(default_factory=dict)
    parts: dict[tuple[str, str], bytes] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def write(self, path: str, content: bytes, headers: dict[str, str]) -> Stored:
        """Write an object, whatever was there."""
        made = Stored(content, next(_numbers), datetime.now(UTC), headers)
        self.stored[path] = made
        return made


class Cloud(BaseHTTPRequestHandler):
    """What both stores have in common: reading, deleting, and answers with an ETag."""

    protocol_version = "HTTP/1.1"
    objects: ClassVar[Objects]

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def handle_one_request(self) -> None:
        """Answer one request; a client that goes away is no failure."""
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True

    @property
    def path_of(self) -> str:
        """The bucket and the object's name."""
        return unquote(urlsplit(self.path).path).lstrip("/")

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the address."""
        found = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        return {name: values[0] for name, values in found.items()}

    def body(self) -> bytes:
        """The request's body."""
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def answer(self, status: int, body: bytes = b"", /, **headers: str) -> None:
        """Send an answer."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "content_length" not in headers:
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def named(self, found: Stored) -> dict[str, str]:
        """The headers that say which version of an object this is."""
        return {
            "etag": f'"e{found.number}"',
            "last_modified": format_datetime(found.at, usegmt=True),
            "x_goog_generation": str(found.number),
        }

    def do_HEAD(self) -> None:
        """Say what an object is."""
        self.do_GET()

    def do_GET(self) -> None:
        """Send an object, a part of it, or the list of those with a prefix."""
        if {"list-type", "comp"} & self.query.keys():
            self.list_objects()
            return
        found = self.objects.stored.get(self.path_of)
        if found is None:
            self.answer(404)
            return
        content, status, more = found.content, 200, dict(self.named(found))
        asked = self.headers.get("range") or self.headers.get("x-ms-range")
        if asked:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start, stop = int(first), min(int(last or len(content)), len(content) - 1)
            more["content_range"] = f"bytes {start}-{stop}/{len(content)}"
            content, status = content[start : stop + 1], 206
        self.answer(status, content, **more, **found.headers, content_length=str(len(content)))

    def do_DELETE(self) -> None:
        """Delete an object."""
        found = self.objects.stored.pop(self.path_of, None)
        self.answer(404 if found is None else 202 if isinstance(self, Azure) else 204)

    def write(self, content: bytes) -> None:
        """Write an object under the conditions of the request."""
        with self.objects.lock:
            there = self.objects.stored.get(self.path_of)
            if not self.may_write(there):
                self.answer(409 if self.is_creation and isinstance(self, Azure) else 412)
                return
            kept = {
                "content_type": self.headers.get("content-type") or "",
                "content_disposition": self.headers.get("content-disposition")
                or self.headers.get("x-ms-blob-content-disposition")
                or "",
            }
            made = self.objects.write(self.path_of, content, kept)
        self.answer(201 if isinstance(self, Azure) else 200, **self.named(made))

    @property
    def is_creation(self) -> bool:
        """Whether the object must not be there yet."""
        return self.headers.get("if-none-match") == "*"

    def may_write(self, there: Stored | None) -> bool:
        """Whether the conditions hold."""
        raise NotImplementedError

    def list_objects(self) -> None:
        """Send the objects with a prefix."""
        raise NotImplementedError


class Google(Cloud):
    """The XML API of Google Cloud Storage, whose conditions name generations."""

    def may_write(self, there: Stored | None) -> bool:
        """Compare generations; 0 is that of an object that is not there."""
        wanted = self.headers.get("x-goog-if-generation-match")
        return wanted is None or int(wanted) == (there.number if there else 0)

    def do_PUT(self) -> None:
        """Write an object, a part of one, or a copy."""
        content, source = self.body(), self.headers.get("x-goog-copy-source")
        if "uploadId" in self.query:
            part = (self.query["uploadId"], self.query["partNumber"])
            self.objects.parts[part] = content
            self.answer(200, etag=f'"p{part[1]}"')
        elif source is None:
            self.write(content)
        elif (found := self.objects.stored.get(unquote(source).lstrip("/"))) is None:
            self.answer(404)
        else:
            self.write(found.content)

    def do_POST(self) -> None:
        """Begin a large object, or put it together."""
        asked = self.body()
        if "uploads" in self.query:
            upload = f"<UploadId>u{next(_numbers)}</UploadId>"
            whole = f"<InitiateMultipartUploadResult>{upload}</InitiateMultipartUploadResult>"
            self.answer(200, whole.encode())
            return
        numbers = [
            each.text
            for each in ElementTree.fromstring(asked).iter()  # noqa: S314 - our own client's
            if each.tag.endswith("PartNumber")
        ]
        parts = [self.objects.parts[self.query["uploadId"], str(each)] for each in numbers]
        made = self.objects.write(self.path_of, b"".join(parts), {})
        etag = f"<ETag>e{made.number}</ETag>"
        whole = f"<CompleteMultipartUploadResult>{etag}</CompleteMultipartUploadResult>"
        self.answer(200, whole.encode(), x_goog_generation=str(made.number))

    def list_objects(self) -> None:
        """Send all at once."""
        bucket = self.path_of.strip("/")
        start = f"{bucket}/{self.query.get('prefix', '')}"
        entries = "".join(
            f"<Contents><Key>{escape(path.removeprefix(bucket + '/'))}</Key>"
            f"<Size>{len(each.content)}</Size><ETag>e{each.number}</ETag>"
            f"<LastModified>{each.at.isoformat()}</LastModified></Contents>"
            for path, each in sorted(self.objects.stored.items())
            if path.startswith(start)
        )
        whole = f"<ListBucketResult><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>"
        self.answer(200, whole.encode())


class Azure(Cloud):
    """The blob service of Azure, whose conditions name ETags."""

    def may_write(self, there: Stored | None) -> bool:
        """Compare ETags."""
        if self.is_creation:
            return there is None
        wanted = self.headers.get("if-match")
        return wanted is None or (there is not None and wanted == self.named(there)["etag"])

    def do_PUT(self) -> None:
        """Write an object, a block of one, the list of its blocks, or a copy."""
        content, source = self.body(), self.headers.get("x-ms-copy-source")
        kind = self.query.get("comp")
        if kind == "block":
            self.objects.parts[self.path_of, self.query["blockid"]] = content
            self.answer(201)
        elif kind == "blocklist":
            root = ElementTree.fromstring(content)  # noqa: S314 - our own client's
            blocks = [self.objects.parts[self.path_of, each.text or ""] for each in root]
            self.write(b"".join(blocks))
        elif source is None:
            self.write(content)
        elif (found := self.objects.stored.get(_name_in(source))) is None:
            self.answer(404)
        else:
            made = self.objects.write(self.path_of, found.content, found.headers)
            self.answer(202, x_ms_copy_status="success", **self.named(made))

    def do_POST(self) -> None:
        """Delete the objects of a batch, each with an answer of its own (RFC 2046 parts)."""
        edge = self.headers["content-type"].partition("boundary=")[2].strip('"')
        answers = []
        for number, part in enumerate(self.body().split(f"--{edge}".encode())[1:-1]):
            line = next(each for each in part.decode().splitlines() if each.startswith("DELETE "))
            found = self.objects.stored.pop(_name_in(line.split()[1]), None)
            status = "404 The specified blob does not exist." if found is None else "202 Accepted"
            answers.append(
                f"--{edge}\r\nContent-Type: application/http\r\nContent-ID: {number}\r\n\r\n"
                f"HTTP/1.1 {status}\r\nx-ms-request-id: {number}\r\n\r\n"
            )
        whole = f"{''.join(answers)}--{edge}--".encode()
        self.answer(202, whole, content_type=f"multipart/mixed; boundary={edge}")

    def list_objects(self) -> None:
        """Send all at once."""
        bucket = self.path_of.strip("/")
        start = f"{bucket}/{self.query.get('prefix', '')}"
        entries = "".join(
            f"<Blob><Name>{escape(path.removeprefix(bucket + '/'))}</Name><Properties>"
            f"<Last-Modified>{format_datetime(each.at, usegmt=True)}</Last-Modified>"
            f"<Content-Length>{len(each.content)}</Content-Length>"
            f"<Content-Type>application/octet-stream</Content-Type>"
            f"<Etag>e{each.number}</Etag></Properties></Blob>"
            for path, each in sorted(self.objects.stored.items())
            if path.startswith(start)
        )
        whole = f"<EnumerationResults><Blobs>{entries}</Blobs></EnumerationResults>"
        self.answer(200, whole.encode())


def _name_in(address: str) -> str:
    return unquote(urlsplit(address).path).lstrip("/")


@dataclass(frozen=True, slots=True)
class CloudStore:
    """A running server; its stores are opened with the variables that its clients use."""

    scheme: Scheme
    objects: Objects
    variables: dict[str, str]

    def open_storage(self, spool: Path) -> ObjectStorage:
        """An empty store."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.variables.items():
                patch.setenv(name, value)
            address = f"{self.scheme}://hub/tests/{next(_numbers)}"
            place = BucketConfig.parse(address, None, None, path_style=True)
            bucket = Bucket(place)
            bucket.check()
        return ObjectStorage(bucket, spool)


@contextmanager
def google() -> Iterator[CloudStore]:
    """A server as Google's, for as long as it is needed."""
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    def variables(port: int) -> dict[str, str]:
        account = {
            "gcs_base_url": f"http://127.0.0.1:{port}",
            "disable_oauth": True,
            "client_email": "tests@example.org",
            "private_key": pem,
            "private_key_id": "1",
        }
        return {"GOOGLE_SERVICE_ACCOUNT_KEY": json.dumps(account)}

    yield from _serving(Google, "gs", variables)


@contextmanager
def azure() -> Iterator[CloudStore]:
    """A server as Azure's, for as long as it is needed."""

    def variables(port: int) -> dict[str, str]:
        return {
            "AZURE_STORAGE_ACCOUNT_NAME": _ACCOUNT,
            "AZURE_STORAGE_ACCOUNT_KEY": _KEY,
            "AZURE_STORAGE_ENDPOINT": f"http://127.0.0.1:{port}/{_ACCOUNT}",
        }

    yield from _serving(Azure, "az", variables)


def _serving(
    cloud: type[Cloud], scheme: Scheme, variables: Callable[[int], dict[str, str]]
) -> Iterator[CloudStore]:
    objects = Objects()
    handler = type(cloud.__name__, (cloud,), {"objects": objects})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield CloudStore(scheme, objects, variables(server.server_port))
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
