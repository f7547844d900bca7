"""Repositories as their administrators see them: made, described, moved, archived, deleted."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from entrepot.errors import Denied, InvalidDescription, NameTaken, RepositoryUnknown
from entrepot.hub.contents.readmes import Readmes
from entrepot.hub.events.audit import Audited, Details, Entry, record
from entrepot.hub.events.outbox import WebhookEvent, enqueue
from entrepot.hub.people.actors import OPERATOR, Actor, Identity
from entrepot.hub.permissions import Action, Permissions, check_administrator
from entrepot.hub.security.trusted_keys import check_signatures
from entrepot.metadata import redirects, repositories, repository_settings
from entrepot.metadata.contents.unindexing import list_long, unindexed
from entrepot.metadata.engines import emptying
from entrepot.metadata.engines.engine import Clock, Metadata, Transaction
from entrepot.metadata.events import jobs
from entrepot.metadata.people.accounts import find_namespace_by_id
from entrepot.metadata.repositories import PushTarget
from entrepot.model.repositories import Repository, Visibility
from entrepot.oci.names import RepositoryName

MAX_DESCRIPTION: Final = 200
MAX_README: Final = 1_000_000
"""Bytes of a README in UTF-8."""

Work = Callable[[Transaction, Repository], Awaitable[None]]


class Repositories:
    """Every repository. Rules take who acts; by default it is the operator."""

    def __init__(
        self, metadata: Metadata, permissions: Permissions, readmes: Readmes, now: Clock
    ) -> None:
        self._metadata = metadata
        self._permissions = permissions
        self._readmes = readmes
        self._now = now

    async def list_all(self) -> list[Repository]:
        """Every repository, by name."""
        return await repositories.list_repositories(self._metadata.reader)

    async def list_names(self, identity: Identity, last: str, limit: int) -> list[str]:
        """The first `limit` names after `last`, in byte order, that the identity may pull from."""
        reader = self._metadata.reader
        namespaces = await self._permissions.visible_namespaces(identity)
        if namespaces is None:
            return await repositories.list_all_names(reader, last, limit)
        return await repositories.list_names_of(reader, namespaces, last, limit)

    async def get(self, name: RepositoryName) -> Repository:
        """The repository of that name."""
        found = await repositories.find_repository(self._metadata.reader, name)
        if found is None:
            raise RepositoryUnknown(f"no such repository: {name}")
        return found

    async def create(
        self,
        name: RepositoryName,
        visibility: Visibility | None = None,
        description: str = "",
        by: Actor = OPERATOR,
    ) -> Repository:
        """Make an empty repository (`None`: as open as the namespace's begin); else `NameTaken`."""
        target = await self._free_target(name, by)
        _check_texts(description, "")
        now, wanted = self._now(), visibility or target.visibility
        async with self._metadata.begin() as tx:
            new = await repositories.insert_repository(tx, name, target.namespace_id, wanted, now)
            if not new:
                raise NameTaken(f"{name} is taken")
            made = await repositories.ensure_repository(tx, name, target.namespace_id, wanted, now)
            await redirects.delete_redirect(tx, name)
            await repository_settings.describe(tx, made.id, description, "")
            details = {"visibility": str(wanted)}
            await enqueue(tx, WebhookEvent("repository.created", made, details), by, now)
            entry = Entry(made.namespace_id, by, Audited.REPO_CREATE, name.text, details)
            await record(tx, entry, now)
        return await self.get(name)

    async def describe(
        self, name: RepositoryName, description: str, readme: str, by: Actor = OPERATOR
    ) -> None:
        """Say in one line and on a page (Markdown) what the repository is for."""
        _check_texts(description, readme)
        # Now, so that it is shown at once; before the transaction, for which others wait.
        drawn = await self._readmes.draw(readme)

        async def work(tx: Transaction, found: Repository) -> None:
            await repository_settings.describe(tx, found.id, description, readme)
            await self._readmes.keep(tx, found.id, drawn)

        await self._change(name, by, Audited.REPO_EDIT, {}, work)

    async def set_visibility(
        self, name: RepositoryName, visibility: Visibility, by: Actor = OPERATOR
    ) -> None:
        """Open the repository to everybody, or close it."""

        async def work(tx: Transaction, found: Repository) -> None:
            await repositories.set_visibility(tx, found.id, visibility)
            if visibility is not found.visibility:
                webhook_event = WebhookEvent("repository.visibility", found, details)
                await enqueue(tx, webhook_event, by, self._now())

        details = {"visibility": str(visibility)}
        await self._change(name, by, Audited.REPO_VISIBILITY, details, work)

    async def archive(self, name: RepositoryName, by: Actor = OPERATOR) -> None:
        """Let the repository only be read from now on: pushes and deletions are refused."""

        async def work(tx: Transaction, found: Repository) -> None:
            await repository_settings.set_archived(tx, found.id, self._now())

        await self._change(name, by, Audited.REPO_ARCHIVE, {}, work)

    async def unarchive(self, name: RepositoryName, by: Actor = OPERATOR) -> None:
        """Undo `archive`."""

        async def work(tx: Transaction, found: Repository) -> None:
            await repository_settings.set_archived(tx, found.id, None)

        await self._change(name, by, Audited.REPO_UNARCHIVE, {}, work)

    async def rename(
        self, name: RepositoryName, new_name: RepositoryName, by: Actor = OPERATOR
    ) -> None:
        """Call the repository otherwise in its namespace; the old name leads to it."""
        found = await self._permissions.repository_to_administer(by.identity, name)
        target = await self._free_target(new_name, by)
        if target.namespace_id != found.namespace_id:
            raise Denied(
                "invalid new name: rename within the namespace, or transfer to another namespace"
            )
        await self._move(found, target, Audited.REPO_RENAME, by)

    async def transfer(
        self, name: RepositoryName, new_name: RepositoryName, by: Actor = OPERATOR
    ) -> None:
        """Give the repository to another namespace; the old name leads to it.

        For owners of the one it leaves who may create in the one it comes to.
        """
        found = await self._permissions.repository_to_administer(by.identity, name)
        await self._check_may_give_away(found, by)
        await self._move(found, await self._free_target(new_name, by), Audited.REPO_TRANSFER, by)

    async def delete(self, name: RepositoryName, by: Actor = OPERATOR) -> None:
        """Forget the repository with all its tags and manifests; bytes that others use stay.

        A large one is archived and emptied first; where that is cut short, asking again goes on.
        """
        found = await self._permissions.repository_to_administer(by.identity, name)
        going = await list_long(self._metadata, found.id)
        async with unindexed(self._metadata, found.id, going, self._now):
            if await emptying.is_large(self._metadata.reader, found.id):
                if found.archived_at is None:
                    await self.archive(name, by)
                await emptying.empty_repository(self._metadata, found.id)
            await self._delete(found, by)

    async def _delete(self, found: Repository, by: Actor) -> None:
        async with self._metadata.begin() as tx:
            await repositories.lock_repository(tx, found)
            await enqueue(tx, WebhookEvent("repository.deleted", found), by, self._now())
            await redirects.delete_redirects_to(tx, found.id)
            await repositories.delete_repository(tx, found.id)
            await self._measure(tx, found.namespace_id)
            entry = Entry(found.namespace_id, by, Audited.REPO_DELETE, found.name.text)
            await record(tx, entry, self._now())

    async def _change(
        self, name: RepositoryName, by: Actor, action: Audited, details: Details, work: Work
    ) -> None:
        found = await self._permissions.repository_to_administer(by.identity, name)
        async with self._metadata.begin() as tx:
            await repositories.lock_repository(tx, found)
            await work(tx, found)
            await jobs.add_job(tx, jobs.SUMMARIZE, str(found.id), self._now())
            entry = Entry(found.namespace_id, by, action, found.name.text, details)
            await record(tx, entry, self._now())

    async def _measure(self, tx: Transaction, namespace_id: int | None) -> None:
        """Have what the namespace holds counted anew."""
        if namespace_id is not None:
            await jobs.add_job(tx, jobs.MEASURE, str(namespace_id), self._now())

    async def _free_target(self, name: RepositoryName, by: Actor) -> PushTarget:
        """The namespace for a repository of that name, for an identity that may create it."""
        rights = await self._permissions.rights_to_create(by.identity, name)
        if rights.target is None or Action.PUSH not in rights.actions:
            raise Denied(f"you may not create {name}")
        if await repositories.find_repository(self._metadata.reader, name) is not None:
            raise NameTaken(f"{name} is taken")
        return rights.target

    async def _check_may_give_away(self, found: Repository, by: Actor) -> None:
        if found.namespace_id is None:
            check_administrator(by.identity)
            return
        namespace = await find_namespace_by_id(self._metadata.reader, found.namespace_id)
        if namespace is not None:
            await self._permissions.namespace_to_administer(by.identity, namespace.name)

    async def _move(
        self, found: Repository, target: PushTarget, action: Audited, by: Actor
    ) -> None:
        old, new, now = found.name, target.name, self._now()
        async with self._metadata.begin() as tx:
            # A push may be about to make a repository of that name.
            await repositories.lock_name(tx, new)
            await repositories.lock_repository(tx, found)
            if await repositories.find_repository(tx, new) is not None:
                raise NameTaken(f"{new} is taken")
            await redirects.delete_redirect(tx, new)
            await repository_settings.move(tx, found.id, new, target.namespace_id)
            await redirects.set_redirect(tx, old, found.id, now)
            await jobs.add_job(tx, jobs.SUMMARIZE, str(found.id), now)
            if target.namespace_id is not None and target.namespace_id != found.namespace_id:
                await check_signatures(tx, target.namespace_id, now, found.id)
            # In one order: another transfer may go the other way round.
            among = {found.namespace_id, target.namespace_id}
            for namespace_id in sorted(each for each in among if each is not None):
                await self._measure(tx, namespace_id)
            await self._tell_of_move(tx, found, target, by)
            for owner_id in dict.fromkeys((found.namespace_id, target.namespace_id)):
                entry = Entry(owner_id, by, action, old.text, {"name": new.text})
                await record(tx, entry, now)

    async def _tell_of_move(
        self, tx: Transaction, found: Repository, target: PushTarget, by: Actor
    ) -> None:
        """Both namespaces hear of a transfer."""
        moved = replace(found, name=target.name, namespace_id=target.namespace_id)
        webhook_event = WebhookEvent("repository.renamed", moved, {"former": found.name.text})
        also = found.namespace_id if found.namespace_id != target.namespace_id else None
        await enqueue(tx, webhook_event, by, self._now(), also)


def _check_texts(description: str, readme: str) -> None:
    if len(description) > MAX_DESCRIPTION or not description.isprintable():
        raise InvalidDescription(
            f"invalid description: at most {MAX_DESCRIPTION} characters on one line"
        )
    if len(readme.encode(errors="replace")) > MAX_README or "\0" in readme:
        raise InvalidDescription(f"a README has at most {MAX_README:,} bytes (1 MB)")
