"""Reads everything back and compares it with the history."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import TypeVar

from faults.clients import Answer, Connection, InDoubt, NotSent
from faults.contents import Manifest, digest_of
from faults.history import Change, History, Key, Value
from faults.steps import Refused, Steps, Upload, Weather

T = TypeVar("T")
CONNECTIONS = 8


class Checker:
    """Asks a server that was hurt what it still has; what it should have and has not is a loss."""

    def __init__(
        self,
        port: int | Sequence[int],
        history: History,
        manifest: Callable[[str], Manifest | None],
    ) -> None:
        self._port = port
        self._history = history
        self._manifest = manifest
        self.complaints: list[str] = []

    async def everything(self, keys: Collection[Key], uploads: Collection[Upload]) -> None:
        """Check these things, the lists of their repositories, and the uploads left open."""
        await self._each(keys, self._thing)
        await self._each(sorted({key.repository for key in keys}), self._tags)
        await self._each([key for key in keys if key.kind == "manifest"], self._referrers)
        await self._each(uploads, self._upload)

    async def again(self, doubts: Collection[Change]) -> None:
        """Repeat requests that were not acknowledged: they must succeed or find their work done."""
        await self._each([change for change in doubts if change.repeatable], self._repeat)

    async def _each(
        self, things: Iterable[T], work: Callable[[Connection, T], Awaitable[None]]
    ) -> None:
        waiting = list(things)

        async def worker() -> None:
            async with Connection(self._port) as connection:
                while waiting:
                    thing = waiting.pop()
                    try:
                        await work(connection, thing)
                    except (InDoubt, NotSent, Refused, LookupError, ValueError) as error:
                        self._complain(f"while looking at {thing}: {error!r}")

        await asyncio.gather(*(worker() for _ in range(CONNECTIONS)))

    async def _thing(self, connection: Connection, key: Key) -> None:
        found = await self._find(connection, key)
        allowed = self._history.may_hold(key)
        if found not in allowed:
            self._complain(f"lost: {key} is {found}, acknowledged was {_either(allowed)}")
        self._history.settle(key, found)

    async def _find(self, connection: Connection, key: Key) -> Value:
        """The digest of what is served under a name, or nothing when it is not found."""
        place = "blobs" if key.kind == "blob" else "manifests"
        answer = await connection.request("GET", f"/v2/{key.repository}/{place}/{key.name}")
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise Refused(f"GET of {key}: {answer.status} {answer.body[:200]!r}")
        digest = digest_of(answer.body)
        if digest != answer.headers["docker-content-digest"]:
            self._complain(f"a lie: {key} says {answer.headers['docker-content-digest']}")
        return digest

    async def _tags(self, connection: Connection, repository: str) -> None:
        """Every listed tag resolves, and every tag that resolves is listed."""
        answer = await connection.request("GET", f"/v2/{repository}/tags/list")
        listed = set(json.loads(answer.body)["tags"]) if answer.status == 200 else set()
        for name in sorted(listed):
            key = Key("tag", repository, name)
            digest = await self._find(connection, key)
            if digest is None:
                self._complain(f"torn: {key} is listed and not found")
            elif await self._find(connection, Key("manifest", repository, digest)) is None:
                self._complain(f"torn: {key} names a manifest that is not found by its digest")
        for key in self._history.keys_in("tag", repository):
            if key.name not in listed and None not in self._history.may_hold(key):
                self._complain(f"lost: {key} is not listed")

    async def _referrers(self, connection: Connection, key: Key) -> None:
        """A manifest with a subject is listed among its referrers exactly while it exists."""
        manifest = self._manifest(key.name)
        if manifest is None or manifest.subject is None:
            return
        answer = await connection.request(
            "GET", f"/v2/{key.repository}/referrers/{manifest.subject}"
        )
        listed = {item["digest"] for item in json.loads(answer.body)["manifests"]}
        if (key.name in listed) != (self._history.surely(key) is not None):
            self._complain(f"torn: {key} and the referrers of its subject disagree")

    async def _upload(self, connection: Connection, upload: Upload) -> None:
        """An upload goes on where the server says, which is not before what it acknowledged."""
        if upload.acknowledged == 0:
            return
        answer = await connection.request("GET", upload.location)
        if answer.status != 204:
            self._complain(f"lost: the upload of {upload.key} is {answer.status}")
            return
        arrived = _arrived(answer)
        if not upload.acknowledged <= arrived <= upload.sent:
            self._complain(
                f"lost: the upload of {upload.key} has {arrived} bytes,"
                f" acknowledged {upload.acknowledged}, sent {upload.sent}"
            )
            return
        upload.acknowledged = arrived
        steps = Steps(connection, self._history, Weather())
        await steps.finish(upload)
        await self._thing(connection, upload.key)

    async def _repeat(self, connection: Connection, change: Change) -> None:
        wanted = {*change.wanted, 404} if change.method == "DELETE" else change.wanted
        answer = await connection.request(change.method, change.target, change.body, change.headers)
        if answer.status not in wanted:
            self._complain(f"not repeatable: {change}: {answer.status} {answer.body[:200]!r}")
            return
        for key, value in change.effects.items():
            self._history.settle(key, value)

    def _complain(self, text: str) -> None:
        self.complaints.append(text)


def _arrived(answer: Answer) -> int:
    """The bytes that an upload has, where it has one at least: `0-0` is also how it has none.

    Whoever takes none for one goes on in the wrong place, and the digest at the end says so.
    """
    return int(answer.headers["range"].removeprefix("0-")) + 1


def _either(values: Collection[Value]) -> str:
    return " or ".join(sorted(str(value) for value in values))
