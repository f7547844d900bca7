"""Sessions: who is signed in with which browser, and until when."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from entrepot.errors import SessionUnknown
from entrepot.hub.identity.secrets import hash_secret
from entrepot.metadata.engines.engine import Clock, Metadata
from entrepot.metadata.people import sessions
from entrepot.metadata.people.accounts import find_account_by_id
from entrepot.model.people.accounts import Account, Session

IDLE: Final = timedelta(days=14)
"""A session that is not used for so long is over."""
LIFETIME: Final = timedelta(days=90)
"""A session is over after so long, used or not."""
PENDING_LIFETIME: Final = timedelta(minutes=10)
"""How long the second factor may be waited for."""

MOST: Final = 100
"""Sessions of one account; the one seen longest ago ends for another."""
_TOUCH_EVERY: Final = timedelta(minutes=1)
_BYTES: Final = 32
_MAX_CLIENT: Final = 200


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session that is good, and the account it stands for."""

    session: Session
    account: Account

    @property
    def is_pending(self) -> bool:
        """Whether the second factor is still to come: then nothing else is allowed."""
        return self.session.is_pending


class Sessions:
    """Begins, finds and ends sessions; a secret is known to the browser alone."""

    def __init__(self, metadata: Metadata, now: Clock) -> None:
        self._metadata = metadata
        self._now = now

    async def begin(
        self, account: Account, *, address: str, client: str, is_pending: bool = False
    ) -> str:
        """The secret of a new session of the account."""
        secret = secrets.token_urlsafe(_BYTES)
        now = self._now()
        lifetime = PENDING_LIFETIME if is_pending else LIFETIME
        shown = client.replace("\0", "")[:_MAX_CLIENT]
        session = Session(0, account.id, now, now, now + lifetime, address, shown, is_pending)
        async with self._metadata.begin() as tx:
            await sessions.insert_session(tx, session, hash_secret(secret))
            await sessions.keep_newest_sessions(tx, account.id, MOST)
        return secret

    async def find(self, secret: str) -> SignedIn | None:
        """Return the account of this session secret, while both are valid."""
        session = await sessions.find_session(self._metadata.reader, hash_secret(secret))
        if session is None or self._is_over(session):
            return None
        account = await find_account_by_id(self._metadata.reader, session.account_id)
        if account is None or account.disabled_at is not None:
            return None
        return SignedIn(session, account)

    async def touch(self, session: Session, address: str) -> None:
        """Record that the session was used; does nothing more than once a minute."""
        now = self._now()
        if now - session.seen_at < _TOUCH_EVERY:
            return
        async with self._metadata.begin() as tx:
            await sessions.touch_session(tx, session.id, address, now)

    async def end(self, session_id: int, account: Account) -> None:
        """End one of the account's sessions; raise `SessionUnknown` where it is not its own."""
        async with self._metadata.begin() as tx:
            if not await sessions.delete_session(tx, session_id, account.id):
                raise SessionUnknown

    async def end_others(self, session: Session) -> int:
        """End every session of the account but this one; say how many."""
        async with self._metadata.begin() as tx:
            return await sessions.delete_other_sessions(tx, session.account_id, session.id)

    async def end_all(self, account: Account) -> int:
        """End every session of the account; say how many."""
        async with self._metadata.begin() as tx:
            return await sessions.delete_other_sessions(tx, account.id, 0)

    async def list_of(self, account: Account) -> list[Session]:
        """The account's good sessions, the one used last first."""
        found = await sessions.list_sessions(self._metadata.reader, account.id)
        return [each for each in found if not each.is_pending and not self._is_over(each)]

    async def expire(self) -> int:
        """Forget sessions that are over; say how many."""
        now = self._now()
        async with self._metadata.begin() as tx:
            return await sessions.delete_sessions_over(tx, now, now - IDLE)

    def _is_over(self, session: Session) -> bool:
        now = self._now()
        return now >= session.expires_at or now >= session.seen_at + IDLE
