"""Trust roots: authorities that say who signed."""

import sqlalchemy as sa
from alembic import op

from entrepot.metadata.tables import NAME, NUMBER

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """Add to what is there; nothing of it is lost."""
    op.create_table(
        "trust_roots",
        sa.Column("id", NUMBER, sa.Identity(), nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("expires_at", NUMBER, nullable=True),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trust_roots")),
        sa.UniqueConstraint("name", name=op.f("uq_trust_roots_name")),
    )
