"""Rules about pulls, what they say of each manifest, and exemptions from them."""

import sqlalchemy as sa
from alembic import op

from entrepot.metadata.tables import NUMBER

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Add to what is there; nothing of it is lost."""
    for table in ("namespace_policies", "repository_policies"):
        op.add_column(table, sa.Column("pull_rules", sa.Text(), nullable=False, server_default=""))
    for table in ("manifests", "tags"):
        op.add_column(table, sa.Column("pull_verdict", sa.SmallInteger(), nullable=True))
    op.create_table(
        "pull_judgements",
        sa.Column("manifest_id", NUMBER, nullable=False),
        sa.Column("repository_id", NUMBER, nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("revision", NUMBER, nullable=False),
        sa.Column("again_at", NUMBER, nullable=True),
        *(_key("pull_judgements", noun) for noun in ("manifest", "repository")),
        sa.PrimaryKeyConstraint("manifest_id", name=op.f("pk_pull_judgements")),
    )
    op.create_index("ix_pull_judgements_repository_id", "pull_judgements", ["repository_id"])
    op.create_index("ix_pull_judgements_again_at", "pull_judgements", ["again_at"])
    op.create_table(
        "exemptions",
        sa.Column("id", NUMBER, sa.Identity(always=False), nullable=False),
        sa.Column("namespace_id", NUMBER, nullable=False),
        sa.Column("repository_id", NUMBER, nullable=True),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("until", NUMBER, nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        *(_key("exemptions", noun) for noun in ("namespace", "repository")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exemptions")),
    )
    op.create_index("ix_exemptions_namespace_id", "exemptions", ["namespace_id"])
    op.create_index("ix_exemptions_repository_id", "exemptions", ["repository_id"])


def _key(table: str, noun: str) -> sa.ForeignKeyConstraint:
    plural = "repositories" if noun == "repository" else f"{noun}s"
    return sa.ForeignKeyConstraint(
        [f"{noun}_id"],
        [f"{plural}.id"],
        name=op.f(f"fk_{table}_{noun}_id"),
        ondelete="CASCADE",
    )
