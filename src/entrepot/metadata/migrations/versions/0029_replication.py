"""Rules by which tags are pushed to other registries, and the tags that wait for it."""

import sqlalchemy as sa
from alembic import op

from entrepot.metadata.tables import NAME, NUMBER, number_id

revision = "0029"
down_revision = "0028"


def _text(name: str, **more: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, **more)  # type: ignore[arg-type]


def upgrade() -> None:
    """Add to what is there; nothing of it is lost."""
    op.create_table(
        "replication_rules",
        number_id(),
        sa.Column("name", NAME, nullable=False),
        _text("url"),
        sa.Column("created_at", NUMBER, nullable=False),
        *map(_text, ("username", "secret", "repositories", "tags")),
        sa.Column("strip", NUMBER, nullable=False),
        *map(_text, ("prefix", "trigger")),
        sa.Column("every", NUMBER, nullable=False),
        _text("deletes"),
        sa.Column("with_attachments", sa.SmallInteger, nullable=False),
        sa.Column("allows_private", sa.SmallInteger, nullable=False),
        *map(_text, ("networks", "token_hosts")),
        sa.Column("queued_at", NUMBER),
        sa.Column("succeeded_at", NUMBER),
        sa.Column("backs_off_until", NUMBER),
        _text("problem", server_default=""),
        sa.Column("failures", NUMBER, nullable=False, server_default="0"),
        sa.Column("sent_bytes", NUMBER, nullable=False, server_default="0"),
        sa.Column("sent_tags", NUMBER, nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("id", name="pk_replication_rules"),
        sa.UniqueConstraint("name", name="uq_replication_rules_name"),
    )
    _create_tasks()


def _create_tasks() -> None:
    rule_id = ["rule_id"], ["replication_rules.id"]
    repository_id = ["repository_id"], ["repositories.id"]
    op.create_table(
        "replication_tasks",
        number_id(),
        sa.Column("rule_id", NUMBER, nullable=False),
        sa.Column("repository_id", NUMBER, nullable=False),
        sa.Column("tag", NAME, nullable=False),
        _text("state"),
        sa.Column("asked", NUMBER, nullable=False),
        sa.Column("attempts", NUMBER, nullable=False),
        sa.Column("behind_since", NUMBER),
        sa.Column("failing_since", NUMBER),
        sa.Column("run_at", NUMBER, nullable=False),
        sa.Column("leased_until", NUMBER, nullable=False),
        sa.Column("sent", NUMBER, nullable=False, server_default="0"),
        *(_text(name, server_default="") for name in ("upload_digest", "upload_location", "error")),
        sa.ForeignKeyConstraint(*rule_id, name="fk_replication_tasks_rule_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            *repository_id, name="fk_replication_tasks_repository_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_replication_tasks"),
    )
    for columns, is_unique in (
        (("rule_id", "repository_id", "tag"), True),
        (("rule_id", "state", "run_at"), False),
        (("repository_id",), False),
    ):
        name = f"ix_replication_tasks_{'_'.join(columns)}"
        op.create_index(name, "replication_tasks", list(columns), unique=is_unique)
