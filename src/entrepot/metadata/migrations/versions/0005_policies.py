"""Policies: immutable tags, retention rules, quotas."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add to what is there; nothing of it is lost."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "namespace_policies",
        sa.Column("namespace_id", number, nullable=False),
        sa.Column("immutable", sa.Text(), server_default="", nullable=False),
        sa.Column("retention", sa.Text(), server_default="", nullable=False),
        sa.Column("quota", number, nullable=True),
        sa.Column("used", number, server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["namespace_id"], ["namespaces.id"], name="fk_namespace_policies_namespace_id"
        ),
        sa.PrimaryKeyConstraint("namespace_id", name="pk_namespace_policies"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "repository_policies",
        sa.Column("repository_id", number, nullable=False),
        sa.Column("immutable", sa.Text(), server_default="", nullable=False),
        sa.Column("retention", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repositories.id"],
            name="fk_repository_policies_repository_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("repository_id", name="pk_repository_policies"),
        sqlite_with_rowid=False,
    )
