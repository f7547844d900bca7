"""Collecting: which row names some bytes is asked for every file there is."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add to what is there; nothing of it is lost."""
    op.create_index("ix_blobs_storage_key", "blobs", ["storage_key"], unique=False)
