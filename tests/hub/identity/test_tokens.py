"""The token flow: what stands for an account stops when the account's owner says so."""

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import timedelta
from typing import NoReturn

import pytest

from entrepot.errors import BadCredentials, BadToken, TokenUnknown, Unavailable
from entrepot.hub.identity.authentication import ANONYMOUS, Authentication, Identity
from entrepot.hub.identity.passwords import Passwords
from entrepot.hub.identity.registry_tokens import CATALOG, LIFETIME
from entrepot.hub.identity.tokens import REFRESH_LIFETIME, AskedAccess, Tokens
from entrepot.hub.people.accounts import Accounts
from entrepot.hub.permissions import ALL_ACTIONS, NO_ACTIONS, PULL, WRITE, Action, Actions
from entrepot.metadata.engines.engine import Metadata, Transaction
from entrepot.metadata.people.accounts import set_password
from entrepot.model.people.accounts import Account
from entrepot.model.people.tokens import TokenScope
from entrepot.model.repositories import Visibility
from entrepot.oci.names import RepositoryName
from tests.metadata.clocks import START, MovableClock
from tests.metadata.rows import add_account, add_repository

PASSWORD = "the long password of alice"
MINE = RepositoryName("alice/app")
SCOPES = [(TokenScope.READ, PULL), (TokenScope.WRITE, WRITE), (TokenScope.ADMIN, ALL_ACTIONS)]
MOMENT = timedelta(microseconds=1)


@pytest.fixture(scope="session")
def password_hash() -> str:
    """The hash of Alice's password, made once: that takes its time on purpose."""
    return asyncio.run(Passwords().hash(PASSWORD))


@pytest.fixture
async def alice(metadata: Metadata, password_hash: str) -> Account:
    """Somebody with a password."""
    made = await add_account(metadata, "alice")
    async with metadata.begin() as tx:
        await set_password(tx, made.id, password_hash)
    return replace(made, password_hash=password_hash)


def ask(name: RepositoryName = MINE, actions: Actions = ALL_ACTIONS) -> list[AskedAccess]:
    """What clients ask for."""
    return [AskedAccess(name, actions)]


async def use(authentication: Authentication, tokens: Tokens, identity: Identity) -> Identity:
    """Whoever a registry token for this identity stands for."""
    issued = await tokens.issue(identity, ask())
    return await authentication.by_registry_token(issued.text)


class TestPasswords:
    """What a password opens, and what closes it."""

    async def test_the_right_password_is_its_account(
        self, authentication: Authentication, alice: Account
    ) -> None:
        identity = await authentication.by_credentials("alice", PASSWORD)
        assert identity == Identity(alice)
        assert identity.ceiling == ALL_ACTIONS

    @pytest.mark.parametrize(
        ("name", "password"),
        [
            ("alice", "wrong"),
            ("alice", ""),
            ("Alicé", PASSWORD),
            ("bob", PASSWORD),
            ("", PASSWORD),
            ("alice\0", PASSWORD),
            ("alice", PASSWORD + "\0"),
        ],
    )
    async def test_anything_else_is_nobody(
        self, authentication: Authentication, alice: Account, name: str, password: str
    ) -> None:
        with pytest.raises(BadCredentials):
            await authentication.by_credentials(name, password)
        assert alice.name == "alice"

    async def test_a_disabled_account_cannot_sign_in(
        self, authentication: Authentication, accounts: Accounts, alice: Account
    ) -> None:
        await authentication.by_credentials(alice.name, PASSWORD)
        await accounts.disable("alice")
        with pytest.raises(BadCredentials):
            await authentication.by_credentials("alice", PASSWORD)
        await accounts.enable("alice")
        assert (await authentication.by_credentials("alice", PASSWORD)).account == alice

    async def test_a_replaced_password_ends_what_was_got_with_it(
        self, authentication: Authentication, accounts: Accounts, tokens: Tokens, alice: Account
    ) -> None:
        identity = Identity(alice)
        registry = (await tokens.issue(identity, ask())).text
        refresh = await tokens.add_refresh(identity, "docker")
        await authentication.by_registry_token(registry)
        await accounts.set_password("alice", "another one")
        with pytest.raises(BadCredentials):
            await authentication.by_credentials("alice", PASSWORD)
        with pytest.raises(BadToken):
            await authentication.by_registry_token(registry)
        with pytest.raises(BadCredentials):
            await authentication.by_refresh_token(refresh)
        assert (await authentication.by_credentials("alice", "another one")).account_id == alice.id

    async def test_a_replaced_password_leaves_personal_tokens(
        self, authentication: Authentication, accounts: Accounts, tokens: Tokens, alice: Account
    ) -> None:
        _, secret = await tokens.add_personal(alice, "ci", TokenScope.READ, None)
        await accounts.set_password("alice", "another one")
        assert (await authentication.by_credentials("alice", secret)).account_id == alice.id


