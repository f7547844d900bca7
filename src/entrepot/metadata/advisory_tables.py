"""The schema's part about vulnerabilities: advisories, and the packages that they match."""

from typing import Final

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, SmallInteger, Table, Text

from entrepot.metadata.tables import NAME, NUMBER, SCHEMA, number_id

advisories: Final = Table(
    "advisories",
    SCHEMA,
    number_id(),
    Column("identifier", NAME, nullable=False, unique=True),
    Column("aliases", Text, nullable=False),  # a JSON list
    Column("modified", NAME, nullable=False),
    Column("published", NAME, nullable=False),
    Column("summary", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("score", NUMBER, nullable=False),  # in tenths
    Column("url", Text, nullable=False),
    Column("is_withdrawn", SmallInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    # 1 until the packages were compared with its ranges.
    Column("is_pending", SmallInteger, nullable=False),
    Index("ix_advisories_is_pending_id", "is_pending", "id"),
)

advisory_ids: Final = Table(
    "advisory_ids",
    SCHEMA,
    Column("identifier", NAME, primary_key=True),
    Column(
        "advisory_id", NUMBER, ForeignKey("advisories.id", ondelete="CASCADE"), primary_key=True
    ),
    Index("ix_advisory_ids_advisory_id", "advisory_id"),
    sqlite_with_rowid=False,
)

advisory_ranges: Final = Table(
    "advisory_ranges",
    SCHEMA,
    Column(
        "advisory_id", NUMBER, ForeignKey("advisories.id", ondelete="CASCADE"), primary_key=True
    ),
    Column("number", NUMBER, primary_key=True),
    Column("ecosystem", NAME, nullable=False),
    Column("name", NAME, nullable=False),
    # Sort keys of versions; `high` is no part of the range.
    Column("low", LargeBinary, nullable=False),
    Column("high", LargeBinary, nullable=False),
    Column("fixed", Text, nullable=False),
    Index("ix_advisory_ranges_ecosystem_name", "ecosystem", "name"),
    sqlite_with_rowid=False,
)

package_coordinates: Final = Table(
    "package_coordinates",
    SCHEMA,
    Column("ecosystem", NAME, primary_key=True),
    Column("name", NAME, primary_key=True),
    Column("key", LargeBinary, primary_key=True),
    Column("package_id", NUMBER, ForeignKey("packages.id"), primary_key=True),
    Index("ix_package_coordinates_package_id", "package_id"),
    sqlite_with_rowid=False,
)

package_matches: Final = Table(
    "package_matches",
    SCHEMA,
    Column("package_id", NUMBER, ForeignKey("packages.id"), primary_key=True),
    Column(
        "advisory_id", NUMBER, ForeignKey("advisories.id", ondelete="CASCADE"), primary_key=True
    ),
    Column("fixed", Text, nullable=False),
    Column("first_seen", NUMBER, nullable=False),
    Index("ix_package_matches_advisory_id", "advisory_id"),
    sqlite_with_rowid=False,
)

# Packages whose matches have changed: what lists them is counted anew.
package_changes: Final = Table(
    "package_changes",
    SCHEMA,
    Column("package_id", NUMBER, ForeignKey("packages.id"), primary_key=True),
    Column("count", NUMBER, nullable=False),
    sqlite_with_rowid=False,
)

artifact_findings: Final = Table(
    "artifact_findings",
    SCHEMA,
    Column("manifest_id", NUMBER, ForeignKey("manifests.id", ondelete="CASCADE"), primary_key=True),
    Column("identifier", NAME, primary_key=True),
    Column("package", NAME, primary_key=True),
    Column("version", NAME, primary_key=True),
    Column(
        "repository_id",
        NUMBER,
        ForeignKey("repositories.id", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("aliases", Text, nullable=False),  # a JSON list
    Column("fixed", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("state", Text, nullable=False),  # affected, or a status of VEX
    Column("source", Text, nullable=False),  # hub, report
    Column("first_seen", NUMBER, nullable=False),
    Index("ix_artifact_findings_identifier", "identifier"),
    Index("ix_artifact_findings_repository_id", "repository_id"),
    Index("ix_artifact_findings_first_seen", "first_seen"),
    sqlite_with_rowid=False,
)

data_sets: Final = Table(
    "data_sets",
    SCHEMA,
    number_id(),
    Column("name", NAME, nullable=False, unique=True),
    Column("documents", NUMBER, nullable=False),
    Column("changed", NUMBER, nullable=False),
    Column("skipped", NUMBER, nullable=False),
    Column("newest", Text, nullable=False),
    Column("started_at", NUMBER, nullable=False),
    Column("finished_at", NUMBER),
)
