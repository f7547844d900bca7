"""Signing in with a provider of identities (OpenID Connect) in place of a password."""

import base64
import hmac
import json
import re
import secrets
from dataclasses import astuple, dataclass, replace
from datetime import timedelta
from typing import Final

from entrepot.errors import (
    BadCredentials,
    Conflict,
    Denied,
    InvalidAccount,
    NameTaken,
    TooMany,
)
from entrepot.hub.events.audit import Audited, Entry, record
from entrepot.hub.identity.login_throttle import Allowance, LoginThrottle, network_of
from entrepot.hub.identity.oidc import IdTokenClaims, Provider
from entrepot.hub.identity.passwords import Passwords
from entrepot.hub.identity.registry_tokens import RegistryTokens
from entrepot.hub.identity.secrets import hash_secret
from entrepot.hub.names import MAX_NAME, check_free_name
from entrepot.hub.people.accounts import MAX_EMAIL, MAX_FULL_NAME, Accounts
from entrepot.hub.people.actors import Actor
from entrepot.hub.people.groups import Groups
from entrepot.hub.permissions import check_own
from entrepot.metadata.engines.engine import Clock, Metadata, to_instant
from entrepot.metadata.people import accounts as rows
from entrepot.metadata.people import external_identities
from entrepot.model.people.accounts import Account
from entrepot.model.people.groups import GroupSource

LIFETIME: Final = timedelta(minutes=10)
"""The time that a person may take at the provider."""

_ONCE: Final = Allowance("single-sign-on:state", 1, LIFETIME)
_ANSWERS: Final = Allowance("single-sign-on:network", 50, timedelta(seconds=10))
_NOT_IN_NAMES: Final = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Attempt:
    """A sign-in attempt: kept by the browser, signed by the hub, compared at its return."""

    state: str
    nonce: str
    verifier: str
    redirect_uri: str
    wanted: str
    """The address to go to afterwards."""
    until: int
    account_id: int = 0
    """The account to link; 0: this is an attempt to sign in, which never links."""
    browser: str = ""
    """A hash of the session that began to link."""


@dataclass(frozen=True, slots=True)
class Returned:
    """The parameters that a browser brings back from the provider; `issuer` is `iss`, if any."""

    code: str
    state: str
    issuer: str | None = None


