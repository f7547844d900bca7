"""Second factors, as every engine keeps them."""

import pytest

from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.engines.sentinels import WRAPPED
from entrepot.metadata.people import second_factors
from entrepot.metadata.people.accounts import find_account
from entrepot.model.people.accounts import Account, SecondFactor
from tests.metadata.clocks import START
from tests.metadata.rows import add_account


@pytest.fixture
async def alice(metadata: Metadata) -> Account:
    """Somebody with an authenticator."""
    return await add_account(metadata, "alice")


async def test_a_factor_is_enrolled_confirmed_and_removed(
    metadata: Metadata, alice: Account
) -> None:
    bob = await add_account(metadata, "bob")
    find = second_factors.find_second_factor
    assert await find(metadata.reader, alice.id) is None
    async with metadata.begin() as tx:
        assert await second_factors.enrol(tx, alice.id, "OLD")
        assert await second_factors.enrol(tx, alice.id, "NEW")
    assert await find(metadata.reader, alice.id) == SecondFactor("NEW", None, 0)
    async with metadata.begin() as tx:
        assert not await second_factors.confirm(tx, alice.id, "OLD", 7, START)
        assert await second_factors.confirm(tx, alice.id, "NEW", 7, START)
        assert not await second_factors.confirm(tx, alice.id, "NEW", 8, START)
        assert not await second_factors.enrol(tx, alice.id, "NEWER")
        await second_factors.replace_codes(tx, alice.id, ["h"])
    assert await find(metadata.reader, alice.id) == SecondFactor("NEW", START, 7)
    account = await find_account(metadata.reader, "alice")
    assert account is not None
    assert account.totp_since == START
    async with metadata.begin() as tx:
        await second_factors.remove(tx, alice.id)
    assert await find(metadata.reader, alice.id) is None
    assert await second_factors.count_codes(metadata.reader, alice.id) == 0
    assert await second_factors.find_second_factor(metadata.reader, bob.id) is None


async def test_a_step_is_used_once_and_never_an_earlier_one(
    metadata: Metadata, alice: Account
) -> None:
    async with metadata.begin() as tx:
        used = [await second_factors.use_step(tx, alice.id, step) for step in (5, 5, 4, 6)]
    assert used == [True, False, False, True]


async def test_recovery_codes_are_used_once_each(metadata: Metadata, alice: Account) -> None:
    bob = await add_account(metadata, "bob")
    async with metadata.begin() as tx:
        await second_factors.replace_codes(tx, alice.id, ["old"])
        await second_factors.replace_codes(tx, alice.id, ["a", "b"])
        assert not await second_factors.use_code(tx, alice.id, "old", START)
        assert not await second_factors.use_code(tx, bob.id, "a", START)
        assert await second_factors.use_code(tx, alice.id, "a", START)
        assert not await second_factors.use_code(tx, alice.id, "a", START)
    assert await second_factors.count_codes(metadata.reader, alice.id) == 1


async def test_a_secret_is_stored_in_another_way_where_it_is_still_the_same(
    metadata: Metadata, alice: Account
) -> None:
    bob = await add_account(metadata, "bob")
    async with metadata.begin() as tx:
        await second_factors.enrol(tx, alice.id, "PLAIN")
        await second_factors.enrol(tx, bob.id, f"{WRAPPED}x")
    reader = metadata.reader
    assert await second_factors.list_unwrapped(reader) == [(alice.id, "PLAIN")]
    assert await second_factors.list_wrapped(reader) == [(bob.id, f"{WRAPPED}x")]
    async with metadata.begin() as tx:
        assert not await second_factors.replace_secret(tx, alice.id, "OTHER", f"{WRAPPED}y")
        assert await second_factors.replace_secret(tx, alice.id, "PLAIN", f"{WRAPPED}y")
    assert await second_factors.list_unwrapped(reader) == []
    assert len(await second_factors.list_wrapped(reader, 1)) == 1
