"""The whole schema: importing this knows every table."""

from entrepot.metadata import (
    advisory_tables,
    artifact_tables,
    hook_tables,
    mirror_tables,
    people_tables,
    policy_tables,
    replication_tables,
    scrub_tables,
    workload_tables,
)
from entrepot.metadata.tables import SCHEMA

__all__ = [
    "SCHEMA",
    "advisory_tables",
    "artifact_tables",
    "hook_tables",
    "mirror_tables",
    "people_tables",
    "policy_tables",
    "replication_tables",
    "scrub_tables",
    "workload_tables",
]
