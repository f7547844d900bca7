"""The schema's part about replication: rules, and the tags that are to be pushed by them."""

from typing import Final

from sqlalchemy import Column, ForeignKey, Index, SmallInteger, Table, Text

from entrepot.metadata.tables import NAME, NUMBER, SCHEMA, number_id

replication_rules: Final = Table(
    "replication_rules",
    SCHEMA,
    number_id(),
    Column("name", NAME, nullable=False, unique=True),
    Column("url", Text, nullable=False),
    Column("created_at", NUMBER, nullable=False),
    Column("username", Text, nullable=False),
    # Wrapped by the keyring: it is sent to the destination.
    Column("secret", Text, nullable=False),
    # Each a list of words with a space between them.
    Column("repositories", Text, nullable=False),
    Column("tags", Text, nullable=False),
    Column("strip", NUMBER, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("trigger", Text, nullable=False),  # push, schedule, manual
    Column("every", NUMBER, nullable=False),  # seconds; 0: on request only
    Column("deletes", Text, nullable=False),  # never, follow
    Column("with_attachments", SmallInteger, nullable=False),
    Column("allows_private", SmallInteger, nullable=False),
    Column("networks", Text, nullable=False),
    Column("token_hosts", Text, nullable=False),
    Column("queued_at", NUMBER),
    Column("succeeded_at", NUMBER),
    # The destination is not asked before that moment.
    Column("backs_off_until", NUMBER),
    Column("problem", Text, nullable=False, server_default=""),
    Column("failures", NUMBER, nullable=False, server_default="0"),
    Column("sent_bytes", NUMBER, nullable=False, server_default="0"),
    Column("sent_tags", NUMBER, nullable=False, server_default="0"),
)

# A row for each tag that is to be compared or pushed; it goes when the destination has it.
replication_tasks: Final = Table(
    "replication_tasks",
    SCHEMA,
    number_id(),
    Column(
        "rule_id", NUMBER, ForeignKey("replication_rules.id", ondelete="CASCADE"), nullable=False
    ),
    Column(
        "repository_id", NUMBER, ForeignKey("repositories.id", ondelete="CASCADE"), nullable=False
    ),
    Column("tag", NAME, nullable=False),  # or the digest of what something was attached to
    Column("state", Text, nullable=False),  # waiting, conflict, failed
    # Asked for again while it runs: its end is not the end then.
    Column("asked", NUMBER, nullable=False),
    Column("attempts", NUMBER, nullable=False),
    Column("behind_since", NUMBER),
    Column("failing_since", NUMBER),
    Column("run_at", NUMBER, nullable=False),
    Column("leased_until", NUMBER, nullable=False),
    Column("sent", NUMBER, nullable=False, server_default="0"),
    Column("upload_digest", Text, nullable=False, server_default=""),
    Column("upload_location", Text, nullable=False, server_default=""),
    Column("error", Text, nullable=False, server_default=""),
    Index(
        "ix_replication_tasks_rule_id_repository_id_tag",
        "rule_id",
        "repository_id",
        "tag",
        unique=True,
    ),
    Index("ix_replication_tasks_rule_id_state_run_at", "rule_id", "state", "run_at"),
    Index("ix_replication_tasks_repository_id", "repository_id"),
)

replicated_tags: Final = Table(
    "replicated_tags",
    SCHEMA,
    Column(
        "repository_id", NUMBER, ForeignKey("repositories.id", ondelete="CASCADE"), primary_key=True
    ),
    Column("tag", NAME, primary_key=True),
    Column("digest", Text, nullable=False),  # empty: it was deleted
    Column("authored_at", NUMBER, nullable=False),  # when it was set at the hub of its author
    Column("noted_at", NUMBER, nullable=False),  # when that was said here
    sqlite_with_rowid=False,
)
