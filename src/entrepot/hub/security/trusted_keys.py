"""Public keys that the owners of a namespace trust."""

from datetime import datetime
from typing import Final

from entrepot.errors import Conflict, InvalidKey, KeyUnknown, NameTaken
from entrepot.hub.contents.indexing import CONTRIBUTION
from entrepot.hub.events.audit import Audited, Entry, record
from entrepot.hub.people.actors import OPERATOR, Actor
from entrepot.hub.permissions import Permissions
from entrepot.metadata.contents import artifacts
from entrepot.metadata.engines.engine import Clock, Metadata, Transaction
from entrepot.metadata.events import jobs
from entrepot.metadata.security import trusted_keys
from entrepot.model.security.trusted_keys import TrustedKey

MAX_NAME: Final = 100
MAX_PEM: Final = 8192
MOST_KEYS: Final = 100
"""Keys that one namespace trusts."""


class TrustedKeys:
    """Every namespace's keys; public ones, for everybody to verify with."""

    def __init__(self, metadata: Metadata, permissions: Permissions, now: Clock) -> None:
        self._metadata = metadata
        self._permissions = permissions
        self._now = now

    async def list_of(self, namespace_id: int) -> list[TrustedKey]:
        """The keys that the namespace trusts, the oldest first."""
        return await trusted_keys.list_trusted_keys(self._metadata.reader, namespace_id)

    async def add(self, namespace: str, name: str, pem: str, by: Actor = OPERATOR) -> None:
        """Trust a public key from now on; for owners.

        Raises `InvalidKey`, `NameTaken`, and `Conflict` where there are `MOST_KEYS`.
        """
        found = await self._permissions.namespace_to_administer(by.identity, namespace)
        if not 0 < len(name) <= MAX_NAME or not name.isprintable():
            raise InvalidKey(f"invalid key name: use 1 to {MAX_NAME} characters on one line")
        key = TrustedKey(
            id=0,
            namespace_id=found.id,
            name=name,
            pem=_normal(pem),
            created_at=self._now(),
            created_by=by.identity.account_id,
        )
        async with self._metadata.begin() as tx:
            if len(await trusted_keys.list_trusted_keys(tx, found.id)) >= MOST_KEYS:
                raise Conflict(f"{namespace} has reached the limit of {MOST_KEYS} trusted keys")
            if not await trusted_keys.insert_trusted_key(tx, key):
                raise NameTaken(f"{namespace} already has a key {name}")
            await check_signatures(tx, found.id, self._now())
            entry = Entry(found.id, by, Audited.KEY_TRUST, namespace, {"key": name})
            await record(tx, entry, self._now())

    async def remove(self, namespace: str, name: str, by: Actor = OPERATOR) -> None:
        """Trust a key no longer; `KeyUnknown` where there is none of that name; for owners."""
        found = await self._permissions.namespace_to_administer(by.identity, namespace)
        async with self._metadata.begin() as tx:
            if not await trusted_keys.delete_trusted_key(tx, found.id, name):
                raise KeyUnknown(f"no such key in {namespace}: {name}")
            await check_signatures(tx, found.id, self._now())
            entry = Entry(found.id, by, Audited.KEY_DISTRUST, namespace, {"key": name})
            await record(tx, entry, self._now())


async def check_signatures(
    tx: Transaction, namespace_id: int, now: datetime, repository_id: int = 0
) -> None:
    """Have what is attached read again: other keys are trusted where it is, or not any more."""
    found = await artifacts.list_with_document(
        tx, namespace_id, CONTRIBUTION, repository_id=repository_id
    )
    for each in found:
        await jobs.add_job(tx, jobs.INDEX, str(each), now)


def _normal(pem: str) -> str:
    """The key as we would write it: what is not part of a public key is left out."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_pem_public_key,
    )

    if len(pem) > MAX_PEM or "PRIVATE" in pem:
        raise InvalidKey("not a PEM public key")
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InvalidKey("not a PEM public key") from error
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
