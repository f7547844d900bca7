"""Second factors: set up by whom they protect, used once, and asked for everywhere."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from xml.etree import ElementTree

import pytest
from pyotp import TOTP

from entrepot.errors import BadCredentials, Conflict, Denied, SecondFactorMissing, TooMany
from entrepot.hub.events.audit import AuditLog
from entrepot.hub.identity.authentication import Authentication
from entrepot.hub.identity.login_throttle import PASSWORD as GUESSES
from entrepot.hub.identity.login_throttle import SECOND_FACTOR
from entrepot.hub.identity.second_factors import RECOVERY_CODES, STEP, SecondFactors
from entrepot.hub.identity.sessions import Sessions
from entrepot.hub.identity.sign_in import SignIn
from entrepot.hub.identity.tokens import Tokens
from entrepot.hub.people.accounts import Accounts
from entrepot.hub.people.actors import ANONYMOUS, OPERATOR, PULL, Actor, Identity, actor_of
from entrepot.model.audit import AuditQuery
from entrepot.model.people.accounts import Account
from entrepot.model.people.tokens import TokenScope
from tests.hub.town import ADMINISTRATORS, Town, allowed
from tests.metadata.clocks import MovableClock

PASSWORD = "the password of alice"
FROM = Actor(ANONYMOUS, "192.0.2.9", "r")


class Authenticator:
    """What Alice holds in her hand, and what she wrote down."""

    def __init__(self, secret: str, codes: list[str], clock: MovableClock) -> None:
        self._totp = TOTP(secret)
        self._clock = clock
        self.codes = codes

    def code(self, steps: int = 0) -> str:
        """What it shows now, or so many steps from now."""
        return self._totp.at(self._clock(), counter_offset=steps)


@pytest.fixture
async def alice(accounts: Accounts) -> Account:
    """Somebody who wants to be safe."""
    return await accounts.add("alice", PASSWORD)


@pytest.fixture
async def authenticator(
    second_factors: SecondFactors, alice: Account, clock: MovableClock
) -> Authenticator:
    """Alice's, set up; its next code is fresh."""
    by = actor_of(alice)
    secret = (await second_factors.enrol(alice, by)).secret
    codes = await second_factors.confirm(alice, TOTP(secret).at(clock()), by)
    clock.advance(timedelta(seconds=STEP))
    return Authenticator(secret, codes, clock)


async def test_an_authenticator_is_told_the_secret_in_three_ways(
    second_factors: SecondFactors, alice: Account
) -> None:
    made = await second_factors.enrol(alice, actor_of(alice))
    assert made.url.startswith("otpauth://totp/Entrepot:alice?")
    assert f"secret={made.secret}" in made.url
    assert len(made.secret) >= 32
    assert ElementTree.fromstring(made.qr_svg).tag.endswith("svg")  # noqa: S314 - ours


async def test_nothing_is_asked_for_until_a_code_was_right(
    second_factors: SecondFactors, alice: Account, authentication: Authentication
) -> None:
    by = actor_of(alice)
    await second_factors.enrol(alice, by)
    with pytest.raises(BadCredentials):
        await second_factors.confirm(alice, "000000", by)
    await authentication.by_credentials("alice", PASSWORD)
    with pytest.raises(BadCredentials):
        await second_factors.check(alice, "000000")


async def test_a_code_works_once(
    second_factors: SecondFactors, alice: Account, authenticator: Authenticator
) -> None:
    code = authenticator.code()
    await second_factors.check(alice, f"{code[:3]} {code[3:]}")
    with pytest.raises(BadCredentials):
        await second_factors.check(alice, code)
    with pytest.raises(BadCredentials):
        await second_factors.check(alice, authenticator.code(-1))
    await second_factors.check(alice, authenticator.code(1))


async def test_of_many_who_use_a_code_at_once_one_succeeds(
    second_factors: SecondFactors, alice: Account, authenticator: Authenticator
) -> None:
    tries = [second_factors.check(alice, authenticator.code()) for _ in range(20)]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert results.count(None) == 1


