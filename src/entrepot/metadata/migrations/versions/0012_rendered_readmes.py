"""Rendered READMEs of repositories."""

import sqlalchemy as sa
from alembic import op

from entrepot.metadata.tables import NAME, NUMBER

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add to what is there; nothing of it is lost."""
    op.create_table(
        "rendered_readmes",
        sa.Column("repository_id", NUMBER, nullable=False),
        sa.Column("source", NAME, nullable=False),
        sa.Column("renderer", NUMBER, nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repositories.id"],
            name=op.f("fk_rendered_readmes_repository_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("repository_id", name=op.f("pk_rendered_readmes")),
    )
