"""How much of the hub is used: by day, by namespace, by repository, by account."""

from datetime import date
from typing import Any, Final

from sqlalchemy import Select, and_, bindparam, cast, func, literal_column, select

from entrepot.metadata.engines.engine import Reader, Row, SqlStatement, from_optional
from entrepot.metadata.engines.rows import get_number, list_all, row_mapper
from entrepot.metadata.people.accounts import ACCOUNT, MATCHES, account_of, pattern
from entrepot.metadata.people_tables import sessions
from entrepot.metadata.policy_tables import namespace_policies
from entrepot.metadata.tables import (
    NUMBER,
    accounts,
    blobs,
    leases,
    members,
    namespaces,
    pull_days,
    repositories,
)
from entrepot.model.operators.usage import (
    AccountUsage,
    KindUsage,
    Lease,
    NamespaceUsage,
    RepositoryUsage,
    UsageOrder,
)
from entrepot.model.people.accounts import NamespaceKind

_DAY: Final = 86_400_000_000
_EPOCH: Final = date(1970, 1, 1).toordinal()
_day: Final = blobs.c.created_at.op("/")(literal_column(str(_DAY)))
_BYTES_BY_DAY: Final = SqlStatement(
    select(_day, func.sum(blobs.c.size)).group_by(_day).order_by(_day)
)
_PULLS_BY_DAY: Final = SqlStatement(
    select(pull_days.c.day, func.sum(pull_days.c["count"]))
    .where(pull_days.c.tag == "", pull_days.c.day >= bindparam("first"))
    .group_by(pull_days.c.day)
)
_size: Final = cast(func.coalesce(func.sum(repositories.c.size), 0), NUMBER)
_KINDS: Final = SqlStatement(
    select(
        func.coalesce(namespaces.c.name, ""),
        repositories.c.kind,
        _size,
        func.count(),
    )
    .select_from(repositories)
    .join(namespaces, namespaces.c.id == repositories.c.namespace_id, isouter=True)
    .group_by(namespaces.c.name, repositories.c.kind)
    .order_by(_size.desc(), repositories.c.kind)
    .limit(bindparam("limit"))
)
_LEASES: Final = SqlStatement(
    select(leases.c.name, leases.c.until)
    .where(~leases.c.name.like("hold:%"))
    .order_by(leases.c.name)
)


def _page(statement: Select[Any], *order: Any) -> SqlStatement:
    return SqlStatement(
        statement.order_by(*order).limit(bindparam("limit")).offset(bindparam("offset"))
    )


_named: Final = func.lower(repositories.c.name).like(
    bindparam("pattern", type_=repositories.c.name.type)
)
_REPOSITORY: Final = select(
    repositories.c.name,
    repositories.c.kind,
    repositories.c.visibility,
    repositories.c.size,
    repositories.c.tag_count,
    repositories.c.pulls,
    repositories.c.created_at,
    repositories.c.pushed_at,
).where(_named)
_REPOSITORIES: Final = {
    UsageOrder.NAME: _page(_REPOSITORY, repositories.c.name),
    UsageOrder.SIZE: _page(_REPOSITORY, repositories.c.size.desc(), repositories.c.name),
    UsageOrder.CREATED: _page(_REPOSITORY, repositories.c.created_at.desc(), repositories.c.name),
    UsageOrder.ACTIVE: _page(
        _REPOSITORY, repositories.c.pushed_at.desc().nulls_last(), repositories.c.name
    ),
}
_COUNT_REPOSITORIES: Final = SqlStatement(
    select(func.count()).select_from(repositories).where(_named)
)
_held: Final = (
    select(
        repositories.c.namespace_id.label("of"),
        func.count().label("count"),
        cast(func.sum(repositories.c.size), NUMBER).label("size"),
        func.max(repositories.c.pushed_at).label("pushed_at"),
    )
    .group_by(repositories.c.namespace_id)
    .subquery()
)
_people: Final = (
    select(members.c.namespace_id.label("of"), func.count().label("count"))
    .group_by(members.c.namespace_id)
    .subquery()
)
_is_organization: Final = and_(
    namespaces.c.kind == NamespaceKind.ORGANIZATION.value,
    func.lower(namespaces.c.name).like(bindparam("pattern", type_=namespaces.c.name.type)),
)
_ORGANIZATION: Final = (
    select(
        namespaces.c.name,
        namespaces.c.kind,
        namespaces.c.created_at,
        func.coalesce(_held.c.count, 0),
        func.coalesce(_held.c.size, 0),
        func.coalesce(_people.c.count, 0),
        namespace_policies.c.quota,
        _held.c.pushed_at,
    )
    .select_from(namespaces)
    .join(_held, _held.c.of == namespaces.c.id, isouter=True)
    .join(_people, _people.c.of == namespaces.c.id, isouter=True)
    .join(namespace_policies, namespace_policies.c.namespace_id == namespaces.c.id, isouter=True)
    .where(_is_organization)
)
_ORGANIZATIONS: Final = {
    UsageOrder.NAME: _page(_ORGANIZATION, namespaces.c.name),
    UsageOrder.SIZE: _page(_ORGANIZATION, _held.c.size.desc().nulls_last(), namespaces.c.name),
    UsageOrder.CREATED: _page(_ORGANIZATION, namespaces.c.created_at.desc(), namespaces.c.name),
    UsageOrder.ACTIVE: _page(
        _ORGANIZATION, _held.c.pushed_at.desc().nulls_last(), namespaces.c.name
    ),
}
_COUNT_ORGANIZATIONS: Final = SqlStatement(
    select(func.count()).select_from(namespaces).where(_is_organization)
)
_seen: Final = (
    select(sessions.c.account_id.label("of"), func.max(sessions.c.seen_at).label("seen_at"))
    .group_by(sessions.c.account_id)
    .subquery()
)
_ACCOUNTS_WITH_USAGE: Final = (
    ACCOUNT.add_columns(_seen.c.seen_at, func.coalesce(_held.c.size, 0))
    .join(_seen, _seen.c.of == accounts.c.namespace_id, isouter=True)
    .join(_held, _held.c.of == accounts.c.namespace_id, isouter=True)
    .where(MATCHES)
)
_ACCOUNTS: Final = {
    UsageOrder.NAME: _page(_ACCOUNTS_WITH_USAGE, accounts.c.name),
    UsageOrder.SIZE: _page(_ACCOUNTS_WITH_USAGE, _held.c.size.desc().nulls_last(), accounts.c.name),
    UsageOrder.CREATED: _page(_ACCOUNTS_WITH_USAGE, accounts.c.created_at.desc(), accounts.c.name),
    UsageOrder.ACTIVE: _page(
        _ACCOUNTS_WITH_USAGE, _seen.c.seen_at.desc().nulls_last(), accounts.c.name
    ),
}
_ACCOUNT_WIDTH: Final = 9
_kind: Final = row_mapper(KindUsage)
_repository: Final = row_mapper(RepositoryUsage)
_organization: Final = row_mapper(NamespaceUsage)
_lease: Final = row_mapper(Lease)


