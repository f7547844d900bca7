"""One bucket of an object store: objects by name, and its failures in our words.

The store speaks S3, or is Google Cloud Storage or Azure Blob Storage. Requests to S3 are signed
with the hash of their body, so the store refuses bytes that changed on the way.
What fails for a moment (500, 503, a timeout, a connection that breaks) is tried again by `obstore`,
with growing pauses, until `Patience` ends.
"""

import asyncio
import configparser
import logging
import os
import re
import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, cast
from urllib.parse import urlsplit

import obstore
from obstore import exceptions
from obstore.store import AzureStore, GCSStore, S3Store

from entrepot.errors import BlobUnknown, EntrepotError, OutOfSpace, Unavailable

if TYPE_CHECKING:
    from obstore import ObjectMeta, PutResult, UpdateVersion
    from obstore.store import ClientConfig, RetryConfig, S3Config, S3Credential

PART: Final = 8 * 1024 * 1024
"""Bytes of one part of a large object; S3 takes 5 MiB or more, and 10,000 parts."""
_MOST_PARTS: Final = 9_000
_PARTS_AT_ONCE: Final = 2
_WINDOW: Final = 4 * 1024 * 1024
_WINDOWS_AHEAD: Final = 2
_RUN: Final = 1024 * 1024
_ATTEMPTS: Final = 4
_CREDENTIALS_LAST: Final = timedelta(minutes=5)
# A browser that follows a signed URL saves the blob: it may be anything, also a page with a script.
_ATTRIBUTES: Final = {
    "Content-Type": "application/octet-stream",
    "Content-Disposition": "attachment",
}
_DELETES_AT_ONCE: Final = 16
_FULL: Final = (
    "status code: 507",
    "StorageFull",
    "QuotaExceeded",
    "InsufficientStorage",
    "NoSpaceLeft",
)

_log = logging.getLogger(__name__)


Scheme = Literal["s3", "gs", "az"]
"""S3, Google Cloud Storage, Azure Blob Storage."""


