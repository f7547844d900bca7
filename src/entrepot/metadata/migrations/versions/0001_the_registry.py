"""The registry: accounts, repositories, manifests, tags, blobs and uploads."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _blobs() -> None:
    op.create_table(
        "blobs",
        sa.Column("digest", NAME, nullable=False),
        sa.Column("size", NUMBER, nullable=False),
        sa.Column("storage_key", sa.Text(), nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_blobs")),
        sqlite_with_rowid=False,
    )


def _leases() -> None:
    op.create_table(
        "leases",
        sa.Column("name", NAME, nullable=False),
        sa.Column("until", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
        sqlite_with_rowid=False,
    )


def _namespaces() -> None:
    op.create_table(
        "namespaces",
        sa.Column("id", NUMBER, sa.Identity(always=False), nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("default_visibility", sa.Text(), nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_namespaces")),
        sa.UniqueConstraint("name", name=op.f("uq_namespaces_name")),
    )


def _signing_keys() -> None:
    op.create_table(
        "signing_keys",
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("private_key", sa.Text(), nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk_signing_keys")),
    )


def _accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("namespace_id", NUMBER, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("is_admin", sa.SmallInteger(), nullable=False),
        sa.Column("disabled_at", NUMBER, nullable=True),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["namespace_id"], ["namespaces.id"], name=op.f("fk_accounts_namespace_id")
        ),
        sa.PrimaryKeyConstraint("namespace_id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("name", name=op.f("uq_accounts_name")),
    )


def _repositories() -> None:
    op.create_table(
        "repositories",
        sa.Column("id", NUMBER, sa.Identity(always=False), nullable=False),
        sa.Column("namespace_id", NUMBER, nullable=True),
        sa.Column("name", NAME, nullable=False),
        sa.Column("visibility", sa.Text(), nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("pulls", NUMBER, server_default="0", nullable=False),
        sa.Column("pulled_at", NUMBER, nullable=True),
        sa.ForeignKeyConstraint(
            ["namespace_id"], ["namespaces.id"], name=op.f("fk_repositories_namespace_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repositories")),
        sa.UniqueConstraint("name", name=op.f("uq_repositories_name")),
    )
    op.create_index(
        "ix_repositories_namespace_id_name", "repositories", ["namespace_id", "name"], unique=False
    )
    op.create_index(
        "ix_repositories_visibility_name", "repositories", ["visibility", "name"], unique=False
    )


def _manifests() -> None:
    op.create_table(
        "manifests",
        sa.Column("id", NUMBER, sa.Identity(always=False), nullable=False),
        sa.Column("repository_id", NUMBER, nullable=False),
        sa.Column("digest", NAME, nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size", NUMBER, nullable=False),
        sa.Column("artifact_type", sa.Text(), nullable=True),
        sa.Column("subject", NAME, nullable=True),
        sa.Column("descriptor", sa.Text(), nullable=True),
        sa.Column("pushed_at", NUMBER, nullable=False),
        sa.Column("pushed_by", NUMBER, nullable=True),
        sa.Column("pulls", NUMBER, server_default="0", nullable=False),
        sa.Column("pulled_at", NUMBER, nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["pushed_by"], ["accounts.namespace_id"], name=op.f("fk_manifests_pushed_by")
        ),
        sa.ForeignKeyConstraint(
            ["repository_id"], ["repositories.id"], name=op.f("fk_manifests_repository_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_manifests")),
        sa.UniqueConstraint(
            "repository_id", "digest", name=op.f("uq_manifests_repository_id_digest")
        ),
    )
    op.create_index(
        "ix_manifests_repository_id_subject_id",
        "manifests",
        ["repository_id", "subject", "id"],
        unique=False,
    )


def _members() -> None:
    op.create_table(
        "members",
        sa.Column("namespace_id", NUMBER, nullable=False),
        sa.Column("account_id", NUMBER, nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.namespace_id"], name=op.f("fk_members_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["namespace_id"], ["namespaces.id"], name=op.f("fk_members_namespace_id")
        ),
        sa.PrimaryKeyConstraint("namespace_id", "account_id", name=op.f("pk_members")),
    )
    op.create_index("ix_members_account_id", "members", ["account_id"], unique=False)


def _repository_blobs() -> None:
    op.create_table(
        "repository_blobs",
        sa.Column("repository_id", NUMBER, nullable=False),
        sa.Column("digest", NAME, nullable=False),
        sa.Column("linked_at", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["digest"], ["blobs.digest"], name=op.f("fk_repository_blobs_digest")
        ),
        sa.ForeignKeyConstraint(
            ["repository_id"], ["repositories.id"], name=op.f("fk_repository_blobs_repository_id")
        ),
        sa.PrimaryKeyConstraint("repository_id", "digest", name=op.f("pk_repository_blobs")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_repository_blobs_digest", "repository_blobs", ["digest"], unique=False)


def _tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("id", NUMBER, sa.Identity(always=False), nullable=False),
        sa.Column("account_id", NUMBER, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("parent_id", NUMBER, nullable=True),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.Text(), nullable=False),
        sa.Column("hint", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("expires_at", NUMBER, nullable=True),
        sa.Column("last_used_at", NUMBER, nullable=True),
        sa.Column("revoked_at", NUMBER, nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.namespace_id"], name=op.f("fk_tokens_account_id")
        ),
        sa.ForeignKeyConstraint(["parent_id"], ["tokens.id"], name=op.f("fk_tokens_parent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_tokens_secret_hash")),
    )
    op.create_index(op.f("ix_tokens_account_id"), "tokens", ["account_id"], unique=False)
    op.create_index(op.f("ix_tokens_parent_id"), "tokens", ["parent_id"], unique=False)


def _uploads() -> None:
    op.create_table(
        "uploads",
        sa.Column("id", NAME, nullable=False),
        sa.Column("repository_id", NUMBER, nullable=False),
        sa.Column("account_id", NUMBER, nullable=True),
        sa.Column("size", NUMBER, nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("hash_so_far", sa.Text(), nullable=True),
        sa.Column("started_at", NUMBER, nullable=False),
        sa.Column("touched_at", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.namespace_id"], name=op.f("fk_uploads_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["repository_id"], ["repositories.id"], name=op.f("fk_uploads_repository_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_uploads")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_uploads_touched_at"), "uploads", ["touched_at"], unique=False)


def _manifest_references() -> None:
    op.create_table(
        "manifest_references",
        sa.Column("manifest_id", NUMBER, nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("digest", NAME, nullable=False),
        sa.Column("repository_id", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["manifest_id"],
            ["manifests.id"],
            name=op.f("fk_manifest_references_manifest_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repositories.id"],
            name=op.f("fk_manifest_references_repository_id"),
        ),
        sa.PrimaryKeyConstraint(
            "manifest_id", "role", "digest", name=op.f("pk_manifest_references")
        ),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_manifest_references_repository_id_digest",
        "manifest_references",
        ["repository_id", "digest"],
        unique=False,
    )


def _tags() -> None:
    op.create_table(
        "tags",
        sa.Column("repository_id", NUMBER, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("manifest_id", NUMBER, nullable=False),
        sa.Column("moved_at", NUMBER, nullable=False),
        sa.Column("moved_by", NUMBER, nullable=True),
        sa.ForeignKeyConstraint(
            ["manifest_id"], ["manifests.id"], name=op.f("fk_tags_manifest_id")
        ),
        sa.ForeignKeyConstraint(
            ["moved_by"], ["accounts.namespace_id"], name=op.f("fk_tags_moved_by")
        ),
        sa.ForeignKeyConstraint(
            ["repository_id"], ["repositories.id"], name=op.f("fk_tags_repository_id")
        ),
        sa.PrimaryKeyConstraint("repository_id", "name", name=op.f("pk_tags")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_tags_manifest_id"), "tags", ["manifest_id"], unique=False)


def upgrade() -> None:
    """Make the first tables, those that others refer to before the others."""
    _blobs()
    _leases()
    _namespaces()
    _signing_keys()
    _accounts()
    _repositories()
    _manifests()
    _members()
    _repository_blobs()
    _tokens()
    _uploads()
    _manifest_references()
    _tags()
