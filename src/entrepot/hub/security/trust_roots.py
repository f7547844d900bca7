"""Trust roots: authorities whose word the hub takes for who signed; for administrators."""

import re
from typing import TYPE_CHECKING, Final

from entrepot.errors import Conflict, Invalid, InvalidKey, KeyUnknown, NameTaken
from entrepot.extract.limits import InputTooLarge, Unreadable
from entrepot.hub.contents.indexing import CONTRIBUTION
from entrepot.hub.events.audit import Audited, Entry, record
from entrepot.hub.people.actors import OPERATOR, Actor
from entrepot.hub.permissions import check_administrator
from entrepot.hub.security.effective_roots import list_effective, shipped_content
from entrepot.metadata.contents import artifacts
from entrepot.metadata.engines.engine import Clock, Metadata, Transaction
from entrepot.metadata.events import jobs
from entrepot.metadata.security import trust_roots
from entrepot.model.security.trust_roots import PUBLIC_GOOD, RootKind, StoredRoot

if TYPE_CHECKING:
    from entrepot.extract.signing.root_files import RootFile

MOST_ROOTS: Final = 20
MAX_ROOT: Final = 256 * 1024
"""Bytes of a root's file; each process that reads signatures is given all of them."""
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_PAGE: Final = 500


class TrustRoots:
    """The roots of a hub; changed by its administrators. By default it is the operator who acts.

    A root says who signed. Whether that one may sign is for rules about pulls.
    """

    def __init__(self, metadata: Metadata, now: Clock) -> None:
        self._metadata = metadata
        self._now = now

    async def list_all(self) -> list[StoredRoot]:
        """Every root that is trusted, by name."""
        return await list_effective(self._metadata.reader)

    async def get(self, name: str) -> StoredRoot:
        """The root of that name; else `KeyUnknown`."""
        found = next((each for each in await self.list_all() if each.name == name), None)
        if found is None:
            raise KeyUnknown(f"no such trust root: {name}")
        return found

    async def add(self, name: str, content: str, by: Actor = OPERATOR) -> StoredRoot:
        """Trust a `trusted_root.json`, or certificates in PEM, from now on.

        Raises `InvalidKey`, `Invalid`, `NameTaken`, and `Conflict` where there are `MOST_ROOTS`.
        """
        check_administrator(by.identity)
        if not _NAME.fullmatch(name):
            raise Invalid(
                f'invalid name "{name}": use lower-case letters, digits, ".", "_" and "-"'
            )
        parsed = parse_root_file(content)
        root = StoredRoot(name, RootKind(parsed.kind), content, parsed.expires_at, self._now())
        async with self._metadata.begin() as tx:
            existing = await trust_roots.list_roots(tx)
            if len(existing) >= MOST_ROOTS:
                raise Conflict(f"the hub has reached the limit of {MOST_ROOTS} trust roots")
            if any(each.name == name and each.kind is RootKind.REMOVED for each in existing):
                await trust_roots.delete_root(tx, name)
            if not await trust_roots.insert_root(tx, root):
                raise NameTaken(f"there is a trust root {name} already")
            await self._note(tx, Audited.ROOT_ADD, name, by)
        return root

    async def restore_shipped(self, by: Actor = OPERATOR) -> StoredRoot:
        """Trust the shipped root again, as the hub's version has it; repeating it succeeds."""
        check_administrator(by.identity)
        if not shipped_content():
            raise KeyUnknown("the package sigstore of this hub has no trusted_root.json")
        async with self._metadata.begin() as tx:
            if await trust_roots.delete_root(tx, PUBLIC_GOOD):
                await self._note(tx, Audited.ROOT_ADD, PUBLIC_GOOD, by)
        return await self.get(PUBLIC_GOOD)

    async def remove(self, name: str, by: Actor = OPERATOR) -> None:
        """Trust a root no longer; `KeyUnknown` where there is none of that name."""
        check_administrator(by.identity)
        await self.get(name)
        async with self._metadata.begin() as tx:
            await trust_roots.delete_root(tx, name)
            if name == PUBLIC_GOOD:
                none = StoredRoot(name, RootKind.REMOVED, "", None, self._now())
                await trust_roots.insert_root(tx, none)
            await self._note(tx, Audited.ROOT_REMOVE, name, by)

    async def verify(self, subject: str) -> None:
        """Do the job, whose subject is empty: have all that may be signed read again, in pages."""
        after, reader = 0, self._metadata.reader
        while some := await artifacts.list_all_with_document(reader, CONTRIBUTION, after, _PAGE):
            async with self._metadata.begin() as tx:
                for each in some:
                    await jobs.add_job(tx, jobs.INDEX, str(each), self._now())
            after = some[-1]

    async def _note(self, tx: Transaction, action: Audited, name: str, by: Actor) -> None:
        await jobs.add_job(tx, jobs.VERIFY, "", self._now())
        await record(tx, Entry(None, by, action, name), self._now())


def parse_root_file(content: str) -> "RootFile":
    """The authorities and logs in a root's file; else `InvalidKey`."""
    from entrepot.extract.signing.root_files import parse_root

    if len(content.encode()) > MAX_ROOT:
        raise InvalidKey(f"the file of a trust root has at most {MAX_ROOT // 1024} KiB")
    try:
        return parse_root(content)
    except (Unreadable, InputTooLarge) as error:
        raise InvalidKey(f"not a trust root: {error}") from error
