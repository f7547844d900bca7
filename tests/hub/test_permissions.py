"""Who may do what: every identity at every place, by every scope."""

from itertools import product

import pytest

from entrepot.hub.people.actors import ANONYMOUS, Identity
from entrepot.hub.permissions import (
    ALL_ACTIONS,
    NO_ACTIONS,
    PULL,
    WRITE,
    Action,
    Actions,
    Permissions,
    Rights,
)
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.people import accounts as account_rows
from entrepot.metadata.repositories import find_repository
from entrepot.model.blobs import Holder
from entrepot.model.people.accounts import Account, Role
from entrepot.model.repositories import Visibility
from entrepot.oci.names import RepositoryName
from tests.metadata.rows import add_account, add_organization, add_repository

PEOPLE = ("nobody", "stranger", "member", "editor", "owner", "alice", "admin")
PLACES = ("acme", "alice", "hub", "nowhere")
CEILINGS = (NO_ACTIONS, PULL, WRITE, ALL_ACTIONS)
STATES = ("absent", "private", "public")

BY_BELONGING = {
    ("member", "acme"): PULL,
    ("editor", "acme"): ALL_ACTIONS,
    ("owner", "acme"): ALL_ACTIONS,
    ("alice", "alice"): ALL_ACTIONS,
    **{("admin", place): ALL_ACTIONS for place in PLACES},
}
"""Everything that is allowed beside pulling what is public, and everybody on an open hub."""


def expected(who: str, place: str, state: str) -> Actions:
    """What the table above says."""
    public = PULL if state == "public" else NO_ACTIONS
    return BY_BELONGING.get((who, place), NO_ACTIONS) | public


def name_of(place: str, state: str) -> RepositoryName:
    """The repository that is there in that state, or could be."""
    return RepositoryName(f"{state}-thing" if place == "hub" else f"{place}/{state}-thing")


@pytest.fixture
async def people(metadata: Metadata) -> dict[str, Account | None]:
    """Everybody, and a repository of each state at each place."""
    found: dict[str, Account | None] = {"nobody": None}
    for name in PEOPLE[1:]:
        found[name] = await add_account(metadata, name, is_admin=name == "admin")
    acme = await add_organization(metadata, "acme", Visibility.PUBLIC)
    async with metadata.begin() as tx:
        for role in Role:
            account = found[role.value]
            assert account is not None
            await account_rows.set_role(tx, acme, account.id, role)
    alice = found["alice"]
    assert alice is not None
    for place, namespace_id in (("acme", acme), ("alice", alice.id), ("hub", None)):
        for visibility in Visibility:
            text = name_of(place, visibility.value).text
            await add_repository(metadata, text, visibility, namespace_id)
    return found


def situations() -> list[tuple[str, str]]:
    """Every state that each place may be in."""
    return [(p, s) for p, s in product(PLACES, STATES) if p != "nowhere" or s == "absent"]


@pytest.mark.parametrize("who", PEOPLE)
async def test_everybody_may_do_what_the_table_says_and_nothing_else(
    permissions: Permissions, people: dict[str, Account | None], who: str
) -> None:
    wrong = []
    for (place, state), ceiling in product(situations(), CEILINGS):
        rights = await permissions.rights(Identity(people[who], ceiling), name_of(place, state))
        if rights.actions != expected(who, place, state) & ceiling:
            wrong.append((place, state, sorted(ceiling), sorted(rights.actions)))
    assert wrong == []


@pytest.mark.parametrize("who", PEOPLE)
async def test_an_open_hub_allows_everything_up_to_the_scope(
    metadata: Metadata, people: dict[str, Account | None], who: str
) -> None:
    permissions = Permissions(metadata.reader, is_open=True)
    for (place, state), ceiling in product(situations(), CEILINGS):
        rights = await permissions.rights(Identity(people[who], ceiling), name_of(place, state))
        assert rights.actions == ceiling
        assert rights.target is not None


@pytest.mark.parametrize("who", PEOPLE)
async def test_a_repository_is_told_of_only_to_who_may_do_something(
    permissions: Permissions, people: dict[str, Account | None], who: str
) -> None:
    for (place, state), ceiling in product(situations(), CEILINGS):
        rights = await permissions.rights(Identity(people[who], ceiling), name_of(place, state))
        told = rights.repository is not None
        assert told is (state != "absent" and bool(rights.actions))


async def test_a_stranger_cannot_tell_private_from_absent(
    permissions: Permissions, people: dict[str, Account | None]
) -> None:
    def visible(rights: Rights) -> tuple[Actions, bool]:
        return rights.actions, rights.repository is None

    for who, place in product(("nobody", "stranger"), ("acme", "alice", "hub")):
        private, absent = [
            await permissions.rights(Identity(people[who]), name_of(place, state))
            for state in ("private", "absent")
        ]
        assert visible(private) == visible(absent) == (NO_ACTIONS, True)


@pytest.mark.parametrize("who", PEOPLE)
async def test_a_blob_is_mounted_from_where_it_could_be_pulled(
    permissions: Permissions,
    people: dict[str, Account | None],
    metadata: Metadata,
    who: str,
) -> None:
    """The two ways to ask must agree: a second way that is laxer is how contents leak."""
    for (place, state), ceiling in product(situations(), CEILINGS):
        name = name_of(place, state)
        found = await find_repository(metadata.reader, name)
        if found is None:
            continue
        holder = Holder(found.id, found.namespace_id, found.visibility, name.text)
        rights = await permissions.rights(Identity(people[who], ceiling), name)
        may = await permissions.may_pull_from_holder(Identity(people[who], ceiling), holder)
        assert may is (Action.PULL in rights.actions)


async def test_the_catalog_shows_the_private_of_whoever_belongs_there(
    permissions: Permissions, people: dict[str, Account | None], metadata: Metadata
) -> None:
    acme = await account_rows.find_namespace(metadata.reader, "acme")
    assert acme is not None
    for who, account in people.items():
        visible = await permissions.visible_namespaces(Identity(account))
        if account is None:
            assert visible == []
        elif account.is_admin:
            assert visible is None
        else:
            belongs = [acme.id] if who in set(Role) else []
            assert visible == [account.id, *belongs]


async def test_an_open_hub_shows_everybody_everything(metadata: Metadata) -> None:
    permissions = Permissions(metadata.reader, is_open=True)
    assert await permissions.visible_namespaces(ANONYMOUS) is None


async def test_a_new_repository_begins_as_its_namespace_says(
    metadata: Metadata, people: dict[str, Account | None]
) -> None:
    for hub_visibility in Visibility:
        permissions = Permissions(metadata.reader, is_open=False, hub_visibility=hub_visibility)
        for place, begins_as in (
            ("acme", Visibility.PUBLIC),
            ("alice", Visibility.PRIVATE),
            ("hub", hub_visibility),
            ("nowhere", hub_visibility),
        ):
            rights = await permissions.rights(Identity(people["admin"]), name_of(place, "absent"))
            assert rights.target is not None
            assert rights.target.visibility is begins_as


async def test_a_repository_of_the_hub_is_not_taken_over_by_an_account_of_its_first_word(
    permissions: Permissions, metadata: Metadata
) -> None:
    """An administrator pushed `early/app` before anybody was called `early`."""
    await add_repository(metadata, "early/app", Visibility.PRIVATE, None)
    early = await add_account(metadata, "early")
    rights = await permissions.rights(Identity(early), RepositoryName("early/app"))
    assert rights.actions == NO_ACTIONS
    rights = await permissions.rights(Identity(early), RepositoryName("early/other"))
    assert rights.actions == ALL_ACTIONS
