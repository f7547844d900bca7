"""Tokens that are limited, and tokens of organizations: never more than they say."""

from datetime import timedelta

import pytest

from entrepot.errors import (
    BadCredentials,
    BadToken,
    Denied,
    InvalidAccount,
    InvalidName,
    NamespaceUnknown,
    TokenUnknown,
)
from entrepot.hub.events.audit import AuditLog
from entrepot.hub.identity.authentication import Authentication
from entrepot.hub.identity.tokens import DEFAULT_LIFETIME, AskedAccess, Tokens
from entrepot.hub.people.accounts import Accounts
from entrepot.hub.people.actors import (
    ALL_ACTIONS,
    NO_ACTIONS,
    OPERATOR,
    PULL,
    WRITE,
    Actions,
    Actor,
    Identity,
)
from entrepot.hub.people.organizations import Organizations
from entrepot.hub.permissions import Permissions
from entrepot.metadata.engines.engine import Metadata
from entrepot.model.audit import AuditQuery
from entrepot.model.people.tokens import TokenScope
from entrepot.model.repositories import Visibility
from entrepot.oci.names import RepositoryName
from tests.hub.town import OWNERS, Town, allowed
from tests.metadata.clocks import START, MovableClock
from tests.metadata.rows import add_organization, add_repository

NAMES = ("acme/app", "acme/lib/one", "acme/public", "zoo/app", "zoo/public", "acme/new")


@pytest.fixture
async def repositories(metadata: Metadata, town: Town) -> None:
    """Private and public ones of two organizations."""
    zoo = await add_organization(metadata, "zoo")
    for name in NAMES[:-1]:
        visibility = Visibility.PUBLIC if name.endswith("public") else Visibility.PRIVATE
        await add_repository(metadata, name, visibility, town.acme if "acme" in name else zoo)


async def actions_of(permissions: Permissions, identity: Identity) -> dict[str, Actions]:
    """What the identity may do with each name."""
    return {
        name: (await permissions.rights(identity, RepositoryName(name))).actions for name in NAMES
    }


@pytest.mark.usefixtures("repositories")
async def test_a_limited_token_is_good_for_what_it_names_and_what_is_public(
    tokens: Tokens, authentication: Authentication, permissions: Permissions, town: Town
) -> None:
    owner, by = town.accounts["owner"], town.actors["owner"]
    patterns = ["acme/app", "acme/lib/*", "zoo/app"]
    _, secret = await tokens.add_personal(owner, "ci", TokenScope.WRITE, None, patterns, by)
    identity = await authentication.by_credentials("owner", secret)
    assert await actions_of(permissions, identity) == {
        "acme/app": WRITE,
        "acme/lib/one": WRITE,
        "acme/public": PULL,
        "zoo/app": NO_ACTIONS,
        "zoo/public": PULL,
        "acme/new": NO_ACTIONS,
    }
    assert await permissions.visible_namespaces(identity) == []


@pytest.mark.usefixtures("repositories")
async def test_what_was_got_with_a_limited_token_is_as_limited(
    tokens: Tokens, authentication: Authentication, permissions: Permissions, town: Town
) -> None:
    owner, by = town.accounts["owner"], town.actors["owner"]
    _, secret = await tokens.add_personal(owner, "ci", TokenScope.ADMIN, None, ["acme/app"], by)
    direct = await authentication.by_credentials("owner", secret)
    refreshed = await authentication.by_refresh_token(await tokens.add_refresh(direct, "docker"))
    asked = [AskedAccess(RepositoryName(name), ALL_ACTIONS) for name in NAMES]
    issued = await tokens.issue(refreshed, asked)
    assert issued.grants == {"acme/app": ALL_ACTIONS, "acme/public": PULL, "zoo/public": PULL}
    carried = await authentication.by_registry_token(issued.text)
    for identity in (direct, refreshed, carried):
        assert identity.patterns == ("acme/app",)
        assert not identity.is_unlimited


