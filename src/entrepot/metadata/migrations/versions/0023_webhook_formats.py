"""The form of what a webhook sends, and a header that it sends along."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Add to what is there; nothing of it is lost."""
    op.add_column(
        "webhooks", sa.Column("format", sa.Text(), nullable=False, server_default="cloudevents")
    )
    op.add_column("webhooks", sa.Column("header", sa.Text(), nullable=False, server_default=""))
