"""Teams of an organization: who belongs to them, and what they may do with which repositories."""

from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, delete, func, select, update

from entrepot.metadata.engines.engine import (
    Reader,
    SqlStatement,
    Transaction,
    to_instant,
)
from entrepot.metadata.engines.rows import find_one, first_number, first_text, list_all, row_mapper
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.people_tables import team_members, team_rights, teams
from entrepot.metadata.tables import accounts
from entrepot.model.people.organizations import Team, TeamRight

_TEAM: Final = select(
    teams.c.id,
    teams.c.namespace_id,
    teams.c.name,
    teams.c.description,
    teams.c.created_at,
    select(func.count())
    .select_from(team_members)
    .where(team_members.c.team_id == teams.c.id)
    .scalar_subquery(),
)
_FIND: Final = SqlStatement(
    _TEAM.where(teams.c.namespace_id == bindparam("namespace_id"), teams.c.name == bindparam("nm"))
)
_LIST: Final = SqlStatement(
    _TEAM.where(teams.c.namespace_id == bindparam("namespace_id")).order_by(teams.c.name)
)
_INSERT: Final = SqlStatement(
    insert(teams)
    .values(
        namespace_id=bindparam("namespace_id"),
        name=bindparam("name"),
        description=bindparam("description"),
        created_at=bindparam("created_at"),
    )
    .on_conflict_do_nothing()
    .returning(teams.c.id)
)
_UPDATE: Final = SqlStatement(
    update(teams)
    .where(teams.c.id == bindparam("team_id"))
    .values(name=bindparam("new_name"), description=bindparam("new_description"))
)
_DELETE: Final = SqlStatement(delete(teams).where(teams.c.id == bindparam("team_id")))
_MEMBERS: Final = SqlStatement(
    select(accounts.c.name)
    .join(team_members, team_members.c.account_id == accounts.c.namespace_id)
    .where(team_members.c.team_id == bindparam("team_id"))
    .order_by(accounts.c.name)
)
_ADD_MEMBER: Final = SqlStatement(
    insert(team_members)
    .values(team_id=bindparam("team_id"), account_id=bindparam("account_id"))
    # Who is in by groups is in by hand from now on: groups do not end it.
    .on_conflict_do_update(
        index_elements=["team_id", "account_id"],
        set_={"from_groups": 0},
        where=team_members.c.from_groups == 1,
    )
)
_REMOVE_MEMBER: Final = SqlStatement(
    delete(team_members).where(
        team_members.c.team_id == bindparam("team_id"),
        team_members.c.account_id == bindparam("member_id"),
    )
)
_LEAVE_ALL: Final = SqlStatement(
    delete(team_members).where(
        team_members.c.account_id == bindparam("member_id"),
        team_members.c.team_id.in_(
            select(teams.c.id).where(teams.c.namespace_id == bindparam("owner_id"))
        ),
    )
)
_RIGHTS: Final = SqlStatement(
    select(team_rights.c.pattern, team_rights.c.permission)
    .where(team_rights.c.team_id == bindparam("team_id"))
    .order_by(team_rights.c.pattern)
)
_SET_RIGHT: Final = SqlStatement(
    insert(team_rights)
    .values(
        team_id=bindparam("team_id"),
        pattern=bindparam("pattern"),
        permission=bindparam("permission"),
    )
    .on_conflict_do_update(
        index_elements=["team_id", "pattern"], set_={"permission": bindparam("permission")}
    )
)
_REMOVE_RIGHT: Final = SqlStatement(
    delete(team_rights).where(
        team_rights.c.team_id == bindparam("team_id"),
        team_rights.c.pattern == bindparam("old_pattern"),
    )
)
_RIGHTS_OF: Final = SqlStatement(
    select(team_rights.c.pattern, team_rights.c.permission)
    .join(team_members, team_members.c.team_id == team_rights.c.team_id)
    .join(teams, teams.c.id == team_rights.c.team_id)
    .where(
        team_members.c.account_id == bindparam("account_id"),
        teams.c.namespace_id == bindparam("namespace_id"),
    )
)


_team: Final = row_mapper(Team)
_right: Final = row_mapper(TeamRight)


async def find_team(reader: Reader, namespace_id: int, name: str) -> Team | None:
    """The organization's team of that name."""
    return await find_one(reader, _team, _FIND, namespace_id=namespace_id, nm=name)


async def list_teams(reader: Reader, namespace_id: int) -> list[Team]:
    """Every team of the organization, by name."""
    return await list_all(reader, _team, _LIST, namespace_id=namespace_id)


async def insert_team(
    tx: Transaction, namespace_id: int, name: str, description: str, now: datetime
) -> int | None:
    """Add a team and return its id; `None` where the name is taken."""
    return await find_one(
        tx,
        first_number,
        _INSERT,
        namespace_id=namespace_id,
        name=name,
        description=description,
        created_at=to_instant(now),
    )


async def update_team(tx: Transaction, team_id: int, name: str, description: str) -> None:
    """Rename and describe the team; the caller has checked that the name is free."""
    await tx.run(_UPDATE, team_id=team_id, new_name=name, new_description=description)


async def delete_team(tx: Transaction, team_id: int) -> None:
    """Forget the team with its members and rights."""
    await tx.run(_DELETE, team_id=team_id)


async def list_team_members(reader: Reader, team_id: int) -> list[str]:
    """The names of the team's members."""
    return await list_all(reader, first_text, _MEMBERS, team_id=team_id)


async def add_team_member(tx: Transaction, team_id: int, account_id: int) -> bool:
    """Say whether the account was none of the members that were added by hand."""
    return await tx.run(_ADD_MEMBER, team_id=team_id, account_id=account_id) > 0


async def remove_team_member(tx: Transaction, team_id: int, account_id: int) -> bool:
    """Remove the member from the team; say whether there was one."""
    return await tx.run(_REMOVE_MEMBER, team_id=team_id, member_id=account_id) > 0


async def leave_teams(tx: Transaction, namespace_id: int, account_id: int) -> None:
    """Take the account out of every team of the organization."""
    await tx.run(_LEAVE_ALL, owner_id=namespace_id, member_id=account_id)


async def list_rights(reader: Reader, team_id: int) -> list[TeamRight]:
    """List the team's permissions by pattern."""
    return await list_all(reader, _right, _RIGHTS, team_id=team_id)


async def set_right(tx: Transaction, team_id: int, right: TeamRight) -> None:
    """Set the team's permission on repositories that the pattern matches."""
    await tx.run(_SET_RIGHT, team_id=team_id, pattern=right.pattern, permission=right.permission)


async def remove_right(tx: Transaction, team_id: int, pattern: str) -> bool:
    """Say whether the team had a right of that pattern."""
    return await tx.run(_REMOVE_RIGHT, team_id=team_id, old_pattern=pattern) > 0


async def list_rights_of(reader: Reader, namespace_id: int, account_id: int) -> list[TeamRight]:
    """List the permissions of all teams of the account in the organization, in no order."""
    return await list_all(
        reader, _right, _RIGHTS_OF, namespace_id=namespace_id, account_id=account_id
    )
