"""Finding packages, vulnerabilities, tags, people and organizations by one word."""

from typing import Any, Final

from sqlalchemy import Select, bindparam, case, distinct, exists, func, or_, select

from entrepot.metadata.artifact_tables import artifact_packages, artifact_vulnerabilities, packages
from entrepot.metadata.contents.search_filters import LAST, is_package, package_values
from entrepot.metadata.contents.search_sql import is_among, json_of
from entrepot.metadata.engines.engine import Reader, SqlStatement, Value
from entrepot.metadata.engines.rows import list_all, row_mapper
from entrepot.metadata.tables import accounts, namespaces, repositories, tags
from entrepot.metadata.visibility import IS_SEEN, VisibleTo
from entrepot.model.people.accounts import NamespaceKind
from entrepot.model.search import FoundNamespace, FoundPackage, FoundTag, FoundVulnerability

_MOST_PACKAGES: Final = 200
"""Names with versions that are looked into: a prefix may begin a hundred thousand."""
_MOST_ROWS: Final = 10_000
_REPOSITORIES: Final = func.count(distinct(repositories.c.id))


def _seen(statement: Select[Any]) -> dict[bool, SqlStatement]:
    """The statement for those who see everything, and for all others."""
    return {False: SqlStatement(statement), True: SqlStatement(statement.where(IS_SEEN))}


_MEANT: Final = (
    select(packages.c.id, packages.c.name)
    .where(is_package("of"))
    .order_by(case((packages.c.name == bindparam("exactly"), 0), else_=1), packages.c.name)
    .limit(_MOST_PACKAGES)
    .subquery("meant")
)
_PACKAGES: Final = _seen(
    select(_MEANT.c.name, _REPOSITORIES)
    .join(artifact_packages, artifact_packages.c.package_id == _MEANT.c.id)
    .join(repositories, repositories.c.id == artifact_packages.c.repository_id)
    .group_by(_MEANT.c.name)
    .order_by(
        case((_MEANT.c.name == bindparam("exactly"), 0), else_=1),
        _REPOSITORIES.desc(),
        _MEANT.c.name,
    )
    .limit(bindparam("limit"))
)
_COUNTED: Final = (
    select(artifact_vulnerabilities.c.identifier, artifact_vulnerabilities.c.repository_id)
    .where(artifact_vulnerabilities.c.identifier.between(bindparam("low"), bindparam("high")))
    .limit(_MOST_ROWS)
    .subquery("counted")
)
_VULNERABILITIES: Final = _seen(
    select(_COUNTED.c.identifier, _REPOSITORIES)
    .join(repositories, repositories.c.id == _COUNTED.c.repository_id)
    .group_by(_COUNTED.c.identifier)
    .order_by(_REPOSITORIES.desc(), _COUNTED.c.identifier)
    .limit(bindparam("limit"))
)
_TAGS: Final = _seen(
    select(repositories.c.name, tags.c.name)
    .join(tags, tags.c.repository_id == repositories.c.id)
    .where(is_among("tags.name", "names", "text"), tags.c.is_hidden == 0)
    .order_by(repositories.c.pulls.desc(), repositories.c.name, tags.c.name)
    .limit(bindparam("limit"))
)
_HAS_SEEN: Final = exists().where(repositories.c.namespace_id == namespaces.c.id, IS_SEEN)
_ANYBODY: Final = (
    select(namespaces.c.name, namespaces.c.kind, namespaces.c.description)
    .join(accounts, accounts.c.namespace_id == namespaces.c.id, isouter=True)
    .where(
        namespaces.c.name.between(bindparam("low"), bindparam("high")),
        accounts.c.disabled_at.is_(None),
    )
    .order_by(func.length(namespaces.c.name), namespaces.c.name)
    .limit(bindparam("limit"))
)
_IS_PERSON: Final = case((bindparam("sees_people") == 1, namespaces.c.kind), else_="") == str(
    NamespaceKind.ACCOUNT
)
_NAMESPACES: Final = {
    False: SqlStatement(_ANYBODY),
    True: SqlStatement(
        _ANYBODY.where(or_(_IS_PERSON, is_among("namespaces.id", "namespaces"), _HAS_SEEN))
    ),
}

_package: Final = row_mapper(FoundPackage)
_vulnerability: Final = row_mapper(FoundVulnerability)
_tag: Final = row_mapper(FoundTag)
_namespace: Final = row_mapper(FoundNamespace)


async def list_packages_like(
    reader: Reader, text: str, visible_to: VisibleTo, limit: int
) -> list[FoundPackage]:
    """List packages by the start of their names: an exact name first, then the most shipped."""
    values: dict[str, Value] = {f"{name}_of": value for name, value in package_values(f"{text}*")}
    statement = _PACKAGES[visible_to.is_limited]
    return await list_all(
        reader, _package, statement, **values, **_sight(visible_to), exactly=text, limit=limit
    )


async def list_vulnerabilities_like(
    reader: Reader, identifier: str, visible_to: VisibleTo, limit: int
) -> list[FoundVulnerability]:
    """List vulnerabilities by the start of their ids, those in most repositories first."""
    statement = _VULNERABILITIES[visible_to.is_limited]
    return await list_all(
        reader,
        _vulnerability,
        statement,
        **_sight(visible_to),
        low=identifier,
        high=identifier + LAST,
        limit=limit,
    )


async def list_tags_named(
    reader: Reader, names: list[str], visible_to: VisibleTo, limit: int
) -> list[FoundTag]:
    """Tags of these names, of the repositories with most pulls first."""
    statement = _TAGS[visible_to.is_limited]
    return await list_all(
        reader, _tag, statement, **_sight(visible_to), names=json_of(names), limit=limit
    )


async def list_namespaces_like(
    reader: Reader, text: str, visible_to: VisibleTo, limit: int, *, sees_people: bool
) -> list[FoundNamespace]:
    """List people and organizations by the start of their names, the shortest name first.

    Organizations are those with a repository that is seen, and one's own; so are people, unless
    `sees_people`. Disabled accounts are left out.
    """
    values: dict[str, Value] = {"low": text, "high": text + LAST, "limit": limit}
    if visible_to.is_limited:
        values |= {**visible_to.values, "sees_people": int(sees_people)}
    return await list_all(reader, _namespace, _NAMESPACES[visible_to.is_limited], **values)


def _sight(visible_to: VisibleTo) -> dict[str, Value]:
    return visible_to.values if visible_to.is_limited else {}
