"""Jobs say whose they are, so that namespaces and repositories take turns."""

import sqlalchemy as sa
from alembic import op

from entrepot.metadata.tables import NUMBER

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Add to what is there; what waits already is one lane."""
    for name in ("namespace_id", "repository_id"):
        op.add_column("jobs", sa.Column(name, NUMBER, server_default="0", nullable=False))
    lanes = ["state", "namespace_id", "repository_id", "run_at"]
    op.create_index(op.f("ix_jobs_lanes"), "jobs", lanes)
