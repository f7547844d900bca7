"""The schema's part about people: sessions, teams, invitations, stars, what they did."""

from typing import Final

from sqlalchemy import Column, ForeignKey, Index, SmallInteger, Table, Text, UniqueConstraint

from entrepot.metadata.tables import NAME, NUMBER, SCHEMA, number_id


def _account(name: str = "account_id", *, nullable: bool = False) -> Column[int]:
    return Column(name, NUMBER, ForeignKey("accounts.namespace_id"), nullable=nullable)


sessions: Final = Table(
    "sessions",
    SCHEMA,
    number_id(),
    _account(),
    Column("secret_hash", Text, nullable=False, unique=True),
    Column("created_at", NUMBER, nullable=False),
    Column("seen_at", NUMBER, nullable=False),
    Column("expires_at", NUMBER, nullable=False),
    Column("address", Text, nullable=False),
    Column("client", Text, nullable=False),
    # 1: the password was right, and the second factor is still to come.
    Column("is_pending", SmallInteger, nullable=False),
    Index("ix_sessions_account_id", "account_id"),
)

recovery_codes: Final = Table(
    "recovery_codes",
    SCHEMA,
    Column("account_id", NUMBER, ForeignKey("accounts.namespace_id"), primary_key=True),
    Column("code_hash", Text, primary_key=True),
    Column("used_at", NUMBER),
    sqlite_with_rowid=False,
)

external_identities: Final = Table(
    "external_identities",
    SCHEMA,
    Column("issuer", NAME, primary_key=True),
    Column("subject", NAME, primary_key=True),
    _account(),
    Column("created_at", NUMBER, nullable=False),
    # Since when the account is disabled because the directory no longer has or wants the person.
    Column("suspended_at", NUMBER),
    Index("ix_external_identities_account_id", "account_id"),
    sqlite_with_rowid=False,
)

invitations: Final = Table(
    "invitations",
    SCHEMA,
    number_id(),
    Column("secret_hash", Text, nullable=False, unique=True),
    # None: an invitation to sign up on the hub, into no organization.
    Column("namespace_id", NUMBER, ForeignKey("namespaces.id")),
    Column("role", Text, nullable=False),
    Column("team_id", NUMBER, ForeignKey("teams.id", ondelete="SET NULL")),
    Column("note", Text, nullable=False),
    _account("invited_by"),
    Column("created_at", NUMBER, nullable=False),
    Column("expires_at", NUMBER, nullable=False),
    Column("accepted_at", NUMBER),
    _account("accepted_by", nullable=True),
    Index("ix_invitations_namespace_id", "namespace_id"),
)

teams: Final = Table(
    "teams",
    SCHEMA,
    number_id(),
    Column("namespace_id", NUMBER, ForeignKey("namespaces.id"), nullable=False),
    Column("name", NAME, nullable=False),
    Column("description", Text, nullable=False),
    Column("created_at", NUMBER, nullable=False),
    UniqueConstraint("namespace_id", "name"),
)

team_members: Final = Table(
    "team_members",
    SCHEMA,
    Column("team_id", NUMBER, ForeignKey("teams.id", ondelete="CASCADE"), primary_key=True),
    Column("account_id", NUMBER, ForeignKey("accounts.namespace_id"), primary_key=True),
    # 1: as of members.
    Column("from_groups", SmallInteger, nullable=False, server_default="0"),
    Index("ix_team_members_account_id", "account_id"),
    sqlite_with_rowid=False,
)

group_mappings: Final = Table(
    "group_mappings",
    SCHEMA,
    number_id(),
    Column("namespace_id", NUMBER, ForeignKey("namespaces.id"), nullable=False),
    Column("source", Text, nullable=False),  # oidc, ldap
    Column("external_group", NAME, nullable=False),
    Column("role", Text, nullable=False),
    Column("team_id", NUMBER, ForeignKey("teams.id", ondelete="SET NULL"), index=True),
    Column("created_at", NUMBER, nullable=False),
    Column("created_by", Text, nullable=False),
    Index("ix_group_mappings_namespace_id", "namespace_id"),
    Index("ix_group_mappings_external_group", "external_group"),
)

group_members: Final = Table(
    "group_members",
    SCHEMA,
    Column(
        "mapping_id", NUMBER, ForeignKey("group_mappings.id", ondelete="CASCADE"), primary_key=True
    ),
    Column("account_id", NUMBER, ForeignKey("accounts.namespace_id"), primary_key=True),
    Index("ix_group_members_account_id", "account_id"),
    sqlite_with_rowid=False,
)

team_rights: Final = Table(
    "team_rights",
    SCHEMA,
    Column("team_id", NUMBER, ForeignKey("teams.id", ondelete="CASCADE"), primary_key=True),
    # A repository's name without its namespace, `prefix/*`, or `*`.
    Column("pattern", NAME, primary_key=True),
    Column("permission", Text, nullable=False),  # read, write, admin
    sqlite_with_rowid=False,
)

stars: Final = Table(
    "stars",
    SCHEMA,
    Column("account_id", NUMBER, ForeignKey("accounts.namespace_id"), primary_key=True),
    Column(
        "repository_id", NUMBER, ForeignKey("repositories.id", ondelete="CASCADE"), primary_key=True
    ),
    Column("created_at", NUMBER, nullable=False),
    Index("ix_stars_repository_id", "repository_id"),
    sqlite_with_rowid=False,
)

audit: Final = Table(
    "audit",
    SCHEMA,
    number_id(),
    Column("at", NUMBER, nullable=False),
    # None: about the hub itself. No foreign key: what was done outlives whom it was done to.
    Column("namespace_id", NUMBER),
    Column("actor_id", NUMBER),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("details", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("request", Text, nullable=False),
    # SHA-256 over the row before and this one: what was written cannot be changed unnoticed.
    Column("hash", Text, nullable=False),
    Index("ix_audit_namespace_id_id", "namespace_id", "id"),
)

trusted_keys: Final = Table(
    "trusted_keys",
    SCHEMA,
    number_id(),
    Column("namespace_id", NUMBER, ForeignKey("namespaces.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("pem", Text, nullable=False),
    Column("created_at", NUMBER, nullable=False),
    _account("created_by", nullable=True),
    UniqueConstraint("namespace_id", "name"),
)

trust_roots: Final = Table(
    "trust_roots",
    SCHEMA,
    number_id(),
    Column("name", NAME, nullable=False, unique=True),
    # sigstore, x509; removed: the shipped root of that name is not trusted.
    Column("kind", Text, nullable=False),
    # A `trusted_root.json`, or certificates in PEM.
    Column("content", Text, nullable=False),
    Column("expires_at", NUMBER),
    Column("created_at", NUMBER, nullable=False),
)

limits: Final = Table(
    "limits",
    SCHEMA,
    Column("name", NAME, primary_key=True),
    # The "theoretical arrival time" of GCRA: an instant up to which the allowance is used.
    Column("until", NUMBER, nullable=False),
    sqlite_with_rowid=False,
)