@pytest.mark.parametrize("steps", [-3, -2, 2, 3])
async def test_codes_of_other_times_are_wrong(
    second_factors: SecondFactors, alice: Account, authenticator: Authenticator, steps: int
) -> None:
    with pytest.raises(BadCredentials):
        await second_factors.check(alice, authenticator.code(steps))


@pytest.mark.parametrize("code", ["", "12345", "1234567", "\N{FULLWIDTH DIGIT ONE}" * 6, "a", "-1"])
async def test_what_is_no_code_is_wrong(
    second_factors: SecondFactors, alice: Account, authenticator: Authenticator, code: str
) -> None:
    assert authenticator.codes
    with pytest.raises(BadCredentials):
        await second_factors.check(alice, code)


async def test_codes_cannot_be_guessed(
    second_factors: SecondFactors, alice: Account, authenticator: Authenticator
) -> None:
    for _ in range(SECOND_FACTOR.here.burst):
        with pytest.raises(BadCredentials):
            await second_factors.check(alice, "000000")
    with pytest.raises(TooMany):
        await second_factors.check(alice, authenticator.code())


async def test_each_recovery_code_works_once(
    second_factors: SecondFactors, alice: Account, authenticator: Authenticator
) -> None:
    assert len(set(authenticator.codes)) == RECOVERY_CODES
    for count, code in enumerate(authenticator.codes, 1):
        await second_factors.check(alice, f" {code.upper()} ")
        assert await second_factors.count_codes(alice) == RECOVERY_CODES - count
    with pytest.raises(BadCredentials):
        await second_factors.check(alice, authenticator.codes[0])


async def test_new_recovery_codes_replace_the_old(
    second_factors: SecondFactors,
    accounts: Accounts,
    authenticator: Authenticator,
) -> None:
    alice = await accounts.get("alice")
    with pytest.raises(BadCredentials):
        await second_factors.replace_codes(alice, "wrong", actor_of(alice))
    codes = await second_factors.replace_codes(alice, PASSWORD, actor_of(alice))
    with pytest.raises(BadCredentials):
        await second_factors.check(alice, authenticator.codes[0])
    await second_factors.check(alice, codes[0])


async def test_a_second_factor_is_not_replaced_but_removed_first(
    second_factors: SecondFactors, accounts: Accounts, authenticator: Authenticator
) -> None:
    alice = await accounts.get("alice")
    with pytest.raises(Conflict):
        await second_factors.enrol(alice, actor_of(alice))
    with pytest.raises(BadCredentials):
        await second_factors.confirm(alice, authenticator.code(), actor_of(alice))
    with pytest.raises(BadCredentials):
        await second_factors.disable(alice, "wrong", actor_of(alice))
    await second_factors.disable(alice, PASSWORD, actor_of(alice))
    assert not (await accounts.get("alice")).has_second_factor
    await second_factors.enrol(alice, actor_of(alice))


async def test_it_is_set_up_by_whom_it_protects_and_removed_by_administrators(
    second_factors: SecondFactors, town: Town, alice: Account
) -> None:
    editor = town.accounts["editor"]
    assert await allowed(town, lambda by: second_factors.enrol(editor, by)) == {"editor"}
    assert await allowed(town, lambda by: second_factors.remove(editor, by)) == ADMINISTRATORS
    with pytest.raises(Denied):
        await second_factors.enrol(alice, Actor(Identity(alice, PULL)))


async def test_the_password_alone_is_not_enough_for_clients(
    authentication: Authentication, tokens: Tokens, accounts: Accounts, authenticator: Authenticator
) -> None:
    with pytest.raises(SecondFactorMissing, match="personal access token"):
        await authentication.by_credentials("alice", PASSWORD)
    with pytest.raises(BadCredentials):
        await authentication.by_credentials("alice", "wrong")
    alice = await accounts.get("alice")
    _, secret = await tokens.add_personal(alice, "laptop", TokenScope.READ, None)
    assert (await authentication.by_credentials("alice", secret)).account == alice


async def test_what_clients_got_for_the_password_ends_with_the_second_factor(
    second_factors: SecondFactors,
    alice: Account,
    authentication: Authentication,
    tokens: Tokens,
    clock: MovableClock,
) -> None:
    refresh = await tokens.add_refresh(await authentication.by_credentials("alice", PASSWORD), "x")
    secret = (await second_factors.enrol(alice, actor_of(alice))).secret
    await second_factors.confirm(alice, TOTP(secret).at(clock()), actor_of(alice))
    with pytest.raises(BadCredentials):
        await authentication.by_refresh_token(refresh)


