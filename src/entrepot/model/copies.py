"""Values about artifacts that are copied from one repository to another."""

from dataclasses import dataclass

from entrepot.model.repositories import Repository
from entrepot.oci.digests import Digest
from entrepot.oci.names import Reference, Tag


@dataclass(frozen=True, slots=True)
class CopyOrder:
    """The artifact to copy, and the tags that point at it afterwards."""

    source: Repository
    reference: Reference
    tags: tuple[Tag, ...]
    origin: str = ""
    """The source as histories and webhooks name it, such as `dev/app:1.4`; empty: not at all."""
    with_attachments: bool = True
    dry_run: bool = False
    only: frozenset[str] | None = None
    """The digests of the manifests to copy; `None`: all that belong to it."""


@dataclass(frozen=True, slots=True)
class Copied:
    """The effect of a copy: how much was not there before, and the tags that point at it now."""

    digest: Digest
    tags: tuple[Tag, ...]
    manifests: int
    """Those that were copied, attachments aside."""
    attachments: int
    blobs: int
    kept: tuple[str, ...] = ()
    """Tags of signatures that were left alone: the target's hold some that the source's do not."""
