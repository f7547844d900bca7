"""Groups that give roles and teams: the mappings, who holds them, and what they gave."""

from collections.abc import Collection
from typing import Final

from sqlalchemy import bindparam, delete, func, select, update

from entrepot.metadata.engines.engine import Reader, SqlStatement, Transaction, to_instant
from entrepot.metadata.engines.rows import (
    find_one,
    first_number,
    get_number,
    list_all,
    row_mapper,
    text_or_empty,
)
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.people_tables import group_mappings, group_members, team_members, teams
from entrepot.metadata.tables import accounts, members, namespaces
from entrepot.model.people.accounts import Role
from entrepot.model.people.groups import GroupMapping, GroupSource, Membership

_AT_ONCE: Final = 50
"""Groups that one statement looks for."""

_MAPPING: Final = (
    select(
        group_mappings.c.id,
        group_mappings.c.namespace_id,
        namespaces.c.name,
        group_mappings.c.source,
        group_mappings.c.external_group,
        group_mappings.c.role,
        group_mappings.c.team_id,
        teams.c.name,
        group_mappings.c.created_at,
        group_mappings.c.created_by,
    )
    .join(namespaces, namespaces.c.id == group_mappings.c.namespace_id)
    .outerjoin(teams, teams.c.id == group_mappings.c.team_id)
)
_HOLDERS: Final = (
    select(func.count())
    .select_from(group_members)
    .where(group_members.c.mapping_id == group_mappings.c.id)
    .scalar_subquery()
)
_LIST: Final = SqlStatement(
    _MAPPING.add_columns(_HOLDERS)
    .where(group_mappings.c.namespace_id == bindparam("namespace_id"))
    .order_by(group_mappings.c.source, group_mappings.c.external_group, group_mappings.c.id)
)
_FIND: Final = SqlStatement(
    _MAPPING.where(
        group_mappings.c.namespace_id == bindparam("namespace_id"),
        group_mappings.c.id == bindparam("id"),
    )
)
_OF_GROUPS: Final = SqlStatement(
    _MAPPING.where(
        group_mappings.c.source == bindparam("source"),
        group_mappings.c.external_group.in_(
            [bindparam(f"group_{place}") for place in range(_AT_ONCE)]
        ),
    ).order_by(group_mappings.c.id)
)
_HELD: Final = SqlStatement(
    _MAPPING.join(group_members, group_members.c.mapping_id == group_mappings.c.id)
    .where(group_members.c.account_id == bindparam("account_id"))
    .order_by(group_mappings.c.id)
)
_INSERT: Final = SqlStatement(
    insert(group_mappings)
    .values(
        namespace_id=bindparam("namespace_id"),
        source=bindparam("source"),
        external_group=bindparam("external_group"),
        role=bindparam("role"),
        team_id=bindparam("team_id"),
        created_at=bindparam("created_at"),
        created_by=bindparam("created_by"),
    )
    .returning(group_mappings.c.id)
)
_DELETE: Final = SqlStatement(
    delete(group_mappings).where(group_mappings.c.id == bindparam("mapping_id"))
)
_ADD_HOLDER: Final = SqlStatement(
    insert(group_members)
    .values(mapping_id=bindparam("mapping_id"), account_id=bindparam("account_id"))
    .on_conflict_do_nothing()
)
_REMOVE_HOLDER: Final = SqlStatement(
    delete(group_members).where(
        group_members.c.mapping_id == bindparam("of_mapping"),
        group_members.c.account_id == bindparam("of_account"),
    )
)
_SOME_HOLDERS: Final = SqlStatement(
    select(group_members.c.account_id)
    .where(group_members.c.mapping_id == bindparam("mapping_id"))
    .order_by(group_members.c.account_id)
    .limit(bindparam("limit"))
)
_MEMBERSHIP: Final = SqlStatement(
    select(members.c.role, members.c.from_groups).where(
        members.c.namespace_id == bindparam("namespace_id"),
        members.c.account_id == bindparam("account_id"),
    )
)
_NAMES_FROM_GROUPS: Final = SqlStatement(
    select(accounts.c.name)
    .join(members, members.c.account_id == accounts.c.namespace_id)
    .where(members.c.namespace_id == bindparam("namespace_id"), members.c.from_groups == 1)
)
_SET_ROLE: Final = SqlStatement(
    insert(members)
    .values(
        namespace_id=bindparam("namespace_id"),
        account_id=bindparam("account_id"),
        role=bindparam("role"),
        from_groups=1,
    )
    .on_conflict_do_update(
        index_elements=["namespace_id", "account_id"], set_={"role": bindparam("role")}
    )
)
_TEAMS: Final = SqlStatement(
    select(teams.c.id, teams.c.name)
    .join(team_members, team_members.c.team_id == teams.c.id)
    .where(
        teams.c.namespace_id == bindparam("namespace_id"),
        team_members.c.account_id == bindparam("account_id"),
        team_members.c.from_groups == 1,
    )
)
_JOIN_TEAM: Final = SqlStatement(
    insert(team_members)
    .values(team_id=bindparam("team_id"), account_id=bindparam("account_id"), from_groups=1)
    .on_conflict_do_nothing()
)
_TEAM_NAMES_FROM_GROUPS: Final = SqlStatement(
    select(accounts.c.name)
    .join(team_members, team_members.c.account_id == accounts.c.namespace_id)
    .where(team_members.c.team_id == bindparam("team_id"), team_members.c.from_groups == 1)
)
_ADMIN_SOURCE: Final = SqlStatement(
    select(accounts.c.admin_from).where(accounts.c.namespace_id == bindparam("id"))
)
_SET_ADMIN: Final = SqlStatement(
    update(accounts)
    .where(accounts.c.namespace_id == bindparam("id"))
    .values(is_admin=bindparam("new_value"), admin_from=bindparam("new_source"))
)

