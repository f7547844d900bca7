"""Groups of sign-in providers that give roles and teams, and what they gave."""

import sqlalchemy as sa
from alembic import op

from entrepot.metadata.tables import NAME, NUMBER

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """Add to what is there; nothing of it is lost."""
    op.add_column("accounts", sa.Column("admin_from", sa.Text(), nullable=True))
    for table in ("members", "team_members"):
        op.add_column(
            table, sa.Column("from_groups", sa.SmallInteger(), nullable=False, server_default="0")
        )
    _create_mappings()
    op.create_table(
        "group_members",
        sa.Column("mapping_id", NUMBER, nullable=False),
        sa.Column("account_id", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["mapping_id"],
            ["group_mappings.id"],
            name=op.f("fk_group_members_mapping_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.namespace_id"], name=op.f("fk_group_members_account_id")
        ),
        sa.PrimaryKeyConstraint("mapping_id", "account_id", name=op.f("pk_group_members")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_group_members_account_id", "group_members", ["account_id"])


def _create_mappings() -> None:
    op.create_table(
        "group_mappings",
        sa.Column("id", NUMBER, sa.Identity(always=False), nullable=False),
        sa.Column("namespace_id", NUMBER, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_group", NAME, nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("team_id", NUMBER, nullable=True),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["namespace_id"], ["namespaces.id"], name=op.f("fk_group_mappings_namespace_id")
        ),
        sa.ForeignKeyConstraint(
            ["team_id"],
            ["teams.id"],
            name=op.f("fk_group_mappings_team_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_group_mappings")),
    )
    for column in ("namespace_id", "team_id", "external_group"):
        op.create_index(f"ix_group_mappings_{column}", "group_mappings", [column])
