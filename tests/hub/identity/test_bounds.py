"""What one account makes has bounds: organizations, tokens, refresh tokens, sessions."""

import pytest

from entrepot.errors import BadCredentials, Conflict
from entrepot.hub.identity import sessions as sessions_module
from entrepot.hub.identity import tokens as tokens_module
from entrepot.hub.identity.authentication import Authentication
from entrepot.hub.identity.sessions import Sessions
from entrepot.hub.identity.tokens import Tokens
from entrepot.hub.people import organizations as organizations_module
from entrepot.hub.people.accounts import Accounts
from entrepot.hub.people.actors import Identity, actor_of
from entrepot.hub.people.organizations import Organizations
from entrepot.model.people.accounts import Account
from entrepot.model.people.tokens import TokenScope


@pytest.fixture
async def alice(accounts: Accounts) -> Account:
    """Somebody who makes many things."""
    return await accounts.add("alice", "the password of alice")


async def test_an_account_owns_so_many_organizations_and_administrators_make_more(
    organizations: Organizations, alice: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(organizations_module, "MOST_OWNED", 3)
    for number in range(3):
        await organizations.add(f"org{number}", "alice", actor_of(alice))
    with pytest.raises(Conflict, match="limit of 3 organizations"):
        await organizations.add("another", "alice", actor_of(alice))
    await organizations.add("another", "alice")


async def test_an_account_has_so_many_tokens_that_work(
    tokens: Tokens, alice: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens_module, "MOST_LIVE", 3)
    by = actor_of(alice)
    made = [await tokens.add_personal(alice, "x", TokenScope.READ, by=by) for _ in range(3)]
    with pytest.raises(Conflict, match="revoke one"):
        await tokens.add_personal(alice, "x", TokenScope.READ, by=by)
    await tokens.revoke(made[0][0].id, by)
    await tokens.add_personal(alice, "x", TokenScope.READ, by=by)


async def test_the_refresh_token_that_was_not_used_for_longest_goes_for_another(
    tokens: Tokens, authentication: Authentication, alice: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens_module, "MOST_REFRESH", 3)
    made = [await tokens.add_refresh(Identity(alice), "docker") for _ in range(5)]
    for gone in made[:2]:
        with pytest.raises(BadCredentials):
            await authentication.by_refresh_token(gone)
    for kept in made[2:]:
        assert (await authentication.by_refresh_token(kept)).account_id == alice.id


async def test_the_session_that_was_seen_longest_ago_ends_for_another(
    sessions: Sessions, alice: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions_module, "MOST", 3)
    made = [await sessions.begin(alice, address="", client="") for _ in range(5)]
    assert [await sessions.find(each) is not None for each in made] == [False] * 2 + [True] * 3
