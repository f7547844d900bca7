"""Who administers what: repositories, namespaces and the hub, by every identity and scope."""

from dataclasses import replace
from itertools import product

import pytest

from entrepot.errors import Denied, NamespaceUnknown, RepositoryUnknown
from entrepot.hub.people.actors import (
    ALL_ACTIONS,
    ANONYMOUS,
    NO_ACTIONS,
    OPERATOR,
    PULL,
    WRITE,
    Actor,
    Identity,
    actor_of,
)
from entrepot.hub.permissions import (
    Permissions,
    check_administrator,
    check_own,
    check_unlimited,
)
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.people.accounts import find_namespace
from entrepot.model.repositories import Visibility
from entrepot.oci.names import RepositoryName
from tests.hub.town import EDITORS, OWNERS, Town, allowed
from tests.metadata.rows import add_repository

CEILINGS = (NO_ACTIONS, PULL, WRITE, ALL_ACTIONS)
WHO = ("nobody", "stranger", "member", "editor", "owner", "admin", "operator")
PRIVATE, PUBLIC = RepositoryName("acme/private"), RepositoryName("acme/public")


@pytest.fixture
async def repositories(metadata: Metadata, town: Town) -> None:
    """A private one and a public one."""
    await add_repository(metadata, PRIVATE.text, Visibility.PRIVATE, town.acme)
    await add_repository(metadata, PUBLIC.text, Visibility.PUBLIC, town.acme)


@pytest.mark.usefixtures("repositories")
@pytest.mark.parametrize("who", WHO)
async def test_a_repository_is_administered_by_editors_without_a_limit(
    permissions: Permissions, town: Town, who: str
) -> None:
    for ceiling, name in product(CEILINGS, (PRIVATE, PUBLIC)):
        identity = replace(town.actors[who].identity, ceiling=ceiling)
        rights = await permissions.rights(identity, name)
        assert rights.may_administer is (who in EDITORS and ceiling == ALL_ACTIONS)


@pytest.mark.usefixtures("repositories")
async def test_nobody_administers_an_open_hub_without_an_account(
    metadata: Metadata, town: Town
) -> None:
    permissions = Permissions(metadata.reader, is_open=True)
    for who in WHO:
        rights = await permissions.rights(town.actors[who].identity, PRIVATE)
        assert rights.actions == ALL_ACTIONS
        assert rights.may_administer is (who != "nobody")
        found = await permissions.namespace_rights(town.actors[who].identity, "acme")
        assert found.may_create
        assert found.may_administer is (who in OWNERS)


@pytest.mark.parametrize("who", WHO)
async def test_a_namespace_is_administered_by_its_owner_without_a_limit(
    permissions: Permissions, town: Town, who: str
) -> None:
    for ceiling in CEILINGS:
        identity = replace(town.actors[who].identity, ceiling=ceiling)
        found = await permissions.namespace_rights(identity, "acme")
        assert found.may_administer is (who in OWNERS and ceiling == ALL_ACTIONS)
        assert found.may_create is (who in EDITORS and ceiling >= WRITE)
        assert (found.role is not None) is (who in ("member", "editor", "owner"))


async def test_there_is_nothing_to_do_where_there_is_no_namespace(
    permissions: Permissions, town: Town
) -> None:
    found = await permissions.namespace_rights(town.actors["admin"].identity, "nowhere")
    assert (found.namespace, found.role) == (None, None)
    assert (found.may_create, found.may_administer, found.may_see_members) == (False,) * 3


async def test_an_account_owns_its_own_namespace(
    permissions: Permissions, town: Town, metadata: Metadata
) -> None:
    own = await find_namespace(metadata.reader, "member")
    assert own is not None
    for who in WHO:
        found = await permissions.rights_in_namespace(town.actors[who].identity, own)
        assert found.may_administer is (who in ("member", "admin", "operator"))


@pytest.mark.usefixtures("repositories")
async def test_a_refusal_tells_strangers_less_than_members(
    permissions: Permissions, town: Town
) -> None:
    async def administer(by: Actor) -> None:
        await permissions.repository_to_administer(by.identity, PRIVATE)

    assert await allowed(town, administer) == EDITORS
    for who, error in (("stranger", RepositoryUnknown), ("nobody", RepositoryUnknown)):
        with pytest.raises(error):
            await permissions.repository_to_see(town.actors[who].identity, PRIVATE)
    with pytest.raises(Denied):
        await permissions.repository_to_administer(town.actors["member"].identity, PRIVATE)
    with pytest.raises(Denied):
        await permissions.repository_to_administer(town.actors["stranger"].identity, PUBLIC)
    with pytest.raises(NamespaceUnknown):
        await permissions.namespace_to_administer(town.actors["stranger"].identity, "acme")
    with pytest.raises(Denied):
        await permissions.namespace_to_administer(town.actors["editor"].identity, "acme")


def test_only_unlimited_administrators_change_the_hub(town: Town) -> None:
    for who, ceiling in product(WHO, CEILINGS):
        identity = replace(town.actors[who].identity, ceiling=ceiling)
        if who in ("admin", "operator") and ceiling == ALL_ACTIONS:
            check_administrator(identity)
            continue
        with pytest.raises(Denied):
            check_administrator(identity)


def test_a_token_that_is_limited_in_any_way_is_not_the_account(town: Town) -> None:
    account = town.accounts["member"]
    check_unlimited(Identity(account))
    check_own(account, actor_of(account))
    limited = [
        ANONYMOUS,
        *(Identity(account, ceiling) for ceiling in CEILINGS[:-1]),
        Identity(account, patterns=("acme/*",)),
        Identity(account, patterns=()),
    ]
    for identity in limited:
        with pytest.raises(Denied):
            check_unlimited(identity)
        with pytest.raises(Denied):
            check_own(account, Actor(identity))
    for other in (OPERATOR, actor_of(town.accounts["admin"])):
        with pytest.raises(Denied):
            check_own(account, other)
