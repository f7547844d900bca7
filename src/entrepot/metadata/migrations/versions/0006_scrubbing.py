"""Scrubbing: how far it came, and what it found."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add to what is there; nothing of it is lost."""
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    name = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.create_table(
        "scrubs",
        sa.Column("name", name, nullable=False),
        sa.Column("last", name, nullable=False),
        sa.Column("blobs", number, nullable=False),
        sa.Column("bytes", number, nullable=False),
        sa.Column("began_at", number, nullable=False),
        sa.Column("ended_at", number, nullable=True),
        sa.PrimaryKeyConstraint("name", name="pk_scrubs"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "damaged_blobs",
        sa.Column("digest", name, nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("found_at", number, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_damaged_blobs"),
        sqlite_with_rowid=False,
    )
