"""Promotions: an artifact, with all that belongs to it, is given to another repository."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from entrepot.errors import Denied, RepositoryUnknown
from entrepot.hub.events.audit import audit_and_notify
from entrepot.hub.people.actors import OPERATOR, Action, Actor
from entrepot.hub.permissions import Permissions
from entrepot.metadata.engines.engine import Clock
from entrepot.metadata.repositories import PushTarget
from entrepot.model.copies import Copied, CopyOrder
from entrepot.model.tags import Author
from entrepot.oci.names import Reference, RepositoryName, Tag


class LinksArtifacts(Protocol):
    """Copies artifacts between repositories of the hub."""

    async def link(self, order: CopyOrder, target: PushTarget, by: Author) -> Copied:
        """Have the artifact in the target with all that belongs to it, or none of it."""


class Promotions:
    """Promotes where the actor has the right to pull from the source and to push to the target."""

    def __init__(self, permissions: Permissions, copies: LinksArtifacts, now: Clock) -> None:
        self._permissions = permissions
        self._copies = copies
        self._now = now

    async def promote(
        self,
        source: RepositoryName,
        reference: Reference,
        target: RepositoryName,
        tags: Sequence[Tag] = (),
        by: Actor = OPERATOR,
        *,
        with_attachments: bool = True,
        dry_run: bool = False,
    ) -> Copied:
        """Copy an artifact; without tags it keeps the one that it was named by.

        Raises `RepositoryUnknown` and `Denied` where the actor may not, and what a push raises.
        """
        found = await self._permissions.repository_to_see(by.identity, source)
        kept = (reference,) if isinstance(reference, Tag) else ()
        mark = ":" if isinstance(reference, Tag) else "@"
        order = CopyOrder(
            found,
            reference,
            tuple(tags) or kept,
            f"{found.name}{mark}{reference}",
            with_attachments=with_attachments,
            dry_run=dry_run,
        )
        return await self.copy(order, target, by)

    async def copy(self, order: CopyOrder, target: RepositoryName, by: Actor = OPERATOR) -> Copied:
        """Copy what the order names, from a repository that the actor may pull from.

        Raises `RepositoryUnknown` and `Denied` where the actor may not push to the target, and what
        a push raises.
        """
        into = await self._find_target(target, by)
        return await self._copies.link(order, into, by.identity.author)

    async def _find_target(self, name: RepositoryName, by: Actor) -> PushTarget:
        """Where a push of the actor's goes; one that does not exist is created by it."""
        rights = await self._permissions.rights(by.identity, name)
        if rights.mirrored is not None and rights.actions:
            raise Denied(f"{rights.mirrored.mirror.name} is a mirror: nothing is pushed to it")
        found = rights.repository
        if Action.PUSH not in rights.actions or rights.target is None:
            if found is None:
                raise RepositoryUnknown(f"no such repository: {name}")
            raise Denied(f"you may not push to {name}")
        if found is not None and found.is_archived:
            raise Denied(f"{found.name} is archived and read-only: only pulls are allowed")
        return replace(rights.target, listener=audit_and_notify(by, self._now))
