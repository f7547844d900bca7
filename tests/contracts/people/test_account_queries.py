"""Accounts, organizations and members, as every engine keeps them."""

from dataclasses import replace
from datetime import timedelta

from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.people import accounts
from entrepot.model.people.accounts import Account, Namespace, NamespaceKind, Role
from entrepot.model.repositories import Visibility
from tests.metadata.clocks import START
from tests.metadata.rows import add_account, add_organization


async def test_an_account_is_found_by_name_and_by_id(metadata: Metadata) -> None:
    account = await add_account(metadata, "alice", is_admin=True)
    assert await accounts.find_account(metadata.reader, "alice") == account
    assert await accounts.find_account_by_id(metadata.reader, account.id) == account


async def test_an_absent_account_is_none(metadata: Metadata) -> None:
    assert await accounts.find_account(metadata.reader, "nobody") is None
    assert await accounts.find_account(metadata.reader, "") is None
    assert await accounts.find_account_by_id(metadata.reader, 1) is None


async def test_names_of_accounts_are_compared_by_bytes(metadata: Metadata) -> None:
    await add_account(metadata, "alice")
    assert await accounts.find_account(metadata.reader, "Alice") is None
    assert await accounts.find_account(metadata.reader, "alice ") is None


async def test_accounts_are_listed_by_name(metadata: Metadata) -> None:
    assert await accounts.list_accounts(metadata.reader) == []
    for name in ("b", "a-a", "a", "a.a", "a1"):
        await add_account(metadata, name)
    found = [each.name for each in await accounts.list_accounts(metadata.reader)]
    assert found == sorted(found, key=str.encode)
    assert found == ["a", "a-a", "a.a", "a1", "b"]


async def test_accounts_are_listed_and_counted_by_pages_and_by_a_text(metadata: Metadata) -> None:
    reader = metadata.reader
    for number in range(7):
        await add_account(metadata, f"user{number}")
    await add_account(metadata, "alice")
    first = await accounts.list_accounts_page(reader, 3, 0, "USER")
    last = await accounts.list_accounts_page(reader, 3, 6, "USER")
    assert [each.name for each in first] == ["user0", "user1", "user2"]
    assert [each.name for each in last] == ["user6"]
    assert await accounts.count_accounts(reader, "ser") == 7
    assert await accounts.count_accounts(reader) == 8
    assert await accounts.list_accounts_page(reader, 3, 0, "\0nobody") == []


async def test_whether_there_are_accounts_and_who_is_the_oldest_administrator(
    metadata: Metadata,
) -> None:
    assert not await accounts.has_accounts(metadata.reader)
    await add_account(metadata, "bob")
    assert await accounts.has_accounts(metadata.reader)
    assert await accounts.find_administrator_id(metadata.reader) is None
    root = await add_account(metadata, "root", is_admin=True)
    other = await add_account(metadata, "admin", is_admin=True)
    assert await accounts.find_administrator_id(metadata.reader) == root.id
    async with metadata.begin() as tx:
        await accounts.set_disabled(tx, root.id, START)
    assert await accounts.find_administrator_id(metadata.reader) == other.id


async def test_a_password_is_replaced_for_that_account_only(metadata: Metadata) -> None:
    alice, bob = await add_account(metadata, "alice"), await add_account(metadata, "bob")
    async with metadata.begin() as tx:
        await accounts.set_password(tx, alice.id, "another-hash")
    changed = await accounts.find_account_by_id(metadata.reader, alice.id)
    assert changed == Account(alice.id, "alice", "another-hash", False, None, START)
    assert await accounts.find_account_by_id(metadata.reader, bob.id) == bob


async def test_an_account_is_disabled_as_of_a_moment_and_enabled_again(metadata: Metadata) -> None:
    account = await add_account(metadata, "alice")
    moment = START + timedelta(microseconds=1)
    async with metadata.begin() as tx:
        await accounts.set_disabled(tx, account.id, moment)
    found = await accounts.find_account(metadata.reader, "alice")
    assert found is not None
    assert found.disabled_at == moment
    async with metadata.begin() as tx:
        await accounts.set_disabled(tx, account.id, None)
    assert await accounts.find_account(metadata.reader, "alice") == account


async def test_a_namespace_is_found_with_what_it_was_made_with(metadata: Metadata) -> None:
    namespace_id = await add_organization(metadata, "acme", Visibility.PUBLIC)
    found = await accounts.find_namespace(metadata.reader, "acme")
    assert found == Namespace(
        namespace_id, "acme", NamespaceKind.ORGANIZATION, Visibility.PUBLIC, START
    )
    assert await accounts.find_namespace(metadata.reader, "other") is None


