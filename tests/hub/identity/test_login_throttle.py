"""The limiter: some attempts at once, then one at a time, and nothing where it cannot count."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest
from sqlalchemy import select

from entrepot.errors import BadCredentials, OutOfSpace, TooMany, Unavailable
from entrepot.hub.identity.authentication import Authentication
from entrepot.hub.identity.login_throttle import (
    PASSWORD,
    Allowance,
    Guard,
    LoginThrottle,
    network_of,
)
from entrepot.hub.people.accounts import Accounts
from entrepot.hub.people.actors import actor_of
from entrepot.metadata.engines.engine import Metadata, SqlStatement
from entrepot.metadata.people_tables import limits
from tests.metadata.clocks import MovableClock

FEW = Allowance("few", 3, timedelta(seconds=20))


async def use_up(login_throttle: LoginThrottle, allowance: Allowance, subject: str) -> int:
    """Try until it is refused; say after how many attempts."""
    for count in range(1000):
        try:
            await login_throttle.count(allowance, subject)
        except TooMany:
            return count
    raise AssertionError("nothing is ever refused")


async def test_a_burst_is_allowed_and_then_one_each_step(
    login_throttle: LoginThrottle, clock: MovableClock
) -> None:
    assert await use_up(login_throttle, FEW, "x") == 3
    clock.advance(timedelta(seconds=5))
    with pytest.raises(TooMany) as refused:
        await login_throttle.count(FEW, "x")
    assert refused.value.wait == 15
    clock.advance(timedelta(seconds=refused.value.wait))
    assert await use_up(login_throttle, FEW, "x") == 1


async def test_a_refused_attempt_costs_nothing(
    login_throttle: LoginThrottle, clock: MovableClock
) -> None:
    await use_up(login_throttle, FEW, "x")
    for _ in range(10):
        with pytest.raises(TooMany):
            await login_throttle.count(FEW, "x")
    clock.advance(timedelta(seconds=20))
    assert await use_up(login_throttle, FEW, "x") == 1


async def test_subjects_and_allowances_do_not_share(login_throttle: LoginThrottle) -> None:
    await use_up(login_throttle, FEW, "x")
    assert await use_up(login_throttle, FEW, "y") == 3
    assert await use_up(login_throttle, Allowance("other", 2, timedelta(seconds=1)), "x") == 2


async def test_success_gives_the_allowance_back(login_throttle: LoginThrottle) -> None:
    await use_up(login_throttle, FEW, "x")
    await login_throttle.forgive(FEW, "x")
    assert await use_up(login_throttle, FEW, "x") == 3


GUARD = Guard(
    Allowance("here", 3, timedelta(minutes=1)),
    Allowance("network", 6, timedelta(minutes=1)),
    Allowance("site", 12, timedelta(minutes=1)),
    Allowance("account", 9, timedelta(minutes=1)),
)
HOME = "203.0.113.1"


async def guess(login_throttle: LoginThrottle, account: str, address: str) -> bool:
    """Guess wrong; say whether the guess was looked at."""
    try:
        async with login_throttle.attempt(GUARD, account, address):
            raise BadCredentials
    except BadCredentials:
        return True
    except TooMany:
        return False


async def succeed(login_throttle: LoginThrottle, account: str, address: str) -> None:
    """Know the secret."""
    async with login_throttle.attempt(GUARD, account, address):
        pass


async def guesses(login_throttle: LoginThrottle, pairs: list[tuple[str, str]]) -> int:
    """How many of these guesses were looked at."""
    return sum([await guess(login_throttle, *pair) for pair in pairs])


async def test_guesses_from_elsewhere_never_lock_the_owner_out(
    login_throttle: LoginThrottle,
) -> None:
    assert await guesses(login_throttle, [("alice", "192.0.2.1")] * 20) == GUARD.here.burst
    await succeed(login_throttle, "alice", HOME)


async def test_many_addresses_cannot_guess_one_password(login_throttle: LoginThrottle) -> None:
    await succeed(login_throttle, "alice", HOME)
    elsewhere = [("alice", f"192.0.2.{number}") for number in range(100)]
    assert await guesses(login_throttle, elsewhere) == GUARD.account.burst
    with pytest.raises(TooMany):
        await succeed(login_throttle, "alice", "198.51.100.1")
    await succeed(login_throttle, "alice", HOME)
    await succeed(login_throttle, "bob", "198.51.100.1")


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"])
async def test_one_address_cannot_guess_for_many_accounts(
    login_throttle: LoginThrottle, address: str
) -> None:
    pairs = [(f"user{number}", address) for number in range(200)]
    assert await guesses(login_throttle, pairs) == GUARD.network.burst
    await succeed(login_throttle, "user1", HOME)


async def test_one_network_of_ipv6_counts_as_one_address_and_a_site_has_its_own_limit(
    login_throttle: LoginThrottle,
) -> None:
    hosts = [(f"user{number}", f"2001:db8::{number:x}") for number in range(50)]
    assert await guesses(login_throttle, hosts) == GUARD.network.burst
    networks = [(f"user{number}", f"2001:db8:0:{number:x}::1") for number in range(1, 50)]
    assert await guesses(login_throttle, networks) == GUARD.site.burst - GUARD.network.burst
    await succeed(login_throttle, "alice", "2001:db8:1::1")


async def test_a_name_is_guessed_at_in_whatever_case(login_throttle: LoginThrottle) -> None:
    names = ["alice", "Alice", "ALICE", "aLICE", "alIce"]
    assert await guesses(login_throttle, [(name, HOME) for name in names]) == GUARD.here.burst


async def test_an_account_of_ones_own_gives_no_guesses_back(login_throttle: LoginThrottle) -> None:
    seen = 0
    for number in range(50):
        seen += await guess(login_throttle, f"user{number}", HOME)
        with suppress(TooMany):
            await succeed(login_throttle, "mallory", HOME)
    assert seen == GUARD.network.burst


async def test_guesses_that_are_sent_at_once_are_all_counted(login_throttle: LoginThrottle) -> None:
    sent = [guess(login_throttle, "alice", HOME) for _ in range(40)]
    assert sum(await asyncio.gather(*sent)) == GUARD.here.burst


async def test_an_attempt_that_was_not_looked_at_is_not_counted(
    login_throttle: LoginThrottle,
) -> None:
    for _ in range(10):
        with pytest.raises(TooMany, match="busy"):
            async with login_throttle.attempt(GUARD, "alice", HOME):
                raise TooMany("busy")
    assert await guesses(login_throttle, [("alice", HOME)] * 9) == GUARD.here.burst


async def test_guessing_leaves_rows_that_are_bounded_and_end(
    login_throttle: LoginThrottle, metadata: Metadata, clock: MovableClock
) -> None:
    await guesses(login_throttle, [(f"user{number}", "192.0.2.1") for number in range(300)])
    rows = await metadata.reader.all(SqlStatement(select(limits.c.name)))
    assert len(rows) <= 2 * GUARD.network.burst + 1
    clock.advance(timedelta(minutes=6))
    assert await login_throttle.expire() == len(rows)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8::7", "2001:db8::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("not an address", "not an address"),
    ],
)
def test_an_address_counts_as_the_network_of_its_host(address: str, network: str) -> None:
    assert network_of(address) == network


class Broken:
    """A database that cannot be written."""

    def begin(self) -> object:
        """Fail."""
        raise Unavailable


async def test_what_cannot_be_counted_is_not_allowed(clock: MovableClock) -> None:
    login_throttle = LoginThrottle(cast(Metadata, Broken()), clock)
    with pytest.raises(Unavailable):
        await login_throttle.count(FEW, "x")


async def test_looking_counts_nothing(login_throttle: LoginThrottle, clock: MovableClock) -> None:
    for _ in range(10):
        await login_throttle.check(FEW, "x")
    await use_up(login_throttle, FEW, "x")
    with pytest.raises(TooMany) as refused:
        await login_throttle.check(FEW, "x")
    assert refused.value.wait == 20
    clock.advance(timedelta(seconds=20))
    await login_throttle.check(FEW, "x")


@pytest.mark.parametrize("name", ["alice", "nobody", "a\0b"])
async def test_a_client_cannot_guess_passwords_but_may_repeat_the_right_one(
    authentication: Authentication, accounts: Accounts, name: str
) -> None:
    await accounts.add("alice", "password")
    for _ in range(PASSWORD.here.burst + 10):
        await authentication.by_credentials("alice", "password", HOME)
    refused = 0
    for number in range(PASSWORD.here.burst + 1):
        try:
            await authentication.by_credentials(name, "x" * 1025 + str(number), HOME)
        except BadCredentials:
            refused += 1
        except TooMany:
            break
    assert refused == PASSWORD.here.burst
    with pytest.raises(TooMany):
        await authentication.by_credentials(name, "passw0rd", HOME)
    await authentication.by_credentials("alice", "password", HOME)


async def test_a_client_that_goes_on_to_send_an_old_password_locks_nobody_out(
    authentication: Authentication, accounts: Accounts
) -> None:
    await accounts.add("alice", "the new password")
    for name in ("alice", "nobody"):
        for _ in range(PASSWORD.network.burst + 10):
            with pytest.raises(BadCredentials):
                await authentication.by_credentials(name, "the old password", HOME)
    await authentication.by_credentials("alice", "the new password", HOME)


class Full:
    """A database that is read, and takes nothing."""

    def __init__(self, metadata: Metadata) -> None:
        self.reader = metadata.reader

    def begin(self) -> object:
        """Fail."""
        raise OutOfSpace


async def test_guesses_are_limited_where_nothing_can_be_written_and_the_right_one_passes(
    login_throttle: LoginThrottle, metadata: Metadata, clock: MovableClock
) -> None:
    await guess(login_throttle, "alice", HOME)
    full = LoginThrottle(cast(Metadata, Full(metadata)), clock)
    await succeed(full, "alice", "198.51.100.1")
    assert await guesses(full, [("alice", HOME)] * 10) == GUARD.here.burst
    names = [(f"user{number}", "192.0.2.1") for number in range(50)]
    assert await guesses(full, names) == GUARD.network.burst


async def test_the_right_password_of_a_disabled_account_is_no_guess(
    authentication: Authentication, accounts: Accounts
) -> None:
    await accounts.add("alice", "password")
    await accounts.disable("alice")
    for _ in range(PASSWORD.here.burst + 10):
        with pytest.raises(BadCredentials):
            await authentication.by_credentials("alice", "password", HOME)


async def test_changing_a_password_is_no_way_to_guess_it(accounts: Accounts) -> None:
    alice = await accounts.add("alice", "the old password")
    by = replace(actor_of(alice), address=HOME)
    for number in range(PASSWORD.here.burst):
        with pytest.raises(BadCredentials):
            await accounts.change_password(alice, f"wrong {number}", "the new password", by)
    with pytest.raises(TooMany):
        await accounts.change_password(alice, "the old password", "the new password", by)


async def test_a_password_that_is_wrong_again_and_again_is_one_guess(accounts: Accounts) -> None:
    """A script that goes on to send an old one locks nobody out."""
    alice = await accounts.add("alice", "the new password")
    for _ in range(PASSWORD.here.burst + 10):
        with pytest.raises(BadCredentials):
            await accounts.check_password(alice, "the old password")
    await accounts.check_password(alice, "the new password")


async def test_whole_allowances_are_forgotten(
    login_throttle: LoginThrottle, clock: MovableClock
) -> None:
    await login_throttle.count(FEW, "x")
    assert await login_throttle.expire() == 0
    clock.advance(FEW.step)
    assert await login_throttle.expire() == 1


async def test_nobody_is_locked_out_by_a_clock_that_was_far_ahead(
    login_throttle: LoginThrottle, clock: MovableClock
) -> None:
    days = timedelta(days=3)
    clock.advance(days)
    assert await use_up(login_throttle, FEW, "x") == 3
    with pytest.raises(TooMany):
        await login_throttle.check(FEW, "x")
    clock.advance(-days)
    await login_throttle.check(FEW, "x")
    assert await use_up(login_throttle, FEW, "x") == 3
