"""The schema's part about what artifacts are: kinds, contents, search, history, jobs."""

from typing import Final

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)

from entrepot.metadata.tables import NAME, NUMBER, SCHEMA, number_id


def _manifest(*, primary_key: bool = True) -> Column[int]:
    key = ForeignKey("manifests.id", ondelete="CASCADE")
    return Column("manifest_id", NUMBER, key, primary_key=primary_key)


def _repository(*, primary_key: bool = False) -> Column[int]:
    key = ForeignKey("repositories.id", ondelete="CASCADE")
    return Column("repository_id", NUMBER, key, primary_key=primary_key, nullable=False)


artifacts: Final = Table(
    "artifacts",
    SCHEMA,
    _manifest(),
    _repository(),
    Column("kind", Text, nullable=False),
    Column("size", NUMBER, nullable=False),
    Column("title", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("licenses", Text, nullable=False),
    Column("created", Text, nullable=False),
    Column("platforms", Text, nullable=False),  # a JSON list of os/architecture[/variant]
    # What is attached to it and to its children, counted.
    Column("signatures", NUMBER, nullable=False, server_default="0"),
    Column("verified", NUMBER, nullable=False, server_default="0"),
    Column("sboms", NUMBER, nullable=False, server_default="0"),
    Column("attestations", NUMBER, nullable=False, server_default="0"),
    Column("vulnerabilities", Text, nullable=False, server_default=""),  # JSON: severity to count
    Column("valid_signatures", NUMBER, nullable=False, server_default="0"),
    Column("invalid_signatures", NUMBER, nullable=False, server_default="0"),
    # How far reading its contents has come, and by which version of the readers.
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("reader", NUMBER, nullable=False, server_default="0"),
    # How often writing of documents and packages, and of attachments, has begun.
    Column("contents_revision", NUMBER, nullable=False, server_default="0"),
    Column("counts_revision", NUMBER, nullable=False, server_default="0"),
    Index("ix_artifacts_repository_id_kind", "repository_id", "kind"),
    Index("ix_artifacts_repository_id_size", "repository_id", "size"),
)

documents: Final = Table(
    "documents",
    SCHEMA,
    _manifest(),
    Column("name", Text, primary_key=True),
    Column("media_type", Text, nullable=False),
    Column("is_cut", SmallInteger, nullable=False),
    Column("content", LargeBinary, nullable=False),  # zlib
    sqlite_with_rowid=False,
)

rendered_readmes: Final = Table(
    "rendered_readmes",
    SCHEMA,
    _repository(primary_key=True),
    # The digest of the README that was drawn: another one's is not shown.
    Column("source", NAME, nullable=False),
    Column("renderer", NUMBER, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("content", LargeBinary, nullable=False),  # HTML, zlib
)

packages: Final = Table(
    "packages",
    SCHEMA,
    number_id(),
    Column("name", NAME, nullable=False),
    Column("version", Text, nullable=False),
    Column("purl", NAME, nullable=False),
    Column("licenses", Text, nullable=False),
    Column("base_name", NAME),  # the name without its group, scope or path, where it has one
    # The version of the rules that its coordinates are of; 0 where it has none, null: not yet.
    Column("matcher", NUMBER),
    UniqueConstraint("name", "version", "purl", "licenses"),
    Index("ix_packages_purl", "purl"),
    Index("ix_packages_licenses", "licenses"),
    Index("ix_packages_base_name", "base_name"),
    Index("ix_packages_matcher_id", "matcher", "id"),
)

artifact_packages: Final = Table(
    "artifact_packages",
    SCHEMA,
    Column("package_id", NUMBER, ForeignKey("packages.id"), primary_key=True),
    _manifest(),
    _repository(),
    Index("ix_artifact_packages_manifest_id", "manifest_id"),
    Index("ix_artifact_packages_repository_id", "repository_id"),
    sqlite_with_rowid=False,
)

artifact_vulnerabilities: Final = Table(
    "artifact_vulnerabilities",
    SCHEMA,
    Column("identifier", NAME, primary_key=True),
    _manifest(),
    _repository(),
    Column("severity", Text, nullable=False),
    Index("ix_artifact_vulnerabilities_manifest_id", "manifest_id"),
    Index("ix_artifact_vulnerabilities_repository_id", "repository_id"),
    sqlite_with_rowid=False,
)

repository_facets: Final = Table(
    "repository_facets",
    SCHEMA,
    Column("facet", NAME, primary_key=True),  # kind, arch, os, license, signed, sbom, namespace
    Column("value", NAME, primary_key=True),
    _repository(primary_key=True),
    Index("ix_repository_facets_repository_id", "repository_id"),
    sqlite_with_rowid=False,
)

tag_history: Final = Table(
    "tag_history",
    SCHEMA,
    number_id(),
    _repository(),
    Column("tag", NAME, nullable=False),
    Column("action", Text, nullable=False),  # pushed, moved, deleted, restored
    Column("digest", NAME, nullable=False),
    Column("previous", NAME),
    Column("at", NUMBER, nullable=False),
    Column("by", NUMBER, ForeignKey("accounts.namespace_id")),
    Column("promoted_from", Text),  # the artifact that was promoted to the tag, if one was
    # The name of somebody without an account: a job, or an organization's token.
    Column("author", Text),
    Index("ix_tag_history_repository_id_tag_id", "repository_id", "tag", "id"),
    Index("ix_tag_history_repository_id_id", "repository_id", "id"),
)

deleted_manifests: Final = Table(
    "deleted_manifests",
    SCHEMA,
    number_id(),
    _repository(),
    Column("digest", NAME, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("deleted_at", NUMBER, nullable=False, index=True),
    Column("deleted_by", NUMBER, ForeignKey("accounts.namespace_id")),
    Column("content", LargeBinary, nullable=False),
    UniqueConstraint("repository_id", "digest"),
)

redirects: Final = Table(
    "redirects",
    SCHEMA,
    Column("name", NAME, primary_key=True),
    _repository(),
    Column("created_at", NUMBER, nullable=False),
    Index("ix_redirects_repository_id", "repository_id"),
    sqlite_with_rowid=False,
)

jobs: Final = Table(
    "jobs",
    SCHEMA,
    number_id(),
    Column("kind", Text, nullable=False),
    # What it is about: one job of a kind for each at a time.
    Column("subject", NAME, nullable=False),
    Column("state", Text, nullable=False),  # queued, failed
    Column("attempts", NUMBER, nullable=False),
    Column("run_at", NUMBER, nullable=False),
    Column("leased_until", NUMBER, nullable=False),
    Column("error", Text, nullable=False),
    Column("created_at", NUMBER, nullable=False),
    # The lane of the job, 0 for the hub's own: namespaces and their repositories take turns.
    Column("namespace_id", NUMBER, nullable=False, server_default="0"),
    Column("repository_id", NUMBER, nullable=False, server_default="0"),
    UniqueConstraint("kind", "subject"),
    Index("ix_jobs_state_run_at", "state", "run_at"),
    Index("ix_jobs_lanes", "state", "namespace_id", "repository_id", "run_at"),
)

chart_versions: Final = Table(
    "chart_versions",
    SCHEMA,
    _manifest(),
    _repository(),
    Column("name", NAME, nullable=False),
    Column("version", NAME, nullable=False),
    # Sorts by bytes as SemVer sorts.
    Column("version_order", LargeBinary, nullable=False),
    # `name-version`: the archive's name without its ending.
    Column("filename", NAME, nullable=False),
    Column("content_digest", NAME, nullable=False),
    Column("provenance_digest", NAME),
    Column("size", NUMBER, nullable=False),  # bytes in an index, about
    Column("written_at", NUMBER, nullable=False),
    # Chart.yaml as JSON. Last, so that readers of the other columns do not page through it.
    Column("entry", Text, nullable=False),
    Index("ix_chart_versions_repository_id", "repository_id"),
    Index("ix_chart_versions_filename", "filename"),
)
