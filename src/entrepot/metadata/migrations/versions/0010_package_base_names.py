"""Packages are found by their names without group, scope or path, too."""

import sqlalchemy as sa
from alembic import op

from entrepot.metadata.tables import NAME

_SEPARATORS = "replace(replace(name, '/', ''), ':', '')"
_LAST = f"substr(name, length(rtrim(name, {_SEPARATORS})) + 1)"
"""What follows the last slash or colon: the rest is what ends in no other character."""

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add to what is there; nothing of it is lost."""
    op.add_column("packages", sa.Column("base_name", NAME, nullable=True))
    op.execute(
        f"UPDATE packages SET base_name = nullif({_LAST}, '')"  # noqa: S608 - our own words
        " WHERE name LIKE '%/%' OR name LIKE '%:%'"
    )
    op.create_index("ix_packages_base_name", "packages", ["base_name"], unique=False)
