"""Where promoted artifacts came from, in the history of their tags."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Add to what is there; nothing of it is lost."""
    op.add_column("tag_history", sa.Column("promoted_from", sa.Text))
