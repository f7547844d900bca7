"""Tags that another hub has replicated, with the moments at which they were set there."""

import sqlalchemy as sa
from alembic import op

from entrepot.metadata.tables import NAME, NUMBER

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    """Add to what is there; nothing of it is lost."""
    repository_id = ["repository_id"], ["repositories.id"]
    op.create_table(
        "replicated_tags",
        sa.Column("repository_id", NUMBER, nullable=False),
        sa.Column("tag", NAME, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("authored_at", NUMBER, nullable=False),
        sa.Column("noted_at", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            *repository_id, name="fk_replicated_tags_repository_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("repository_id", "tag", name="pk_replicated_tags"),
        sqlite_with_rowid=False,
    )
