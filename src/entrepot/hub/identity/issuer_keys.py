"""The addresses and public keys of an issuer of ID tokens (OpenID Connect Discovery 1.0, RFC 7517).

Both are asked for seldom, however many tokens come and whatever keys these name.
"""

import asyncio
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from entrepot.errors import Unavailable
from entrepot.hub.identity.provider_client import Document, ProviderClient
from entrepot.metadata.engines.engine import Clock

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "ES384", "EdDSA")
"""The algorithms that an issuer may sign with; tokens with any other are refused."""
MAX_KEYS: Final = 100
_CACHED_FOR: Final = timedelta(hours=1)
_ASK_AGAIN: Final = timedelta(minutes=1)
_NOT_AGAIN: Final = timedelta(seconds=5)
"""For so long an issuer that did not answer is not asked again where it is."""


@dataclass(frozen=True, slots=True)
class _Keys:
    """The issuer's keys, when it gave them, and when it was last asked for them."""

    keys: "KeySet"
    given_at: datetime
    asked_at: datetime


class IssuerKeys:
    """One issuer as it publishes itself: its endpoints, and the keys that it signs with.

    Keys are used for `stale_for` after they were given, where the issuer does not answer.
    """

    def __init__(
        self,
        issuer: str,
        client: ProviderClient,
        now: Clock,
        stale_for: timedelta = timedelta(0),
    ) -> None:
        self._issuer = issuer
        self._client = client
        self._now = now
        self._stale_for = stale_for
        self._found: tuple[Document, datetime] | None = None
        self._failed_at: datetime | None = None
        self._keys: _Keys | None = None
        self._lock = asyncio.Lock()

    async def find_keys(self, kid: str | None) -> "KeySet":
        """The issuer's keys; asked for again where it may have made that one since.

        Raises `Unavailable` where the issuer does not answer and none of its keys are known.
        """
        if (keys := self._fresh(kid)) is not None:
            return keys
        # However many tokens come at once, one of them asks.
        async with self._lock:
            if (keys := self._fresh(kid)) is not None:
                return keys
            return await self._fetch()

    def _fresh(self, kid: str | None) -> "KeySet | None":
        held, now = self._keys, self._now()
        if held is None:
            return None
        is_known = kid is None or kid in {key.kid for key in held.keys.keys}
        patience = _CACHED_FOR if is_known else _ASK_AGAIN
        return held.keys if now - held.asked_at < patience else None

    async def _fetch(self) -> "KeySet":
        held, now = self._keys, self._now()
        try:
            keys = parse_keys(await self.get(await self.endpoint("jwks_uri")), self._client.who)
        except Unavailable:
            if held is None or now - held.given_at >= self._stale_for:
                raise
            # Known keys are asked about again in a minute, too.
            self._keys = _Keys(held.keys, held.given_at, now - _CACHED_FOR + _ASK_AGAIN)
            return held.keys
        self._keys = _Keys(keys, now, now)
        return keys

    async def endpoint(self, name: str) -> str:
        """The address of that name in the issuer's discovery; else `Unavailable`."""
        endpoint = (await self.discover()).get(name)
        # An issuer that is reached safely does not send anybody to where they are not.
        wanted = ("https://", "http://") if self._issuer.startswith("http://") else ("https://",)
        if not isinstance(endpoint, str) or not endpoint.startswith(wanted):
            raise Unavailable(f"{self._client.who} has no {name}")
        return endpoint

    async def discover(self) -> Document:
        """The issuer's discovery document; else `Unavailable`."""
        now = self._now()
        if self._found is not None and now - self._found[1] < _CACHED_FOR:
            return self._found[0]
        if self._failed_at is not None and timedelta(0) <= now - self._failed_at < _NOT_AGAIN:
            raise Unavailable(f"{self._client.who} does not answer")
        url = self._issuer.rstrip("/") + "/.well-known/openid-configuration"
        try:
            document = await self.get(url)
        except Unavailable:
            self._failed_at = now
            raise
        if document.get("issuer") != self._issuer:
            raise Unavailable(f"{self._client.who} calls itself by another issuer")
        self._found = (document, now)
        return document

    async def get(self, url: str, access_token: str = "") -> Document:
        """The JSON object at that address; else `Unavailable`."""
        status, document = await self._client.get(url, access_token)
        if status != 200:
            raise Unavailable(f"{self._client.who} sent an invalid response")
        return document


def parse_keys(document: Document, who: str) -> "KeySet":
    """The public keys of a JSON Web Key Set; keys of other types are left out.

    Raises `Unavailable` where it is none, or has too many.
    """
    from joserfc.errors import JoseError
    from joserfc.jwk import JWKRegistry, KeySet

    listed = document.get("keys")
    if not isinstance(listed, list):
        raise Unavailable(f"{who} sent an invalid response")
    if len(listed) > MAX_KEYS:
        raise Unavailable(f"{who} has too many keys")
    keys = []
    for key in listed:
        if not isinstance(key, dict) or key.get("kty") not in ("RSA", "EC", "OKP"):
            continue
        try:
            keys.append(JWKRegistry.import_key(json.loads(json.dumps(key))))
        except (JoseError, ValueError, TypeError, KeyError):
            continue
    return KeySet(keys)
