"""The schema's part about what may change or be pulled, what is kept, how much room there is."""

from typing import Final

from sqlalchemy import Column, ForeignKey, Index, Table, Text

from entrepot.metadata.tables import NUMBER, SCHEMA, number_id

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
    # Rules about pulls as JSON; empty: there are none.
    Column("pull_rules", Text, nullable=False, server_default=""),
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
    Column("pull_rules", Text, nullable=False, server_default=""),
    sqlite_with_rowid=False,
)

pull_judgements: Final = Table(
    "pull_judgements",
    SCHEMA,
    Column("manifest_id", NUMBER, ForeignKey("manifests.id", ondelete="CASCADE"), primary_key=True),
    Column(
        "repository_id", NUMBER, ForeignKey("repositories.id", ondelete="CASCADE"), nullable=False
    ),
    # What each rule says of the artifact, as JSON.
    Column("content", Text, nullable=False),
    # How often it was written: who began with an older one judges again.
    Column("revision", NUMBER, nullable=False),
    # When time alone may change it; None: never.
    Column("again_at", NUMBER),
    Index("ix_pull_judgements_repository_id", "repository_id"),
    Index("ix_pull_judgements_again_at", "again_at"),
)

exemptions: Final = Table(
    "exemptions",
    SCHEMA,
    number_id(),
    Column("namespace_id", NUMBER, ForeignKey("namespaces.id", ondelete="CASCADE"), nullable=False),
    # None: of all repositories of the namespace.
    Column("repository_id", NUMBER, ForeignKey("repositories.id", ondelete="CASCADE")),
    Column("what", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("until", NUMBER, nullable=False),
    Column("created_at", NUMBER, nullable=False),
    Column("created_by", Text, nullable=False),
    Index("ix_exemptions_namespace_id", "namespace_id"),
    Index("ix_exemptions_repository_id", "repository_id"),
)