@dataclass(frozen=True, slots=True)
class BucketConfig:
    """A bucket, or container; what is `None` is read from the usual environment of its store.

    `endpoint`, `region` and `path_style` are for S3.
    """

    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    region: str | None = None
    path_style: bool = True
    scheme: Scheme = "s3"

    @classmethod
    def parse(
        cls, url: str, endpoint: str | None, region: str | None, *, path_style: bool
    ) -> "BucketConfig":
        """Return the bucket that `SCHEME://BUCKET/PREFIX` names."""
        parts = urlsplit(url)
        scheme = cast("Scheme", parts.scheme)
        return cls(parts.netloc, parts.path.strip("/"), endpoint, region, path_style, scheme)

    def __str__(self) -> str:
        """The bucket and its store, as a message names them."""
        return f"{self.scheme}://{self.bucket}" + (f" at {self.endpoint}" if self.endpoint else "")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one request may take, and how long it is tried again."""

    request: timedelta = timedelta(seconds=30)
    retries: timedelta = timedelta(seconds=20)
    pause: timedelta = timedelta(milliseconds=100)


@dataclass(frozen=True, slots=True)
class Object:
    """An object's name, its size in bytes, its version, and when it was last written.

    The version is the ETag, or Google's generation: it changes with each write.
    """

    path: str
    size: int
    version: str | None
    at: datetime


class Bucket:
    """Objects by name; nothing is kept here, so any number of processes may share one."""

    def __init__(self, place: BucketConfig, patience: Patience | None = None) -> None:
        self._place = place
        self._store = _open(place, patience or Patience())

    async def find(self, path: str) -> Object | None:
        """Return the object's properties, `None` when absent."""
        with _named_failures():
            try:
                return self._object(await obstore.head_async(self._store, path))
            except FileNotFoundError:
                return None

    async def get(self, path: str) -> tuple[bytes, str | None] | None:
        """Return a small object's bytes and its version, `None` when absent."""

        async def once() -> tuple[bytes, str | None]:
            got = await obstore.get_async(self._store, path)
            return bytes(await got.bytes_async()), self._version(got.meta)

        for attempt in range(_ATTEMPTS):
            try:
                with _named_failures():
                    return await once()
            except FileNotFoundError:
                return None
            except Unavailable:
                # The head came and the body broke off: only a new request helps.
                if attempt + 1 == _ATTEMPTS:
                    raise
        raise AssertionError("unreachable")

    async def put(self, path: str, content: bytes) -> str | None:
        """Write a small object in one request; return its version."""
        with _named_failures():
            done = await obstore.put_async(
                self._store, path, content, use_multipart=False, attributes=_ATTRIBUTES
            )
        return self._version(done)

    async def put_parts(self, path: str, runs: AsyncIterator[bytes], size: int = 0) -> str | None:
        """Write a large object part by part; `size` is a guess that decides how large they are.

        What `runs` raises ends the writing, and nothing is left.
        """
        with _named_failures():
            done = await obstore.put_async(
                self._store,
                path,
                runs,
                use_multipart=True,
                chunk_size=max(PART, size // _MOST_PARTS),
                max_concurrency=_PARTS_AT_ONCE,
                attributes=_ATTRIBUTES,
            )
        return self._version(done)

    async def create(self, path: str, content: bytes) -> str | None:
        """Write an object that is not there yet; return its version, `None` where there is one."""
        with _named_failures():
            try:
                done = await obstore.put_async(self._store, path, content, mode="create")
            except exceptions.AlreadyExistsError:
                return None
        return self._version(done)

    async def replace(self, path: str, content: bytes, version: str) -> str | None:
        """Write over the object of this version; return the new one, `None` if it has another."""
        with _named_failures():
            try:
                done = await obstore.put_async(self._store, path, content, mode=self._only(version))
            except (exceptions.PreconditionError, FileNotFoundError):
                return None
        return self._version(done)

    async def delete(self, paths: Sequence[str]) -> None:
        """Delete objects; deleting what is absent succeeds."""

        async def delete(some: str | Sequence[str]) -> None:
            with _named_failures(), suppress(FileNotFoundError):
                await obstore.delete_async(self._store, some)

        # The others end a deletion of several at the first that is absent.
        size = len(paths) if self._place.scheme == "s3" else 1
        work = [paths[at : at + size] for at in range(0, len(paths), size or 1)]
        for at in range(0, len(work), _DELETES_AT_ONCE):
            await asyncio.gather(*map(delete, work[at : at + _DELETES_AT_ONCE]))

    async def move(self, path: str, target: str) -> None:
        """Give an object another name; moving what is absent succeeds."""
        with _named_failures(), suppress(FileNotFoundError):
            await obstore.rename_async(self._store, path, target)

    async def list(self, prefix: str) -> AsyncIterator[Object]:
        """Every object whose name begins with the prefix."""
        found = aiter(obstore.list(self._store, prefix))
        while True:
            with _named_failures():
                page = await anext(found, None)
            if page is None:
                return
            for each in page:
                yield self._object(each)

    async def read(self, path: str, start: int, stop: int) -> AsyncIterator[bytes]:
        """The bytes from `start` to before `stop`, in runs, a little ahead of the reader."""
        starts = iter(range(start, stop, _WINDOW))
        ahead = deque(self._fetch(path, at, stop) for at in islice(starts, _WINDOWS_AHEAD))
        try:
            while ahead:
                window = memoryview(await ahead[0])
                ahead.popleft()
                ahead.extend(self._fetch(path, at, stop) for at in islice(starts, 1))
                for at in range(0, len(window), _RUN):
                    yield bytes(window[at : at + _RUN])
        finally:
            for task in ahead:
                task.cancel()
            await asyncio.gather(*ahead, return_exceptions=True)

    async def sign(self, path: str, lifetime: timedelta) -> str:
        """A URL with which anybody can read the object for so long."""
        with _named_failures():
            return await obstore.sign_async(self._store, "GET", path, lifetime)

    def check(self) -> None:
        """Raise `Unavailable` where the bucket cannot be used, or does not keep its conditions.

        Who writes to an upload is decided by conditional writes: a store that ignores them would
        let two writers mix their bytes.
        """
        path = f"check/{secrets.token_hex(16)}"
        try:
            first = self._version(obstore.put(self._store, path, b"first", mode="create"))
            try:
                kept = first is not None and self._refuses(path, first)
            finally:
                obstore.delete(self._store, [path])
        except (exceptions.BaseError, OSError, ValueError) as error:
            raise Unavailable(f"cannot use {self._place}: {_said(error)}") from error
        if not kept:
            raise Unavailable(f"the store of {self._place} ignores If-Match or If-None-Match")

    def _refuses(self, path: str, first: str) -> bool:
        try:
            obstore.put(self._store, path, b"second", mode="create")
        except exceptions.AlreadyExistsError:
            pass
        else:
            return False
        obstore.put(self._store, path, b"third", mode=self._only(first))
        try:
            obstore.put(self._store, path, b"fourth", mode=self._only(first))
        except exceptions.PreconditionError:
            return True
        return False

    def _version(self, done: "PutResult | ObjectMeta") -> str | None:
        return done["version"] if self._place.scheme == "gs" else done["e_tag"]

    def _only(self, version: str) -> "UpdateVersion":
        """Return the condition under which only that version is written over."""
        return {"version": version} if self._place.scheme == "gs" else {"e_tag": version}

    def _object(self, meta: "ObjectMeta") -> Object:
        return Object(meta["path"], meta["size"], self._version(meta), meta["last_modified"])

    def _fetch(self, path: str, start: int, stop: int) -> asyncio.Task[bytes]:
        return asyncio.create_task(self._window(path, start, min(start + _WINDOW, stop)))

    async def _window(self, path: str, start: int, stop: int) -> bytes:
        for attempt in range(_ATTEMPTS):
            try:
                with _named_failures():
                    got = await obstore.get_range_async(self._store, path, start=start, end=stop)
            except FileNotFoundError as error:
                raise BlobUnknown from error
            except Unavailable:
                if attempt + 1 == _ATTEMPTS:
                    raise
                continue
            if len(got) == stop - start:
                return bytes(got)
        raise Unavailable("the storage sent fewer bytes than there are")


@contextmanager
def _named_failures() -> Iterator[None]:
    """Raise `OutOfSpace` or `Unavailable` for what the store refuses; absence is the caller's."""
    try:
        yield
    except (FileNotFoundError, EntrepotError):
        raise
    except (exceptions.BaseError, OSError, ValueError) as error:
        _log.warning("the storage failed", extra={"error": _said(error)})
        if any(word in str(error) for word in _FULL):
            raise OutOfSpace from error
        raise Unavailable("the storage failed") from error


def _said(error: Exception) -> str:
    """The error of a failed request, without the answer's body: it may repeat what was signed."""
    head, _, body = str(error).partition("\n\nDebug source")[0].partition("<?xml")
    code = re.search(r"<Code>(\w{1,60})</Code>", body)
    return f"{head[:500]}{code[1] if code else ''}"


def _open(place: BucketConfig, patience: Patience) -> S3Store | GCSStore | AzureStore:
    client: ClientConfig = {"allow_http": True, "timeout": patience.request}
    retry: RetryConfig = {
        "max_retries": 10,
        "retry_timeout": patience.retries,
        "backoff": {"init_backoff": patience.pause, "max_backoff": 20 * patience.pause, "base": 2},
    }
    prefix = place.prefix or None
    if place.scheme == "gs":
        return GCSStore(place.bucket, prefix=prefix, client_options=client, retry_config=retry)
    if place.scheme == "az":
        return AzureStore(place.bucket, prefix=prefix, client_options=client, retry_config=retry)
    config: S3Config = {
        "virtual_hosted_style_request": not place.path_style,
        # Not every store knows DeleteObjects.
        "disable_bulk_delete": True,
    }
    if place.endpoint is not None:
        config["endpoint"] = _endpoint(place, place.endpoint)
    if place.region is not None:
        config["region"] = place.region
    return S3Store(
        place.bucket,
        prefix=prefix,
        config=config,
        client_options=client,
        retry_config=retry,
        credential_provider=_credentials_of_file(),
    )


def _endpoint(place: BucketConfig, endpoint: str) -> str:
    """The endpoint as `obstore` wants it: with the bucket in its name where that is the style."""
    if place.path_style:
        return endpoint
    scheme, _, host = endpoint.partition("://")
    return f"{scheme}://{place.bucket}.{host}"


def _credentials_of_file() -> "Callable[[], S3Credential] | None":
    """Reads the shared credentials file, where the environment has no key; `obstore` does not."""
    if "AWS_ACCESS_KEY_ID" in os.environ or "AWS_WEB_IDENTITY_TOKEN_FILE" in os.environ:
        return None
    path = Path(os.environ.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")).expanduser()
    profile = os.environ.get("AWS_PROFILE", "default")

    def read() -> "S3Credential":
        file = configparser.ConfigParser(interpolation=None)
        file.read(path)
        return {
            "access_key_id": file[profile]["aws_access_key_id"],
            "secret_access_key": file[profile]["aws_secret_access_key"],
            "token": file[profile].get("aws_session_token"),
            "expires_at": datetime.now(UTC) + _CREDENTIALS_LAST,
        }

    return read if path.is_file() else None
