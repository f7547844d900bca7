"""The schema, for SQLite and PostgreSQL alike.

Columns hold plain numbers, text and bytes, so that rows need no conversion on the way in or out:
instants (`…_at`) are microseconds since 1970 in UTC, booleans are 0 and 1, digests `algorithm:hex`.
Names and tags sort by bytes on both engines, as the distribution spec's lists do.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)

SCHEMA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

NUMBER: Final = BigInteger().with_variant(Integer(), "sqlite")
"""64 bits everywhere; SQLite's own row ids must be declared INTEGER."""
NAME: Final = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that compares by bytes."""


def number_id() -> Column[int]:
    """A column of ids that the database gives."""
    return Column("id", NUMBER, Identity(), primary_key=True)


namespaces = Table(
    "namespaces",
    SCHEMA,
    number_id(),
    Column("name", NAME, nullable=False, unique=True),
    Column("kind", Text, nullable=False),  # account, organisation, mirror
    Column("default_visibility", Text, nullable=False),  # private, public
    Column("created_at", NUMBER, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
)

accounts = Table(
    "accounts",
    SCHEMA,
    Column("namespace_id", NUMBER, ForeignKey("namespaces.id"), primary_key=True),
    Column("name", NAME, nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),
    Column("is_admin", SmallInteger, nullable=False),
    Column("disabled_at", NUMBER),
    Column("created_at", NUMBER, nullable=False),
    Column("full_name", Text, nullable=False, server_default=""),
    Column("email", Text, nullable=False, server_default=""),
    # The second factor: its secret, since when it is asked for, and the last step that was used.
    Column("totp_secret", Text),
    Column("totp_since", NUMBER),
    Column("totp_step", NUMBER, nullable=False, server_default="0"),
    # The source (oidc, ldap) whose groups made this an administrator; None: somebody did.
    Column("admin_from", Text),
)

members = Table(
    "members",
    SCHEMA,
    Column("namespace_id", NUMBER, ForeignKey("namespaces.id"), primary_key=True),
    Column("account_id", NUMBER, ForeignKey("accounts.namespace_id"), primary_key=True),
    Column("role", Text, nullable=False),  # owner, editor, member
    # 1: groups of a sign-in provider gave the role, and take it away again.
    Column("from_groups", SmallInteger, nullable=False, server_default="0"),
    Index("ix_members_account_id", "account_id"),
)

tokens = Table(
    "tokens",
    SCHEMA,
    number_id(),
    Column("account_id", NUMBER, ForeignKey("accounts.namespace_id"), nullable=False, index=True),
    Column("kind", Text, nullable=False),  # personal, refresh
    # A refresh token got with a personal one dies with it.
    Column("parent_id", NUMBER, ForeignKey("tokens.id"), index=True),
    Column("label", Text, nullable=False),
    Column("secret_hash", Text, nullable=False, unique=True),
    Column("hint", Text, nullable=False),
    Column("scope", Text, nullable=False),  # repo:read, repo:write, repo:admin
    Column("created_at", NUMBER, nullable=False),
    Column("expires_at", NUMBER),
    Column("last_used_at", NUMBER),
    Column("revoked_at", NUMBER),
    # An organization's token acts for the organization, not for its creator.
    Column("namespace_id", NUMBER, index=True),
    # A JSON list of repository names and `prefix/*`; None: every one.
    Column("repositories", Text),
    Column("last_used_from", Text, nullable=False, server_default=""),
)

signing_keys = Table(
    "signing_keys",
    SCHEMA,
    Column("kid", Text, primary_key=True),
    Column("private_key", Text, nullable=False),
    Column("created_at", NUMBER, nullable=False),
)

repositories = Table(
    "repositories",
    SCHEMA,
    number_id(),
    # None: the name has one component, and the repository belongs to the hub.
    Column("namespace_id", NUMBER, ForeignKey("namespaces.id")),
    Column("name", NAME, nullable=False, unique=True),
    Column("visibility", Text, nullable=False),  # private, public
    Column("created_at", NUMBER, nullable=False),
    Column("pulls", NUMBER, nullable=False, server_default="0"),
    Column("pulled_at", NUMBER),
    Column("description", Text, nullable=False, server_default=""),
    Column("readme", Text, nullable=False, server_default=""),
    Column("archived_at", NUMBER),
    Column("pushed_at", NUMBER),
    Column("stars", NUMBER, nullable=False, server_default="0"),
    # Known after indexing: the most frequent kind, the newest version, bytes of all blobs.
    Column("kind", Text, nullable=False, server_default=""),
    Column("size", NUMBER, nullable=False, server_default="0"),
    Column("tag_count", NUMBER, nullable=False, server_default="0"),
    # 1: its content comes from the registry that its namespace mirrors.
    Column("is_mirrored", SmallInteger, nullable=False, server_default="0"),
    Index("ix_repositories_namespace_id_name", "namespace_id", "name"),
    Index("ix_repositories_visibility_name", "visibility", "name"),
)

manifests = Table(
    "manifests",
    SCHEMA,
    number_id(),
    Column("repository_id", NUMBER, ForeignKey("repositories.id"), nullable=False),
    Column("digest", NAME, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("size", NUMBER, nullable=False),
    Column("artifact_type", Text),
    Column("subject", NAME),
    # What a referrers list says of this manifest, ready to be joined; None without a subject.
    Column("descriptor", Text),
    Column("pushed_at", NUMBER, nullable=False),
    Column("pushed_by", NUMBER, ForeignKey("accounts.namespace_id")),
    Column("pulls", NUMBER, nullable=False, server_default="0"),
    Column("pulled_at", NUMBER),
    # The bytes as they came. Last, so that readers of the other columns do not page through it.
    Column("content", LargeBinary, nullable=False),
    # What the rules say of a pull by digest: null or 0 nothing, 1 refused, 2 warned of. Behind the
    # bytes: SQLite reads null, 0 and 1 from a row's head.
    Column("pull_verdict", SmallInteger),
    UniqueConstraint("repository_id", "digest"),
    Index("ix_manifests_repository_id_subject_id", "repository_id", "subject", "id"),
)

manifest_references = Table(
    "manifest_references",
    SCHEMA,
    Column("manifest_id", NUMBER, ForeignKey("manifests.id", ondelete="CASCADE"), primary_key=True),
    Column("role", Text, primary_key=True),  # blob, manifest
    Column("digest", NAME, primary_key=True),
    Column("repository_id", NUMBER, ForeignKey("repositories.id"), nullable=False),
    Index("ix_manifest_references_repository_id_digest", "repository_id", "digest"),
    sqlite_with_rowid=False,
)

tags = Table(
    "tags",
    SCHEMA,
    Column("repository_id", NUMBER, ForeignKey("repositories.id"), primary_key=True),
    Column("name", NAME, primary_key=True),
    Column("manifest_id", NUMBER, ForeignKey("manifests.id"), nullable=False, index=True),
    Column("moved_at", NUMBER, nullable=False),
    Column("moved_by", NUMBER, ForeignKey("accounts.namespace_id")),
    # Sorts by bytes as versions sort; 1 in `is_hidden` for tags that clients attach things by.
    Column("version_key", NAME, nullable=False, server_default=""),
    Column("is_hidden", SmallInteger, nullable=False, server_default="0"),
    # The name of somebody without an account who moved it: a job, or an organization's token.
    Column("author", Text),
    # As of manifests, of a pull by this tag.
    Column("pull_verdict", SmallInteger),
    Index(
        "ix_tags_repository_id_is_hidden_version_key", "repository_id", "is_hidden", "version_key"
    ),
    Index("ix_tags_repository_id_is_hidden_moved_at", "repository_id", "is_hidden", "moved_at"),
    sqlite_with_rowid=False,
)

blobs = Table(
    "blobs",
    SCHEMA,
    Column("digest", NAME, primary_key=True),
    Column("size", NUMBER, nullable=False),
    Column("storage_key", Text, nullable=False, index=True),
    Column("created_at", NUMBER, nullable=False),
    sqlite_with_rowid=False,
)

repository_blobs = Table(
    "repository_blobs",
    SCHEMA,
    Column("repository_id", NUMBER, ForeignKey("repositories.id"), primary_key=True),
    Column("digest", NAME, ForeignKey("blobs.digest"), primary_key=True),
    Column("linked_at", NUMBER, nullable=False),
    Index("ix_repository_blobs_digest", "digest"),
    sqlite_with_rowid=False,
)

uploads = Table(
    "uploads",
    SCHEMA,
    Column("id", NAME, primary_key=True),
    Column("repository_id", NUMBER, ForeignKey("repositories.id"), nullable=False),
    Column("account_id", NUMBER, ForeignKey("accounts.namespace_id")),
    Column("size", NUMBER, nullable=False),
    Column("algorithm", Text, nullable=False),
    # The hash of the bytes so far by `algorithm`; None when a worker appended without knowing it.
    Column("hash_so_far", Text),
    Column("started_at", NUMBER, nullable=False),
    Column("touched_at", NUMBER, nullable=False, index=True),
    Index("ix_uploads_repository_id", "repository_id"),
    Index("ix_uploads_account_id", "account_id"),
    sqlite_with_rowid=False,
)

upload_reservations = Table(
    "upload_reservations",
    SCHEMA,
    # An upload's, with a row in `uploads` or (a whole body) without: the staged bytes' name.
    Column("id", NAME, primary_key=True),
    Column("namespace_id", NUMBER, nullable=False),
    # Bytes that have been staged or may be: they count against the namespace's quota.
    Column("size", NUMBER, nullable=False),
    Column("touched_at", NUMBER, nullable=False),
    Index("ix_upload_reservations_namespace_id", "namespace_id"),
    sqlite_with_rowid=False,
)

pull_days = Table(
    "pull_days",
    SCHEMA,
    Column(
        "repository_id", NUMBER, ForeignKey("repositories.id", ondelete="CASCADE"), primary_key=True
    ),
    # Empty: every pull of the repository, by whatever reference.
    Column("tag", NAME, primary_key=True),
    # The date in UTC, as Python's `date.toordinal`.
    Column("day", NUMBER, primary_key=True),
    Column("count", NUMBER, nullable=False),
    Index("ix_pull_days_day", "day"),
    sqlite_with_rowid=False,
)

leases = Table(
    "leases",
    SCHEMA,
    Column("name", NAME, primary_key=True),
    Column("until", NUMBER, nullable=False),
    sqlite_with_rowid=False,
)
