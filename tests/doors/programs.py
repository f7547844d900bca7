"""Programs that call the API: somebody, and what they say in JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.doors.doors import Answer, Doors

PREFIX = "/api/v1"


@dataclass(frozen=True, slots=True)
class Program:
    """Somebody's program; without `auth`, a stranger's."""

    doors: Doors
    auth: str | None = None

    async def ask(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """Ask for a path below `/api/v1`, with a JSON body where one is given."""
        content = b"" if body is None else json.dumps(body).encode()
        if body is not None:
            headers.setdefault("content_type", "application/json")
        target = PREFIX + path
        answer = await self.doors.ask(method, target, content, auth=self.auth, **headers)
        _check(method, answer)
        return answer

    async def get(self, path: str) -> Any:
        """What a GET is answered with."""
        answer = await self.ask("GET", path)
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    async def do(self, method: str, path: str, body: object = None, *, status: int = 200) -> Any:
        """Ask, and expect that status; the answer's JSON, `None` where it has no body."""
        answer = await self.ask(method, path, body)
        assert answer.status == status, answer.body
        return json.loads(answer.body) if answer.body else None

    async def statuses(self, *asked: tuple[str, str]) -> list[int]:
        """The status of each (method, path)."""
        return [(await self.ask(method, path)).status for method, path in asked]


def _check(method: str, answer: Answer) -> None:
    """What holds for every answer of the API."""
    assert answer.header("cache-control") == "private, no-store"
    assert not answer.headers("set-cookie")
    if answer.status < 400 or method == "HEAD":
        return
    assert answer.header("content-type") == "application/problem+json"
    problem: Mapping[str, object] = answer.json()
    assert set(problem) == {"type", "title", "status", "detail", "code", "request"}
    assert problem["status"] == answer.status
    assert problem["detail"]
    schemes = [each.partition(" ")[0] for each in answer.headers("www-authenticate")]
    assert schemes == (["Basic", "Bearer"] if answer.status == 401 else [])
    if answer.status == 405:
        assert method not in (answer.header("allow") or method).split(", ")
