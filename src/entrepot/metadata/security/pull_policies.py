"""Rules about pulls that namespaces and repositories have, and what was judged by them."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Table, Text, bindparam, func, select

from entrepot.metadata.engines.engine import (
    Reader,
    Row,
    SqlStatement,
    Transaction,
    from_instant,
)
from entrepot.metadata.engines.rows import find_one, first_number, first_text, list_all
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.policy_tables import (
    namespace_policies,
    repository_policies,
)
from entrepot.metadata.tables import (
    manifest_references,
    manifests,
    namespaces,
    pull_days,
    repositories,
    tags,
)
from entrepot.model.security.pull_decisions import ScopedPolicy
from entrepot.model.security.pull_policies import PullPolicy

_N, _R = namespace_policies, repository_policies


@dataclass(frozen=True, slots=True)
class RepositoryPolicies:
    """The rules that hold for a repository: those of its namespace, and its own."""

    namespace_id: int
    namespace: str
    repository: str
    of_namespace: str
    of_repository: str

    @property
    def is_empty(self) -> bool:
        """Whether there are no rules."""
        return not (self.of_namespace or self.of_repository)

    @property
    def scoped(self) -> list[ScopedPolicy]:
        """The policies with whom they belong to; all of their rules must be met."""
        found = ((self.namespace, self.of_namespace), (self.repository, self.of_repository))
        return [ScopedPolicy(of, PullPolicy.parse(text)) for of, text in found if text]

    @property
    def texts(self) -> tuple[str, str]:
        """The texts of the rules, to compare them with others."""
        return self.of_namespace, self.of_repository

    @property
    def fingerprint(self) -> str:
        """The same in a few characters."""
        return hashlib.sha256("\n".join(self.texts).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class JudgedManifest:
    """A manifest that rules are about; `subject` is what it is attached to."""

    id: int
    digest: str
    subject: str | None
    pushed_at: datetime


_FIND: Final = SqlStatement(
    select(
        repositories.c.namespace_id,
        namespaces.c.name,
        repositories.c.name,
        _N.c.pull_rules,
        _R.c.pull_rules,
    )
    .select_from(repositories)
    .join(namespaces, namespaces.c.id == repositories.c.namespace_id, isouter=True)
    .join(_N, _N.c.namespace_id == repositories.c.namespace_id, isouter=True)
    .join(_R, _R.c.repository_id == repositories.c.id, isouter=True)
    .where(repositories.c.id == bindparam("repository_id"))
)
_FIND_OF_NAMESPACE: Final = SqlStatement(
    select(_N.c.pull_rules).where(_N.c.namespace_id == bindparam("namespace_id"))
)


def _set(table: Table, key: str) -> SqlStatement:
    return SqlStatement(
        insert(table)
        .values({key: bindparam("of"), "pull_rules": bindparam("rules", type_=Text())})
        .on_conflict_do_update(
            index_elements=[key], set_={"pull_rules": bindparam("rules", type_=Text())}
        )
    )


_SET_NAMESPACE: Final = _set(namespace_policies, "namespace_id")
_SET_REPOSITORY: Final = _set(repository_policies, "repository_id")
_REPOSITORIES_OF: Final = SqlStatement(
    select(repositories.c.id)
    .where(repositories.c.namespace_id == bindparam("of"), repositories.c.id > bindparam("after"))
    .order_by(repositories.c.id)
    .limit(bindparam("limit"))
)
_JUDGED: Final = (
    manifests.c.id,
    manifests.c.digest,
    manifests.c.subject,
    manifests.c.pushed_at,
)
_FIND_MANIFEST: Final = SqlStatement(
    select(*_JUDGED).where(
        manifests.c.repository_id == bindparam("repository_id"),
        manifests.c.digest == bindparam("digest"),
    )
)
_LIST_MANIFESTS: Final = SqlStatement(
    select(*_JUDGED)
    .where(
        manifests.c.repository_id == bindparam("repository_id"),
        manifests.c.id < bindparam("before"),
    )
    .order_by(manifests.c.id.desc())
    .limit(bindparam("limit"))
)
_LIST_LISTED: Final = SqlStatement(
    select(*_JUDGED)
    .join(manifest_references, manifest_references.c.digest == manifests.c.digest)
    .where(
        manifests.c.repository_id == bindparam("repository_id"),
        manifest_references.c.manifest_id == bindparam("of"),
        manifest_references.c.role == "manifest",
    )
    .order_by(manifests.c.id)
    .limit(200)
)
_LIST_TAGS: Final = SqlStatement(
    select(tags.c.name, *_JUDGED)
    .join(manifests, manifests.c.id == tags.c.manifest_id)
    .where(
        tags.c.repository_id == bindparam("repository_id"),
        tags.c.is_hidden == 0,
        tags.c.name > bindparam("after"),
    )
    .order_by(tags.c.name)
    .limit(bindparam("limit"))
)
_PULLS_BY_TAG: Final = SqlStatement(
    select(pull_days.c.tag, func.sum(pull_days.c["count"]))
    .where(
        pull_days.c.repository_id == bindparam("repository_id"),
        pull_days.c.tag != "",
        pull_days.c.day >= bindparam("first"),
    )
    .group_by(pull_days.c.tag)
)


def _manifest(row: Row) -> JudgedManifest:
    return JudgedManifest(int(row[0]), row[1], row[2], from_instant(row[3]))


async def find_policies(reader: Reader, repository_id: int) -> RepositoryPolicies | None:
    """The rules that hold for the repository; `None` where that is gone."""
    row = await reader.one(_FIND, repository_id=repository_id)
    if row is None:
        return None
    texts = [text or "" for text in row[1:5]]
    return RepositoryPolicies(int(row[0] or 0), *texts)


async def find_of_namespace(reader: Reader, namespace_id: int) -> str:
    """The rules of the namespace as JSON, empty where there are none."""
    return await find_one(reader, first_text, _FIND_OF_NAMESPACE, namespace_id=namespace_id) or ""


async def set_of_namespace(tx: Transaction, namespace_id: int, rules: str) -> None:
    """Replace the rules that all repositories of the namespace have."""
    await tx.run(_SET_NAMESPACE, of=namespace_id, rules=rules)


async def set_of_repository(tx: Transaction, repository_id: int, rules: str) -> None:
    """Replace the repository's own rules."""
    await tx.run(_SET_REPOSITORY, of=repository_id, rules=rules)