async def test_a_limited_token_administers_nothing_but_its_repositories(
    tokens: Tokens,
    authentication: Authentication,
    permissions: Permissions,
    town: Town,
    metadata: Metadata,
) -> None:
    await add_repository(metadata, "acme/app", Visibility.PRIVATE, town.acme)
    owner, by = town.accounts["owner"], town.actors["owner"]
    _, secret = await tokens.add_personal(owner, "ci", TokenScope.ADMIN, None, ["acme/app"], by)
    identity = await authentication.by_credentials("owner", secret)
    assert (await permissions.rights(identity, RepositoryName("acme/app"))).may_administer
    found = await permissions.namespace_rights(identity, "acme")
    assert (found.may_administer, found.may_create, found.may_see_members) == (False,) * 3
    with pytest.raises(Denied):
        await tokens.add_personal(owner, "more", TokenScope.ADMIN, None, None, Actor(identity))


@pytest.mark.parametrize("patterns", [[], ["acme/app"] + [f"a/b{n}" for n in range(50)]])
async def test_a_token_is_limited_to_some_repositories_but_not_to_too_many(
    tokens: Tokens, town: Town, patterns: list[str]
) -> None:
    with pytest.raises(InvalidAccount):
        await tokens.add_personal(town.accounts["owner"], "ci", TokenScope.READ, None, patterns)


@pytest.mark.parametrize("pattern", ["", "*", "A", "a/*/b", "a*", "/*", "a b"])
async def test_what_a_token_is_limited_to_are_names(
    tokens: Tokens, town: Town, pattern: str
) -> None:
    with pytest.raises(InvalidName):
        await tokens.add_personal(town.accounts["owner"], "ci", TokenScope.READ, None, [pattern])


@pytest.mark.parametrize("label", ["", "x" * 101, "a\nb", "\0"])
async def test_a_token_has_a_label(tokens: Tokens, town: Town, label: str) -> None:
    with pytest.raises(InvalidAccount):
        await tokens.add_personal(town.accounts["owner"], label, TokenScope.READ)


async def test_a_token_ends_after_ninety_days_unless_somebody_says_otherwise(
    tokens: Tokens, town: Town
) -> None:
    token, _ = await tokens.add_personal(town.accounts["owner"], "ci", TokenScope.READ)
    assert token.expires_at == START + DEFAULT_LIFETIME == START + timedelta(days=90)
    token, _ = await tokens.add_personal(town.accounts["owner"], "ci", TokenScope.READ, None)
    assert token.expires_at is None


async def test_one_makes_tokens_for_oneself(tokens: Tokens, town: Town) -> None:
    editor = town.accounts["editor"]

    async def make(by: Actor) -> None:
        await tokens.add_personal(editor, "ci", TokenScope.READ, None, None, by)

    assert await allowed(town, make) == {"editor", "operator"}
    found = await tokens.list_of(editor)
    assert [each.label for each in found] == ["ci", "ci"]
    assert await tokens.list_of(town.accounts["owner"]) == []


async def test_a_token_is_revoked_by_its_maker_and_by_administrators(
    tokens: Tokens, town: Town
) -> None:
    async def revoke(by: Actor) -> None:
        token, _ = await tokens.add_personal(town.accounts["editor"], "ci", TokenScope.READ)
        await tokens.revoke(token.id, by)

    assert await allowed(town, revoke) == {"editor", "admin", "operator"}


async def test_owners_make_list_and_revoke_tokens_of_an_organization(
    tokens: Tokens, town: Town
) -> None:
    async def make(by: Actor) -> None:
        await tokens.add_organization("acme", "ci", TokenScope.READ, None, None, by)

    assert await allowed(town, make) == OWNERS

    async def look(by: Actor) -> None:
        assert len(await tokens.list_of_organization("acme", by)) == len(OWNERS)

    assert await allowed(town, look) == OWNERS

    async def revoke(by: Actor) -> None:
        token, _ = await tokens.add_organization("acme", "ci", TokenScope.READ)
        await tokens.revoke(token.id, by)

    assert await allowed(town, revoke) == OWNERS
    with pytest.raises(NamespaceUnknown):
        await tokens.add_organization("editor", "ci", TokenScope.READ)


