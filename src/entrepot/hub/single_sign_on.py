"""Signing in with a provider of identities (OpenID Connect) in place of a password."""

import hmac
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Final

from entrepot.errors import BadCredentials, Conflict, Denied, InvalidAccount, NameTaken
from entrepot.hub.accounts import MAX_EMAIL, MAX_FULL_NAME, Accounts
from entrepot.hub.actors import Actor
from entrepot.hub.audit import Audited, Entry, record
from entrepot.hub.names import MAX_NAME, check_free_name
from entrepot.hub.oidc import Claims, Provider
from entrepot.hub.passwords import Passwords
from entrepot.hub.permissions import check_own
from entrepot.metadata import accounts as rows
from entrepot.metadata import external_identities
from entrepot.metadata.accounts import Account
from entrepot.metadata.engine import Clock, Metadata, to_instant

LIFETIME: Final = timedelta(minutes=10)
"""How long somebody may take at the provider."""

_NOT_IN_NAMES: Final = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Attempt:
    """What must be the same when the browser comes back; kept by it, in a cookie of ours."""

    state: str
    nonce: str
    verifier: str
    redirect_uri: str
    until: int

    def text(self) -> str:
        """The attempt as JSON."""
        return json.dumps(asdict(self), separators=(",", ":"))


class SingleSignOn:
    """Sends browsers to the provider, and finds out who came back."""

    def __init__(
        self,
        metadata: Metadata,
        accounts: Accounts,
        passwords: Passwords,
        provider: Provider,
        *,
        name: str,
        may_sign_up: bool,
        now: Clock,
    ) -> None:
        self._metadata = metadata
        self._accounts = accounts
        self._passwords = passwords
        self._provider = provider
        self._may_sign_up = may_sign_up
        self._now = now
        self.name = name

    async def begin(self, redirect_uri: str) -> tuple[str, str]:
        """Where to send the browser, and what it must bring back with the code."""
        attempt = Attempt(
            state=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            verifier=secrets.token_urlsafe(48),
            redirect_uri=redirect_uri,
            until=to_instant(self._now() + LIFETIME),
        )
        url = await self._provider.authorization_url(
            redirect_uri, attempt.state, attempt.nonce, attempt.verifier
        )
        return url, attempt.text()

    async def finish(self, code: str, state: str, kept: str, by: Actor) -> Account:
        """The account of whoever came back with a code; made now where the setting lets it.

        An account that is there is never taken over by a name or an e-mail address: its owner
        links it (`link`). Raises `BadCredentials`, and `Denied` for who has no account.
        """
        claims = await self._claims(code, state, kept)
        reader = self._metadata.reader
        found = await external_identities.find_linked_account(reader, claims.issuer, claims.subject)
        if found is None:
            return await self._sign_up(claims, by)
        account = await rows.find_account_by_id(reader, found)
        if account is None or account.disabled_at is not None:
            raise BadCredentials("this account is disabled")
        return account

    async def link(self, account: Account, code: str, state: str, kept: str, by: Actor) -> None:
        """Let whoever came back with a code be the account from now on; else `Conflict`."""
        check_own(account, by)
        claims = await self._claims(code, state, kept)
        now = self._now()
        async with self._metadata.begin() as tx:
            linked = await external_identities.link_account(
                tx, claims.issuer, claims.subject, account.id, now
            )
            if not linked:
                raise Conflict("whoever that is at the provider has an account here")
            await record(tx, _link_entry(account, by, claims.issuer), now)

    async def unlink(self, account: Account, by: Actor) -> None:
        """Let nobody of the provider's be the account any more."""
        check_own(account, by)
        issuer = self._provider.settings.issuer
        async with self._metadata.begin() as tx:
            if await external_identities.unlink_account(tx, issuer, account.id):
                await record(tx, _link_entry(account, by, ""), self._now())

    async def is_linked(self, account: Account) -> bool:
        """Say whether somebody of the provider's is the account."""
        issuers = await external_identities.list_issuers(self._metadata.reader, account.id)
        return self._provider.settings.issuer in issuers

    async def _claims(self, code: str, state: str, kept: str) -> Claims:
        attempt = _parse_attempt(kept)
        if not hmac.compare_digest(attempt.state.encode(), state.encode()):
            raise BadCredentials("this is the answer to another attempt to sign in")
        if to_instant(self._now()) >= attempt.until:
            raise BadCredentials("this took too long; try again")
        return await self._provider.redeem(
            code, attempt.redirect_uri, attempt.verifier, attempt.nonce
        )

    async def _sign_up(self, claims: Claims, by: Actor) -> Account:
        if not self._may_sign_up:
            raise Denied("nobody here is linked to that account of the provider")
        name = name_from(claims.name or claims.email.partition("@")[0])
        # A password that nobody knows: an administrator's link can give another.
        password_hash = await self._passwords.hash(secrets.token_urlsafe())
        async with self._metadata.begin() as tx:
            account = await self._accounts.insert(tx, name, password_hash, by=by)
            await external_identities.link_account(
                tx, claims.issuer, claims.subject, account.id, self._now()
            )
            full_name, email = _one_line(claims.full_name, MAX_FULL_NAME), _email(claims.email)
            await rows.set_profile(tx, account.id, full_name, email)
        return replace(account, full_name=full_name, email=email)


def name_from(text: str) -> str:
    """The name that an account could have for what a provider calls somebody; else `Denied`."""
    name = _NOT_IN_NAMES.sub("-", text.lower()).strip("-")[:MAX_NAME].strip("-")
    try:
        check_free_name(name)
    except (InvalidAccount, NameTaken) as error:
        raise Denied("what the provider calls you cannot be a name here; ask for an account") from (
            error
        )
    return name


def _parse_attempt(kept: str) -> Attempt:
    try:
        found: object = json.loads(kept)
    except ValueError:
        found = None
    if not isinstance(found, Mapping):
        raise BadCredentials("this browser did not begin to sign in")
    until = found.get("until")
    texts = [found.get(each) for each in ("state", "nonce", "verifier", "redirect_uri")]
    state, nonce, verifier, redirect_uri = [each if isinstance(each, str) else "" for each in texts]
    if not (state and nonce and verifier and isinstance(until, int)):
        raise BadCredentials("this browser did not begin to sign in")
    return Attempt(state, nonce, verifier, redirect_uri, until)


def _link_entry(account: Account, by: Actor, issuer: str) -> Entry:
    return Entry(account.id, by, Audited.ACCOUNT_LINK, account.name, {"issuer": issuer or None})


def _one_line(text: str, limit: int) -> str:
    return "".join(each for each in text if each.isprintable())[:limit]


def _email(text: str) -> str:
    good = "@" in text and len(text) <= MAX_EMAIL and text.isprintable()
    return text if good else ""
