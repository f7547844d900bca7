"""Invitations: to sign up on the hub, or into an organization and perhaps a team of it."""

from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, delete, func, select, update

from entrepot.metadata.engines.engine import (
    Reader,
    SqlStatement,
    Transaction,
    to_instant,
)
from entrepot.metadata.engines.rows import find_one, get_number, list_all, row_mapper, text_or_empty
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.people_tables import invitations, teams
from entrepot.metadata.tables import accounts, namespaces
from entrepot.model.people.organizations import Invitation

_INVITATION: Final = (
    select(
        invitations.c.id,
        invitations.c.namespace_id,
        invitations.c.role,
        invitations.c.team_id,
        invitations.c.note,
        invitations.c.invited_by,
        invitations.c.created_at,
        invitations.c.expires_at,
        invitations.c.accepted_at,
        namespaces.c.name,
        teams.c.name,
        accounts.c.name,
    )
    .join(accounts, accounts.c.namespace_id == invitations.c.invited_by)
    .outerjoin(namespaces, namespaces.c.id == invitations.c.namespace_id)
    .outerjoin(teams, teams.c.id == invitations.c.team_id)
)
_BY_HASH: Final = SqlStatement(
    _INVITATION.where(invitations.c.secret_hash == bindparam("secret_hash"))
)
_BY_ID: Final = SqlStatement(_INVITATION.where(invitations.c.id == bindparam("id")))
_NEWEST: Final = _INVITATION.where(invitations.c.accepted_at.is_(None)).order_by(
    invitations.c.id.desc()
)
_LIST_OF: Final = SqlStatement(
    _NEWEST.where(invitations.c.namespace_id == bindparam("namespace_id"))
)
_LIST_HUB: Final = SqlStatement(
    _NEWEST.where(invitations.c.namespace_id.is_(None))
    .limit(bindparam("limit"))
    .offset(bindparam("offset"))
)
_OPEN: Final = (
    select(func.count())
    .select_from(invitations)
    .where(invitations.c.accepted_at.is_(None), invitations.c.expires_at > bindparam("moment"))
)
_COUNT_OF: Final = SqlStatement(
    _OPEN.where(invitations.c.namespace_id == bindparam("namespace_id"))
)
_COUNT_HUB: Final = SqlStatement(_OPEN.where(invitations.c.namespace_id.is_(None)))
_INSERT: Final = SqlStatement(
    insert(invitations)
    .values(
        secret_hash=bindparam("secret_hash"),
        namespace_id=bindparam("namespace_id"),
        role=bindparam("role"),
        team_id=bindparam("team_id"),
        note=bindparam("note"),
        invited_by=bindparam("invited_by"),
        created_at=bindparam("created_at"),
        expires_at=bindparam("expires_at"),
    )
    .returning(invitations.c.id)
)
_ACCEPT: Final = SqlStatement(
    update(invitations)
    .where(
        invitations.c.id == bindparam("invitation_id"),
        invitations.c.accepted_at.is_(None),
        invitations.c.expires_at > bindparam("moment"),
    )
    .values(accepted_at=bindparam("moment"), accepted_by=bindparam("acceptor"))
)
_DELETE: Final = SqlStatement(
    delete(invitations).where(
        invitations.c.id == bindparam("invitation_id"), invitations.c.accepted_at.is_(None)
    )
)

_DELETE_EXPIRED: Final = SqlStatement(
    delete(invitations).where(
        invitations.c.accepted_at.is_(None), invitations.c.expires_at < bindparam("moment")
    )
)


_invitation: Final = row_mapper(Invitation, organization=text_or_empty, team=text_or_empty)


async def insert_invitation(tx: Transaction, invitation: Invitation, secret_hash: str) -> int:
    """Store an invitation and return its id; the `id` it came with is not looked at."""
    return await get_number(
        tx,
        _INSERT,
        secret_hash=secret_hash,
        namespace_id=invitation.namespace_id,
        role=invitation.role,
        team_id=invitation.team_id,
        note=invitation.note,
        invited_by=invitation.invited_by,
        created_at=to_instant(invitation.created_at),
        expires_at=to_instant(invitation.expires_at),
    )


async def find_invitation(reader: Reader, secret_hash: str) -> Invitation | None:
    """The invitation with that hash, expired and accepted ones included."""
    return await find_one(reader, _invitation, _BY_HASH, secret_hash=secret_hash)


async def find_invitation_by_id(reader: Reader, invitation_id: int) -> Invitation | None:
    """The invitation with that id, expired and accepted ones included."""
    return await find_one(reader, _invitation, _BY_ID, id=invitation_id)


async def list_invitations(reader: Reader, namespace_id: int) -> list[Invitation]:
    """List the organization's open invitations; newest first."""
    return await list_all(reader, _invitation, _LIST_OF, namespace_id=namespace_id)


async def list_hub_invitations(reader: Reader, limit: int, offset: int) -> list[Invitation]:
    """List the hub's open invitations; at most `limit` from `offset` on, newest first."""
    return await list_all(reader, _invitation, _LIST_HUB, limit=limit, offset=offset)


async def count_open(reader: Reader, namespace_id: int | None, now: datetime) -> int:
    """How many invitations into the organization, or (`None`) to the hub, can still be accepted."""
    moment = to_instant(now)
    if namespace_id is None:
        return await get_number(reader, _COUNT_HUB, moment=moment)
    return await get_number(reader, _COUNT_OF, moment=moment, namespace_id=namespace_id)


async def accept_invitation(
    tx: Transaction, invitation_id: int, account_id: int, now: datetime
) -> bool:
    """Mark it as accepted; `False` where it was, or is no longer good: one account wins."""
    count = await tx.run(
        _ACCEPT, invitation_id=invitation_id, acceptor=account_id, moment=to_instant(now)
    )
    return count > 0


async def delete_expired(tx: Transaction, before: datetime) -> int:
    """Delete unaccepted invitations that expired before then; return their number."""
    return await tx.run(_DELETE_EXPIRED, moment=to_instant(before))


async def delete_invitation(tx: Transaction, invitation_id: int) -> bool:
    """Delete an unaccepted invitation; say whether there was one."""
    return await tx.run(_DELETE, invitation_id=invitation_id) > 0
