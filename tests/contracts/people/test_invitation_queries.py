"""Invitations, as every engine keeps them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.people import invitations, teams
from entrepot.model.people.accounts import Account, Role
from entrepot.model.people.organizations import Invitation
from tests.metadata.clocks import START
from tests.metadata.rows import add_account, add_organization

DAY = timedelta(days=1)


@pytest.fixture
async def alice(metadata: Metadata) -> Account:
    """Somebody who invites."""
    return await add_account(metadata, "alice")


async def add(metadata: Metadata, by: Account, secret_hash: str, **changes: object) -> Invitation:
    """An invitation to the hub that differs in this; it lasts a day."""
    made = Invitation(0, None, Role.MEMBER, None, "", by.id, START, START + DAY, None)
    async with metadata.begin() as tx:
        made_id = await invitations.insert_invitation(
            tx,
            replace(made, **changes),  # type: ignore[arg-type]
            secret_hash,
        )
    found = await invitations.find_invitation_by_id(metadata.reader, made_id)
    assert found is not None
    return found


async def test_an_invitation_is_found_with_the_names_of_what_it_is_about(
    metadata: Metadata, alice: Account
) -> None:
    acme = await add_organization(metadata, "acme")
    async with metadata.begin() as tx:
        team = await teams.insert_team(tx, acme, "devs", "", START)
    made = await add(
        metadata, alice, "h", namespace_id=acme, role=Role.EDITOR, team_id=team, note="for Bob"
    )
    assert (made.organization, made.team, made.inviter) == ("acme", "devs", "alice")
    assert (made.role, made.note, made.expires_at) == (Role.EDITOR, "for Bob", START + DAY)
    assert await invitations.find_invitation(metadata.reader, "h") == made
    assert await invitations.find_invitation(metadata.reader, "other") is None
    assert await invitations.find_invitation_by_id(metadata.reader, made.id + 1) is None


async def test_an_invitation_outlives_the_team_it_names(metadata: Metadata, alice: Account) -> None:
    acme = await add_organization(metadata, "acme")
    async with metadata.begin() as tx:
        team = await teams.insert_team(tx, acme, "devs", "", START)
    assert team is not None
    await add(metadata, alice, "h", namespace_id=acme, team_id=team)
    async with metadata.begin() as tx:
        await teams.delete_team(tx, team)
    found = await invitations.find_invitation(metadata.reader, "h")
    assert found is not None
    assert (found.team_id, found.team) == (None, "")


async def test_an_invitation_is_accepted_once_and_in_time(
    metadata: Metadata, alice: Account
) -> None:
    bob = await add_account(metadata, "bob")
    one, late = await add(metadata, alice, "a"), await add(metadata, alice, "b")
    async with metadata.begin() as tx:
        assert await invitations.accept_invitation(tx, one.id, bob.id, START)
        assert not await invitations.accept_invitation(tx, one.id, alice.id, START)
        assert not await invitations.accept_invitation(tx, late.id, bob.id, START + DAY)
        assert not await invitations.delete_invitation(tx, one.id)
    found = await invitations.find_invitation(metadata.reader, "a")
    assert found is not None
    assert found.accepted_at == START


async def test_what_nobody_accepted_is_listed_where_it_belongs(
    metadata: Metadata, alice: Account
) -> None:
    acme = await add_organization(metadata, "acme")
    hub = await add(metadata, alice, "a")
    first, second = [await add(metadata, alice, text, namespace_id=acme) for text in ("b", "c")]
    gone = await add(metadata, alice, "d", namespace_id=acme)
    async with metadata.begin() as tx:
        assert await invitations.delete_invitation(tx, gone.id)
        assert not await invitations.delete_invitation(tx, gone.id)
    assert await invitations.list_hub_invitations(metadata.reader, 9, 0) == [hub]
    assert await invitations.list_hub_invitations(metadata.reader, 9, 1) == []
    assert await invitations.list_invitations(metadata.reader, acme) == [second, first]


async def test_open_invitations_are_counted_and_old_ones_deleted(
    metadata: Metadata, alice: Account
) -> None:
    acme = await add_organization(metadata, "acme")
    await add(metadata, alice, "a", namespace_id=acme)
    await add(metadata, alice, "b", namespace_id=acme, expires_at=START + 2 * DAY)
    await add(metadata, alice, "c")
    reader = metadata.reader
    assert await invitations.count_open(reader, acme, START) == 2
    assert await invitations.count_open(reader, acme, START + DAY) == 1
    assert await invitations.count_open(reader, None, START) == 1
    async with metadata.begin() as tx:
        assert await invitations.delete_expired(tx, START + DAY) == 0
        assert await invitations.delete_expired(tx, START + DAY + timedelta(seconds=1)) == 2
    assert len(await invitations.list_invitations(reader, acme)) == 1