async def test_signing_in_waits_for_the_code(
    sign_in: SignIn, sessions: Sessions, authenticator: Authenticator
) -> None:
    begun = await sign_in.by_password("alice", PASSWORD, FROM, "Browser")
    assert begun.is_pending
    pending = await sessions.find(begun.secret)
    assert pending is not None
    assert pending.is_pending
    with pytest.raises(BadCredentials):
        await sign_in.by_code(pending, "000000", FROM, "Browser")
    done = await sign_in.by_code(pending, authenticator.code(), FROM, "Browser")
    assert not done.is_pending
    assert await sessions.find(begun.secret) is None
    found = await sessions.find(done.secret)
    assert found is not None
    assert not found.is_pending
    with pytest.raises(Conflict):
        await sign_in.by_code(found, authenticator.code(1), FROM, "Browser")


async def test_signing_in_without_a_factor_is_one_step(
    sign_in: SignIn, sessions: Sessions, alice: Account
) -> None:
    begun = await sign_in.by_password("alice", PASSWORD, FROM, "Browser")
    found = await sessions.find(begun.secret)
    assert found is not None
    assert (found.account, found.session.address) == (alice, "192.0.2.9")


async def test_every_attempt_to_sign_in_is_recorded_without_what_was_typed(
    sign_in: SignIn, alice: Account, audit_log: AuditLog
) -> None:
    assert alice.name == "alice"
    for name, password in (("alice", "wrong"), ("a-password-in-the-wrong-field", "x"), ("\0", "")):
        with pytest.raises(BadCredentials):
            await sign_in.by_password(name, password, FROM, "")
    await sign_in.by_password("alice", PASSWORD, FROM, "")
    rows = (await audit_log.list_all(OPERATOR, AuditQuery(action="account.signin"))).rows
    told = [(row.action, row.actor, row.target, row.address) for row in reversed(rows)]
    assert told == [
        ("account.signin.failed", "anonymous", "alice", "192.0.2.9"),
        ("account.signin.failed", "anonymous", "(no account)", "192.0.2.9"),
        ("account.signin.failed", "anonymous", "(no account)", "192.0.2.9"),
        ("account.signin", "alice", "alice", "192.0.2.9"),
    ]


async def test_a_password_cannot_be_guessed_and_success_starts_afresh(
    sign_in: SignIn, alice: Account
) -> None:
    assert alice.name == "alice"
    for number in range(GUESSES.here.burst - 1):
        with pytest.raises(BadCredentials):
            await sign_in.by_password("alice", f"wrong {number}", FROM, "")
    await sign_in.by_password("alice", PASSWORD, FROM, "")
    for number in range(GUESSES.here.burst):
        with pytest.raises(BadCredentials):
            await sign_in.by_password("alice", f"wrong again {number}", FROM, "")
    with pytest.raises(TooMany):
        await sign_in.by_password("alice", "wrong at last", FROM, "")
    # This worker has seen the right one before: whoever knows it is let in all the same.
    await sign_in.by_password("alice", PASSWORD, FROM, "")


async def test_a_code_that_others_guess_at_stays_good_for_its_owner(
    second_factors: SecondFactors, alice: Account, authenticator: Authenticator
) -> None:
    for number in range(SECOND_FACTOR.here.burst + 1):
        with pytest.raises((BadCredentials, TooMany)):
            await second_factors.check(alice, f"{number:06}", FROM)
    await second_factors.check(alice, authenticator.code(), replace(FROM, address="203.0.113.5"))


async def test_one_address_cannot_guess_the_codes_of_many(
    second_factors: SecondFactors, accounts: Accounts
) -> None:
    refused = []
    for number in range(30):
        account = await accounts.add(f"user{number}", PASSWORD)
        with pytest.raises((BadCredentials, TooMany)) as failure:
            await second_factors.check(account, "000000", FROM)
        refused.append(failure.type)
    assert refused.count(BadCredentials) == SECOND_FACTOR.network.burst
