"""The schema's part about webhooks: who is told of what, and what was told to them."""

from typing import Final

from sqlalchemy import Column, ForeignKey, Index, SmallInteger, Table, Text

from entrepot.metadata.tables import NAME, NUMBER, SCHEMA, number_id

webhooks: Final = Table(
    "webhooks",
    SCHEMA,
    number_id(),
    # One of both. Neither: the repository was deleted, and its last deliveries are on their way.
    Column("namespace_id", NUMBER, ForeignKey("namespaces.id")),
    Column("repository_id", NUMBER, ForeignKey("repositories.id", ondelete="SET NULL")),
    Column("url", Text, nullable=False),
    # Not hashed: it is needed to sign.
    Column("secret", Text, nullable=False),
    Column("events", Text, nullable=False),  # words with a space between them; none: every event
    Column("is_active", SmallInteger, nullable=False),
    Column("created_at", NUMBER, nullable=False),
    Column("created_by", NUMBER, ForeignKey("accounts.namespace_id")),
    Column("format", Text, nullable=False, server_default="cloudevents"),
    # One line of the request's head, wrapped as the secret is: most are credentials.
    Column("header", Text, nullable=False, server_default=""),
    Index("ix_webhooks_namespace_id", "namespace_id"),
    Index("ix_webhooks_repository_id", "repository_id"),
)

# No foreign keys: a push must not wait for the deletion of a webhook, and what was done to a
# repository is told after it is gone.
deliveries: Final = Table(
    "webhook_deliveries",
    SCHEMA,
    number_id(),
    Column("webhook_id", NUMBER, nullable=False),
    Column("repository_id", NUMBER, nullable=False),  # 0: about none
    Column("message", NAME, nullable=False),  # the same however often it is sent
    Column("event", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("state", Text, nullable=False),  # waiting, delivered, dead
    Column("attempts", NUMBER, nullable=False),
    Column("created_at", NUMBER, nullable=False),
    Column("run_at", NUMBER, nullable=False),
    Column("ended_at", NUMBER),
    # What the last attempt brought.
    Column("status", NUMBER),
    Column("milliseconds", NUMBER, nullable=False, server_default="0"),
    Column("response", Text, nullable=False, server_default=""),
    Column("error", Text, nullable=False, server_default=""),
    Index("ix_webhook_deliveries_webhook_id_id", "webhook_id", "id"),
    Index(
        "ix_webhook_deliveries_webhook_id_repository_id_state_id",
        "webhook_id",
        "repository_id",
        "state",
        "id",
    ),
    Index("ix_webhook_deliveries_state_created_at", "state", "created_at"),
)
