"""Workload identity: issuers, trusts and grants; and authors of changes without an account."""

import sqlalchemy as sa
from alembic import op

from entrepot.metadata.tables import NAME, NUMBER

revision = "0024"
down_revision = "0023"

COLUMNS = {
    "trusts": (
        *("id", "namespace_id", "name", "issuer_id", "repositories", "tags", "scope"),
        "is_enabled",
    ),
    "grants": ("id", "label", "expires_at", "ended_at", "token_hash", "asked"),
    "grant_trusts": ("grant_id", "trust_id"),
}
"""Columns whose change counts among the changes of rights."""


def upgrade() -> None:
    """Add to what is there; nothing of it is lost."""
    _create_issuers_and_trusts()
    _create_grants()
    op.add_column("tags", sa.Column("author", sa.Text(), nullable=True))
    op.add_column("tag_history", sa.Column("author", sa.Text(), nullable=True))
    for table, columns in COLUMNS.items():
        _count_changes(table, columns)


def _create_issuers_and_trusts() -> None:
    op.create_table(
        "issuers",
        sa.Column("id", NUMBER, sa.Identity(), nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("url", NAME, nullable=False),
        sa.Column("audiences", sa.Text(), nullable=False),
        sa.Column("keys", sa.Text(), nullable=False),
        sa.Column("allows_private", sa.SmallInteger(), nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issuers")),
        sa.UniqueConstraint("name", name=op.f("uq_issuers_name")),
        sa.UniqueConstraint("url", name=op.f("uq_issuers_url")),
    )
    op.create_table(
        "trusts",
        sa.Column("id", NUMBER, sa.Identity(), nullable=False),
        sa.Column("namespace_id", NUMBER, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("issuer_id", NUMBER, nullable=False),
        sa.Column("conditions", sa.Text(), nullable=False),
        sa.Column("repositories", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("session", NUMBER, nullable=False),
        sa.Column("is_enabled", sa.SmallInteger(), nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("last_used_at", NUMBER, nullable=True),
        sa.Column("uses", NUMBER, server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["namespace_id"], ["namespaces.id"], name=op.f("fk_trusts_namespace_id")
        ),
        sa.ForeignKeyConstraint(["issuer_id"], ["issuers.id"], name=op.f("fk_trusts_issuer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trusts")),
        sa.UniqueConstraint("namespace_id", "name", name=op.f("uq_trusts_namespace_id_name")),
    )
    op.create_index("ix_trusts_issuer_id", "trusts", ["issuer_id"])


def _create_grants() -> None:
    op.create_table(
        "grants",
        sa.Column("id", NUMBER, sa.Identity(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("claims", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("expires_at", NUMBER, nullable=False),
        sa.Column("last_used_at", NUMBER, nullable=True),
        sa.Column("ended_at", NUMBER, nullable=True),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("asked", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grants")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_grants_secret_hash")),
    )
    op.create_index("ix_grants_expires_at", "grants", ["expires_at"])
    op.create_index("ix_grants_token_hash", "grants", ["token_hash"])
    op.create_table(
        "grant_trusts",
        sa.Column("grant_id", NUMBER, nullable=False),
        sa.Column("trust_id", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["grant_id"], ["grants.id"], name=op.f("fk_grant_trusts_grant_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["trust_id"], ["trusts.id"], name=op.f("fk_grant_trusts_trust_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("grant_id", "trust_id", name=op.f("pk_grant_trusts")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_grant_trusts_trust_id", "grant_trusts", ["trust_id"])


def _count_changes(table: str, columns: tuple[str, ...]) -> None:
    # A grant that was not there yet has let nobody in.
    which = f"DELETE OR UPDATE OF {', '.join(columns)}"
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE CONSTRAINT TRIGGER rights AFTER {which} ON {table} DEFERRABLE INITIALLY"
            " DEFERRED FOR EACH ROW EXECUTE FUNCTION entrepot_rights()"
        )
        return
    for change in which.split(" OR "):
        name = f"rights_{table}_{change.split()[0].lower()}"
        op.execute(
            f"CREATE TRIGGER {name} AFTER {change} ON {table}"  # noqa: S608 - our own words
            " BEGIN UPDATE rights_revision SET revision = revision + 1; END"
        )
