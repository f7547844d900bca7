"""Tokens, signing keys and leases, as every engine keeps them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.people import tokens
from entrepot.model.people.accounts import Account
from entrepot.model.people.tokens import Token, TokenKind, TokenScope
from tests.metadata.clocks import START
from tests.metadata.rows import add_account, add_organization

HOUR = timedelta(hours=1)


@pytest.fixture
async def alice(metadata: Metadata) -> Account:
    """Somebody who has tokens."""
    return await add_account(metadata, "alice")


def token_of(account: Account, **changes: object) -> Token:
    """A personal token that does not expire."""
    made = Token(
        id=0,
        account_id=account.id,
        kind=TokenKind.PERSONAL,
        parent_id=None,
        label="laptop",
        hint="etp_pat12345",
        scope=TokenScope.WRITE,
        created_at=START,
        expires_at=None,
        last_used_at=None,
        revoked_at=None,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


async def insert(metadata: Metadata, token: Token, secret_hash: str) -> Token:
    """The token as it is stored."""
    async with metadata.begin() as tx:
        token_id = await tokens.insert_token(tx, token, secret_hash)
    return replace(token, id=token_id)


async def find(metadata: Metadata, token: Token) -> Token:
    """The token as it is now."""
    found = await tokens.find_token_by_id(metadata.reader, token.id)
    assert found is not None
    return found


async def test_a_token_is_found_by_its_hash_and_by_its_id(
    metadata: Metadata, alice: Account
) -> None:
    made = await insert(metadata, token_of(alice, expires_at=START + HOUR), "hash")
    assert await tokens.find_token(metadata.reader, "hash") == made
    assert await tokens.find_token_by_id(metadata.reader, made.id) == made
    assert await tokens.find_token(metadata.reader, "HASH") is None
    assert await tokens.find_token_by_id(metadata.reader, made.id + 1) is None


async def test_personal_tokens_are_listed_oldest_first_with_their_accounts(
    metadata: Metadata, alice: Account
) -> None:
    bob = await add_account(metadata, "bob")
    assert await tokens.list_personal(metadata.reader) == []
    first = await insert(metadata, token_of(bob, label="first"), "1")
    await insert(metadata, token_of(alice, kind=TokenKind.REFRESH), "2")
    third = await insert(metadata, token_of(alice, label="third"), "3")
    found = await tokens.list_personal(metadata.reader)
    assert found == [(first, "bob"), (third, "alice")]


async def test_revoking_takes_what_was_got_with_the_token(
    metadata: Metadata, alice: Account
) -> None:
    parent = await insert(metadata, token_of(alice), "parent")
    child = await insert(metadata, token_of(alice, parent_id=parent.id), "child")
    other = await insert(metadata, token_of(alice), "other")
    async with metadata.begin() as tx:
        assert await tokens.revoke_token(tx, parent.id, START + HOUR)
        assert not await tokens.revoke_token(tx, parent.id, START + 2 * HOUR)
        assert not await tokens.revoke_token(tx, 4711, START)
    assert (await find(metadata, parent)).revoked_at == START + HOUR
    assert (await find(metadata, child)).revoked_at == START + HOUR
    assert await find(metadata, other) == other


async def test_revoking_a_child_leaves_its_parent(metadata: Metadata, alice: Account) -> None:
    parent = await insert(metadata, token_of(alice), "parent")
    child = await insert(metadata, token_of(alice, parent_id=parent.id), "child")
    async with metadata.begin() as tx:
        assert await tokens.revoke_token(tx, child.id, START)
    assert await find(metadata, parent) == parent


async def test_refresh_tokens_of_one_account_are_revoked_together(
    metadata: Metadata, alice: Account
) -> None:
    bob = await add_account(metadata, "bob")
    personal = await insert(metadata, token_of(alice), "1")
    mine = await insert(metadata, token_of(alice, kind=TokenKind.REFRESH), "2")
    theirs = await insert(metadata, token_of(bob, kind=TokenKind.REFRESH), "3")
    async with metadata.begin() as tx:
        await tokens.revoke_refresh_tokens(tx, alice.id, START)
    assert (await find(metadata, mine)).revoked_at == START
    assert await find(metadata, personal) == personal
    assert await find(metadata, theirs) == theirs


async def test_the_last_use_is_recorded(metadata: Metadata, alice: Account) -> None:
    token = await insert(metadata, token_of(alice), "1")
    for moment in (START, START + HOUR):
        async with metadata.begin() as tx:
            await tokens.touch_token(tx, token.id, moment)
        assert (await find(metadata, token)).last_used_at == moment


async def test_only_expired_refresh_tokens_are_forgotten(
    metadata: Metadata, alice: Account
) -> None:
    refresh = token_of(alice, kind=TokenKind.REFRESH)
    expired = await insert(metadata, replace(refresh, expires_at=START - HOUR), "1")
    kept = [
        await insert(metadata, replace(refresh, expires_at=START + HOUR), "2"),
        await insert(metadata, refresh, "3"),
        await insert(metadata, token_of(alice, expires_at=START - HOUR), "4"),
    ]
    async with metadata.begin() as tx:
        assert await tokens.delete_expired_refresh_tokens(tx, START) == 1
    assert await tokens.find_token_by_id(metadata.reader, expired.id) is None
    assert [await find(metadata, each) for each in kept] == kept


async def test_the_newest_signing_key_is_the_one_in_use(metadata: Metadata) -> None:
    assert await tokens.find_signing_key(metadata.reader) is None
    async with metadata.begin() as tx:
        await tokens.insert_signing_key(tx, "new", "private new", START + HOUR)
        await tokens.insert_signing_key(tx, "old", "private old", START)
    assert await tokens.find_signing_key(metadata.reader) == ("new", "private new")
    async with metadata.begin() as tx:
        assert await tokens.delete_signing_keys(tx) == 2
    assert await tokens.find_signing_key(metadata.reader) is None


async def test_a_lease_is_held_by_one_until_it_ends(metadata: Metadata) -> None:
    async def take(name: str, until: timedelta, now: timedelta) -> bool:
        async with metadata.begin() as tx:
            return await tokens.take_lease(tx, name, START + until, START + now)

    assert await take("chore", HOUR, 0 * HOUR)
    assert not await take("chore", 2 * HOUR, 0 * HOUR)
    assert await take("another", HOUR, 0 * HOUR)
    assert not await take("chore", 2 * HOUR, HOUR - timedelta(microseconds=1))
    assert await take("chore", 2 * HOUR, HOUR)
    assert not await take("chore", 3 * HOUR, HOUR)


async def test_a_lease_is_renewed_by_whoever_holds_it(metadata: Metadata) -> None:
    one, two, three = [START + hours * HOUR for hours in (1, 2, 3)]
    async with metadata.begin() as tx:
        assert await tokens.take_lease(tx, "chore", one, START)
        assert await tokens.renew_lease(tx, "chore", one, two)
        assert not await tokens.renew_lease(tx, "chore", one, three)
        assert not await tokens.take_lease(tx, "chore", three, one)
        assert await tokens.take_lease(tx, "chore", three, two)
        assert not await tokens.renew_lease(tx, "chore", two, three)
        assert not await tokens.renew_lease(tx, "another", one, two)


@pytest.mark.parametrize(
    ("expires", "revoked", "is_live"),
    [(None, None, True), (HOUR, None, True), (0 * HOUR, None, False), (None, HOUR, False)],
)
async def test_a_token_lives_until_it_expires_or_is_revoked(
    alice: Account, expires: timedelta | None, revoked: timedelta | None, is_live: bool
) -> None:
    token = token_of(
        alice,
        expires_at=None if expires is None else START + expires,
        revoked_at=None if revoked is None else START + revoked,
    )
    assert token.is_live(START) is is_live


async def test_a_token_comes_back_with_what_limits_it(metadata: Metadata, alice: Account) -> None:
    acme = await add_organization(metadata, "acme")
    made = token_of(
        alice,
        kind=TokenKind.ORGANIZATION,
        namespace_id=acme,
        repositories=("acme/app", "acme/lib/*"),
    )
    limited = await insert(metadata, made, "1")
    mine = await insert(metadata, token_of(alice, repositories=()), "2")
    await insert(metadata, token_of(alice, kind=TokenKind.REFRESH), "3")
    (found,) = await tokens.list_of_namespace(metadata.reader, acme)
    assert found == replace(made, id=limited.id)
    (personal,) = await tokens.list_of_account(metadata.reader, alice.id)
    assert (personal.id, personal.repositories) == (mine.id, ())
    async with metadata.begin() as tx:
        await tokens.touch_token(tx, limited.id, START + HOUR, "192.0.2.1")
    (found,) = await tokens.list_of_namespace(metadata.reader, acme)
    assert (found.last_used_at, found.last_used_from) == (START + HOUR, "192.0.2.1")


async def test_a_lease_of_a_clock_that_was_ahead_is_over(metadata: Metadata) -> None:
    async def take(now: timedelta) -> bool:
        async with metadata.begin() as tx:
            return await tokens.take_lease(tx, "chore", START + now + HOUR, START + now)

    assert await take(100 * HOUR)
    assert await take(0 * HOUR)
    assert not await take(0 * HOUR)
    assert not await take(-HOUR / 2), "two clocks may differ a little"


async def test_the_refresh_tokens_that_were_used_last_are_kept(metadata: Metadata) -> None:
    alice = await add_account(metadata, "bounded")
    made = []
    async with metadata.begin() as tx:
        for number in range(4):
            token = Token(
                id=0,
                account_id=alice.id,
                kind=TokenKind.REFRESH,
                parent_id=None,
                label="x",
                hint="x",
                scope=TokenScope.READ,
                created_at=START + number * HOUR,
                expires_at=None,
                last_used_at=None,
                revoked_at=None,
            )
            made.append(await tokens.insert_token(tx, token, f"hash {number}"))
        await tokens.touch_token(tx, made[0], START + 9 * HOUR)
        assert await tokens.keep_newest_refresh_tokens(tx, alice.id, 2) == 2
    live = await tokens.count_live(metadata.reader, alice.id, TokenKind.REFRESH, START)
    assert live == 2
    assert await tokens.find_token_by_id(metadata.reader, made[0]) is not None
    assert await tokens.find_token_by_id(metadata.reader, made[1]) is None
