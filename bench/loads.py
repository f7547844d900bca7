"""Loads PostgreSQL with a large registry: rows that the database itself makes up, in some minutes.

The same every time but for the choice of what is shared. One repository has a tenth of all tags,
the others follow a long tail; three of ten layers of an image are shared by many; every twentieth
manifest refers to the one before it. Bytes of blobs are nowhere, and no words are indexed.
"""

from dataclasses import dataclass
from typing import Final

import psycopg


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much of everything; a tag for each manifest, ten links to blobs for each at most."""

    repositories: int = 20_000
    manifests: int = 1_000_000


BIG: Final = 1
"""The id of the repository with a tenth of all tags."""
NAMESPACES: Final = 100
_TABLES: Final = (
    "namespaces",
    "repositories",
    "manifests",
    "manifest_references",
    "tags",
    "tag_history",
    "artifacts",
    "blobs",
    "repository_blobs",
)
_DIGEST: Final = "'sha256:' || encode(sha256(convert_to({}, 'UTF8')), 'hex')"
_MANIFEST: Final = _DIGEST.format("'m' || place.id")
_BLOB: Final = _DIGEST.format("'b' || layer.blob")
_STEPS: Final = (
    # Foreign keys hold by the way the rows are made.
    "SET session_replication_role = replica",
    "SELECT setseed(0.5)",
    """INSERT INTO namespaces (id, name, kind, default_visibility, created_at)
    SELECT id, 'team' || id, 'organisation', 'public', 1
    FROM generate_series(1, {namespaces}) AS id""",
    """INSERT INTO repositories (id, namespace_id, name, visibility, created_at, pulls, stars)
    SELECT id, 1 + id % {namespaces}, 'team' || (1 + id % {namespaces}) || '/app' || id,
        CASE WHEN id % 5 = 0 THEN 'private' ELSE 'public' END, 1, 1000000 / id, 10000 / id
    FROM generate_series(1, {repositories}) AS id""",
    """CREATE TEMPORARY TABLE place AS
    SELECT id, CASE WHEN id <= {manifests} / 10 THEN 1
        ELSE 1 + floor({repositories} * power(random(), 3))::bigint END AS repository_id
    FROM generate_series(1, {manifests}) AS id""",
    """INSERT INTO manifests (id, repository_id, digest, media_type, size, subject, descriptor,
        pushed_at, content)
    SELECT id, repository_id, {manifest}, 'application/vnd.oci.image.manifest.v1+json', 1000,
        subject, CASE WHEN subject IS NULL THEN NULL ELSE '{{}}' END, id, repeat('x', 100)::bytea
    FROM (SELECT id, repository_id, CASE WHEN id % 20 = 0
        THEN lag({manifest}) OVER (PARTITION BY repository_id ORDER BY id) END AS subject
        FROM place) AS place""",
    """INSERT INTO tags (repository_id, name, manifest_id, moved_at, version_key)
    SELECT repository_id, 'v' || id, id, id, lpad(id::text, 12, '0') FROM place""",
    """INSERT INTO tag_history (repository_id, tag, action, digest, at)
    SELECT repository_id, 'v' || id, 'pushed', {manifest}, id FROM place ORDER BY id""",
    """INSERT INTO artifacts (manifest_id, repository_id, kind, size, title, version, description,
        licenses, created, platforms, state, reader)
    SELECT id, repository_id, 'image', 1000 * (id % 977), '', '', '', '', '', '[]', 'done', 1
    FROM place""",
    """CREATE TEMPORARY TABLE link AS
    SELECT manifest_id, repository_id, {blob} AS digest FROM (
        SELECT place.id AS manifest_id, repository_id, CASE WHEN each <= 3
            THEN floor({manifests} / 10 * power(random(), 3))::bigint
            ELSE {manifests} + place.id * 10 + each END AS blob
        FROM place, generate_series(1, 10) AS each) AS layer""",
    """INSERT INTO blobs (digest, size, storage_key, created_at)
    SELECT DISTINCT digest, 1000000, 'sha256/' || substr(digest, 8), 1 FROM link""",
    """INSERT INTO repository_blobs (repository_id, digest, linked_at)
    SELECT DISTINCT repository_id, digest, 1 FROM link""",
    """INSERT INTO manifest_references (manifest_id, role, digest, repository_id)
    SELECT DISTINCT manifest_id, 'blob', digest, repository_id FROM link""",
    "DROP TABLE link, place",
    "SET session_replication_role = DEFAULT",
    *(
        f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"  # noqa: S608
        for table in ("namespaces", "repositories", "manifests")
    ),
    *(f"ANALYZE {table}" for table in _TABLES),
)


def load(url: str, amounts: Amounts) -> None:
    """Fill a database whose tables are there and empty; ids are given by hand."""
    with psycopg.connect(url, autocommit=True) as connection:
        for step in _STEPS:
            text = step.format(
                namespaces=NAMESPACES,
                repositories=amounts.repositories,
                manifests=amounts.manifests,
                manifest=_MANIFEST,
                blob=_BLOB,
            )
            connection.execute(text.encode())
