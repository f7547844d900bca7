"""Accounts and organizations: the two kinds of namespace, and who belongs to which."""

from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, func, null, or_, select, update

from entrepot.metadata.engines.engine import (
    Reader,
    SqlStatement,
    Transaction,
    storable,
    to_instant,
)
from entrepot.metadata.engines.rows import find_one, first_number, get_number, list_all, row_mapper
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.mirror_tables import mirrors
from entrepot.metadata.tables import accounts, members, namespaces
from entrepot.model.people.accounts import Account, Namespace, NamespaceKind, Role
from entrepot.model.repositories import Visibility

ACCOUNT: Final = select(
    accounts.c.namespace_id,
    accounts.c.name,
    accounts.c.password_hash,
    accounts.c.is_admin,
    accounts.c.disabled_at,
    accounts.c.created_at,
    accounts.c.full_name,
    accounts.c.email,
    accounts.c.totp_since,
)
_BY_ID: Final = SqlStatement(
    ACCOUNT.where(accounts.c.namespace_id == bindparam("id")), is_short=True
)
_BY_NAME: Final = SqlStatement(ACCOUNT.where(accounts.c.name == bindparam("name")))
_LIST: Final = SqlStatement(ACCOUNT.order_by(accounts.c.name))
MATCHES: Final = or_(
    *(
        func.lower(column).like(bindparam("pattern", type_=accounts.c.name.type))
        for column in (accounts.c.name, accounts.c.full_name, accounts.c.email)
    )
)
_LIST_PAGE: Final = SqlStatement(
    ACCOUNT.where(MATCHES)
    .order_by(accounts.c.name)
    .limit(bindparam("limit"))
    .offset(bindparam("offset"))
)
_COUNT_MATCHES: Final = SqlStatement(select(func.count()).select_from(accounts).where(MATCHES))
_ANY: Final = SqlStatement(select(accounts.c.namespace_id).limit(1))
_FIRST_ADMINISTRATOR: Final = SqlStatement(
    select(accounts.c.namespace_id)
    .where(accounts.c.is_admin == 1, accounts.c.disabled_at.is_(None))
    .order_by(accounts.c.namespace_id)
    .limit(1)
)
_INSERT: Final = SqlStatement(
    insert(accounts).values(
        namespace_id=bindparam("id"),
        name=bindparam("name"),
        password_hash=bindparam("password_hash"),
        is_admin=bindparam("is_admin"),
        created_at=bindparam("created_at"),
    )
)
_SET_PASSWORD: Final = SqlStatement(
    update(accounts)
    .where(accounts.c.namespace_id == bindparam("id"))
    .values(password_hash=bindparam("new_hash"))
)
_SET_DISABLED: Final = SqlStatement(
    update(accounts)
    .where(accounts.c.namespace_id == bindparam("id"))
    .values(disabled_at=bindparam("moment"))
)
_SET_ADMIN: Final = SqlStatement(
    update(accounts)
    .where(accounts.c.namespace_id == bindparam("id"))
    .values(is_admin=bindparam("new_value"), admin_from=null())
)
_SET_PROFILE: Final = SqlStatement(
    update(accounts)
    .where(accounts.c.namespace_id == bindparam("id"))
    .values(full_name=bindparam("new_name"), email=bindparam("new_email"))
)
_NAMESPACE: Final = select(
    namespaces.c.id,
    namespaces.c.name,
    namespaces.c.kind,
    namespaces.c.default_visibility,
    namespaces.c.created_at,
    namespaces.c.description,
)
_FIND_NAMESPACE: Final = SqlStatement(_NAMESPACE.where(namespaces.c.name == bindparam("name")))
_NAMESPACE_BY_ID: Final = SqlStatement(_NAMESPACE.where(namespaces.c.id == bindparam("id")))
_EDIT_NAMESPACE: Final = SqlStatement(
    update(namespaces)
    .where(namespaces.c.id == bindparam("namespace_id"))
    .values(
        description=bindparam("new_description"), default_visibility=bindparam("new_visibility")
    )
)
_LIST_NAMESPACES: Final = SqlStatement(
    _NAMESPACE.where(namespaces.c.kind == bindparam("kind")).order_by(namespaces.c.name)
)
_INSERT_NAMESPACE: Final = SqlStatement(
    insert(namespaces)
    .values(
        name=bindparam("name"),
        kind=bindparam("kind"),
        default_visibility=bindparam("visibility"),
        created_at=bindparam("created_at"),
    )
    .on_conflict_do_nothing()
    .returning(namespaces.c.id)
)
_ROLE: Final = SqlStatement(
    select(members.c.role).where(
        members.c.namespace_id == bindparam("namespace_id"),
        members.c.account_id == bindparam("account_id"),
    )
)
_SET_ROLE: Final = SqlStatement(
    insert(members)
    .values(
        namespace_id=bindparam("namespace_id"),
        account_id=bindparam("account_id"),
        role=bindparam("role"),
    )
    .on_conflict_do_update(
        index_elements=["namespace_id", "account_id"],
        # Given by hand, whoever gave it before: groups do not take it away.
        set_={"role": bindparam("role"), "from_groups": 0},
    )
)
_REMOVE_MEMBER: Final = SqlStatement(
    members.delete().where(
        members.c.namespace_id == bindparam("namespace_id"),
        members.c.account_id == bindparam("account_id"),
    )
)
_MEMBERSHIPS: Final = SqlStatement(
    select(members.c.namespace_id)
    .where(members.c.account_id == bindparam("account_id"))
    # Everybody who is signed in sees what such a mirror has.
    .union(select(mirrors.c.namespace_id).where(mirrors.c.visibility == "signed-in"))
)
_ORGANIZATIONS_OF: Final = SqlStatement(
    _NAMESPACE.add_columns(members.c.role)
    .join(members, members.c.namespace_id == namespaces.c.id)
    .where(members.c.account_id == bindparam("account_id"))
    .order_by(namespaces.c.name)
)
_OWNERS: Final = SqlStatement(
    select(members.c.account_id)
    .where(members.c.namespace_id == bindparam("namespace_id"), members.c.role == bindparam("role"))
    .order_by(members.c.account_id)
)
_MEMBERS: Final = SqlStatement(
    select(accounts.c.name, members.c.role)
    .join(accounts, accounts.c.namespace_id == members.c.account_id)
    .where(members.c.namespace_id == bindparam("namespace_id"))
    .order_by(accounts.c.name)
)