_mapping: Final = row_mapper(GroupMapping, 10, team=text_or_empty)
_counted: Final = row_mapper(GroupMapping, team=text_or_empty)
_membership: Final = row_mapper(Membership)
_name: Final = row_mapper(tuple[str])
_team: Final = row_mapper(tuple[int, str])


async def list_mappings(reader: Reader, namespace_id: int) -> list[GroupMapping]:
    """The organization's mappings with the numbers of their holders, by source and group."""
    return await list_all(reader, _counted, _LIST, namespace_id=namespace_id)


async def find_mapping(reader: Reader, namespace_id: int, mapping_id: int) -> GroupMapping | None:
    """The organization's mapping with that id."""
    return await find_one(reader, _mapping, _FIND, namespace_id=namespace_id, id=mapping_id)


async def list_of_groups(
    reader: Reader, source: GroupSource, groups: Collection[str]
) -> list[GroupMapping]:
    """Every mapping of one of the groups, of all organizations."""
    names, found = list(groups), list[GroupMapping]()
    for start in range(0, len(names), _AT_ONCE):
        some = names[start : start + _AT_ONCE]
        # Always as many parameters, so that it is one statement: the last group again.
        some += some[-1:] * (_AT_ONCE - len(some))
        values = {f"group_{place}": name for place, name in enumerate(some)}
        found += await list_all(reader, _mapping, _OF_GROUPS, source=source, **values)
    return found


async def list_held(reader: Reader, account_id: int) -> list[GroupMapping]:
    """The mappings of groups that the account is in, as far as its sign-ins said."""
    return await list_all(reader, _mapping, _HELD, account_id=account_id)


async def insert_mapping(tx: Transaction, mapping: GroupMapping) -> int:
    """Add a mapping that nobody holds, and return its id."""
    return await get_number(
        tx,
        _INSERT,
        namespace_id=mapping.namespace_id,
        source=mapping.source,
        external_group=mapping.group,
        role=mapping.role,
        team_id=mapping.team_id,
        created_at=to_instant(mapping.created_at),
        created_by=mapping.created_by,
    )


async def delete_mapping(tx: Transaction, mapping_id: int) -> None:
    """Delete the mapping; what it gave is the caller's to end."""
    await tx.run(_DELETE, mapping_id=mapping_id)


async def add_holder(tx: Transaction, mapping_id: int, account_id: int) -> None:
    """Note that the account is in the mapping's group."""
    await tx.run(_ADD_HOLDER, mapping_id=mapping_id, account_id=account_id)


async def remove_holder(tx: Transaction, mapping_id: int, account_id: int) -> None:
    """Note that the account is no longer in the mapping's group."""
    await tx.run(_REMOVE_HOLDER, of_mapping=mapping_id, of_account=account_id)


async def list_holders(reader: Reader, mapping_id: int, limit: int) -> list[int]:
    """The ids of at most `limit` accounts in the mapping's group."""
    return await list_all(reader, first_number, _SOME_HOLDERS, mapping_id=mapping_id, limit=limit)


async def find_membership(reader: Reader, namespace_id: int, account_id: int) -> Membership | None:
    """The account's role in the organization, and where it comes from."""
    return await find_one(
        reader, _membership, _MEMBERSHIP, namespace_id=namespace_id, account_id=account_id
    )


async def list_names_from_groups(reader: Reader, namespace_id: int) -> set[str]:
    """The names of the organization's members whose roles groups gave."""
    rows = await list_all(reader, _name, _NAMES_FROM_GROUPS, namespace_id=namespace_id)
    return {name for (name,) in rows}


async def set_role(tx: Transaction, namespace_id: int, account_id: int, role: Role) -> None:
    """Give a role that comes from groups; the caller has checked that nobody gave one by hand."""
    await tx.run(_SET_ROLE, namespace_id=namespace_id, account_id=account_id, role=role)


async def list_teams(reader: Reader, namespace_id: int, account_id: int) -> list[tuple[int, str]]:
    """The ids and names of the teams there that groups put the account into."""
    return await list_all(reader, _team, _TEAMS, namespace_id=namespace_id, account_id=account_id)


async def join_team(tx: Transaction, team_id: int, account_id: int) -> bool:
    """Put the account into the team on behalf of groups; `False` where it is in already."""
    return await tx.run(_JOIN_TEAM, team_id=team_id, account_id=account_id) > 0


async def list_team_names_from_groups(reader: Reader, team_id: int) -> set[str]:
    """The names of the team's members that groups put there."""
    rows = await list_all(reader, _name, _TEAM_NAMES_FROM_GROUPS, team_id=team_id)
    return {name for (name,) in rows}


async def find_admin_source(reader: Reader, account_id: int) -> GroupSource | None:
    """The source whose groups made the account an administrator; `None`: none did."""
    row = await reader.one(_ADMIN_SOURCE, id=account_id)
    return GroupSource(row[0]) if row is not None and row[0] else None


async def set_admin(
    tx: Transaction, account_id: int, is_admin: bool, source: GroupSource | None
) -> None:
    """Let the account do everything, or no longer, as groups of that source say."""
    await tx.run(_SET_ADMIN, id=account_id, new_value=int(is_admin), new_source=source)
