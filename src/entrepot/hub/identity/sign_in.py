"""Signing in with a browser: a password, a code where there is a second factor, a session."""

from dataclasses import dataclass, replace

from entrepot.errors import BadCredentials, Conflict
from entrepot.hub.events.audit import Audited, AuditLog, Entry
from entrepot.hub.identity.authentication import Authentication
from entrepot.hub.identity.second_factors import SecondFactors
from entrepot.hub.identity.sessions import Sessions, SignedIn
from entrepot.hub.people.actors import Actor, Identity
from entrepot.model.people.accounts import Account


@dataclass(frozen=True, slots=True)
class Begun:
    """A session that has begun: its secret, for a cookie, and whether a code is still to come."""

    secret: str
    account: Account
    is_pending: bool


class SignIn:
    """The only way to a session; every attempt is counted, and recorded."""

    def __init__(
        self,
        authentication: Authentication,
        sessions: Sessions,
        second_factors: SecondFactors,
        audit: AuditLog,
        *,
        provider_asks: bool = False,
    ) -> None:
        self._authentication = authentication
        self._sessions = sessions
        self._second_factors = second_factors
        self._audit = audit
        self._provider_asks = provider_asks

    async def by_password(self, name: str, password: str, by: Actor, client: str) -> Begun:
        """Sign in with a name and its password; `by` says from where.

        Raises `BadCredentials` where anything is wrong, and `TooMany` with the seconds to wait.
        """
        try:
            account = await self._authentication.by_password(name, password, by.address)
        except BadCredentials:
            await self._note_failure(name, by, "password")
            raise
        return await self.as_account(account, by, client, "password")

    async def by_code(self, pending: SignedIn, code: str, by: Actor, client: str) -> Begun:
        """Go on with a session that waits for its second factor; it ends, another begins."""
        if not pending.is_pending:
            raise Conflict("this session is already signed in")
        try:
            await self._second_factors.check(pending.account, code, by)
        except BadCredentials:
            await self._note_failure(pending.account.name, by, "second factor")
            raise
        await self._sessions.end(pending.session.id, pending.account)
        return await self._sign_in(pending.account, by, client, "second factor")

    async def by_provider(self, account: Account, by: Actor, client: str) -> Begun:
        """Begin a session for an account that a provider vouches for.

        Its second factor is still to come, unless the setting says that the provider asks for one.
        """
        begin = self._sign_in if self._provider_asks else self.as_account
        return await begin(account, by, client, "provider")

    async def as_account(self, account: Account, by: Actor, client: str, means: str) -> Begun:
        """Begin a session for an account that has shown who it is in one way (`means`).

        Where it has a second factor, that is still to come.
        """
        if not account.has_second_factor:
            return await self._sign_in(account, by, client, means)
        secret = await self._begin(account, by, client, is_pending=True)
        return Begun(secret, account, True)

    async def _sign_in(self, account: Account, by: Actor, client: str, means: str) -> Begun:
        secret = await self._begin(account, by, client, is_pending=False)
        actor = replace(by, identity=Identity(account))
        entry = Entry(account.id, actor, Audited.SIGN_IN, account.name, {"with": means})
        await self._audit.note(entry)
        return Begun(secret, account, False)

    async def _begin(self, account: Account, by: Actor, client: str, *, is_pending: bool) -> str:
        return await self._sessions.begin(
            account, address=by.address, client=client, is_pending=is_pending
        )

    async def _note_failure(self, name: str, by: Actor, means: str) -> None:
        account = await self._authentication.find_account(name)
        # What is no account's name may be a password in the wrong field: it is not kept.
        shown = account.name if account else "(no account)"
        namespace_id = account.id if account else None
        entry = Entry(namespace_id, by, Audited.SIGN_IN_FAILED, shown, {"with": means})
        await self._audit.note(entry)
