"""Mirrors of other registries."""

import sqlalchemy as sa
from alembic import op

from entrepot.metadata.tables import NAME, NUMBER

revision = "0017"
down_revision = "0016"

_TEXTS = ("url", "visibility", "username", "secret", "preset")
_LISTS = ("networks", "token_hosts", "answers_to", "include", "exclude")


def upgrade() -> None:
    """Add to what is there; nothing of it is lost."""
    flag = sa.Column("is_mirrored", sa.SmallInteger, nullable=False, server_default="0")
    op.add_column("repositories", flag)
    op.create_table(
        "mirrors",
        sa.Column("namespace_id", NUMBER, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in _TEXTS),
        sa.Column("ttl", NUMBER, nullable=False),
        sa.Column("size_limit", NUMBER),
        sa.Column("is_offline", sa.SmallInteger, nullable=False),
        sa.Column("allows_private", sa.SmallInteger, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in _LISTS),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("backs_off_until", NUMBER),
        sa.Column("backs_off_status", NUMBER, nullable=False, server_default="0"),
        sa.Column("backs_off_reason", sa.Text, nullable=False, server_default=""),
        sa.Column("failures", NUMBER, nullable=False, server_default="0"),
        sa.ForeignKeyConstraint(
            ["namespace_id"], ["namespaces.id"], name="fk_mirrors_namespace_id"
        ),
        sa.PrimaryKeyConstraint("namespace_id", name="pk_mirrors"),
    )
    repository_id = ["repository_id"], ["repositories.id"]
    foreign_key = "fk_mirror_checks_repository_id"
    op.create_table(
        "mirror_checks",
        sa.Column("repository_id", NUMBER, nullable=False),
        sa.Column("tag", NAME, nullable=False),
        sa.Column("checked_at", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(*repository_id, name=foreign_key, ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("repository_id", "tag", name="pk_mirror_checks"),
        sqlite_with_rowid=False,
    )
