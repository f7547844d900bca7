"""Accounts that a directory has suspended."""

import sqlalchemy as sa
from alembic import op

from entrepot.metadata.tables import NUMBER

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    """Add to what is there; nothing of it is lost."""
    op.add_column("external_identities", sa.Column("suspended_at", NUMBER, nullable=True))