class TestPersonalTokens:
    """Tokens that people make for programs."""

    @pytest.mark.parametrize(("scope", "ceiling"), SCOPES)
    async def test_a_token_stands_for_its_account_up_to_its_scope(
        self,
        authentication: Authentication,
        tokens: Tokens,
        alice: Account,
        scope: TokenScope,
        ceiling: Actions,
    ) -> None:
        token, secret = await tokens.add_personal(alice, "ci", scope, None)
        identity = await authentication.by_credentials("alice", secret)
        assert identity == Identity(alice, ceiling, token.id)
        assert (await use(authentication, tokens, identity)).ceiling == ceiling

    async def test_a_token_is_good_under_its_own_name_only(
        self, authentication: Authentication, tokens: Tokens, alice: Account, metadata: Metadata
    ) -> None:
        await add_account(metadata, "bob")
        _, secret = await tokens.add_personal(alice, "ci", TokenScope.ADMIN, None)
        for name in ("bob", "", "nobody", "alice "):
            with pytest.raises(BadCredentials):
                await authentication.by_credentials(name, secret)

    async def test_a_token_is_not_a_refresh_token_nor_the_other_way_round(
        self, authentication: Authentication, tokens: Tokens, alice: Account
    ) -> None:
        _, personal = await tokens.add_personal(alice, "ci", TokenScope.ADMIN, None)
        refresh = await tokens.add_refresh(Identity(alice), "docker")
        with pytest.raises(BadCredentials):
            await authentication.by_refresh_token(personal)
        with pytest.raises(BadCredentials):
            await authentication.by_credentials("alice", refresh)
        for secret in (personal, refresh):
            with pytest.raises(BadToken):
                await authentication.by_registry_token(secret)

    async def test_a_token_expires(
        self, authentication: Authentication, tokens: Tokens, alice: Account, clock: MovableClock
    ) -> None:
        _, secret = await tokens.add_personal(alice, "ci", TokenScope.READ, timedelta(days=1))
        clock.advance(timedelta(days=1) - MOMENT)
        await authentication.by_credentials("alice", secret)
        clock.advance(MOMENT)
        with pytest.raises(BadCredentials):
            await authentication.by_credentials("alice", secret)

    async def test_a_registry_token_does_not_outlive_the_token_it_was_got_with(
        self, authentication: Authentication, tokens: Tokens, alice: Account, clock: MovableClock
    ) -> None:
        _, secret = await tokens.add_personal(alice, "ci", TokenScope.READ, timedelta(minutes=1))
        identity = await authentication.by_credentials("alice", secret)
        issued = await tokens.issue(identity, ask())
        assert issued.lifetime <= timedelta(minutes=1)
        clock.advance(timedelta(minutes=1))
        with pytest.raises(BadToken):
            await authentication.by_registry_token(issued.text)

    async def test_revoking_ends_the_token_and_all_that_was_got_with_it(
        self, authentication: Authentication, tokens: Tokens, alice: Account
    ) -> None:
        token, secret = await tokens.add_personal(alice, "ci", TokenScope.WRITE, None)
        identity = await authentication.by_credentials("alice", secret)
        registry = (await tokens.issue(identity, ask())).text
        refresh = await tokens.add_refresh(identity, "docker")
        refreshed = await authentication.by_refresh_token(refresh)
        later = (await tokens.issue(refreshed, ask())).text
        await authentication.by_registry_token(later)
        await tokens.revoke(token.id)
        with pytest.raises(BadCredentials):
            await authentication.by_credentials("alice", secret)
        with pytest.raises(BadCredentials):
            await authentication.by_refresh_token(refresh)
        for text in (registry, later):
            with pytest.raises(BadToken):
                await authentication.by_registry_token(text)

    async def test_revoking_twice_is_told(self, tokens: Tokens, alice: Account) -> None:
        token, _ = await tokens.add_personal(alice, "ci", TokenScope.READ, None)
        await tokens.revoke(token.id)
        for token_id in (token.id, 4711):
            with pytest.raises(TokenUnknown, match=str(token_id)):
                await tokens.revoke(token_id)

    async def test_lists_hold_no_secrets(
        self, tokens: Tokens, alice: Account, database: object
    ) -> None:
        _, secret = await tokens.add_personal(alice, "ci", TokenScope.READ, None)
        ((listed, name),) = await tokens.list_personal()
        assert (listed.label, name) == ("ci", "alice")
        assert secret.startswith(listed.hint)
        assert secret not in repr(listed)
        assert database is not None

    async def test_the_last_use_is_recorded(
        self, tokens: Tokens, alice: Account, clock: MovableClock
    ) -> None:
        token, _ = await tokens.add_personal(alice, "ci", TokenScope.READ, None)
        clock.advance(timedelta(hours=1))
        await tokens.touch(token.id)
        ((listed, _),) = await tokens.list_personal()
        assert listed.last_used_at == START + timedelta(hours=1)


