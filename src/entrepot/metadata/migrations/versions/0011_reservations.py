"""Room that uploads under way have taken of a quota, and whose unfinished uploads there are."""

import sqlalchemy as sa
from alembic import op

from entrepot.metadata.tables import NAME, NUMBER

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add to what is there; nothing of it is lost."""
    op.create_table(
        "upload_reservations",
        sa.Column("id", NAME, nullable=False),
        sa.Column("namespace_id", NUMBER, nullable=False),
        sa.Column("size", NUMBER, nullable=False),
        sa.Column("touched_at", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_upload_reservations"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_upload_reservations_namespace_id", "upload_reservations", ["namespace_id"])
    op.create_index("ix_uploads_account_id", "uploads", ["account_id"])
