"""Passwords: hashed with argon2id in a small pool, so that a flood of logins ends in 429s."""

import asyncio
import hmac
import secrets
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from entrepot.errors import InvalidAccount, TooMany

MAX_LENGTH: Final = 1024
MIN_LENGTH: Final = 8
"""The least number of characters of a new password; older, shorter ones go on to work."""

_REMEMBERED: Final = 1024


def check_length(password: str) -> None:
    """Raise `InvalidAccount` unless this can be a new password."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise InvalidAccount(f"a password has {MIN_LENGTH} to {MAX_LENGTH} characters")


class Passwords:
    """Hashes and verifies passwords; raises `TooMany` where too many wait for it already."""

    def __init__(self, *, threads: int = 2, queue: int = 64) -> None:
        # OWASP's minimum for argon2id: 19 MiB, two passes, one lane.
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="argon2")
        self._room = threads + queue
        self._key = secrets.token_bytes(32)
        self._remembered: OrderedDict[bytes, None] = OrderedDict()
        self._refuted: OrderedDict[bytes, None] = OrderedDict()
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        """The text to store for a password; raise `InvalidAccount` for a short or endless one."""
        check_length(password)
        return await self._run(password)

    async def verify(self, password_hash: str, password: str) -> bool:
        """Say whether the password is the hashed one; quick when it was so a while ago."""
        if len(password) > MAX_LENGTH:
            return False
        if self.remembers(password_hash, password):
            return True
        is_right = await self._verify(password_hash, password)
        _keep(
            self._remembered if is_right else self._refuted, self._key_of(password_hash, password)
        )
        return is_right

    def remembers(self, password_hash: str, password: str) -> bool:
        """Say whether this worker has found a while ago that the password is the hashed one."""
        key = self._key_of(password_hash, password)
        if key not in self._remembered:
            return False
        self._remembered.move_to_end(key)
        return True

    def _key_of(self, password_hash: str, password: str) -> bytes:
        text = f"{password_hash}\0{password}"
        return hmac.digest(self._key, text.encode(errors="surrogatepass"), "sha256")

    def has_refuted(self, subject: str, password: str) -> bool:
        """Say whether this worker has found a while ago that the password is wrong.

        `subject` is the hash that it was compared with, or the name where nobody has that. A client
        that goes on to send an old password guesses nothing.
        """
        return self._key_of(subject, password) in self._refuted

    async def verify_nobody(self, password: str, name: str = "") -> None:
        """Take as long as `verify` would, so that a missing account looks like a wrong password."""
        _keep(self._refuted, self._key_of(name, password))
        if self._nobody is None:
            self._nobody = await self._run(secrets.token_urlsafe())
        if len(password) <= MAX_LENGTH:
            await self._verify(self._nobody, password)

    async def _run(self, password: str) -> str:
        with self._place():
            return await asyncio.get_running_loop().run_in_executor(
                self._pool, self._hasher.hash, password
            )

    async def _verify(self, password_hash: str, password: str) -> bool:
        with self._place():
            try:
                return await asyncio.get_running_loop().run_in_executor(
                    self._pool, self._hasher.verify, password_hash, password
                )
            except (VerificationError, InvalidHashError):
                return False

    def _place(self) -> "_Place":
        if self._room <= 0:
            raise TooMany("too many logins at once; try again in a moment")
        return _Place(self)

    def take_place(self) -> None:
        """Take one place in the queue; for `_Place`."""
        self._room -= 1

    def leave_place(self) -> None:
        """Give the place back; for `_Place`."""
        self._room += 1


def _keep(keys: OrderedDict[bytes, None], key: bytes) -> None:
    """Remember the key, and forget the one that was not needed for longest."""
    keys[key] = None
    keys.move_to_end(key)
    if len(keys) > _REMEMBERED:
        keys.popitem(last=False)


class _Place:
    """A place in the queue while its context lasts."""

    def __init__(self, passwords: Passwords) -> None:
        self._passwords = passwords

    def __enter__(self) -> None:
        self._passwords.take_place()

    def __exit__(self, *_: object) -> None:
        self._passwords.leave_place()