account_of: Final = row_mapper(Account)
_namespace: Final = row_mapper(Namespace)
_member: Final = row_mapper(tuple[str, Role])


async def find_account(reader: Reader, name: str) -> Account | None:
    """The account of that name, disabled ones included."""
    return await find_one(reader, account_of, _BY_NAME, name=name)


async def find_account_by_id(reader: Reader, account_id: int) -> Account | None:
    """The account with that id, disabled ones included."""
    return await find_one(reader, account_of, _BY_ID, id=account_id)


async def list_accounts(reader: Reader) -> list[Account]:
    """Every account, by name."""
    return await list_all(reader, account_of, _LIST)


async def list_accounts_page(
    reader: Reader, limit: int, offset: int, text: str = ""
) -> list[Account]:
    """At most `limit` accounts from `offset` on, by name, that have the text in one of theirs."""
    return await list_all(
        reader, account_of, _LIST_PAGE, pattern=pattern(text), limit=limit, offset=offset
    )


async def count_accounts(reader: Reader, text: str = "") -> int:
    """How many accounts have the text in their name, full name or e-mail address."""
    return await get_number(reader, _COUNT_MATCHES, pattern=pattern(text))


def pattern(text: str) -> str:
    """Return the pattern of `LIKE` for names that have the text in them, in lower case."""
    return f"%{storable(text).lower()}%"


async def has_accounts(reader: Reader) -> bool:
    """Say whether there is any account, by one row however many there are."""
    return await reader.one(_ANY) is not None


async def find_administrator_id(reader: Reader) -> int | None:
    """The id of the oldest administrator who is not disabled; `None` without any."""
    return await find_one(reader, first_number, _FIRST_ADMINISTRATOR)


async def insert_account(tx: Transaction, account: Account) -> None:
    """Add an account whose namespace has been added under the same id."""
    await tx.run(
        _INSERT,
        id=account.id,
        name=account.name,
        password_hash=account.password_hash,
        is_admin=int(account.is_admin),
        created_at=to_instant(account.created_at),
    )


