"""Indexes for the deletion of a repository: else it reads whole tables to see what names it."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add to what is there; nothing of it is lost."""
    for table in ("artifact_packages", "artifact_vulnerabilities", "uploads"):
        op.create_index(f"ix_{table}_repository_id", table, ["repository_id"], unique=False)
