"""Asks one registry: signs in where it is challenged, and follows redirects by hand."""

from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final
from urllib.parse import urljoin, urlsplit

from entrepot.errors import UpstreamFailed
from entrepot.upstream.challenges import Challenge, choose_challenge
from entrepot.upstream.tokens import Tokens
from entrepot.upstream.transport import Answer, Body, Transport, Upstream

MOST_REDIRECTS: Final = 5
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_READING: Final = ("GET", "HEAD")
_REMEMBERED: Final = 1000


class UpstreamClient:
    """Sends requests to one registry; close it at the end."""

    def __init__(self, upstream: Upstream, version: str) -> None:
        self.upstream = upstream
        self._agent = f"entrepot/{version}"
        self._transport = Transport(upstream)
        self._tokens = Tokens(upstream, self._transport, self._agent)
        self._challenges: OrderedDict[str, Challenge] = OrderedDict()
        parts = urlsplit(upstream.url)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._prefix = parts.path.strip("/")

    async def close(self) -> None:
        """Close the connections; closing twice succeeds."""
        await self._transport.close()

    @asynccontextmanager
    async def ask(
        self,
        method: str,
        repository: str,
        rest: str,
        headers: Mapping[str, str] | None = None,
        body: Body = b"",
    ) -> AsyncIterator[Answer]:
        """Ask for `rest` of a repository, such as `manifests/latest`; the answer of any status.

        Raises `UpstreamUnreachable` where none comes, `UpstreamFailed` where no token is given.
        """
        url = f"{self._origin}/v2/{self.full_name(repository)}/{rest}"
        async with self._ask(method, repository, url, headers or {}, body) as answer:
            yield answer

    @asynccontextmanager
    async def ask_at(
        self,
        method: str,
        repository: str,
        location: str,
        headers: Mapping[str, str] | None = None,
        body: Body = b"",
    ) -> AsyncIterator[Answer]:
        """As `ask`, at the address of an upload that the registry gave for a repository."""
        url = self._next(f"{self._origin}/v2/", location)
        async with self._ask(method, repository, url, headers or {}, body) as answer:
            yield answer

    def full_name(self, repository: str) -> str:
        """The name that the registry knows a repository by: a path in its URL comes first."""
        return f"{self._prefix}/{repository}" if self._prefix else repository

    @asynccontextmanager
    async def ping(self) -> AsyncIterator[Answer]:
        """The answer to `GET /v2/`, signed in where that is asked for."""
        async with self._ask("GET", "", f"{self._origin}/v2/", {}) as answer:
            yield answer

    @asynccontextmanager
    async def _ask(
        self,
        method: str,
        repository: str,
        url: str,
        headers: Mapping[str, str],
        body: Body = b"",
    ) -> AsyncIterator[Answer]:
        sent = ""
        known = self._challenges.get(repository)
        async with AsyncExitStack() as stack:
            if known is not None:
                sent = await self._tokens.authorization(known)
            first = self._follow(method, url, headers, sent, body)
            answer = await stack.enter_async_context(first)
            if answer.status == 401:
                challenge = choose_challenge(answer.headers("www-authenticate"))
                if challenge is not None:
                    self._remember(repository, challenge)
                    sent = await self._tokens.authorization(challenge, instead_of=sent)
                    # The refused answer's connection is given back before another is asked for.
                    await stack.aclose()
                    again = self._follow(method, url, headers, sent, body)
                    answer = await stack.enter_async_context(again)
            yield answer

    def _remember(self, repository: str, challenge: Challenge) -> None:
        self._challenges[repository] = challenge
        self._challenges.move_to_end(repository)
        if len(self._challenges) > _REMEMBERED:
            self._challenges.popitem(last=False)

    @asynccontextmanager
    async def _follow(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        authorization: str,
        body: Body,
    ) -> AsyncIterator[Answer]:
        for _ in range(MOST_REDIRECTS + 1):
            sent = {"user-agent": self._agent, "accept-encoding": "identity", **headers}
            # A token is for the origin that it was made for: others must not have it, and some
            # object stores refuse a signed address with a second credential (S3: 400).
            if authorization and _origin(url) == _origin(self._origin):
                sent["authorization"] = authorization
            async with self._transport.send(method, url, sent, body) as answer:
                # What writes is sent again elsewhere only where that is asked for (RFC 9110,
                # 15.4.8): other redirects would make a `GET` of it.
                follows = answer.status in (_REDIRECTS if method in _READING else (307, 308))
                location = answer.header("location") if follows else None
                if location is None:
                    yield answer
                    return
                url = self._next(url, location)
        raise UpstreamFailed(f"{self.upstream.name} redirects more than {MOST_REDIRECTS} times")

    def _next(self, url: str, location: str) -> str:
        """Where a redirect leads; `UpstreamFailed` for what must not be followed."""
        following = urljoin(url, location)
        parts = urlsplit(following)
        schemes = ("https",) if urlsplit(url).scheme == "https" else ("https", "http")
        if parts.scheme not in schemes or not parts.hostname or "@" in parts.netloc:
            raise UpstreamFailed(f"{self.upstream.name} redirects to an address that is not safe")
        return following


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