class SingleSignOn:
    """Sends browsers to the provider, and finds out who came back."""

    def __init__(
        self,
        metadata: Metadata,
        accounts: Accounts,
        passwords: Passwords,
        provider: Provider,
        keys: RegistryTokens,
        groups: Groups,
        *,
        name: str,
        may_sign_up: bool,
        now: Clock,
    ) -> None:
        self._metadata = metadata
        self._accounts = accounts
        self._passwords = passwords
        self._provider = provider
        self._keys = keys
        self._groups = groups
        self._login_throttle = LoginThrottle(metadata, now)
        self._may_sign_up = may_sign_up
        self._now = now
        self.name = name

    async def begin(self, redirect_uri: str, wanted: str = "/") -> tuple[str, str]:
        """Where to send the browser to sign in, and what it must bring back with the code."""
        return await self._begin(redirect_uri, wanted)

    async def begin_link(
        self, account: Account, password: str, redirect_uri: str, session: str, by: Actor
    ) -> tuple[str, str]:
        """As `begin`, for an account whose owner gives its password, in that session alone."""
        check_own(account, by)
        await self._accounts.check_password(account, password, by)
        return await self._begin(redirect_uri, "/settings/security", account.id, session)

    async def _begin(
        self, redirect_uri: str, wanted: str, account_id: int = 0, session: str = ""
    ) -> tuple[str, str]:
        attempt = Attempt(
            state=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            verifier=secrets.token_urlsafe(48),
            redirect_uri=redirect_uri,
            wanted=wanted,
            until=to_instant(self._now() + LIFETIME),
            account_id=account_id,
            browser=hash_secret(session) if account_id else "",
        )
        url = await self._provider.authorization_url(
            redirect_uri, attempt.state, attempt.nonce, attempt.verifier
        )
        return url, _sealed(attempt, await self._key())

    async def read(self, kept: str, returned: Returned) -> Attempt:
        """The attempt that a browser kept and that the provider answers; else `BadCredentials`."""
        attempt = _opened(kept, await self._key())
        if not hmac.compare_digest(attempt.state.encode(), returned.state.encode(errors="replace")):
            raise BadCredentials("this response belongs to another sign-in attempt")
        if to_instant(self._now()) >= attempt.until:
            raise BadCredentials("the sign-in took too long: try again")
        return attempt

    async def finish(self, attempt: Attempt, returned: Returned, by: Actor) -> Account:
        """The account of the person who came back with a code; created where the setting allows.

        An account that is there is never taken over by a name or an e-mail address: its owner
        links it (`link`). Raises `BadCredentials`, and `Denied` for who has no account.
        """
        if attempt.account_id:
            raise BadCredentials("this response belongs to another sign-in attempt")
        claims = await self._claims(attempt, returned, by)
        reader = self._metadata.reader
        found = await external_identities.find_linked_account(reader, claims.issuer, claims.subject)
        if found is None:
            self._groups.check_sign_in(GroupSource.OIDC, claims.groups or ())
            account = await self._sign_up(claims, by)
            return await self._with_groups(account, claims, by)
        linked = await rows.find_account_by_id(reader, found)
        if linked is None or linked.disabled_at is not None:
            raise BadCredentials("this account is disabled")
        return await self._with_groups(linked, claims, by)

    async def _with_groups(self, account: Account, claims: IdTokenClaims, by: Actor) -> Account:
        """The account with what its groups give; `Denied` where none of them may sign in."""
        if self._provider.settings.groups_claim is None:
            return account
        groups = claims.groups or ()
        return await self._groups.apply(account, GroupSource.OIDC, groups, by.address)

    async def link(
        self, account: Account, attempt: Attempt, returned: Returned, session: str, by: Actor
    ) -> None:
        """Link the person who came back with a code to the account; else raise `Conflict`.

        Raises `BadCredentials` unless this account began to link itself in this session.
        """
        check_own(account, by)
        is_same = hmac.compare_digest(attempt.browser, hash_secret(session))
        if attempt.account_id != account.id or not is_same:
            raise BadCredentials("another account or browser started linking")
        claims = await self._claims(attempt, returned, by)
        self._groups.check_sign_in(GroupSource.OIDC, claims.groups or ())
        now = self._now()
        async with self._metadata.begin() as tx:
            linked = await external_identities.link_account(
                tx, claims.issuer, claims.subject, account.id, now
            )
            if not linked:
                raise Conflict("the provider's account is already linked to an account of this hub")
            await record(tx, _link_entry(account, by, claims.issuer), now)
        await self._with_groups(account, claims, by)

    async def unlink(self, account: Account, password: str, by: Actor) -> None:
        """Remove the account's link to the provider; the password is left to sign in."""
        check_own(account, by)
        await self._accounts.check_password(account, password, by)
        issuer = self._provider.settings.issuer
        async with self._metadata.begin() as tx:
            if await external_identities.unlink_account(tx, issuer, account.id):
                await record(tx, _link_entry(account, by, ""), self._now())
        await self._groups.end(account, GroupSource.OIDC, by.address)

    async def is_linked(self, account: Account) -> bool:
        """Say whether the account is linked to the provider."""
        issuers = await external_identities.list_issuers(self._metadata.reader, account.id)
        return self._provider.settings.issuer in issuers

    async def _claims(self, attempt: Attempt, returned: Returned, by: Actor) -> IdTokenClaims:
        await self._login_throttle.count(_ANSWERS, network_of(by.address))
        try:
            await self._login_throttle.count(_ONCE, attempt.state)
        except TooMany as error:
            raise BadCredentials("this response was already used") from error
        await self._provider.check_issuer(returned.issuer)
        return await self._provider.redeem(
            returned.code, attempt.redirect_uri, attempt.verifier, attempt.nonce
        )

    async def _key(self) -> bytes:
        return await self._keys.derived_key("single sign-on", self._now())

    async def _sign_up(self, claims: IdTokenClaims, by: Actor) -> Account:
        if not self._may_sign_up:
            raise Denied("no account of this hub is linked to the provider's account")
        name = name_from(claims.name or claims.email.partition("@")[0])
        # A random password: an administrator's link can set another.
        password_hash = await self._passwords.hash(secrets.token_urlsafe())
        async with self._metadata.begin() as tx:
            account = await self._accounts.insert(tx, name, password_hash, by=by)
            await external_identities.link_account(
                tx, claims.issuer, claims.subject, account.id, self._now()
            )
            full_name, email = one_line(claims.full_name, MAX_FULL_NAME), email_from(claims.email)
            await rows.set_profile(tx, account.id, full_name, email)
        return replace(account, full_name=full_name, email=email)


def name_from(text: str) -> str:
    """An account name made of the provider's name for a person; else raise `Denied`."""
    name = _NOT_IN_NAMES.sub("-", text.lower()).strip("-")[:MAX_NAME].strip("-")
    try:
        check_free_name(name)
    except (InvalidAccount, NameTaken) as error:
        raise Denied(
            "your user name at the provider is not a valid name here: ask an administrator "
            "for an account"
        ) from error
    return name


def _sealed(attempt: Attempt, key: bytes) -> str:
    text = base64.urlsafe_b64encode(json.dumps(astuple(attempt)).encode()).decode()
    return f"{text}.{hmac.digest(key, text.encode(), 'sha256').hex()}"


def _opened(kept: str, key: bytes) -> Attempt:
    """The attempt in a text of `_sealed`'s; `BadCredentials` for any other."""
    text, _, mark = kept.partition(".")
    expected = hmac.digest(key, text.encode(errors="replace"), "sha256").hex()
    if not hmac.compare_digest(mark.encode(errors="replace"), expected.encode()):
        raise BadCredentials("this browser did not start the sign-in")
    return Attempt(*json.loads(base64.urlsafe_b64decode(text)))


def _link_entry(account: Account, by: Actor, issuer: str) -> Entry:
    return Entry(account.id, by, Audited.ACCOUNT_LINK, account.name, {"issuer": issuer or None})


def one_line(text: str, limit: int) -> str:
    """The text without what is not printed, cut to the limit."""
    return "".join(each for each in text if each.isprintable())[:limit]


def email_from(text: str) -> str:
    """The text where it can be an e-mail address; else nothing."""
    good = "@" in text and len(text) <= MAX_EMAIL and text.isprintable()
    return text if good else ""