@pytest.mark.usefixtures("repositories")
async def test_an_organizations_token_acts_as_an_editor_of_it_and_nowhere_else(
    tokens: Tokens, authentication: Authentication, permissions: Permissions
) -> None:
    token, secret = await tokens.add_organization("acme", "ci", TokenScope.ADMIN, None)
    assert secret.startswith("eto_org")
    identity = await authentication.by_credentials("acme", secret)
    assert (identity.account, identity.name, identity.token_id) == (None, "acme:ci", token.id)
    everything = dict.fromkeys(NAMES, ALL_ACTIONS)
    assert await actions_of(permissions, identity) == everything | {
        "zoo/app": NO_ACTIONS,
        "zoo/public": PULL,
    }
    found = await permissions.namespace_rights(identity, "acme")
    assert found.may_create
    assert not found.may_administer
    assert await permissions.visible_namespaces(identity) == [token.namespace_id]
    for name in ("owner", "zoo", "acme:ci", ""):
        with pytest.raises(BadCredentials):
            await authentication.by_credentials(name, secret)


@pytest.mark.usefixtures("repositories")
async def test_an_organizations_token_goes_through_the_token_flow(
    tokens: Tokens, authentication: Authentication
) -> None:
    token, secret = await tokens.add_organization(
        "acme", "ci", TokenScope.WRITE, None, ["acme/app"]
    )
    identity = await authentication.by_credentials("acme", secret)
    refreshed = await authentication.by_refresh_token(await tokens.add_refresh(identity, "docker"))
    asked = [AskedAccess(RepositoryName(name), ALL_ACTIONS) for name in NAMES]
    issued = await tokens.issue(refreshed, asked)
    assert issued.grants == {"acme/app": WRITE, "acme/public": PULL, "zoo/public": PULL}
    carried = await authentication.by_registry_token(issued.text)
    assert (carried.account, carried.name) == (None, "acme:docker")
    await tokens.revoke(token.id)
    with pytest.raises(BadToken):
        await authentication.by_registry_token(issued.text)
    with pytest.raises(BadCredentials):
        await authentication.by_credentials("acme", secret)


async def test_an_organizations_token_outlives_its_maker(
    tokens: Tokens,
    authentication: Authentication,
    accounts: Accounts,
    organizations: Organizations,
    town: Town,
) -> None:
    _, secret = await tokens.add_organization(
        "acme", "ci", TokenScope.READ, None, None, town.actors["owner"]
    )
    await organizations.set_member("acme", "admin", None)
    await accounts.disable("owner")
    assert (await authentication.by_credentials("acme", secret)).namespace_id == town.acme


async def test_a_token_of_a_disabled_account_is_worth_nothing(
    tokens: Tokens, authentication: Authentication, accounts: Accounts, town: Town
) -> None:
    editor = town.accounts["editor"]
    _, secret = await tokens.add_personal(editor, "ci", TokenScope.READ)
    identity = await authentication.by_credentials("editor", secret)
    refresh = await tokens.add_refresh(identity, "docker")
    issued = await tokens.issue(identity, [])
    await accounts.disable("editor")
    for work in (
        authentication.by_credentials("editor", secret),
        authentication.by_refresh_token(refresh),
    ):
        with pytest.raises(BadCredentials):
            await work
    with pytest.raises(BadToken):
        await authentication.by_registry_token(issued.text)


async def test_the_last_use_of_a_token_is_known_to_the_minute(
    tokens: Tokens, town: Town, clock: MovableClock
) -> None:
    editor = town.accounts["editor"]
    token, _ = await tokens.add_personal(editor, "ci", TokenScope.READ)
    for seconds, address in ((0, "192.0.2.1"), (30, "192.0.2.2"), (60, "192.0.2.3")):
        clock.moment = START + timedelta(seconds=seconds)
        await tokens.touch(token.id, address)
        (found,) = await tokens.list_of(editor)
        used = (found.last_used_at, found.last_used_from)
        if seconds == 60:
            assert used == (clock.moment, "192.0.2.3")
        else:
            assert used == (START, "192.0.2.1")


async def test_tokens_are_recorded_without_their_secrets(
    tokens: Tokens, town: Town, audit_log: AuditLog
) -> None:
    token, secret = await tokens.add_organization("acme", "ci", TokenScope.READ)
    await tokens.revoke(token.id, town.actors["owner"])
    with pytest.raises(TokenUnknown):
        await tokens.revoke(token.id)
    rows = (await audit_log.list_of(OPERATOR, "acme", AuditQuery())).rows
    assert [(row.action, row.actor) for row in reversed(rows)] == [
        ("token.create", "operator"),
        ("token.revoke", "owner"),
    ]
    assert not any(secret[7:] in row.details + row.target for row in rows)
