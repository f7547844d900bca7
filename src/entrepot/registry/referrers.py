"""Referrers: the manifests of a repository that name another as their subject."""

import json
import re
from dataclasses import dataclass
from typing import Final

from entrepot.errors import EntrepotError
from entrepot.metadata.contents.artifact_relations import find_subjects
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.registry import manifests
from entrepot.model.manifests import Referrer
from entrepot.model.repositories import Repository
from entrepot.oci.descriptors import Descriptor
from entrepot.oci.digests import Digest, fallback_tag
from entrepot.oci.manifests import read_manifest
from entrepot.oci.names import Tag

PAGE_BYTES: Final = 3_500_000
"""Clients stop reading an index at 4 MiB, and some read only the first page: fill it."""
_ROWS: Final = 1000


@dataclass(frozen=True, slots=True)
class ReferrersPage:
    """Descriptors as JSON texts; `next_after` continues the list where it is not `None`."""

    descriptors: list[str]
    next_after: int | None


class Referrers:
    """Lists what refers to a digest, whether or not the digest itself is there."""

    def __init__(self, metadata: Metadata) -> None:
        self._metadata = metadata

    async def list_page(
        self, repository: Repository, subject: Digest, wanted: frozenset[str], after: int
    ) -> ReferrersPage:
        """One page, in order of arrival; `wanted` artifact types, or all when empty.

        What clients listed under the fallback tag before they knew this API comes last.
        """
        wanted = spellings(wanted)
        page: list[str] = []
        size = 0
        while rows := await manifests.list_referrers(
            self._metadata.reader, repository.id, subject, after, _ROWS
        ):
            for row in rows:
                if wanted and row.artifact_type not in wanted:
                    after = row.id
                    continue
                size += len(row.descriptor) + 1
                if page and size > PAGE_BYTES:
                    return ReferrersPage(page, after)
                page.append(row.descriptor)
                after = row.id
            if len(rows) < _ROWS:
                break
        listed = await self._list_fallback(repository, subject)
        page.extend(
            [each.descriptor for each in listed if not wanted or each.artifact_type in wanted]
        )
        return ReferrersPage(page, None)

    async def _list_fallback(self, repository: Repository, subject: Digest) -> list[Referrer]:
        """Referrers that only the index under the fallback tag lists, and that exist here."""
        reader = self._metadata.reader
        tag = Tag(fallback_tag(subject))
        stored = await manifests.find_manifest(reader, repository.id, tag)
        if stored is None:
            return []
        try:
            children = (await read_manifest(stored.content, stored.media_type)).children
        except EntrepotError:
            return []
        listed = {child.digest for child in children}
        subjects = await find_subjects(reader, repository.id, listed)
        return [
            _from_descriptor(child)
            for child in children
            if subjects.get(child.digest, str(subject)) != str(subject)
        ]


def spellings(artifact_types: frozenset[str]) -> frozenset[str]:
    """The types as they came, and with `+` for spaces.

    In a query a `+` that the client did not escape means a space, and a type has spaces only
    before its parameters.
    """
    return artifact_types | {re.sub(r"(?<!;) ", "+", each) for each in artifact_types}


def _from_descriptor(child: Descriptor) -> Referrer:
    descriptor: dict[str, object] = {
        "mediaType": child.media_type,
        "digest": str(child.digest),
        "size": child.size,
    }
    if child.artifact_type:
        descriptor["artifactType"] = child.artifact_type
    if child.annotations:
        descriptor["annotations"] = child.annotations
    text = json.dumps(descriptor, separators=(",", ":"))
    return Referrer(0, str(child.digest), child.artifact_type, text)
