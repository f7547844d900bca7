"""Counts over the whole hub."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HubNumbers:
    """Counts of everything; `blob_bytes` are bytes that blobs take, each once."""

    accounts: int
    repositories: int
    manifests: int
    tags: int
    blobs: int
    blob_bytes: int
    uploads: int
