"""Versions of Helm charts."""

import sqlalchemy as sa
from alembic import op

from entrepot.metadata.tables import NAME, NUMBER

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Add to what is there; nothing of it is lost."""
    op.create_table(
        "chart_versions",
        sa.Column("manifest_id", NUMBER, nullable=False),
        sa.Column("repository_id", NUMBER, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("version", NAME, nullable=False),
        sa.Column("version_order", sa.LargeBinary(), nullable=False),
        sa.Column("filename", NAME, nullable=False),
        sa.Column("content_digest", NAME, nullable=False),
        sa.Column("provenance_digest", NAME),
        sa.Column("size", NUMBER, nullable=False),
        sa.Column("written_at", NUMBER, nullable=False),
        sa.Column("entry", sa.Text(), nullable=False),
        *(
            sa.ForeignKeyConstraint(
                [f"{noun}_id"],
                [f"{table}.id"],
                name=op.f(f"fk_chart_versions_{noun}_id"),
                ondelete="CASCADE",
            )
            for noun, table in (("manifest", "manifests"), ("repository", "repositories"))
        ),
        sa.PrimaryKeyConstraint("manifest_id", name=op.f("pk_chart_versions")),
    )
    op.create_index("ix_chart_versions_repository_id", "chart_versions", ["repository_id"])
    op.create_index("ix_chart_versions_filename", "chart_versions", ["filename"])
