"""The schema's part about mirrors: which registries are mirrored, and when they were asked."""

from typing import Final

from sqlalchemy import Column, ForeignKey, Identity, Index, SmallInteger, Table, Text

from entrepot.metadata.tables import NAME, NUMBER, SCHEMA

mirrors: Final = Table(
    "mirrors",
    SCHEMA,
    Column("namespace_id", NUMBER, ForeignKey("namespaces.id"), primary_key=True),
    Column("url", Text, nullable=False),
    Column("visibility", Text, nullable=False),  # public, signed-in, members
    Column("username", Text, nullable=False),
    # Wrapped by the keyring: it is sent to the upstream.
    Column("secret", Text, nullable=False),
    Column("preset", Text, nullable=False),
    Column("ttl", NUMBER, nullable=False),  # seconds; -1: tags are never asked for again
    Column("size_limit", NUMBER),
    Column("is_offline", SmallInteger, nullable=False),
    Column("allows_private", SmallInteger, nullable=False),
    # Each a list of words with a space between them.
    Column("networks", Text, nullable=False),
    Column("token_hosts", Text, nullable=False),
    Column("answers_to", Text, nullable=False),
    Column("include", Text, nullable=False),
    Column("exclude", Text, nullable=False),
    Column("created_at", NUMBER, nullable=False),
    # The upstream is not asked before that moment, for the reason; null: it answered last time.
    Column("backs_off_until", NUMBER),
    Column("backs_off_status", NUMBER, nullable=False, server_default="0"),
    Column("backs_off_reason", Text, nullable=False, server_default=""),
    Column("failures", NUMBER, nullable=False, server_default="0"),
)

mirror_checks: Final = Table(
    "mirror_checks",
    SCHEMA,
    Column(
        "repository_id", NUMBER, ForeignKey("repositories.id", ondelete="CASCADE"), primary_key=True
    ),
    Column("tag", NAME, primary_key=True),
    # When the upstream last said where the tag points.
    Column("checked_at", NUMBER, nullable=False),
    sqlite_with_rowid=False,
)

pull_rules: Final = Table(
    "pull_rules",
    SCHEMA,
    Column("id", NUMBER, Identity(always=False), primary_key=True),
    Column("name", NAME, nullable=False, unique=True),
    # The mirror's namespace.
    Column("namespace_id", NUMBER, ForeignKey("namespaces.id", ondelete="CASCADE"), nullable=False),
    # JSON: source, target, tags, schedule and the like.
    Column("settings", Text, nullable=False),
    Column("created_at", NUMBER, nullable=False),
    # When it runs next; null: when somebody asks for it.
    Column("due_at", NUMBER),
    # Whether the next run may delete more than half of its tags.
    Column("is_confirmed", SmallInteger, nullable=False, server_default="0"),
    # JSON: the last run; empty: there was none.
    Column("run", Text, nullable=False, server_default=""),
    Index("ix_pull_rules_due_at", "due_at"),
    Index("ix_pull_rules_namespace_id", "namespace_id"),
)

pull_rule_tags: Final = Table(
    "pull_rule_tags",
    SCHEMA,
    Column("rule_id", NUMBER, ForeignKey("pull_rules.id", ondelete="CASCADE"), primary_key=True),
    # The tag at the source.
    Column("tag", NAME, primary_key=True),
    # The digest that the rule has put here; empty: none.
    Column("digest", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("size", NUMBER, nullable=False),
    Column("changed_at", NUMBER, nullable=False),
    sqlite_with_rowid=False,
)
