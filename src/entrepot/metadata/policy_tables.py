"""The schema's part about what may change, what is kept, and how much room there is."""

from typing import Final

from sqlalchemy import Column, ForeignKey, Table, Text

from entrepot.metadata.tables import NUMBER, SCHEMA

namespace_policies: Final = Table(
    "namespace_policies",
    SCHEMA,
    Column("namespace_id", NUMBER, ForeignKey("namespaces.id"), primary_key=True),
    # Patterns of tags, one a line; retention rules as JSON. Empty: there are none.
    Column("immutable", Text, nullable=False, server_default=""),
    Column("retention", Text, nullable=False, server_default=""),
    # Bytes of distinct blobs. None: no limit, and no count.
    Column("quota", NUMBER),
    Column("used", NUMBER, nullable=False, server_default="0"),
    sqlite_with_rowid=False,
)

repository_policies: Final = Table(
    "repository_policies",
    SCHEMA,
    Column(
        "repository_id", NUMBER, ForeignKey("repositories.id", ondelete="CASCADE"), primary_key=True
    ),
    Column("immutable", Text, nullable=False, server_default=""),
    Column("retention", Text, nullable=False, server_default=""),
    sqlite_with_rowid=False,
)