async def set_password(tx: Transaction, account_id: int, password_hash: str) -> None:
    """Replace the hash of the account's password."""
    await tx.run(_SET_PASSWORD, id=account_id, new_hash=password_hash)


async def set_disabled(tx: Transaction, account_id: int, moment: datetime | None) -> None:
    """Disable the account as of `moment`, or enable it."""
    await tx.run(_SET_DISABLED, id=account_id, moment=to_instant(moment) if moment else None)


async def set_admin(tx: Transaction, account_id: int, is_admin: bool) -> None:
    """Let the account do everything, or no longer."""
    await tx.run(_SET_ADMIN, id=account_id, new_value=int(is_admin))


async def set_profile(tx: Transaction, account_id: int, full_name: str, email: str) -> None:
    """Say who the account is of."""
    await tx.run(_SET_PROFILE, id=account_id, new_name=full_name, new_email=email)


async def edit_namespace(
    tx: Transaction, namespace_id: int, description: str, visibility: Visibility
) -> None:
    """Describe the namespace, and say what repositories pushed there begin as."""
    await tx.run(
        _EDIT_NAMESPACE,
        namespace_id=namespace_id,
        new_description=description,
        new_visibility=visibility,
    )


async def insert_namespace(
    tx: Transaction, name: str, kind: NamespaceKind, visibility: Visibility, now: datetime
) -> int | None:
    """Add a namespace and return its id; `None` where the name is taken."""
    return await find_one(
        tx,
        first_number,
        _INSERT_NAMESPACE,
        name=name,
        kind=kind,
        visibility=visibility,
        created_at=to_instant(now),
    )


async def find_namespace(reader: Reader, name: str) -> Namespace | None:
    """The namespace of that name."""
    return await find_one(reader, _namespace, _FIND_NAMESPACE, name=name)


async def find_namespace_by_id(reader: Reader, namespace_id: int) -> Namespace | None:
    """The namespace with that id."""
    return await find_one(reader, _namespace, _NAMESPACE_BY_ID, id=namespace_id)


async def list_namespaces(reader: Reader, kind: NamespaceKind) -> list[Namespace]:
    """Every namespace of a kind, by name."""
    return await list_all(reader, _namespace, _LIST_NAMESPACES, kind=kind)


async def find_role(reader: Reader, namespace_id: int, account_id: int) -> Role | None:
    """Return the account's role in the namespace; `None` for strangers."""
    row = await reader.one(_ROLE, namespace_id=namespace_id, account_id=account_id)
    return None if row is None else Role(row[0])


async def set_role(tx: Transaction, namespace_id: int, account_id: int, role: Role) -> None:
    """Make the account a member in that role, or change the role."""
    await tx.run(_SET_ROLE, namespace_id=namespace_id, account_id=account_id, role=role)


async def remove_member(tx: Transaction, namespace_id: int, account_id: int) -> bool:
    """Remove the member; say whether there was one."""
    count = await tx.run(_REMOVE_MEMBER, namespace_id=namespace_id, account_id=account_id)
    return count > 0


async def list_memberships(reader: Reader, account_id: int) -> list[int]:
    """The ids of the organizations that the account belongs to."""
    return await list_all(reader, first_number, _MEMBERSHIPS, account_id=account_id)


async def list_organizations_of(reader: Reader, account_id: int) -> list[tuple[Namespace, Role]]:
    """The organizations that the account belongs to, with its role there, by name."""
    rows = await reader.all(_ORGANIZATIONS_OF, account_id=account_id)
    return [(_namespace(row), Role(row[6])) for row in rows]


async def list_owner_ids(reader: Reader, namespace_id: int) -> list[int]:
    """The ids of the organization's owners, the oldest account first."""
    return await list_all(reader, first_number, _OWNERS, namespace_id=namespace_id, role=Role.OWNER)


async def list_members(reader: Reader, namespace_id: int) -> list[tuple[str, Role]]:
    """The organization's members with their roles, by name."""
    return await list_all(reader, _member, _MEMBERS, namespace_id=namespace_id)
