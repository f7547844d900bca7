"""People: sessions, teams, invitations, stars, and what they did."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", NUMBER, sa.Identity(always=False), nullable=False),
        sa.Column("at", NUMBER, nullable=False),
        sa.Column("namespace_id", NUMBER, nullable=True),
        sa.Column("actor_id", NUMBER, nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index("ix_audit_namespace_id_id", "audit", ["namespace_id", "id"], unique=False)


def _limits() -> None:
    op.create_table(
        "limits",
        sa.Column("name", NAME, nullable=False),
        sa.Column("until", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_limits")),
        sqlite_with_rowid=False,
    )


def _teams() -> None:
    op.create_table(
        "teams",
        sa.Column("id", NUMBER, sa.Identity(always=False), nullable=False),
        sa.Column("namespace_id", NUMBER, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["namespace_id"], ["namespaces.id"], name=op.f("fk_teams_namespace_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_teams")),
        sa.UniqueConstraint("namespace_id", "name", name=op.f("uq_teams_namespace_id_name")),
    )


def _external_identities() -> None:
    op.create_table(
        "external_identities",
        sa.Column("issuer", NAME, nullable=False),
        sa.Column("subject", NAME, nullable=False),
        sa.Column("account_id", NUMBER, nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.namespace_id"],
            name=op.f("fk_external_identities_account_id"),
        ),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_external_identities")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_external_identities_account_id", "external_identities", ["account_id"], unique=False
    )


def _invitations() -> None:
    op.create_table(
        "invitations",
        sa.Column("id", NUMBER, sa.Identity(always=False), nullable=False),
        sa.Column("secret_hash", sa.Text(), nullable=False),
        sa.Column("namespace_id", NUMBER, nullable=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("team_id", NUMBER, nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("invited_by", NUMBER, nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("expires_at", NUMBER, nullable=False),
        sa.Column("accepted_at", NUMBER, nullable=True),
        sa.Column("accepted_by", NUMBER, nullable=True),
        sa.ForeignKeyConstraint(
            ["accepted_by"], ["accounts.namespace_id"], name=op.f("fk_invitations_accepted_by")
        ),
        sa.ForeignKeyConstraint(
            ["invited_by"], ["accounts.namespace_id"], name=op.f("fk_invitations_invited_by")
        ),
        sa.ForeignKeyConstraint(
            ["namespace_id"], ["namespaces.id"], name=op.f("fk_invitations_namespace_id")
        ),
        sa.ForeignKeyConstraint(
            ["team_id"], ["teams.id"], name=op.f("fk_invitations_team_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitations")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_invitations_secret_hash")),
    )
    op.create_index("ix_invitations_namespace_id", "invitations", ["namespace_id"], unique=False)


def _recovery_codes() -> None:
    op.create_table(
        "recovery_codes",
        sa.Column("account_id", NUMBER, nullable=False),
        sa.Column("code_hash", sa.Text(), nullable=False),
        sa.Column("used_at", NUMBER, nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.namespace_id"], name=op.f("fk_recovery_codes_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", "code_hash", name=op.f("pk_recovery_codes")),
        sqlite_with_rowid=False,
    )


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", NUMBER, sa.Identity(always=False), nullable=False),
        sa.Column("account_id", NUMBER, nullable=False),
        sa.Column("secret_hash", sa.Text(), nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("seen_at", NUMBER, nullable=False),
        sa.Column("expires_at", NUMBER, nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("is_pending", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.namespace_id"], name=op.f("fk_sessions_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_sessions_secret_hash")),
    )
    op.create_index("ix_sessions_account_id", "sessions", ["account_id"], unique=False)


def _stars() -> None:
    op.create_table(
        "stars",
        sa.Column("account_id", NUMBER, nullable=False),
        sa.Column("repository_id", NUMBER, nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.namespace_id"], name=op.f("fk_stars_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["repository_id"],
            ["repositories.id"],
            name=op.f("fk_stars_repository_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "repository_id", name=op.f("pk_stars")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_stars_repository_id", "stars", ["repository_id"], unique=False)


def _team_members() -> None:
    op.create_table(
        "team_members",
        sa.Column("team_id", NUMBER, nullable=False),
        sa.Column("account_id", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.namespace_id"], name=op.f("fk_team_members_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["team_id"], ["teams.id"], name=op.f("fk_team_members_team_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("team_id", "account_id", name=op.f("pk_team_members")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_team_members_account_id", "team_members", ["account_id"], unique=False)


def _team_rights() -> None:
    op.create_table(
        "team_rights",
        sa.Column("team_id", NUMBER, nullable=False),
        sa.Column("pattern", NAME, nullable=False),
        sa.Column("permission", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["team_id"], ["teams.id"], name=op.f("fk_team_rights_team_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("team_id", "pattern", name=op.f("pk_team_rights")),
        sqlite_with_rowid=False,
    )


def _trusted_keys() -> None:
    op.create_table(
        "trusted_keys",
        sa.Column("id", NUMBER, sa.Identity(always=False), nullable=False),
        sa.Column("namespace_id", NUMBER, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("pem", sa.Text(), nullable=False),
        sa.Column("created_at", NUMBER, nullable=False),
        sa.Column("created_by", NUMBER, nullable=True),
        sa.ForeignKeyConstraint(
            ["created_by"], ["accounts.namespace_id"], name=op.f("fk_trusted_keys_created_by")
        ),
        sa.ForeignKeyConstraint(
            ["namespace_id"], ["namespaces.id"], name=op.f("fk_trusted_keys_namespace_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trusted_keys")),
        sa.UniqueConstraint("namespace_id", "name", name=op.f("uq_trusted_keys_namespace_id_name")),
    )


def _accounts() -> None:
    op.add_column("accounts", sa.Column("full_name", sa.Text(), server_default="", nullable=False))
    op.add_column("accounts", sa.Column("email", sa.Text(), server_default="", nullable=False))
    op.add_column("accounts", sa.Column("totp_secret", sa.Text(), nullable=True))
    op.add_column("accounts", sa.Column("totp_since", NUMBER, nullable=True))
    op.add_column("accounts", sa.Column("totp_step", NUMBER, server_default="0", nullable=False))


def _namespaces() -> None:
    op.add_column(
        "namespaces", sa.Column("description", sa.Text(), server_default="", nullable=False)
    )


def _tokens() -> None:
    op.add_column("tokens", sa.Column("namespace_id", NUMBER, nullable=True))
    op.add_column("tokens", sa.Column("repositories", sa.Text(), nullable=True))
    op.add_column(
        "tokens", sa.Column("last_used_from", sa.Text(), server_default="", nullable=False)
    )
    op.create_index(op.f("ix_tokens_namespace_id"), "tokens", ["namespace_id"], unique=False)


def upgrade() -> None:
    """Add to what is there; nothing of it is lost."""
    _audit()
    _limits()
    _teams()
    _external_identities()
    _invitations()
    _recovery_codes()
    _sessions()
    _stars()
    _team_members()
    _team_rights()
    _trusted_keys()
    _accounts()
    _namespaces()
    _tokens()
