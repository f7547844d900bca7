"""Tokens of upstream registries: asked for where credentials may go, and kept while they last."""

import asyncio
import base64
import json
import time
from collections import OrderedDict
from typing import Final
from urllib.parse import urlencode, urlsplit

from entrepot.errors import UpstreamFailed
from entrepot.upstream.challenges import Challenge
from entrepot.upstream.transport import Transport, Upstream

_LASTS: Final = 60.0
"""Seconds for which a token is good whose answer does not say (Docker's token specification)."""
_USED_FOR: Final = 0.8
_KEPT: Final = 1000
_MAX_ANSWER: Final = 1024 * 1024


class Tokens:
    """The tokens of one upstream, each asked for once however many requests need it."""

    def __init__(self, upstream: Upstream, transport: Transport, agent: str) -> None:
        self._upstream = upstream
        self._transport = transport
        self._agent = agent
        self._kept: OrderedDict[Challenge, tuple[str, float]] = OrderedDict()
        self._locks: dict[Challenge, asyncio.Lock] = {}

    async def authorization(self, challenge: Challenge, *, instead_of: str = "") -> str:
        """The value of `Authorization` that answers the challenge.

        `instead_of` is one that was refused. Raises `UpstreamFailed` where there is none to give.
        """
        if challenge.scheme == "basic":
            if not self._upstream.username:
                raise UpstreamFailed(f"{self._upstream.name} asks for a password", status=401)
            return _basic(self._upstream)
        lock = self._locks.setdefault(challenge, asyncio.Lock())
        try:
            async with lock:
                kept = self._kept.get(challenge)
                if kept is None or kept[1] < time.monotonic() or kept[0] == instead_of:
                    kept = self._kept[challenge] = await self._fetch(challenge)
                    if len(self._kept) > _KEPT:
                        self._kept.popitem(last=False)
                return kept[0]
        finally:
            if not lock.locked():
                self._locks.pop(challenge, None)

    async def _fetch(self, challenge: Challenge) -> tuple[str, float]:
        headers = {"user-agent": self._agent, "accept": "application/json"}
        if self._upstream.username:
            self._check_realm(challenge.realm)
            headers["authorization"] = _basic(self._upstream)
        query = [("service", challenge.service)] if challenge.service else []
        query += [("scope", each) for each in challenge.scope.split(" ") if each]
        if self._upstream.username:
            query.append(("account", self._upstream.username))
        mark = "&" if urlsplit(challenge.realm).query else "?"
        url = f"{challenge.realm}{mark}{urlencode(query)}" if query else challenge.realm
        async with self._transport.send("GET", self._checked(url), headers) as answer:
            body = await answer.read(_MAX_ANSWER)
            if answer.status != 200:
                who = "the credentials" if self._upstream.username else "an anonymous request"
                raise UpstreamFailed(
                    f"{self._upstream.name} refused {who} with status {answer.status}",
                    status=answer.status,
                )
        return _read(self._upstream, body)

    def _checked(self, url: str) -> str:
        parts = urlsplit(url)
        schemes = ("https",) if self._upstream.url.startswith("https:") else ("https", "http")
        if parts.scheme not in schemes or not parts.hostname or "@" in parts.netloc:
            raise UpstreamFailed(f"{self._upstream.name} names a token service that is not safe")
        return url

    def _check_realm(self, realm: str) -> None:
        """Raise unless the realm may have the credentials: another host might collect them."""
        host = urlsplit(realm).hostname
        if host != self._upstream.host and host not in self._upstream.token_hosts:
            raise UpstreamFailed(
                f"{self._upstream.name} asks for its credentials at {host}, which is not its own"
                " host: see --token-host"
            )


def _basic(upstream: Upstream) -> str:
    pair = f"{upstream.username}:{upstream.secret}".encode()
    return "Basic " + base64.b64encode(pair).decode()


def _read(upstream: Upstream, body: bytes) -> tuple[str, float]:
    try:
        found = json.loads(body)
        token = found.get("token") or found["access_token"]
        lasts = float(found.get("expires_in") or _LASTS)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UpstreamFailed(f"the token service of {upstream.name} sent no token") from error
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise UpstreamFailed(f"the token service of {upstream.name} sent no token")
    return f"Bearer {token}", time.monotonic() + lasts * _USED_FOR
