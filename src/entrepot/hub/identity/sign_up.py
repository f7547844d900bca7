"""Signing up: who may make an account for themselves."""

from entrepot.errors import Denied
from entrepot.hub.identity.login_throttle import SIGN_UP_FROM_ADDRESS, LoginThrottle, network_of
from entrepot.hub.identity.passwords import Passwords, check_length
from entrepot.hub.names import check_chosen_name
from entrepot.hub.people.accounts import Accounts
from entrepot.hub.people.actors import Actor
from entrepot.hub.people.invitations import Invitations
from entrepot.metadata.engines.engine import Metadata
from entrepot.model.people.accounts import Account, SignUpMode


class SignUp:
    """Makes accounts for those who ask, as far as the hub's setting lets them."""

    def __init__(
        self,
        metadata: Metadata,
        accounts: Accounts,
        passwords: Passwords,
        invitations: Invitations,
        login_throttle: LoginThrottle,
        mode: SignUpMode,
    ) -> None:
        self._metadata = metadata
        self._accounts = accounts
        self._passwords = passwords
        self._invitations = invitations
        self._login_throttle = login_throttle
        self.mode = mode

    def may_sign_up(self, *, is_invited: bool) -> bool:
        """Say whether to show the page at all."""
        if self.mode is SignUpMode.INVITATION:
            return is_invited
        return self.mode is SignUpMode.OPEN

    async def sign_up(self, name: str, password: str, by: Actor, invitation: str = "") -> Account:
        """Create an account without administrator rights, and accept the invitation, if any.

        Raises `Denied` where sign-up is closed, `InvitationUnknown`, `NameTaken`,
        `InvalidAccount`, and `TooMany` from one address.
        """
        if not self.may_sign_up(is_invited=bool(invitation)):
            raise Denied("sign-up is closed: ask an administrator for an account")
        found = await self._invitations.get(invitation) if invitation else None
        check_chosen_name(name)
        check_length(password)
        await self._login_throttle.count(SIGN_UP_FROM_ADDRESS, network_of(by.address))
        password_hash = await self._passwords.hash(password)
        async with self._metadata.begin() as tx:
            account = await self._accounts.insert(tx, name, password_hash, by=by)
            if found is not None:
                await self._invitations.accept_in(tx, found, account, by)
        return account
