"""Accounts and organizations that are deleted: what goes with them, and what forgets them.

The namespace's row stays under a name that is not valid: its id, which the audit log and tokens
that were handed out know, is never another's.
"""

from typing import Final

from sqlalchemy import BindParameter, bindparam, delete, null, or_, select, update

from entrepot.metadata.artifact_tables import deleted_manifests, tag_history
from entrepot.metadata.engines.engine import Reader, SqlStatement, Transaction
from entrepot.metadata.engines.rows import first_text, list_all
from entrepot.metadata.hook_tables import webhooks
from entrepot.metadata.mirror_tables import mirrors, pull_rules
from entrepot.metadata.people_tables import (
    external_identities,
    group_mappings,
    group_members,
    invitations,
    recovery_codes,
    sessions,
    stars,
    team_members,
    teams,
    trusted_keys,
)
from entrepot.metadata.policy_tables import exemptions, namespace_policies
from entrepot.metadata.tables import (
    accounts,
    manifests,
    members,
    namespaces,
    repositories,
    tags,
    tokens,
    upload_reservations,
    uploads,
)
from entrepot.metadata.workload_tables import trusts

DELETED: Final = "deleted"
"""The kind of a namespace that is only an id."""

FORGETTING: Final = (
    deleted_manifests.c.deleted_by,
    invitations.c.accepted_by,
    manifests.c.pushed_by,
    tag_history.c.by,
    tags.c.moved_by,
    trusted_keys.c.created_by,
    uploads.c.account_id,
    webhooks.c.created_by,
)
"""Columns with the author of a change: the rows stay without it when the account goes."""
OF_ACCOUNT: Final = (
    external_identities.c.account_id,
    group_members.c.account_id,
    invitations.c.invited_by,
    members.c.account_id,
    recovery_codes.c.account_id,
    sessions.c.account_id,
    stars.c.account_id,
    team_members.c.account_id,
    tokens.c.account_id,
)
"""Rows that go with the account."""
OF_NAMESPACE: Final = (
    exemptions.c.namespace_id,
    group_mappings.c.namespace_id,
    invitations.c.namespace_id,
    members.c.namespace_id,
    mirrors.c.namespace_id,
    namespace_policies.c.namespace_id,
    pull_rules.c.namespace_id,
    teams.c.namespace_id,
    tokens.c.namespace_id,
    trusted_keys.c.namespace_id,
    trusts.c.namespace_id,
    upload_reservations.c.namespace_id,
    webhooks.c.namespace_id,
)
"""Rows that go with the namespace."""

_ID: Final[BindParameter[int]] = bindparam("gone")
_FORGET: Final = [
    SqlStatement(update(column.table).where(column == _ID).values({column: null()}))
    for column in FORGETTING
]
# Tokens of the account may have made tokens of organizations, which then stand by themselves.
_FREE_TOKENS: Final = SqlStatement(
    update(tokens)
    .where(
        tokens.c.parent_id.in_(
            select(tokens.c.id).where(or_(tokens.c.account_id == _ID, tokens.c.namespace_id == _ID))
        )
    )
    .values(parent_id=null())
)
_DELETE_OF_ACCOUNT: Final = [
    SqlStatement(delete(column.table).where(column == _ID)) for column in OF_ACCOUNT
]
_DELETE_OF_NAMESPACE: Final = [
    SqlStatement(delete(column.table).where(column == _ID)) for column in OF_NAMESPACE
]
_DELETE_ACCOUNT: Final = SqlStatement(delete(accounts).where(accounts.c.namespace_id == _ID))
_CLOSE_NAMESPACE: Final = SqlStatement(
    update(namespaces)
    .where(namespaces.c.id == _ID)
    .values(name=bindparam("new_name"), kind=bindparam("new_kind"), description="")
)
_REPOSITORIES: Final = SqlStatement(
    select(repositories.c.name)
    .where(repositories.c.namespace_id == _ID)
    .order_by(repositories.c.name)
)


async def list_names_in(reader: Reader, namespace_id: int) -> list[str]:
    """The names of all of a namespace's repositories."""
    return await list_all(reader, first_text, _REPOSITORIES, gone=namespace_id)


async def close_namespace(tx: Transaction, namespace_id: int) -> None:
    """Delete what belongs to the namespace, which has no repositories any more, and its name."""
    await tx.run(_FREE_TOKENS, gone=namespace_id)
    for statement in _DELETE_OF_NAMESPACE:
        await tx.run(statement, gone=namespace_id)
    # No name of an account or an organization has this form.
    name = f"~{namespace_id}"
    await tx.run(_CLOSE_NAMESPACE, gone=namespace_id, new_name=name, new_kind=DELETED)


async def delete_account(tx: Transaction, account_id: int) -> None:
    """Delete the account with all that is its own; what it did stays, and says no longer who."""
    for statement in (*_FORGET, _FREE_TOKENS, *_DELETE_OF_ACCOUNT):
        await tx.run(statement, gone=account_id)
    await tx.run(_DELETE_ACCOUNT, gone=account_id)
    await close_namespace(tx, account_id)
