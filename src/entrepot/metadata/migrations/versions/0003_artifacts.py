"""Artifacts: what they are, what is in them, and how they are found."""

import sqlalchemy as sa
from alembic import op

from entrepot.kinds.recognition.attachments import is_hidden_tag
from entrepot.kinds.versions import version_key

revision = "0003"
down_revision = "0002"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", NUMBER, sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", NAME, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", NUMBER, nullable=False),
        sa.Column("run_at", NUMBER, nullable=False),
        sa.Column("leased_until", NUMBER, nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        sa.UniqueConstraint("kind", "subject", name=op.f("uq_jobs_kind_subject")),
    )
    op.create_index("ix_jobs_state_run_at", "jobs", ["state", "run_at"], unique=False)


def _packages() -> None:
    op.create_table(
        "packages",
        sa.Column("id", NUMBER, sa.Identity(always=False), nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("purl", NAME, nullable=False),
        sa.Column("licenses", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_packages")),
        sa.UniqueConstraint(
            "name",
            "version",
            "purl",
            "licenses",
            name=op.f("uq_packages_name_version_purl_licenses"),
        ),
    )
    op.create_index("ix_packages_licenses", "packages", ["licenses"], unique=False)
    op.create_index("ix_packages_purl", "packages", ["purl"], unique=False)


def _deleted_manifests() -> None:
    op.create_table(
        "deleted_manifests",
        sa.Column("id", NUMBER, sa.Identity(always=False), nullable=False),
        sa.Column("repository_id", NUMBER, nullable=False),
        sa.Column("digest", NAME, nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("deleted_at", NUMBER, nullable=False),
        sa.Column("deleted_by", NUMBER, nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["deleted_by"], ["accounts.namespace_id"], name=op.f("fk_deleted_manifests_deleted_by")
        ),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repositories.id"],
            name=op.f("fk_deleted_manifests_repository_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deleted_manifests")),
        sa.UniqueConstraint(
            "repository_id", "digest", name=op.f("uq_deleted_manifests_repository_id_digest")
        ),
    )
    op.create_index(
        op.f("ix_deleted_manifests_deleted_at"), "deleted_manifests", ["deleted_at"], unique=False
    )


def _redirects() -> None:
    op.create_table(
        "redirects",
        sa.Column("name", NAME, nullable=False),
        sa.Column("repository_id", NUMBER, nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repositories.id"],
            name=op.f("fk_redirects_repository_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_redirects")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_redirects_repository_id", "redirects", ["repository_id"], unique=False)


def _repository_facets() -> None:
    op.create_table(
        "repository_facets",
        sa.Column("facet", NAME, nullable=False),
        sa.Column("value", NAME, nullable=False),
        sa.Column("repository_id", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repositories.id"],
            name=op.f("fk_repository_facets_repository_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "facet", "value", "repository_id", name=op.f("pk_repository_facets")
        ),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_repository_facets_repository_id", "repository_facets", ["repository_id"], unique=False
    )


def _tag_history() -> None:
    op.create_table(
        "tag_history",
        sa.Column("id", NUMBER, sa.Identity(always=False), nullable=False),
        sa.Column("repository_id", NUMBER, nullable=False),
        sa.Column("tag", NAME, nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("digest", NAME, nullable=False),
        sa.Column("previous", NAME, nullable=True),
        sa.Column("at", NUMBER, nullable=False),
        sa.Column("by", NUMBER, nullable=True),
        sa.ForeignKeyConstraint(["by"], ["accounts.namespace_id"], name=op.f("fk_tag_history_by")),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repositories.id"],
            name=op.f("fk_tag_history_repository_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tag_history")),
    )
    op.create_index(
        "ix_tag_history_repository_id_id", "tag_history", ["repository_id", "id"], unique=False
    )
    op.create_index(
        "ix_tag_history_repository_id_tag_id",
        "tag_history",
        ["repository_id", "tag", "id"],
        unique=False,
    )


def _artifact_packages() -> None:
    op.create_table(
        "artifact_packages",
        sa.Column("package_id", NUMBER, nullable=False),
        sa.Column("manifest_id", NUMBER, nullable=False),
        sa.Column("repository_id", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["manifest_id"],
            ["manifests.id"],
            name=op.f("fk_artifact_packages_manifest_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["package_id"], ["packages.id"], name=op.f("fk_artifact_packages_package_id")
        ),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repositories.id"],
            name=op.f("fk_artifact_packages_repository_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("package_id", "manifest_id", name=op.f("pk_artifact_packages")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_artifact_packages_manifest_id", "artifact_packages", ["manifest_id"], unique=False
    )


def _artifact_vulnerabilities() -> None:
    op.create_table(
        "artifact_vulnerabilities",
        sa.Column("identifier", NAME, nullable=False),
        sa.Column("manifest_id", NUMBER, nullable=False),
        sa.Column("repository_id", NUMBER, nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["manifest_id"],
            ["manifests.id"],
            name=op.f("fk_artifact_vulnerabilities_manifest_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repositories.id"],
            name=op.f("fk_artifact_vulnerabilities_repository_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "identifier", "manifest_id", name=op.f("pk_artifact_vulnerabilities")
        ),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_artifact_vulnerabilities_manifest_id",
        "artifact_vulnerabilities",
        ["manifest_id"],
        unique=False,
    )


def _artifacts() -> None:
    op.create_table(
        "artifacts",
        sa.Column("manifest_id", NUMBER, nullable=False),
        sa.Column("repository_id", NUMBER, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("size", NUMBER, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("licenses", sa.Text(), nullable=False),
        sa.Column("created", sa.Text(), nullable=False),
        sa.Column("platforms", sa.Text(), nullable=False),
        sa.Column("signatures", NUMBER, server_default="0", nullable=False),
        sa.Column("verified", NUMBER, server_default="0", nullable=False),
        sa.Column("sboms", NUMBER, server_default="0", nullable=False),
        sa.Column("attestations", NUMBER, server_default="0", nullable=False),
        sa.Column("vulnerabilities", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("reader", NUMBER, server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["manifest_id"],
            ["manifests.id"],
            name=op.f("fk_artifacts_manifest_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repositories.id"],
            name=op.f("fk_artifacts_repository_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("manifest_id", name=op.f("pk_artifacts")),
    )


def _artifact_indexes() -> None:
    op.create_index(
        "ix_artifacts_repository_id_kind", "artifacts", ["repository_id", "kind"], unique=False
    )
    op.create_index(
        "ix_artifacts_repository_id_size", "artifacts", ["repository_id", "size"], unique=False
    )


def _documents() -> None:
    op.create_table(
        "documents",
        sa.Column("manifest_id", NUMBER, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("is_cut", sa.SmallInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["manifest_id"],
            ["manifests.id"],
            name=op.f("fk_documents_manifest_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("manifest_id", "name", name=op.f("pk_documents")),
        sqlite_with_rowid=False,
    )


def _repositories() -> None:
    op.add_column(
        "repositories", sa.Column("description", sa.Text(), server_default="", nullable=False)
    )
    op.add_column("repositories", sa.Column("readme", sa.Text(), server_default="", nullable=False))
    op.add_column("repositories", sa.Column("archived_at", NUMBER, nullable=True))
    op.add_column("repositories", sa.Column("pushed_at", NUMBER, nullable=True))
    op.add_column("repositories", sa.Column("stars", NUMBER, server_default="0", nullable=False))
    op.add_column("repositories", sa.Column("kind", sa.Text(), server_default="", nullable=False))
    op.add_column("repositories", sa.Column("size", NUMBER, server_default="0", nullable=False))
    op.add_column(
        "repositories", sa.Column("tag_count", NUMBER, server_default="0", nullable=False)
    )


def _tags() -> None:
    op.add_column("tags", sa.Column("version_key", NAME, server_default="", nullable=False))
    op.add_column(
        "tags", sa.Column("is_hidden", sa.SmallInteger(), server_default="0", nullable=False)
    )
    op.create_index(
        "ix_tags_repository_id_is_hidden_moved_at",
        "tags",
        ["repository_id", "is_hidden", "moved_at"],
        unique=False,
    )
    op.create_index(
        "ix_tags_repository_id_is_hidden_version_key",
        "tags",
        ["repository_id", "is_hidden", "version_key"],
        unique=False,
    )


def _sort_tags() -> None:
    """Give the tags that are here the keys that new ones get."""
    tags = sa.table(
        "tags", *(sa.column(name) for name in ("repository_id", "name", "version_key", "is_hidden"))
    )
    connection = op.get_bind()
    here = (
        tags.update()
        .where(tags.c.repository_id == sa.bindparam("of"), tags.c.name == sa.bindparam("named"))
        .values(version_key=sa.bindparam("key"), is_hidden=sa.bindparam("hidden"))
    )
    rows = [
        {"of": of, "named": named, "key": version_key(named), "hidden": int(is_hidden_tag(named))}
        for of, named in connection.execute(sa.select(tags.c.repository_id, tags.c.name))
    ]
    if rows:
        connection.execute(here, rows)


def _queue_manifests() -> None:
    """Have the manifests that are here read as new ones are."""
    op.execute(
        "INSERT INTO jobs (kind, subject, state, attempts, run_at, leased_until, error, created_at)"
        " SELECT 'index', CAST(id AS TEXT), 'queued', 0, 0, 0, '', pushed_at FROM manifests"
    )


def _search() -> None:
    """The texts that repositories are found by: each engine has its own way."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE VIRTUAL TABLE search USING fts5(name, title, body, content='',"
            " contentless_delete=1, prefix='2 3', tokenize='unicode61 remove_diacritics 2')"
        )
        return
    op.execute(
        "CREATE TABLE search (repository_id BIGINT PRIMARY KEY"
        " REFERENCES repositories (id) ON DELETE CASCADE, words TSVECTOR NOT NULL)"
    )
    op.execute("CREATE INDEX ix_search_words ON search USING gin (words)")


def upgrade() -> None:
    """Add to what is there; nothing of it is lost."""
    _jobs()
    _packages()
    _deleted_manifests()
    _redirects()
    _repository_facets()
    _tag_history()
    _artifact_packages()
    _artifact_vulnerabilities()
    _artifacts()
    _artifact_indexes()
    _documents()
    _repositories()
    _tags()
    _search()
    _sort_tags()
    _queue_manifests()