async def list_repositories_of(
    reader: Reader, namespace_id: int, after: int, limit: int
) -> list[int]:
    """The first `limit` repositories of the namespace with an id past `after`."""
    return await list_all(
        reader, first_number, _REPOSITORIES_OF, of=namespace_id, after=after, limit=limit
    )


async def find_judged(reader: Reader, repository_id: int, digest: str) -> JudgedManifest | None:
    """The manifest of that digest, as rules see it."""
    return await find_one(
        reader, _manifest, _FIND_MANIFEST, repository_id=repository_id, digest=digest
    )


async def list_judged(
    reader: Reader, repository_id: int, before: int, limit: int
) -> list[JudgedManifest]:
    """The newest `limit` manifests of the repository with an id below `before`."""
    return await list_all(
        reader, _manifest, _LIST_MANIFESTS, repository_id=repository_id, before=before, limit=limit
    )


async def list_listed(reader: Reader, repository_id: int, manifest_id: int) -> list[JudgedManifest]:
    """The manifests that an index lists and the repository has."""
    return await list_all(
        reader, _manifest, _LIST_LISTED, repository_id=repository_id, of=manifest_id
    )


async def list_tagged(
    reader: Reader, repository_id: int, after: str, limit: int
) -> list[tuple[str, JudgedManifest]]:
    """The first `limit` tags past `after` with their manifests; none that clients attach by."""
    rows = await reader.all(_LIST_TAGS, repository_id=repository_id, after=after, limit=limit)
    return [(str(row[0]), _manifest(row[1:])) for row in rows]


async def count_pulls_by_tag(reader: Reader, repository_id: int, first: int) -> dict[str, int]:
    """Pulls by each tag since the day `first`, an ordinal."""
    rows = await reader.all(_PULLS_BY_TAG, repository_id=repository_id, first=first)
    return {str(row[0]): int(row[1]) for row in rows}
