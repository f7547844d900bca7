"""The schema says which older programs may go on using it."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add to what is there; nothing of it is lost."""
    op.add_column("alembic_version", sa.Column("compatible_since", sa.String(32)))