async def test_a_name_is_taken_once_for_accounts_and_organizations_alike(
    metadata: Metadata,
) -> None:
    await add_account(metadata, "taken")
    async with metadata.begin() as tx:
        again = await accounts.insert_namespace(
            tx, "taken", NamespaceKind.ORGANIZATION, Visibility.PUBLIC, START
        )
    assert again is None
    found = await accounts.find_namespace(metadata.reader, "taken")
    assert found is not None
    assert found.kind is NamespaceKind.ACCOUNT


async def test_namespaces_are_listed_by_kind_and_name(metadata: Metadata) -> None:
    await add_account(metadata, "person")
    for name in ("zoo", "acme"):
        await add_organization(metadata, name)
    of_kind = [
        [each.name for each in await accounts.list_namespaces(metadata.reader, kind)]
        for kind in (NamespaceKind.ORGANIZATION, NamespaceKind.ACCOUNT)
    ]
    assert of_kind == [["acme", "zoo"], ["person"]]


async def test_a_role_is_given_changed_and_taken(metadata: Metadata) -> None:
    alice = await add_account(metadata, "alice")
    acme = await add_organization(metadata, "acme")
    assert await accounts.find_role(metadata.reader, acme, alice.id) is None
    for role in Role:
        async with metadata.begin() as tx:
            await accounts.set_role(tx, acme, alice.id, role)
        assert await accounts.find_role(metadata.reader, acme, alice.id) is role
    async with metadata.begin() as tx:
        assert await accounts.remove_member(tx, acme, alice.id)
        assert not await accounts.remove_member(tx, acme, alice.id)
    assert await accounts.find_role(metadata.reader, acme, alice.id) is None


async def test_members_and_memberships_are_two_sides_of_one_thing(metadata: Metadata) -> None:
    alice, bob = await add_account(metadata, "alice"), await add_account(metadata, "bob")
    acme, zoo = await add_organization(metadata, "acme"), await add_organization(metadata, "zoo")
    async with metadata.begin() as tx:
        await accounts.set_role(tx, acme, bob.id, Role.MEMBER)
        await accounts.set_role(tx, acme, alice.id, Role.OWNER)
        await accounts.set_role(tx, zoo, alice.id, Role.EDITOR)
    reader = metadata.reader
    assert await accounts.list_members(reader, acme) == [
        ("alice", Role.OWNER),
        ("bob", Role.MEMBER),
    ]
    assert await accounts.list_members(reader, zoo) == [("alice", Role.EDITOR)]
    assert await accounts.list_owner_ids(reader, acme) == [alice.id]
    assert await accounts.list_owner_ids(reader, zoo) == []
    assert sorted(await accounts.list_memberships(reader, alice.id)) == sorted([acme, zoo])
    assert await accounts.list_memberships(reader, bob.id) == [acme]
    assert await accounts.list_memberships(reader, 4711) == []


async def test_an_account_is_described_and_made_an_administrator(metadata: Metadata) -> None:
    alice, bob = await add_account(metadata, "alice"), await add_account(metadata, "bob")
    async with metadata.begin() as tx:
        await accounts.set_profile(tx, alice.id, "Alice A.", "alice@example.org")
        await accounts.set_admin(tx, alice.id, True)
    found = await accounts.find_account(metadata.reader, "alice")
    assert found == replace(alice, full_name="Alice A.", email="alice@example.org", is_admin=True)
    assert await accounts.find_account(metadata.reader, "bob") == bob


async def test_a_namespace_is_described(metadata: Metadata) -> None:
    acme = await add_organization(metadata, "acme")
    async with metadata.begin() as tx:
        await accounts.edit_namespace(tx, acme, "We build", Visibility.PUBLIC)
    found = await accounts.find_namespace(metadata.reader, "acme")
    assert found is not None
    assert (found.description, found.default_visibility) == ("We build", Visibility.PUBLIC)
    assert await accounts.find_namespace_by_id(metadata.reader, acme) == found
    assert await accounts.find_namespace_by_id(metadata.reader, 0) is None


async def test_the_organizations_of_an_account_come_with_its_role(metadata: Metadata) -> None:
    alice = await add_account(metadata, "alice")
    assert await accounts.list_organizations_of(metadata.reader, alice.id) == []
    for name, role in (("zoo", Role.OWNER), ("acme", Role.MEMBER)):
        namespace_id = await add_organization(metadata, name)
        async with metadata.begin() as tx:
            await accounts.set_role(tx, namespace_id, alice.id, role)
    await add_organization(metadata, "other")
    found = await accounts.list_organizations_of(metadata.reader, alice.id)
    assert [(each.name, role) for each, role in found] == [
        ("acme", Role.MEMBER),
        ("zoo", Role.OWNER),
    ]
