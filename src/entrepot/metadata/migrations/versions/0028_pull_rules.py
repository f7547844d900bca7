"""Rules by which tags of other registries are copied here, and what became of each tag."""

import sqlalchemy as sa
from alembic import op

from entrepot.metadata.tables import NAME, NUMBER

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    """Add to what is there; nothing of it is lost."""
    op.create_table(
        "pull_rules",
        sa.Column("id", NUMBER, sa.Identity(always=False), nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("namespace_id", NUMBER, nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("due_at", NUMBER, nullable=True),
        sa.Column("is_confirmed", sa.SmallInteger(), nullable=False, server_default="0"),
        sa.Column("run", sa.Text(), nullable=False, server_default=""),
        _key("pull_rules", "namespace_id", "namespaces"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pull_rules")),
        sa.UniqueConstraint("name", name=op.f("uq_pull_rules_name")),
    )
    op.create_index("ix_pull_rules_due_at", "pull_rules", ["due_at"])
    op.create_index("ix_pull_rules_namespace_id", "pull_rules", ["namespace_id"])
    op.create_table(
        "pull_rule_tags",
        sa.Column("rule_id", NUMBER, nullable=False),
        sa.Column("tag", NAME, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("size", NUMBER, nullable=False),
        sa.Column("changed_at", NUMBER, nullable=False),
        _key("pull_rule_tags", "rule_id", "pull_rules"),
        sa.PrimaryKeyConstraint("rule_id", "tag", name=op.f("pk_pull_rule_tags")),
        sqlite_with_rowid=False,
    )


def _key(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name, ondelete="CASCADE")
