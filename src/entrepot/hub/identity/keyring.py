"""Wraps the secrets that the database must give back, by a key that the database does not hold.

The database, or a backup of it, reveals none of them without the key. Values from
before are read as they are until they are wrapped (`wrap_all`).
"""

import base64
import hashlib
import hmac
import secrets
from typing import Final

from entrepot.errors import Unavailable
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.engines.sentinels import WRAPPED
from entrepot.metadata.events import webhooks
from entrepot.metadata.people import second_factors, tokens
from entrepot.metadata.registry import mirrors

_NONCE: Final = 12
TOTP: Final = "second factor"
WEBHOOK: Final = "webhook"
MIRROR: Final = "mirror"


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
    reader, count = metadata.reader, 0
    for account_id, plain in await second_factors.list_unwrapped(reader):
        wrapped = keyring.wrap(TOTP, plain)
        async with metadata.begin() as tx:
            count += await second_factors.replace_secret(tx, account_id, plain, wrapped)
    for webhook_id, plain in await webhooks.list_unwrapped(reader):
        wrapped = keyring.wrap(WEBHOOK, plain)
        async with metadata.begin() as tx:
            count += await webhooks.replace_secret(tx, webhook_id, plain, wrapped)
    for mirror in await mirrors.list_mirrors(reader):
        if mirror.secret and not mirror.secret.startswith(WRAPPED):
            wrapped = keyring.wrap(MIRROR, mirror.secret)
            async with metadata.begin() as tx:
                count += await mirrors.replace_secret(tx, mirror.id, mirror.secret, wrapped)
    if await tokens.find_signing_key(reader) is not None:
        async with metadata.begin() as tx:
            count += await tokens.delete_signing_keys(tx)
    return count


async def unwrap_all(metadata: Metadata, keyring: Keyring) -> int:
    """Store every secret as it is, for a version that knows of no key; say how many there were."""
    reader, count = metadata.reader, 0
    for account_id, wrapped in await second_factors.list_wrapped(reader):
        plain = keyring.unwrap(TOTP, wrapped)
        async with metadata.begin() as tx:
            count += await second_factors.replace_secret(tx, account_id, wrapped, plain)
    for webhook_id, wrapped in await webhooks.list_wrapped(reader):
        plain = keyring.unwrap(WEBHOOK, wrapped)
        async with metadata.begin() as tx:
            count += await webhooks.replace_secret(tx, webhook_id, wrapped, plain)
    for mirror in await mirrors.list_mirrors(reader):
        if mirror.secret.startswith(WRAPPED):
            plain = keyring.unwrap(MIRROR, mirror.secret)
            async with metadata.begin() as tx:
                count += await mirrors.replace_secret(tx, mirror.id, mirror.secret, plain)
    return count


async def check(metadata: Metadata, keyring: Keyring) -> None:
    """Raise `Unavailable` where secrets in the database are wrapped by a key that is not here."""
    reader = metadata.reader
    for purpose, found in (
        (TOTP, await second_factors.list_wrapped(reader, 1)),
        (WEBHOOK, await webhooks.list_wrapped(reader, 1)),
    ):
        for _, wrapped in found:
            keyring.unwrap(purpose, wrapped)
    for mirror in await mirrors.list_mirrors(reader):
        keyring.unwrap(MIRROR, mirror.secret)
