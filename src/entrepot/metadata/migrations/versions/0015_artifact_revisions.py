"""Who writes what is known of an artifact, counted."""

import sqlalchemy as sa
from alembic import op

from entrepot.metadata.tables import NUMBER

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add to what is there; nothing of it is lost."""
    for name in ("contents_revision", "counts_revision"):
        op.add_column("artifacts", sa.Column(name, NUMBER, server_default="0", nullable=False))