class TestRefreshTokens:
    """What clients keep instead of a password."""

    @pytest.mark.parametrize(("scope", "ceiling"), SCOPES)
    async def test_a_refresh_token_allows_no_more_than_what_it_was_got_with(
        self,
        authentication: Authentication,
        tokens: Tokens,
        alice: Account,
        scope: TokenScope,
        ceiling: Actions,
    ) -> None:
        _, secret = await tokens.add_personal(alice, "ci", scope, None)
        identity = await authentication.by_credentials("alice", secret)
        refresh = await tokens.add_refresh(identity, "docker")
        assert (await authentication.by_refresh_token(refresh)).ceiling == ceiling

    async def test_nobody_gets_no_refresh_token(self, tokens: Tokens) -> None:
        with pytest.raises(TokenUnknown):
            await tokens.add_refresh(ANONYMOUS, "docker")

    async def test_a_refresh_token_expires(
        self, authentication: Authentication, tokens: Tokens, alice: Account, clock: MovableClock
    ) -> None:
        refresh = await tokens.add_refresh(Identity(alice), "")
        clock.advance(REFRESH_LIFETIME - MOMENT)
        await authentication.by_refresh_token(refresh)
        clock.advance(MOMENT)
        with pytest.raises(BadCredentials):
            await authentication.by_refresh_token(refresh)

    async def test_a_refresh_token_expires_with_its_parent(
        self, authentication: Authentication, tokens: Tokens, alice: Account, clock: MovableClock
    ) -> None:
        _, secret = await tokens.add_personal(alice, "ci", TokenScope.READ, timedelta(hours=1))
        identity = await authentication.by_credentials("alice", secret)
        refresh = await tokens.add_refresh(identity, "docker")
        clock.advance(timedelta(hours=1))
        with pytest.raises(BadCredentials):
            await authentication.by_refresh_token(refresh)

    async def test_disabling_ends_it_and_enabling_does_not_bring_it_back(
        self, authentication: Authentication, accounts: Accounts, tokens: Tokens, alice: Account
    ) -> None:
        refresh = await tokens.add_refresh(Identity(alice), "docker")
        await accounts.disable("alice")
        await accounts.enable("alice")
        with pytest.raises(BadCredentials):
            await authentication.by_refresh_token(refresh)

    @pytest.mark.parametrize("secret", ["", "etp_rft", "é", "\0", "x" * 100_000])
    async def test_other_texts_are_nobody(
        self, authentication: Authentication, secret: str
    ) -> None:
        with pytest.raises(BadCredentials):
            await authentication.by_refresh_token(secret)


