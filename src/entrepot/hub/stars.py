"""Stars: given and taken back by accounts that may see the repository."""

from typing import Final

from entrepot.errors import Conflict, Unauthenticated
from entrepot.hub.people.actors import Identity
from entrepot.hub.permissions import Action, Permissions
from entrepot.metadata import stars
from entrepot.metadata.engines.engine import Clock, Metadata
from entrepot.model.people.accounts import Account
from entrepot.model.repositories import Repository
from entrepot.oci.names import RepositoryName

MOST_STARS: Final = 1000
"""Stars that one account has given."""


class Stars:
    """Who likes what."""

    def __init__(self, metadata: Metadata, permissions: Permissions, now: Clock) -> None:
        self._metadata = metadata
        self._permissions = permissions
        self._now = now

    async def is_starred(self, account: Account, repository: Repository) -> bool:
        """Say whether the account gave the repository a star."""
        return await stars.is_starred(self._metadata.reader, account.id, repository.id)

    async def set(self, identity: Identity, name: RepositoryName, *, wanted: bool) -> None:
        """Give a star or take it back; the account must be able to see the repository.

        Raises `Conflict` for an account that has given `MOST_STARS`.
        """
        if identity.account is None:
            raise Unauthenticated
        repository = await self._permissions.repository_to_see(identity, name)
        async with self._metadata.begin() as tx:
            if not wanted:
                await stars.remove_star(tx, identity.account.id, repository.id)
                return
            # Counted afterwards: a star that was given already is given again at any count.
            await stars.add_star(tx, identity.account.id, repository.id, self._now())
            if await stars.count_stars_of(tx, identity.account.id) > MOST_STARS:
                raise Conflict(f"the limit of {MOST_STARS} stars is reached: remove one first")

    async def list_of(self, account: Account, seen_by: Identity) -> list[Repository]:
        """List the account's stars that the viewer can see, the newest star first."""
        found = await stars.list_starred(self._metadata.reader, account.id)
        rights = [await self._permissions.rights(seen_by, each.name) for each in found]
        pairs = zip(found, rights, strict=True)
        return [each for each, right in pairs if Action.PULL in right.actions]
