"""Pulls of each day."""

import sqlalchemy as sa
from alembic import op

from entrepot.metadata.tables import NAME, NUMBER

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Add to what is there; nothing of it is lost."""
    op.create_table(
        "pull_days",
        sa.Column("repository_id", NUMBER, nullable=False),
        sa.Column("tag", NAME, nullable=False),
        sa.Column("day", NUMBER, nullable=False),
        sa.Column("count", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repositories.id"],
            name=op.f("fk_pull_days_repository_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("repository_id", "tag", "day", name=op.f("pk_pull_days")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_pull_days_day", "pull_days", ["day"])
