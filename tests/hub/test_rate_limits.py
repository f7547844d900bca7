"""Limits a minute, as one worker counts them."""

import pytest

from entrepot.errors import TooMany
from entrepot.hub import rate_limits
from entrepot.hub.people.actors import ANONYMOUS, Identity
from entrepot.hub.rate_limits import Limits, RateLimit, RateLimits, subject_of
from entrepot.model.people.accounts import Account
from tests.metadata.clocks import START

ALICE = Account(7, "alice", "not-a-hash", False, None, START)
ADDRESS = "192.0.2.1"


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        """The time."""
        return self.seconds


@pytest.fixture
def seconds() -> Clock:
    """A clock that stands still."""
    return Clock()


def left(headers: rate_limits.Headers) -> int:
    """What a client reads out of `RateLimit-Remaining`."""
    return int(dict(headers)["ratelimit-remaining"].partition(";")[0])


@pytest.mark.parametrize("limit", [1, 3, 7, 60, 100, 9999])
def test_all_of_a_minute_may_come_at_once_and_comes_back_evenly(limit: int, seconds: Clock) -> None:
    rate = RateLimit("pull", limit, 1, seconds)
    assert [left(rate.take("account alice")) for _ in range(limit)] == [*range(limit)][::-1]
    with pytest.raises(TooMany) as refused:
        rate.take("account alice")
    assert refused.value.wait == max(1, -(-60 // limit))
    assert dict(refused.value.headers)["ratelimit-limit"] == f"{limit};w=60"
    assert left(refused.value.headers) == 0
    seconds.seconds += 60 / limit
    rate.take("account alice")
    with pytest.raises(TooMany):
        rate.take("account alice")
    seconds.seconds += 60
    assert left(rate.look("account alice")) == limit


def test_somebody_else_is_not_stopped(seconds: Clock) -> None:
    rate = RateLimit("pull", 1, 1, seconds)
    rate.take("account alice")
    rate.take("account bob")
    with pytest.raises(TooMany, match="your pull rate limit of 1 a minute"):
        rate.take("account bob")


def test_looking_counts_nothing(seconds: Clock) -> None:
    rate = RateLimit("pull", 2, 1, seconds)
    rate.take("account alice")
    assert [left(rate.look("account alice")) for _ in range(9)] == [1] * 9


def test_each_worker_lets_its_share_through(seconds: Clock) -> None:
    rate = RateLimit("pull", 8, 4, seconds)
    assert [left(rate.take("account alice")) for _ in range(2)] == [4, 0]
    with pytest.raises(TooMany):
        rate.take("account alice")
    least = RateLimit("pull", 1, 4, seconds)
    assert left(least.look("account alice")) == 1
    least.take("account alice")


def test_what_is_remembered_is_bounded(seconds: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "_REMEMBERED", 10)
    rate = RateLimit("pull", 1, 1, seconds)
    for number in range(100):
        rate.take(f"address {number}")
    assert rate.remembered == 10
    with pytest.raises(TooMany):
        rate.take("address 99")
    rate.take("address 0")


@pytest.mark.parametrize(
    ("identity", "address", "subject"),
    [
        (Identity(ALICE), ADDRESS, "account alice"),
        (Identity(ALICE, token_id=3), ADDRESS, "account alice"),
        (Identity(token_id=3, namespace_id=5, label="acme:ci"), ADDRESS, "token 3"),
        (ANONYMOUS, ADDRESS, "address 192.0.2.1"),
        (ANONYMOUS, "::ffff:192.0.2.1", "address 192.0.2.1"),
        (ANONYMOUS, "2001:db8::1", "address 2001:db8::/64"),
        (ANONYMOUS, "2001:db8::ffff:1", "address 2001:db8::/64"),
        (ANONYMOUS, "", "address "),
    ],
)
def test_who_counts_as_one(identity: Identity, address: str, subject: str) -> None:
    assert subject_of(identity, address) == subject


def test_what_is_not_limited_costs_nothing_and_says_nothing(seconds: Clock) -> None:
    unlimited = RateLimits(Limits(), seconds)
    for _ in range(1000):
        assert unlimited.pull(ANONYMOUS, ADDRESS) == ()
        unlimited.push(ANONYMOUS, ADDRESS)
        unlimited.request(ADDRESS)
    assert unlimited.look_at_pulls(ANONYMOUS, ADDRESS) == ()


def test_pulls_pushes_and_requests_are_counted_apart(seconds: Clock) -> None:
    limited = RateLimits(Limits(1, 1, 1), seconds)
    limited.request(ADDRESS)
    assert left(limited.pull(ANONYMOUS, ADDRESS)) == 0
    limited.push(ANONYMOUS, ADDRESS)
    with pytest.raises(TooMany):
        limited.request(ADDRESS)