class TestRegistryTokens:
    """What clients send with every request."""

    async def test_a_token_lists_what_is_both_asked_for_and_allowed(
        self, tokens: Tokens, alice: Account, metadata: Metadata
    ) -> None:
        await add_repository(metadata, "bob/public", Visibility.PUBLIC)
        await add_repository(metadata, "bob/private", Visibility.PRIVATE)
        asked = [
            AskedAccess(RepositoryName("alice/new"), WRITE),
            AskedAccess(RepositoryName("alice/new"), frozenset({Action.DELETE})),
            AskedAccess(RepositoryName("bob/public"), ALL_ACTIONS),
            AskedAccess(RepositoryName("bob/private"), ALL_ACTIONS),
            AskedAccess(RepositoryName("bob/absent"), ALL_ACTIONS),
            AskedAccess(RepositoryName("alice/none"), NO_ACTIONS),
            AskedAccess(None, ALL_ACTIONS),
        ]
        issued = await tokens.issue(Identity(alice), asked)
        expected = {"alice/new": ALL_ACTIONS, "bob/public": PULL, CATALOG: PULL}
        assert issued.grants == expected
        assert issued.lifetime == LIFETIME

    async def test_nobody_gets_a_token_for_what_is_public(
        self, tokens: Tokens, authentication: Authentication, metadata: Metadata
    ) -> None:
        await add_repository(metadata, "bob/public", Visibility.PUBLIC)
        issued = await tokens.issue(ANONYMOUS, ask(RepositoryName("bob/public")))
        identity = await authentication.by_registry_token(issued.text)
        assert identity.account is None
        assert identity.grants == {"bob/public": PULL}

    async def test_a_token_expires(
        self, authentication: Authentication, tokens: Tokens, alice: Account, clock: MovableClock
    ) -> None:
        issued = await tokens.issue(Identity(alice), ask())
        clock.advance(LIFETIME - timedelta(seconds=1))
        await authentication.by_registry_token(issued.text)
        clock.advance(timedelta(seconds=1))
        with pytest.raises(BadToken):
            await authentication.by_registry_token(issued.text)

    async def test_disabling_an_account_ends_its_tokens_at_once(
        self, authentication: Authentication, accounts: Accounts, tokens: Tokens, alice: Account
    ) -> None:
        issued = await tokens.issue(Identity(alice), ask())
        await authentication.by_registry_token(issued.text)
        await accounts.disable("alice")
        with pytest.raises(BadToken):
            await authentication.by_registry_token(issued.text)


async def test_a_token_that_is_used_again_and_again_is_written_down_once_a_minute(
    metadata: Metadata,
    tokens: Tokens,
    alice: Account,
    clock: MovableClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made, _ = await tokens.add_personal(alice, "ci", TokenScope.READ, None)
    other, _ = await tokens.add_personal(alice, "cd", TokenScope.READ, None)
    begin, begun = metadata.begin, 0

    def count() -> AbstractAsyncContextManager[Transaction]:
        nonlocal begun
        begun += 1
        return begin()

    monkeypatch.setattr(metadata, "begin", count)
    for _ in range(3):
        await tokens.touch(made.id)
    assert begun == 1
    await tokens.touch(other.id)
    clock.advance(timedelta(minutes=1))
    await tokens.touch(made.id)
    assert begun == 3


async def test_a_token_is_used_though_nothing_can_be_noted(
    metadata: Metadata, tokens: Tokens, alice: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, _ = await tokens.add_personal(alice, "ci", TokenScope.READ, None)

    def refuse() -> NoReturn:
        raise Unavailable("the hub is moving to another database")

    with monkeypatch.context() as patch:
        patch.setattr(metadata, "begin", refuse)
        await tokens.touch(made.id)
    found = await tokens.list_personal()
    assert [each.last_used_at for each, _ in found] == [None]
