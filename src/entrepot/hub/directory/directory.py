"""Passwords of a directory: verified there, and remembered for a few minutes as keyed hashes.

A client that pulls sends its password with each request for a token: the directory must not hear
of each. An account belongs to an entry by the entry's id, never by a name.
"""

import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from entrepot.errors import BadCredentials
from entrepot.hub.directory.entries import Entry
from entrepot.hub.directory.ldap_client import LdapClient
from entrepot.hub.identity.login_throttle import PASSWORD, LoginThrottle
from entrepot.hub.identity.passwords import MAX_LENGTH
from entrepot.metadata.engines.engine import Clock, Reader
from entrepot.metadata.people import external_identities
from entrepot.model.people.accounts import Account

ISSUER: Final = "ldap"
"""The issuer of identities of the directory, at every address."""
KEPT_FOR: Final = timedelta(minutes=5)
"""For so long a password is right, or wrong, without asking the directory again."""
MAX_LOGIN: Final = 255
_REMEMBERED: Final = 1024


@dataclass(frozen=True, slots=True)
class Verified:
    """A person who gave the right password; `entry` is `None` where the directory was not asked."""

    subject: str
    keys: tuple[bytes, ...]
    entry: Entry | None


class Directory:
    """Verifies passwords at the directory; raises `Unavailable` where it does not answer."""

    def __init__(
        self,
        reader: Reader,
        client: LdapClient,
        login_throttle: LoginThrottle,
        now: Clock,
        *,
        may_sign_up: bool = True,
    ) -> None:
        self._reader = reader
        self._login_throttle = login_throttle
        self._now = now
        self._key = secrets.token_bytes(32)
        self._right = _Remembered()
        self._wrong = _Remembered()
        self.client = client
        self.may_sign_up = may_sign_up
        """Whether people without an account get one at their first sign-in."""

    async def find_subject(self, account: Account) -> str | None:
        """The id of the entry that the account belongs to; `None` for the hub's own accounts."""
        return await external_identities.find_subject(self._reader, ISSUER, account.id)

    async def verify(
        self, name: str, password: str, address: str, subject: str | None = None
    ) -> Verified:
        """The person with that login name, or with that id, if the password is theirs.

        Raises `BadCredentials`, and `TooMany` for guessing.
        """
        # RFC 4513 section 5.1.2: a bind without a password succeeds, as nobody.
        if not password or len(password) > MAX_LENGTH or len(name) > MAX_LOGIN:
            raise BadCredentials
        if "\0" in name + password or not is_text(name + password):
            raise BadCredentials
        key, now = self._key_of(subject, name, password), self._now()
        if self._wrong.find(key, now) is not None:
            raise BadCredentials
        known = self._right.find(key, now)
        if known is not None:
            return Verified(known, (), None)
        async with self._login_throttle.attempt(PASSWORD, name, address):
            entry = await self.client.verify(name, subject, password)
            if entry is None:
                self._wrong.keep(key, "", now + KEPT_FOR)
                raise BadCredentials
        # Asked for by a login name now, and by the account's id from the next time on.
        return Verified(entry.subject, (key, self._key_of(entry.subject, name, password)), entry)

    def remember(self, verified: Verified) -> None:
        """Let the password be right for a while; once nothing else is in the person's way."""
        for key in verified.keys:
            self._right.keep(key, verified.subject, self._now() + KEPT_FOR)

    def _key_of(self, subject: str | None, name: str, password: str) -> bytes:
        who = f"\0{name}" if subject is None else subject
        text = f"{who}\0{password}".encode(errors="surrogatepass")
        return hmac.digest(self._key, text, "sha256")


def is_text(text: str) -> bool:
    """Whether the text can be sent at all: lone surrogates cannot."""
    return not any("\ud800" <= each <= "\udfff" for each in text)


class _Remembered:
    """Texts by keyed hashes, each until a moment; the oldest are forgotten."""

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, tuple[datetime, str]] = OrderedDict()

    def find(self, key: bytes, now: datetime) -> str | None:
        """The text, while it is kept."""
        until, text = self._kept.get(key, (now, ""))
        # Not after a clock that was set back, either.
        return text if now < until <= now + KEPT_FOR else None

    def keep(self, key: bytes, text: str, until: datetime) -> None:
        """Keep the text until that moment."""
        self._kept.pop(key, None)
        self._kept[key] = until, text
        if len(self._kept) > _REMEMBERED:
            self._kept.popitem(last=False)
