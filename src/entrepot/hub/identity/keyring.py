"""Wraps the secrets that the database must give back, by a key that the database does not hold.

The database, or a backup of it, reveals none of them without the key. Values from
before are read as they are until they are wrapped (`wrap_all`).
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, NamedTuple

from entrepot.errors import Unavailable
from entrepot.metadata.engines.engine import Metadata, Transaction
from entrepot.metadata.engines.sentinels import WRAPPED
from entrepot.metadata.events import webhooks
from entrepot.metadata.people import second_factors, tokens
from entrepot.metadata.registry import mirrors
from entrepot.metadata.replication import replication_rules

_NONCE: Final = 12
TOTP: Final = "second factor"
WEBHOOK: Final = "webhook"
WEBHOOK_HEADER: Final = "webhook header"
MIRROR: Final = "mirror"
REPLICATION: Final = "replication"


class Keyring:
    """A key, or none: then nothing is wrapped, and what is wrapped cannot be read."""

    def __init__(self, key: str | None = None) -> None:
        self._key = None if key is None else hashlib.sha256(key.encode()).digest()

    @property
    def has_key(self) -> bool:
        """Whether new secrets are wrapped."""
        return self._key is not None

    def derive(self, purpose: str, length: int = 32) -> bytes | None:
        """Bytes for one purpose that follow from the key alone; `None` without one."""
        if self._key is None:
            return None
        return hmac.digest(self._key, f"entrepot:{purpose}".encode(), "sha512")[:length]

    def wrap(self, purpose: str, secret: str) -> str:
        """The secret as it may be stored; as it is, where there is no key."""
        key = self.derive(f"wrap:{purpose}")
        if key is None:
            return secret
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = secrets.token_bytes(_NONCE)
        text = nonce + AESGCM(key).encrypt(nonce, secret.encode(), purpose.encode())
        return WRAPPED + base64.b64encode(text).decode()

    def unwrap(self, purpose: str, stored: str) -> str:
        """The secret that was stored, wrapped or not; `Unavailable` without the right key."""
        if not stored.startswith(WRAPPED):
            return stored
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        text, key = base64.b64decode(stored.removeprefix(WRAPPED)), self.derive(f"wrap:{purpose}")
        try:
            if key is None:
                raise InvalidTag
            return AESGCM(key).decrypt(text[:_NONCE], text[_NONCE:], purpose.encode()).decode()
        except InvalidTag as error:
            raise Unavailable(
                "a secret in the database was encrypted with another secret_key: set the "
                "one that the hub used before"
            ) from error


async def wrap_all(metadata: Metadata, keyring: Keyring) -> int:
    """Wrap what was stored before there was a key; say how much that was. Repeating is harmless.

    The key that registry tokens were signed with goes: another follows from the secret key.
    """
    if not keyring.has_key:
        return 0
    count = 0
    for place in await _list_places(metadata, is_wrapped=False):
        count += await _rewrite(metadata, place, partial(keyring.wrap, place.purpose))
    if await tokens.find_signing_key(metadata.reader) is not None:
        async with metadata.begin() as tx:
            count += await tokens.delete_signing_keys(tx)
    return count


async def unwrap_all(metadata: Metadata, keyring: Keyring) -> int:
    """Store every secret as it is, for a version that knows of no key; say how many there were."""
    places = await _list_places(metadata, is_wrapped=True)
    return sum(
        [
            await _rewrite(metadata, place, partial(keyring.unwrap, place.purpose))
            for place in places
        ]
    )


class _Place(NamedTuple):
    """Secrets of one purpose, by their ids, and what stores one in another way."""

    purpose: str
    stored: Sequence[tuple[int, str]]
    replace: Callable[[Transaction, int, str, str], Awaitable[int]]


async def _list_places(metadata: Metadata, *, is_wrapped: bool) -> list[_Place]:
    """Every secret that is wrapped, or that is not."""
    reader = metadata.reader
    list_factors = second_factors.list_wrapped if is_wrapped else second_factors.list_unwrapped
    list_webhooks = webhooks.list_wrapped if is_wrapped else webhooks.list_unwrapped
    headers = await webhooks.list_headers(reader)
    of_mirrors = [(each.id, each.secret) for each in await mirrors.list_mirrors(reader)]
    of_rules = [(each.id, each.secret) for each in await replication_rules.list_rules(reader)]

    def chosen(found: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
        return [each for each in found if each[1] and each[1].startswith(WRAPPED) is is_wrapped]

    return [
        _Place(TOTP, await list_factors(reader), second_factors.replace_secret),
        _Place(WEBHOOK, await list_webhooks(reader), webhooks.replace_secret),
        _Place(WEBHOOK_HEADER, chosen(headers), webhooks.replace_header),
        _Place(MIRROR, chosen(of_mirrors), mirrors.replace_secret),
        _Place(REPLICATION, chosen(of_rules), replication_rules.replace_secret),
    ]


async def _rewrite(metadata: Metadata, place: _Place, rewrite: Callable[[str], str]) -> int:
    count = 0
    for number, stored in place.stored:
        async with metadata.begin() as tx:
            count += await place.replace(tx, number, stored, rewrite(stored))
    return count


async def check(metadata: Metadata, keyring: Keyring) -> None:
    """Raise `Unavailable` where secrets in the database are wrapped by a key that is not here."""
    reader = metadata.reader
    for purpose, found in (
        (TOTP, await second_factors.list_wrapped(reader, 1)),
        (WEBHOOK, await webhooks.list_wrapped(reader, 1)),
        (WEBHOOK_HEADER, await webhooks.list_headers(reader, 1)),
    ):
        for _, wrapped in found:
            keyring.unwrap(purpose, wrapped)
    for mirror in await mirrors.list_mirrors(reader):
        keyring.unwrap(MIRROR, mirror.secret)
    for rule in await replication_rules.list_rules(reader):
        keyring.unwrap(REPLICATION, rule.secret)
