"""Repositories as their owners see them: listed, shown, opened to the public, deleted."""

from entrepot.errors import RepositoryUnknown
from entrepot.metadata import repositories
from entrepot.metadata.accounts import Visibility
from entrepot.metadata.engine import Metadata
from entrepot.metadata.repositories import Repository
from entrepot.oci.names import RepositoryName


class Repositories:
    """Every repository, for those whom a door has admitted."""

    def __init__(self, metadata: Metadata) -> None:
        self._metadata = metadata

    async def list_all(self) -> list[Repository]:
        """Every repository, by name."""
        return await repositories.list_repositories(self._metadata.reader)

    async def get(self, name: RepositoryName) -> Repository:
        """The repository of that name."""
        found = await repositories.find_repository(self._metadata.reader, name)
        if found is None:
            raise RepositoryUnknown(f"no repository is called {name}")
        return found

    async def set_visibility(self, name: RepositoryName, visibility: Visibility) -> None:
        """Open the repository to everybody, or close it."""
        repository = await self.get(name)
        async with self._metadata.begin() as tx:
            await repositories.set_visibility(tx, repository.id, visibility)

    async def delete(self, name: RepositoryName) -> None:
        """Forget the repository with all its tags and manifests; bytes that others use stay."""
        repository = await self.get(name)
        async with self._metadata.begin() as tx:
            await repositories.lock_repository(tx, repository)
            await repositories.delete_repository(tx, repository.id)
