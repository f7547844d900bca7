"""The number that says for how long what was read of somebody's rights is good, on every engine."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest
from sqlalchemy import text

from entrepot.metadata import redirects, repositories
from entrepot.metadata.engines.engine import Metadata, SqlStatement
from entrepot.metadata.people import accounts, teams, tokens
from entrepot.metadata.registry import mirrors
from entrepot.model.mirrors import Mirror, MirrorVisibility
from entrepot.model.people.accounts import Role
from entrepot.model.people.organizations import Permission, TeamRight
from entrepot.model.people.tokens import Token, TokenKind, TokenScope
from entrepot.oci.names import RepositoryName
from tests.contracts.people.test_workload_queries import add_grant, add_issuer, add_trust
from tests.metadata.clocks import START
from tests.metadata.rows import add_account, add_manifest, add_organization, add_repository

CHANGES = (
    "UPDATE accounts SET disabled_at = 1",
    "UPDATE accounts SET is_admin = 1",
    "UPDATE accounts SET password_hash = 'another'",
    "UPDATE namespaces SET default_visibility = 'public' WHERE name = 'acme'",
    "UPDATE members SET role = 'member'",
    "DELETE FROM members",
    "UPDATE teams SET name = 'others'",
    "DELETE FROM teams",
    "DELETE FROM team_members",
    "DELETE FROM team_rights",
    "UPDATE team_rights SET permission = 'read'",
    "UPDATE repositories SET visibility = 'public'",
    "UPDATE repositories SET archived_at = 1",
    "UPDATE repositories SET name = 'acme/other'",
    "UPDATE repositories SET namespace_id = NULL",
    "UPDATE repositories SET is_mirrored = 1",
    "UPDATE mirrors SET visibility = 'public'",
    "UPDATE mirrors SET failures = failures + 1",
    "DELETE FROM mirrors",
    "DELETE FROM redirects",
    "UPDATE redirects SET name = 'acme/older'",
    "UPDATE tokens SET revoked_at = 1",
    "UPDATE tokens SET expires_at = 1",
    "UPDATE tokens SET scope = 'repo:read'",
    "UPDATE tokens SET repositories = '[]'",
    "DELETE FROM tokens",
    "UPDATE trusts SET is_enabled = 0",
    "UPDATE trusts SET repositories = 'other'",
    "UPDATE grants SET ended_at = 1",
    "UPDATE grants SET expires_at = 1",
    "DELETE FROM grant_trusts",
    "DELETE FROM grants",
)
NO_CHANGES = (
    "UPDATE repositories SET pulls = pulls + 1, pulled_at = 1, pushed_at = 1",
    "UPDATE repositories SET kind = 'image', size = 1, tag_count = 1, stars = 1",
    "UPDATE tokens SET last_used_at = 1, last_used_from = '::1'",
    "DELETE FROM manifests",
    "UPDATE trusts SET uses = uses + 1, last_used_at = 1",
    "UPDATE grants SET last_used_at = 1",
)


@pytest.fixture
async def metadata(metadata: Metadata) -> Metadata:
    """Facts in which one row of each kind says who may do what."""
    acme, alice = await add_organization(metadata, "acme"), await add_account(metadata, "alice")
    app = await add_repository(metadata, "acme/app", namespace_id=acme)
    await add_manifest(metadata, app)
    token = Token(
        id=0,
        account_id=alice.id,
        kind=TokenKind.PERSONAL,
        parent_id=None,
        label="laptop",
        hint="",
        scope=TokenScope.WRITE,
        created_at=START,
        expires_at=None,
        last_used_at=None,
        revoked_at=None,
    )
    hub = await add_organization(metadata, "hub")
    async with metadata.begin() as tx:
        mirror = Mirror(hub, "hub", "https://registry.test", MirrorVisibility.MEMBERS, START)
        await mirrors.save_mirror(tx, mirror)
        await accounts.set_role(tx, acme, alice.id, Role.EDITOR)
        team = await teams.insert_team(tx, acme, "crew", "", START)
        assert team is not None
        await teams.add_team_member(tx, team, alice.id)
        await teams.set_right(tx, team, TeamRight("app", Permission.WRITE))
        await redirects.set_redirect(tx, RepositoryName("acme/old"), app.id, START)
        await tokens.insert_token(tx, token, "hash")
    trust = await add_trust(metadata, await add_issuer(metadata), acme, "acme")
    await add_grant(metadata, trust)
    return metadata


async def run(metadata: Metadata, change: str) -> int:
    """Commit a change; return how many rows it was."""
    async with metadata.begin() as tx:
        return await tx.run(SqlStatement(text(change)))


@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_of_rights_changes_the_number(metadata: Metadata, change: str) -> None:
    before = await metadata.rights_revision()
    assert await run(metadata, change) > 0
    assert await metadata.rights_revision() != before


@pytest.mark.parametrize("change", NO_CHANGES)
async def test_what_changes_no_rights_leaves_the_number(metadata: Metadata, change: str) -> None:
    before = await metadata.rights_revision()
    assert await run(metadata, change) > 0
    assert await metadata.rights_revision() == before


async def test_rows_that_are_added_change_the_number(metadata: Metadata) -> None:
    seen = [await metadata.rights_revision()]
    await add_organization(metadata, "other")
    seen.append(await metadata.rights_revision())
    await add_repository(metadata, "other/app")
    seen.append(await metadata.rights_revision())
    await add_account(metadata, "bob")
    seen.append(await metadata.rights_revision())
    assert len(set(seen)) == len(seen)


async def test_a_change_that_is_undone_leaves_the_number(metadata: Metadata) -> None:
    before = await metadata.rights_revision()
    with suppress(ZeroDivisionError):
        async with metadata.begin() as tx:
            await tx.run(SqlStatement(text(CHANGES[0])))
            raise ZeroDivisionError
    assert await metadata.rights_revision() == before


async def test_the_number_stays_until_the_change_is_committed(metadata: Metadata) -> None:
    """Who reads the old number while the change is under way reads the old rights with it."""
    before = await metadata.rights_revision()
    async with metadata.begin() as tx:
        await tx.run(SqlStatement(text(CHANGES[0])))
        assert await metadata.rights_revision() == before
    assert await metadata.rights_revision() != before


async def test_changes_at_once_wait_for_no_circle(metadata: Metadata) -> None:
    """Each takes the number last, however its other rows are locked."""
    names = [RepositoryName(f"acme/app{number}") for number in range(4)]
    made = [await add_repository(metadata, name.text) for name in names]

    async def move(order: int) -> None:
        for repository in made[::order]:
            async with metadata.begin() as tx:
                await repositories.lock_by_id(tx, repository.id)
                name = RepositoryName(f"acme/old{order}")
                await redirects.set_redirect(tx, name, repository.id, START)
                await asyncio.sleep(0)

    before = await metadata.rights_revision()
    await asyncio.wait_for(asyncio.gather(*(move(order) for order in (1, -1, 1, -1))), 20)
    assert await metadata.rights_revision() != before


async def test_a_token_that_is_used_or_made_leaves_the_number(metadata: Metadata) -> None:
    before = await metadata.rights_revision()
    async with metadata.begin() as tx:
        found = await tokens.find_token(tx, "hash")
        assert found is not None
        await tokens.touch_token(tx, found.id, START + timedelta(hours=1), "::1")
        await tokens.insert_token(tx, found, "another hash")
    assert await metadata.rights_revision() == before
