"""Fills a SQLite file with a hub as a busy company has it, for measuring pages and searches."""

import asyncio
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from sqlalchemy import Table

from bench.hub_documents import (
    INDEX,
    MANIFEST,
    SARIF,
    SPDX,
    Repository,
    attachment_of,
    image_of,
    index_of,
)
from bench.hub_words import (
    ECOSYSTEMS,
    KINDS,
    LICENSES,
    repository_names,
    sentences,
    tag_names,
    vocabulary,
)
from entrepot.kinds.versions import version_key
from entrepot.metadata import artifact_tables as found
from entrepot.metadata import tables
from entrepot.metadata.contents import search
from entrepot.metadata.engines.engine import Metadata, SqlStatement, Transaction, Value
from entrepot.metadata.engines.sqlite import SqliteMetadata
from entrepot.metadata.engines.upserts import insert
from entrepot.metadata.migrate import upgrade_sqlite
from entrepot.model.search import Facet

BIG = "big/tags"
"""The repository that has more tags than all others together."""

_ACCOUNTS = 20
_NOW = 1_770_000_000_000_000
_DAY = 86_400_000_000
_BATCH = 200

Row = dict[str, Value]


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much of everything."""

    repositories: int = 10_000
    tags: int = 100_000
    sboms: int = 1_000
    packages: int = 500_000
    big_repository_tags: int = 100_000


@dataclass(slots=True)
class Rows:
    """Rows that are still to be written, by table, in an order that foreign keys allow."""

    by_table: dict[Table, list[Row]] = field(default_factory=dict)

    def add(self, table: Table, **values: Value) -> None:
        """Write this row at the next flush."""
        self.by_table.setdefault(table, []).append(values)

    async def flush(self, tx: Transaction) -> None:
        """Write what was added."""
        for table, rows in self.by_table.items():
            await tx.run_many(SqlStatement(insert(table).values(dict.fromkeys(rows[0]))), rows)
        self.by_table.clear()


def generate(
    path: Path,
    *,
    repositories: int = 10_000,
    tags: int = 100_000,
    sboms: int = 1_000,
    packages: int = 500_000,
    big_repository_tags: int = 100_000,
) -> None:
    """Make the file, the same every time; bytes of blobs are nowhere."""
    amounts = Amounts(repositories, tags, sboms, packages, big_repository_tags)
    asyncio.run(_generate(path, amounts))


async def _generate(path: Path, amounts: Amounts) -> None:
    upgrade_sqlite(path)
    metadata = SqliteMetadata(path)
    await HubData(metadata, amounts).fill()
    await metadata.close()


class HubData:
    """One hub that is being made up."""

    def __init__(self, metadata: Metadata, amounts: Amounts) -> None:
        self._metadata = metadata
        self._amounts = amounts
        self._random = Random(20260704)
        self._words = vocabulary(self._random, 6000)
        self._rows = Rows()
        self._manifests = 0
        self._packages = max(100, amounts.packages * 2 // 25)

    async def fill(self) -> None:
        """Write everything."""
        await self._write(self._people())
        await self._write(self._distinct_packages())
        repositories = self._repositories()
        while batch := [each for _, each in zip(range(_BATCH), repositories, strict=False)]:
            async with self._metadata.begin() as tx:
                for each in batch:
                    self._add_repository(each)
                await self._rows.flush(tx)
                for each in batch:
                    await self._describe(tx, each)

    async def _write(self, steps: Iterator[None]) -> None:
        for _ in steps:
            async with self._metadata.begin() as tx:
                await self._rows.flush(tx)

    def _people(self) -> Iterator[None]:
        """Accounts, then organizations; a twenty-fifth as many as repositories."""
        self._namespaces = [f"user{number}" for number in range(_ACCOUNTS)]
        count = max(5, self._amounts.repositories // 25 - _ACCOUNTS)
        self._namespaces += [
            f"{word}-org{number}" for number, word in enumerate(self._words[:count])
        ]
        self._namespaces.append("big")
        for number, name in enumerate(self._namespaces, 1):
            self._rows.add(
                tables.namespaces,
                id=number,
                name=name,
                kind="account" if number <= _ACCOUNTS else "organisation",
                default_visibility="public",
                created_at=_NOW - 900 * _DAY,
                description=sentences(self._random, self._words, 12),
            )
        for number, name in enumerate(self._namespaces[:_ACCOUNTS], 1):
            self._rows.add(
                tables.accounts,
                namespace_id=number,
                name=name,
                password_hash="not-a-hash",  # noqa: S106 - nobody logs in with it
                is_admin=0,
                created_at=_NOW - 900 * _DAY,
            )
        yield

    def _distinct_packages(self) -> Iterator[None]:
        """Five versions of each name."""
        for number in range(self._packages):
            word, place = self._words[number // 5 % len(self._words)], number // 5
            name = word if place < len(self._words) else f"lib{word}{place}"
            version = f"{place % 7}.{number % 5}.{place % 11}"
            ecosystem = ECOSYSTEMS[place % len(ECOSYSTEMS)]
            self._rows.add(
                found.packages,
                id=number + 1,
                name=name,
                version=version,
                purl=f"pkg:{ecosystem}/{name}@{version}",
                licenses=LICENSES[place % len(LICENSES)],
            )
            if number % 10_000 == 9_999:
                yield
        yield

    def _repositories(self) -> Iterator[Repository]:
        amounts, random = self._amounts, self._random
        spread = [random.expovariate(1) for _ in range(amounts.repositories)]
        share = max(0, amounts.tags - amounts.repositories) / sum(spread)
        every = max(1, amounts.repositories // max(1, amounts.sboms))
        names = repository_names(random, self._namespaces[:-1])
        for number, (place, name) in zip(range(amounts.repositories), names, strict=False):
            yield Repository(
                id=number + 1,
                name=name,
                namespace_id=place + 1,
                kind=random.choices(list(KINDS), list(KINDS.values()))[0],
                tags=1 + round(spread[number] * share),
                has_sbom=number % every == 0 and number // every < amounts.sboms,
                is_signed=random.random() < 0.3,
                license=random.choice(LICENSES),
                description=sentences(random, self._words, 10).capitalize(),
                readme=sentences(random, self._words, random.randint(50, 350)),
                is_public=random.random() < 0.8,
            )
        yield Repository(
            id=amounts.repositories + 1,
            name=BIG,
            namespace_id=len(self._namespaces),
            kind="image",
            tags=amounts.big_repository_tags,
        )

    def _add_repository(self, repository: Repository) -> None:
        random, pushed = self._random, _NOW - int(_age(self._random) * _DAY)
        popularity = random.paretovariate(0.8)
        self._rows.add(
            tables.repositories,
            id=repository.id,
            namespace_id=repository.namespace_id,
            name=repository.name,
            visibility="public" if repository.is_public else "private",
            created_at=pushed - 100 * _DAY,
            pulls=min(10**9, int(popularity * 50)),
            pulled_at=pushed,
            description=repository.description,
            readme=f"# {repository.name}\n\n{repository.readme}\n",
            pushed_at=pushed,
            stars=min(10**5, int(popularity)),
            kind=repository.kind,
            size=repository.tags * 30_000_000,
            tag_count=repository.tags,
        )
        digests: list[str] = []
        for number, tag in enumerate(tag_names(repository.tags)):
            if number % 2 == 0:
                digests.append(self._add_artifact(repository, number, tag, pushed))
            self._add_tag(repository, tag, digests[-1], pushed - number * _DAY // 10)
        if repository.has_sbom:
            self._add_sbom(repository, digests[0], pushed)

    def _add_tag(self, repository: Repository, tag: str, digest: str, at: int) -> None:
        self._rows.add(
            tables.tags,
            repository_id=repository.id,
            name=tag,
            manifest_id=self._last_artifact,
            moved_at=at,
            moved_by=repository.id % _ACCOUNTS + 1,
            version_key=version_key(tag),
            is_hidden=0,
        )
        self._rows.add(
            found.tag_history,
            repository_id=repository.id,
            tag=tag,
            action="pushed",
            digest=digest,
            at=at,
            by=repository.id % _ACCOUNTS + 1,
        )

    def _add_artifact(self, repository: Repository, number: int, tag: str, at: int) -> str:
        """What a tag points at: the newest of an image is an index of two."""
        is_index = repository.kind == "image" and number == 0
        if not is_index:
            document = image_of(repository, number)
            digest = self._add_manifest(repository, document, at, repository.kind, tag)
            self._last_artifact = self._manifests
            return digest
        children = []
        for place, platform in enumerate(repository.platforms):
            document = image_of(repository, -1 - place)
            digest = self._add_manifest(repository, document, at, "image", tag, (platform,))
            children.append((digest, len(document), platform))
        digest = self._add_manifest(repository, index_of(children), at, "image", tag)
        self._last_artifact = self._manifests
        for child, _, _ in children:
            self._rows.add(
                tables.manifest_references,
                manifest_id=self._manifests,
                role="manifest",
                digest=child,
                repository_id=repository.id,
            )
        return digest

    def _add_manifest(
        self,
        repository: Repository,
        document: bytes,
        at: int,
        kind: str,
        version: str,
        platforms: tuple[str, ...] | None = None,
        subject: str | None = None,
    ) -> str:
        digest = f"sha256:{hashlib.sha256(document).hexdigest()}"
        self._manifests += 1
        media_type = INDEX if b'"manifests"' in document else MANIFEST
        artifact_type = {"spdx": SPDX, "sarif": SARIF}.get(kind)
        described = {"mediaType": media_type, "digest": digest, "size": len(document)}
        self._rows.add(
            tables.manifests,
            id=self._manifests,
            repository_id=repository.id,
            digest=digest,
            media_type=media_type,
            size=len(document),
            artifact_type=artifact_type,
            subject=subject,
            descriptor=json.dumps({**described, "artifactType": artifact_type})
            if subject
            else None,
            pushed_at=at,
            content=document,
        )
        self._describe_manifest(repository, len(document), kind, version, platforms, subject)
        return digest

    def _describe_manifest(
        self,
        repository: Repository,
        size: int,
        kind: str,
        version: str,
        platforms: tuple[str, ...] | None,
        subject: str | None,
    ) -> None:
        is_attached = subject is not None
        self._rows.add(
            found.artifacts,
            manifest_id=self._manifests,
            repository_id=repository.id,
            kind=kind,
            size=20_000_000 + size,
            title=repository.name.rpartition("/")[2],
            version="" if is_attached else version,
            description=repository.description,
            licenses=repository.license,
            created="2026-01-02T03:04:05Z",
            platforms=json.dumps(() if is_attached else platforms or repository.platforms),
            signatures=int(repository.is_signed and not is_attached),
            sboms=int(repository.has_sbom and not is_attached),
            state="done",
            reader=1,
        )

    def _add_sbom(self, repository: Repository, subject: str, at: int) -> None:
        """An SBOM of packages of which few are in most artifacts; every other has a report."""
        document = attachment_of(SPDX, subject)
        self._add_manifest(repository, document, at, "spdx", "", subject=subject)
        wanted = self._amounts.packages // max(1, self._amounts.sboms)
        chosen: set[int] = set()
        while len(chosen) < min(wanted, self._packages):
            chosen.add(1 + int(self._packages * self._random.random() ** 2))
        for package in chosen:
            self._rows.add(
                found.artifact_packages,
                package_id=package,
                manifest_id=self._manifests,
                repository_id=repository.id,
            )
        if repository.id % 2:
            self._add_report(repository, subject, at)

    def _add_report(self, repository: Repository, subject: str, at: int) -> None:
        self._add_manifest(repository, attachment_of(SARIF, subject), at, "sarif", "", (), subject)
        for number in {int(3000 * self._random.random() ** 2) for _ in range(40)}:
            self._rows.add(
                found.artifact_vulnerabilities,
                identifier=f"CVE-{2020 + number % 6}-{1000 + number}",
                manifest_id=self._manifests,
                repository_id=repository.id,
                severity=("low", "medium", "high", "critical")[number % 4],
            )

    async def _describe(self, tx: Transaction, repository: Repository) -> None:
        namespace = repository.name.partition("/")[0]
        facets = [
            (Facet.KIND, repository.kind),
            (Facet.LICENSE, repository.license),
            (Facet.NAMESPACE, namespace),
        ]
        for platform in repository.platforms:
            os, _, architecture = platform.partition("/")
            facets += [(Facet.OS, os), (Facet.ARCH, architecture)]
        if repository.is_signed:
            facets.append((Facet.SIGNED, "true"))
        if repository.has_sbom:
            facets.append((Facet.SBOM, "true"))
        title = f"{repository.name.rpartition('/')[2]} {repository.description}"
        await search.set_facets(tx, repository.id, facets)
        await search.write_document(tx, repository.id, repository.name, title, repository.readme)


def _age(random: Random) -> float:
    """Days; most repositories are fresh."""
    return random.expovariate(1 / 120)
