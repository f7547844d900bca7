"""Accounts and organizations: named, made, disabled, never left without an owner."""

from collections.abc import Awaitable, Callable

import pytest

from entrepot.errors import AccountUnknown, BadCredentials, Denied, InvalidAccount, NameTaken
from entrepot.hub.events.audit import AuditLog
from entrepot.hub.people.accounts import Accounts
from entrepot.hub.people.actors import OPERATOR, Actor, actor_of
from entrepot.hub.people.organizations import Organizations
from entrepot.metadata.engines.engine import Metadata
from entrepot.model.audit import AuditQuery
from entrepot.model.people.accounts import Role
from tests.hub.town import ADMINISTRATORS, Town, allowed
from tests.metadata.clocks import START
from tests.metadata.rows import add_account, add_organization


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
async def test_any_other_name_is_refused(
    accounts: Accounts, organizations: Organizations, name: str
) -> None:
    with pytest.raises(InvalidAccount):
        await accounts.add(name, "password")
    with pytest.raises(InvalidAccount):
        await organizations.add(name, "nobody")


async def test_a_name_is_taken_only_once(
    accounts: Accounts, organizations: Organizations, metadata: Metadata
) -> None:
    await add_account(metadata, "alice")
    await organizations.add("acme", "alice")
    for name in ("alice", "acme"):
        with pytest.raises(NameTaken):
            await accounts.add(name, "password")
        with pytest.raises(NameTaken):
            await organizations.add(name, "alice")


async def test_a_password_that_cannot_be_hashed_makes_no_account(accounts: Accounts) -> None:
    with pytest.raises(InvalidAccount):
        await accounts.add("alice", "")
    assert await accounts.list_all() == []


async def test_unknown_accounts_are_named(
    accounts: Accounts, organizations: Organizations, metadata: Metadata
) -> None:
    await add_organization(metadata, "acme")
    for work in (
        accounts.get("nobody"),
        accounts.disable("nobody"),
        accounts.enable("nobody"),
        accounts.set_password("nobody", "password"),
        organizations.add("zoo", "nobody"),
        organizations.set_member("acme", "nobody", Role.OWNER),
    ):
        with pytest.raises(AccountUnknown, match="nobody"):
            await work


async def test_an_account_is_disabled_and_enabled(accounts: Accounts, metadata: Metadata) -> None:
    await add_account(metadata, "alice")
    await accounts.disable("alice")
    assert (await accounts.get("alice")).disabled_at == START
    await accounts.enable("alice")
    assert (await accounts.get("alice")).disabled_at is None


async def test_only_administrators_change_the_accounts_of_others(
    accounts: Accounts, town: Town
) -> None:
    work: list[Callable[[Actor], Awaitable[object]]] = [
        lambda by: accounts.add(f"by-{by.name}", "password", by=by),
        lambda by: accounts.add(f"admin-by-{by.name}", "password", is_admin=True, by=by),
        lambda by: accounts.set_password("stranger", "password", by),
        lambda by: accounts.disable("stranger", by),
        lambda by: accounts.enable("stranger", by),
        lambda by: accounts.set_admin("stranger", False, by),
    ]
    for each in work:
        assert await allowed(town, each) == ADMINISTRATORS


async def test_an_account_describes_itself(accounts: Accounts, town: Town) -> None:
    editor = town.accounts["editor"]

    async def describe(by: Actor) -> None:
        await accounts.set_profile(editor, "Ed Itor", "ed@example.org", by)

    assert await allowed(town, describe) == ADMINISTRATORS | {"editor"}
    found = await accounts.get("editor")
    assert (found.full_name, found.email) == ("Ed Itor", "ed@example.org")


@pytest.mark.parametrize(
    ("full_name", "email"), [("x" * 101, ""), ("a\nb", ""), ("", "nobody"), ("", "a@b\n")]
)
async def test_a_profile_that_makes_no_sense_is_refused(
    accounts: Accounts, town: Town, full_name: str, email: str
) -> None:
    with pytest.raises(InvalidAccount):
        await accounts.set_profile(town.accounts["editor"], full_name, email, OPERATOR)


async def test_one_changes_ones_password_by_the_old_one(accounts: Accounts) -> None:
    alice = await accounts.add("alice", "the old password")
    by = actor_of(alice)
    with pytest.raises(BadCredentials):
        await accounts.change_password(alice, "a wrong password", "the new password", by)
    with pytest.raises(InvalidAccount):
        await accounts.change_password(alice, "the old password", "short", by)
    bob = await accounts.add("bob", "the old password")
    with pytest.raises(Denied):
        await accounts.change_password(alice, "the old password", "the new one", actor_of(bob))
    await accounts.change_password(alice, "the old password", "the new password", by)
    await accounts.check_password(await accounts.get("alice"), "the new password")
    with pytest.raises(BadCredentials):
        await accounts.check_password(await accounts.get("alice"), "the old password")


async def test_an_administrator_does_not_lock_themselves_out(
    accounts: Accounts, town: Town
) -> None:
    admin = town.actors["admin"]
    with pytest.raises(Denied):
        await accounts.disable("admin", admin)
    with pytest.raises(Denied):
        await accounts.set_admin("admin", False, admin)
    await accounts.set_admin("stranger", True, admin)
    assert (await accounts.get("stranger")).is_admin


async def test_names_of_the_hub_itself_are_the_operators_to_give(
    accounts: Accounts, town: Town
) -> None:
    with pytest.raises(NameTaken):
        await accounts.add("explore", "password", by=town.actors["admin"])
    await accounts.add("explore", "password")


async def test_what_happens_to_accounts_is_recorded_without_secrets(
    accounts: Accounts, audit_log: AuditLog
) -> None:
    await accounts.add("alice", "the-old-password")
    await accounts.set_password("alice", "the-new-password")
    await accounts.disable("alice")
    await accounts.enable("alice")
    rows = (await audit_log.list_all(OPERATOR, AuditQuery())).rows
    assert [row.action for row in reversed(rows)] == [
        "account.create",
        "account.password",
        "account.disable",
        "account.enable",
    ]
    assert not any("password" in row.details + row.target for row in rows)
