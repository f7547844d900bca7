"""The second factor: codes of an authenticator (TOTP, RFC 6238), and codes for when it is lost.

The libraries are imported where they are used: a start need not wait for them.
"""

import hmac
import io
import secrets
from dataclasses import dataclass
from typing import Final

from entrepot.errors import BadCredentials, Conflict
from entrepot.hub.events.audit import Audited, Entry, record
from entrepot.hub.identity.keyring import TOTP, Keyring
from entrepot.hub.identity.login_throttle import SECOND_FACTOR, LoginThrottle
from entrepot.hub.identity.secrets import hash_secret
from entrepot.hub.people.accounts import SELF, Accounts
from entrepot.hub.people.actors import OPERATOR, Actor
from entrepot.hub.permissions import check_administrator, check_own
from entrepot.metadata.engines.engine import Clock, Metadata
from entrepot.metadata.people import second_factors
from entrepot.metadata.people.tokens import revoke_refresh_tokens
from entrepot.model.people.accounts import Account, SecondFactor

STEP: Final = 30
RECOVERY_CODES: Final = 10

_SKEW: Final = (0, -1, 1)
"""Steps beside the current one whose codes are good: clocks differ."""
_LETTERS: Final = "23456789abcdefghjkmnpqrstuvwxyz"
_WRONG: Final = "wrong code, or the code was already used"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """The secret for an authenticator app, as text, URL and QR code."""

    secret: str
    url: str
    qr_svg: str


class SecondFactors:
    """Sets second factors up, checks their codes, and takes them away."""

    def __init__(
        self,
        metadata: Metadata,
        accounts: Accounts,
        login_throttle: LoginThrottle,
        issuer: str,
        now: Clock,
        keyring: Keyring | None = None,
    ) -> None:
        self._metadata = metadata
        self._accounts = accounts
        self._login_throttle = login_throttle
        self._issuer = issuer
        self._now = now
        self._keyring = keyring or Keyring()

    async def enrol(self, account: Account, by: Actor) -> Enrolment:
        """Begin: nothing is asked for until `confirm`. `Conflict` where there is a factor."""
        import pyotp

        check_own(account, by)
        secret = pyotp.random_base32()
        async with self._metadata.begin() as tx:
            if not await second_factors.enrol(tx, account.id, self._keyring.wrap(TOTP, secret)):
                raise Conflict("this account has a second factor")
        url = pyotp.TOTP(secret).provisioning_uri(name=account.name, issuer_name=self._issuer)
        return Enrolment(secret, url, _picture(url))

    async def confirm(self, account: Account, code: str, by: Actor) -> list[str]:
        """Ask for the factor from now on, for this first code shows that it works.

        Returns the recovery codes, which are told here and never again. Clients that remembered
        the password must sign in again, with a personal token.
        """
        check_own(account, by)
        async with self._login_throttle.attempt(SECOND_FACTOR, account.name, by.address):
            return await self._confirm(account, code, by)

    async def _confirm(self, account: Account, code: str, by: Actor) -> list[str]:
        factor = await second_factors.find_second_factor(self._metadata.reader, account.id)
        step = self._step_of(factor, code)
        if factor is None or step is None or factor.since is not None:
            raise BadCredentials(_WRONG)
        codes, now = _new_codes(), self._now()
        async with self._metadata.begin() as tx:
            if not await second_factors.confirm(tx, account.id, factor.secret, step, now):
                raise BadCredentials(_WRONG)
            await second_factors.replace_codes(tx, account.id, [_hash(each) for each in codes])
            await revoke_refresh_tokens(tx, account.id, now)
            await record(tx, _entry(account, by, "enabled"), now)
        return codes

    async def check(self, account: Account, code: str, by: Actor = SELF) -> None:
        """Use up a code of the authenticator, or a recovery code; else raise `BadCredentials`.

        Few attempts are allowed (`TooMany`); a code works once, whoever else tries it just then.
        """
        async with self._login_throttle.attempt(SECOND_FACTOR, account.name, by.address):
            await self._use_up(account, code)

    async def _use_up(self, account: Account, code: str) -> None:
        factor = await second_factors.find_second_factor(self._metadata.reader, account.id)
        if factor is None or factor.since is None:
            raise BadCredentials(_WRONG)
        step = self._step_of(factor, code)
        async with self._metadata.begin() as tx:
            if step is not None:
                good = await second_factors.use_step(tx, account.id, step)
            else:
                good = await second_factors.use_code(tx, account.id, _hash(code), self._now())
        if not good:
            raise BadCredentials(_WRONG)

    async def count_codes(self, account: Account) -> int:
        """How many recovery codes are left."""
        return await second_factors.count_codes(self._metadata.reader, account.id)

    async def replace_codes(self, account: Account, password: str, by: Actor) -> list[str]:
        """New recovery codes in place of all others; one's own password is needed."""
        await self._check_password(account, password, by)
        if not account.has_second_factor:
            raise Conflict("this account has no second factor")
        codes = _new_codes()
        async with self._metadata.begin() as tx:
            await second_factors.replace_codes(tx, account.id, [_hash(each) for each in codes])
            await record(tx, _entry(account, by, "new recovery codes"), self._now())
        return codes

    async def disable(self, account: Account, password: str, by: Actor) -> None:
        """Ask for it no longer; one's own password is needed."""
        await self._check_password(account, password, by)
        await self._remove(account, by)

    async def remove(self, account: Account, by: Actor = OPERATOR) -> None:
        """Ask for it no longer, because the authenticator is lost; for administrators."""
        check_administrator(by.identity)
        await self._remove(account, by)

    async def _check_password(self, account: Account, password: str, by: Actor) -> None:
        check_own(account, by)
        await self._accounts.check_password(account, password, by)

    async def _remove(self, account: Account, by: Actor) -> None:
        async with self._metadata.begin() as tx:
            await second_factors.remove(tx, account.id)
            await record(tx, _entry(account, by, "disabled"), self._now())

    def _step_of(self, factor: SecondFactor | None, code: str) -> int | None:
        """The step whose code this is; `None` for wrong ones."""
        import pyotp

        typed = code.replace(" ", "")
        if factor is None or not (typed.isascii() and typed.isdigit()):
            return None
        secret = self._keyring.unwrap(TOTP, factor.secret)
        totp, current = pyotp.TOTP(secret, interval=STEP), int(self._now().timestamp()) // STEP
        for skew in _SKEW:
            if hmac.compare_digest(totp.generate_otp(current + skew), typed):
                return current + skew
        return None


def _entry(account: Account, by: Actor, change: str) -> Entry:
    details = {"change": change}
    return Entry(account.id, by, Audited.ACCOUNT_SECOND_FACTOR, account.name, details)


def _new_codes() -> list[str]:
    """Codes of 74 random bits each, so that a quick hash will do; no letters that look alike."""
    return [
        "-".join("".join(secrets.choice(_LETTERS) for _ in range(5)) for _ in range(3))
        for _ in range(RECOVERY_CODES)
    ]


def _hash(code: str) -> str:
    return hash_secret("recovery:" + code.strip().lower().replace(" ", "-"))


def _picture(url: str) -> str:
    import segno

    out = io.BytesIO()
    segno.make(url, error="m", micro=False).save(
        out, kind="svg", border=2, xmldecl=False, svgclass="qr", lineclass=None, omitsize=True
    )
    return out.getvalue().decode()
