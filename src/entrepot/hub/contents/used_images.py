"""Images that a chart or a compose file uses, where they are in this hub."""

from collections.abc import Sequence
from typing import Final

from entrepot.errors import Invalid, NotFound
from entrepot.hub.people.actors import Identity
from entrepot.hub.permissions import Permissions
from entrepot.metadata.contents.artifact_relations import find_children
from entrepot.metadata.engines.engine import Reader
from entrepot.metadata.registry.tag_listing import find_row
from entrepot.model.artifacts import Artifact
from entrepot.oci.digests import Digest
from entrepot.oci.names import RepositoryName, parse_reference

_MOST: Final = 8
"""Images that are looked up for one page."""


class UsedImages:
    """Finds images by their references, as far as somebody may see them."""

    def __init__(self, permissions: Permissions, reader: Reader) -> None:
        self._permissions = permissions
        self._reader = reader

    async def find(self, identity: Identity, references: Sequence[str]) -> dict[str, Artifact]:
        """Return the artifacts of `name:tag` or `name@digest`, those that are here and visible."""
        found = {}
        for text in references[:_MOST]:
            try:
                artifact = await self._find(identity, text)
            except (Invalid, NotFound):
                continue
            if artifact is not None:
                found[text] = artifact
        return found

    async def _find(self, identity: Identity, text: str) -> Artifact | None:
        name, separator, wanted = text.partition("@")
        if not separator:
            name, _, wanted = text.rpartition(":")
        reference = parse_reference(wanted)
        repository = await self._permissions.repository_to_see(identity, RepositoryName(name))
        if isinstance(reference, Digest):
            here = await find_children(self._reader, repository.id, {str(reference)})
            child = here.get(str(reference))
            return child.artifact if child else None
        row = await find_row(self._reader, repository.id, str(reference))
        return row.artifact if row else None