async def list_bytes_by_day(reader: Reader) -> dict[date, int]:
    """Return the bytes of the blobs that are stored now, by the day on which they came."""
    rows = await reader.all(_BYTES_BY_DAY)
    return {date.fromordinal(_EPOCH + int(row[0])): int(row[1]) for row in rows}


async def list_pulls_by_day(reader: Reader, first: date) -> dict[date, int]:
    """Return the pulls of all repositories on each day since `first` that has any."""
    rows = await reader.all(_PULLS_BY_DAY, first=first.toordinal())
    return {date.fromordinal(int(row[0])): int(row[1]) for row in rows}


async def list_kinds(reader: Reader, limit: int) -> list[KindUsage]:
    """Return what the repositories of each namespace and kind hold, the greatest first."""
    return await list_all(reader, _kind, _KINDS, limit=limit)


async def list_leases(reader: Reader) -> list[Lease]:
    """Return the periodic tasks that workers share, and until when each is done."""
    return await list_all(reader, _lease, _LEASES)


async def list_repositories(
    reader: Reader, order: UsageOrder, text: str, limit: int, offset: int
) -> list[RepositoryUsage]:
    """Return a page of the repositories that have the text in their names."""
    return await list_all(
        reader,
        _repository,
        _REPOSITORIES[order],
        pattern=pattern(text),
        limit=limit,
        offset=offset,
    )


async def count_repositories(reader: Reader, text: str) -> int:
    """Return how many repositories have the text in their names."""
    return await get_number(reader, _COUNT_REPOSITORIES, pattern=pattern(text))


async def list_organizations(
    reader: Reader, order: UsageOrder, text: str, limit: int, offset: int
) -> list[NamespaceUsage]:
    """Return a page of the organizations that have the text in their names."""
    return await list_all(
        reader,
        _organization,
        _ORGANIZATIONS[order],
        pattern=pattern(text),
        limit=limit,
        offset=offset,
    )


async def count_organizations(reader: Reader, text: str) -> int:
    """Return how many organizations have the text in their names."""
    return await get_number(reader, _COUNT_ORGANIZATIONS, pattern=pattern(text))


async def list_accounts(
    reader: Reader, order: UsageOrder, text: str, limit: int, offset: int
) -> list[AccountUsage]:
    """Return a page of accounts that have the text in their name, full name or e-mail address."""
    rows = await reader.all(_ACCOUNTS[order], pattern=pattern(text), limit=limit, offset=offset)
    return [_account(row) for row in rows]


def _account(row: Row) -> AccountUsage:
    seen, size = row[_ACCOUNT_WIDTH : _ACCOUNT_WIDTH + 2]
    return AccountUsage(account_of(row), from_optional(seen), int(size))
