"""The limiter: some attempts at once, then one at a time, and nothing where it cannot count."""

from datetime import timedelta
from typing import cast

import pytest

from entrepot.errors import BadCredentials, TooMany, Unavailable
from entrepot.hub.accounts import Accounts
from entrepot.hub.identities import Identities
from entrepot.hub.limiter import (
    PASSWORD_OF_CLIENT,
    SIGN_IN_FROM_ADDRESS,
    SIGN_IN_OF_ACCOUNT,
    Allowance,
    Limiter,
    network_of,
)
from entrepot.metadata.engine import Metadata
from tests.metadata.clocks import MovableClock

FEW = Allowance("few", 3, timedelta(seconds=20))


async def use_up(limiter: Limiter, allowance: Allowance, subject: str) -> int:
    """Try until it is refused; say after how many attempts."""
    for count in range(1000):
        try:
            await limiter.count(allowance, subject)
        except TooMany:
            return count
    raise AssertionError("nothing is ever refused")


async def test_a_burst_is_allowed_and_then_one_each_step(
    limiter: Limiter, clock: MovableClock
) -> None:
    assert await use_up(limiter, FEW, "x") == 3
    clock.advance(timedelta(seconds=5))
    with pytest.raises(TooMany) as refused:
        await limiter.count(FEW, "x")
    assert refused.value.wait == 15
    clock.advance(timedelta(seconds=refused.value.wait))
    assert await use_up(limiter, FEW, "x") == 1


async def test_a_refused_attempt_costs_nothing(limiter: Limiter, clock: MovableClock) -> None:
    await use_up(limiter, FEW, "x")
    for _ in range(10):
        with pytest.raises(TooMany):
            await limiter.count(FEW, "x")
    clock.advance(timedelta(seconds=20))
    assert await use_up(limiter, FEW, "x") == 1


async def test_subjects_and_allowances_do_not_share(limiter: Limiter) -> None:
    await use_up(limiter, FEW, "x")
    assert await use_up(limiter, FEW, "y") == 3
    assert await use_up(limiter, Allowance("other", 2, timedelta(seconds=1)), "x") == 2


async def test_success_gives_the_allowance_back(limiter: Limiter) -> None:
    await use_up(limiter, FEW, "x")
    await limiter.forgive(FEW, "x")
    assert await use_up(limiter, FEW, "x") == 3


async def test_many_addresses_cannot_guess_one_password(limiter: Limiter) -> None:
    for number in range(SIGN_IN_OF_ACCOUNT.burst):
        await limiter.count_sign_in("alice", f"192.0.2.{number}")
    with pytest.raises(TooMany):
        await limiter.count_sign_in("alice", "198.51.100.1")
    await limiter.count_sign_in("bob", "198.51.100.1")


async def test_one_address_cannot_guess_for_many_accounts(limiter: Limiter) -> None:
    for number in range(SIGN_IN_FROM_ADDRESS.burst):
        await limiter.count_sign_in(f"user{number}", f"2001:db8::{number:x}")
    with pytest.raises(TooMany):
        await limiter.count_sign_in("another", "2001:db8::ffff")
    await limiter.count_sign_in("another", "2001:db8:0:1::1")


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
    limiter = Limiter(cast(Metadata, Broken()), clock)
    with pytest.raises(Unavailable):
        await limiter.count(FEW, "x")


async def test_looking_counts_nothing(limiter: Limiter, clock: MovableClock) -> None:
    for _ in range(10):
        await limiter.check(FEW, "x")
    await use_up(limiter, FEW, "x")
    with pytest.raises(TooMany) as refused:
        await limiter.check(FEW, "x")
    assert refused.value.wait == 20
    clock.advance(timedelta(seconds=20))
    await limiter.check(FEW, "x")


@pytest.mark.parametrize("name", ["alice", "nobody", "a\0b"])
async def test_a_client_cannot_guess_passwords_but_may_repeat_the_right_one(
    identities: Identities, accounts: Accounts, name: str
) -> None:
    await accounts.add("alice", "password")
    for _ in range(PASSWORD_OF_CLIENT.burst + 10):
        await identities.by_credentials("alice", "password")
    refused = 0
    for number in range(PASSWORD_OF_CLIENT.burst + 1):
        try:
            await identities.by_credentials(name, "x" * 1025 + str(number))
        except BadCredentials:
            refused += 1
        except TooMany:
            break
    assert refused == PASSWORD_OF_CLIENT.burst
    with pytest.raises(TooMany):
        await identities.by_credentials(name, "password")


async def test_whole_allowances_are_forgotten(limiter: Limiter, clock: MovableClock) -> None:
    await limiter.count(FEW, "x")
    assert await limiter.expire() == 0
    clock.advance(FEW.step)
    assert await limiter.expire() == 1


async def test_nobody_is_locked_out_by_a_clock_that_was_far_ahead(
    limiter: Limiter, clock: MovableClock
) -> None:
    days = timedelta(days=3)
    clock.advance(days)
    assert await use_up(limiter, FEW, "x") == 3
    with pytest.raises(TooMany):
        await limiter.check(FEW, "x")
    clock.advance(-days)
    await limiter.check(FEW, "x")
    assert await use_up(limiter, FEW, "x") == 3
