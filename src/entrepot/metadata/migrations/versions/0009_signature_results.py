"""Signatures that are valid, and those that are not, are counted beside the verified ones."""

import sqlalchemy as sa
from alembic import op

from entrepot.metadata.tables import NUMBER

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add to what is there; nothing of it is lost."""
    for name in ("valid_signatures", "invalid_signatures"):
        op.add_column("artifacts", sa.Column(name, NUMBER, server_default="0", nullable=False))
