"""Accounts and organisations: named, made, disabled, never left without an owner."""

import pytest

from entrepot.errors import AccountUnknown, InvalidAccount, NamespaceUnknown, NameTaken
from entrepot.hub.accounts import Accounts
from entrepot.metadata.accounts import Role
from entrepot.metadata.engine import Metadata
from tests.metadata.clocks import START
from tests.metadata.rows import add_account


@pytest.mark.parametrize("name", ["a", "0", "a" * 64, "a.b", "a_b", "a__b", "a-b", "a---b", "x1"])
async def test_a_name_that_can_begin_a_repository_is_taken(accounts: Accounts, name: str) -> None:
    await accounts.add(name, "password")
    assert (await accounts.get(name)).name == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "A",
        "a" * 65,
        "-a",
        "a-",
        ".",
        "a..b",
        "a___b",
        "a/b",
        "a b",
        "é",
        "a\n",
        "a:b",
        "_",
        "*",
    ],
)
async def test_any_other_name_is_refused(accounts: Accounts, name: str) -> None:
    with pytest.raises(InvalidAccount):
        await accounts.add(name, "password")
    with pytest.raises(InvalidAccount):
        await accounts.add_organisation(name, "nobody")


async def test_a_name_is_taken_only_once(accounts: Accounts, metadata: Metadata) -> None:
    await add_account(metadata, "alice")
    await accounts.add_organisation("acme", "alice")
    for name in ("alice", "acme"):
        with pytest.raises(NameTaken):
            await accounts.add(name, "password")
        with pytest.raises(NameTaken):
            await accounts.add_organisation(name, "alice")


async def test_a_password_that_cannot_be_hashed_makes_no_account(accounts: Accounts) -> None:
    with pytest.raises(InvalidAccount):
        await accounts.add("alice", "")
    assert await accounts.list_all() == []


async def test_unknown_accounts_are_named(accounts: Accounts) -> None:
    for work in (
        accounts.get("nobody"),
        accounts.disable("nobody"),
        accounts.enable("nobody"),
        accounts.set_password("nobody", "password"),
        accounts.add_organisation("acme", "nobody"),
        accounts.set_member("acme", "nobody", Role.OWNER),
    ):
        with pytest.raises(AccountUnknown, match="nobody"):
            await work


async def test_an_account_is_disabled_and_enabled(accounts: Accounts, metadata: Metadata) -> None:
    await add_account(metadata, "alice")
    await accounts.disable("alice")
    assert (await accounts.get("alice")).disabled_at == START
    await accounts.enable("alice")
    assert (await accounts.get("alice")).disabled_at is None


async def test_an_organisation_begins_with_its_owner(
    accounts: Accounts, metadata: Metadata
) -> None:
    await add_account(metadata, "alice")
    await accounts.add_organisation("acme", "alice")
    ((namespace, members),) = await accounts.list_organisations()
    assert namespace.name == "acme"
    assert members == [("alice", Role.OWNER)]


async def test_members_come_change_and_go(accounts: Accounts, metadata: Metadata) -> None:
    for name in ("alice", "bob"):
        await add_account(metadata, name)
    await accounts.add_organisation("acme", "alice")
    for role in (Role.MEMBER, Role.EDITOR, Role.OWNER):
        await accounts.set_member("acme", "bob", role)
        ((_, members),) = await accounts.list_organisations()
        assert members == [("alice", Role.OWNER), ("bob", role)]
    await accounts.set_member("acme", "alice", None)
    ((_, members),) = await accounts.list_organisations()
    assert members == [("bob", Role.OWNER)]


@pytest.mark.parametrize("role", [None, Role.MEMBER, Role.EDITOR])
async def test_the_last_owner_stays(
    accounts: Accounts, metadata: Metadata, role: Role | None
) -> None:
    for name in ("alice", "bob"):
        await add_account(metadata, name)
    await accounts.add_organisation("acme", "alice")
    await accounts.set_member("acme", "bob", Role.EDITOR)
    with pytest.raises(InvalidAccount):
        await accounts.set_member("acme", "alice", role)
    ((_, members),) = await accounts.list_organisations()
    assert members == [("alice", Role.OWNER), ("bob", Role.EDITOR)]


@pytest.mark.parametrize("name", ["nowhere", "alice"])
async def test_only_organisations_have_members(
    accounts: Accounts, metadata: Metadata, name: str
) -> None:
    await add_account(metadata, "alice")
    with pytest.raises(NamespaceUnknown):
        await accounts.set_member(name, "alice", Role.OWNER)
