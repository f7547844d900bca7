"""The schema's part about workload identity: issuers, trusts, and grants to jobs."""

from typing import Final

from sqlalchemy import Column, ForeignKey, Index, SmallInteger, Table, Text, UniqueConstraint

from entrepot.metadata.tables import NAME, NUMBER, SCHEMA, number_id

issuers: Final = Table(
    "issuers",
    SCHEMA,
    number_id(),
    Column("name", NAME, nullable=False, unique=True),
    Column("kind", Text, nullable=False),  # github, gitlab, kubernetes, other
    Column("url", NAME, nullable=False, unique=True),
    # A list of words with a space between them.
    Column("audiences", Text, nullable=False),
    # A JSON Web Key Set; empty: the issuer is asked.
    Column("keys", Text, nullable=False),
    Column("allows_private", SmallInteger, nullable=False),
    Column("created_at", NUMBER, nullable=False),
)

trusts: Final = Table(
    "trusts",
    SCHEMA,
    number_id(),
    Column("namespace_id", NUMBER, ForeignKey("namespaces.id"), nullable=False),
    Column("name", NAME, nullable=False),
    Column("issuer_id", NUMBER, ForeignKey("issuers.id"), nullable=False, index=True),
    # JSON: [[claim, [value, …], is_pattern], …].
    Column("conditions", Text, nullable=False),
    # Each a list of words with a space between them.
    Column("repositories", Text, nullable=False),
    Column("tags", Text, nullable=False),
    Column("scope", Text, nullable=False),  # repo:read, repo:write, repo:admin
    Column("session", NUMBER, nullable=False),  # seconds
    Column("is_enabled", SmallInteger, nullable=False),
    Column("created_at", NUMBER, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("last_used_at", NUMBER),
    Column("uses", NUMBER, nullable=False, server_default="0"),
    UniqueConstraint("namespace_id", "name"),
)

grants: Final = Table(
    "grants",
    SCHEMA,
    number_id(),
    Column("label", Text, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("subject", Text, nullable=False),
    # A JSON object of the few claims that tell a person which job this is.
    Column("claims", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("created_at", NUMBER, nullable=False),
    Column("expires_at", NUMBER, nullable=False, index=True),
    Column("last_used_at", NUMBER),
    Column("ended_at", NUMBER),
    # The hash of the ID token, and of the secret that a client got for it.
    Column("token_hash", Text, nullable=False),
    # The user name beside the ID token, which chooses among trusts.
    Column("asked", Text, nullable=False),
    Column("secret_hash", Text, unique=True),
    Index("ix_grants_token_hash", "token_hash"),
)

grant_trusts: Final = Table(
    "grant_trusts",
    SCHEMA,
    Column("grant_id", NUMBER, ForeignKey("grants.id", ondelete="CASCADE"), primary_key=True),
    Column("trust_id", NUMBER, ForeignKey("trusts.id", ondelete="CASCADE"), primary_key=True),
    Index("ix_grant_trusts_trust_id", "trust_id"),
    sqlite_with_rowid=False,
)
