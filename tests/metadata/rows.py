"""The few rows that most tests of facts begin with."""

from datetime import datetime

from sqlalchemy import bindparam, update

from entrepot.metadata import repositories, tables
from entrepot.metadata.engines.engine import Metadata, Reader, SqlStatement, Transaction, to_instant
from entrepot.metadata.engines.sqlite import SqliteMetadata
from entrepot.metadata.people import accounts
from entrepot.metadata.registry import blobs, manifests
from entrepot.model.manifests import NewManifest
from entrepot.model.people.accounts import Account, NamespaceKind
from entrepot.model.repositories import Repository, Visibility
from entrepot.oci.digests import Digest
from entrepot.oci.media_types import OCI_MANIFEST
from entrepot.oci.names import RepositoryName
from tests.metadata.clocks import START


async def add_account(metadata: Metadata, name: str, *, is_admin: bool = False) -> Account:
    """An account with a namespace of its name, whose password nobody knows."""
    async with metadata.begin() as tx:
        namespace_id = await accounts.insert_namespace(
            tx, name, NamespaceKind.ACCOUNT, Visibility.PRIVATE, START
        )
        assert namespace_id is not None
        account = Account(namespace_id, name, "not-a-hash", is_admin, None, START)
        await accounts.insert_account(tx, account)
    return account


async def add_organization(
    metadata: Metadata, name: str, visibility: Visibility = Visibility.PRIVATE
) -> int:
    """The id of a new organization without members."""
    async with metadata.begin() as tx:
        namespace_id = await accounts.insert_namespace(
            tx, name, NamespaceKind.ORGANIZATION, visibility, START
        )
    assert namespace_id is not None
    return namespace_id


async def add_repository(
    metadata: Metadata,
    name: str,
    visibility: Visibility = Visibility.PRIVATE,
    namespace_id: int | None = None,
) -> Repository:
    """A repository without content."""
    async with metadata.begin() as tx:
        return await repositories.ensure_repository(
            tx, RepositoryName(name), namespace_id, visibility, START
        )


async def add_manifest(
    metadata: Metadata, repository: Repository, content: bytes = b"{}", **changes: object
) -> int:
    """The id of a new manifest of these bytes."""
    async with metadata.begin() as tx:
        return await manifests.insert_manifest(
            tx, repository.id, new_manifest(content, **changes), None, START
        )


def data_version(metadata: Metadata) -> int:
    """A number that another commit changes; of facts in a SQLite file."""
    assert isinstance(metadata, SqliteMetadata)
    row = metadata._read_connection.execute("PRAGMA data_version").fetchone()
    return int(row[0])


_SET_PUSHED = SqlStatement(
    update(tables.repositories)
    .where(tables.repositories.c.id == bindparam("repository_id"))
    .values(pushed_at=bindparam("moment"))
)


async def set_pushed(tx: Transaction, repository_id: int, moment: datetime) -> None:
    """Set when something was pushed to the repository last, as a push of that moment would."""
    await tx.run(_SET_PUSHED, repository_id=repository_id, moment=to_instant(moment))


async def find_linked_at(reader: Reader, repository_id: int, digest: Digest) -> datetime | None:
    """Since when the repository holds the blob, or when that was last renewed."""
    found = await blobs.find_with_link(reader, repository_id, digest)
    return found[1] if found is not None else None


def new_manifest(content: bytes, **changes: object) -> NewManifest:
    """A manifest of these bytes that refers to nothing."""
    fields: dict[str, object] = {
        "digest": Digest.of(content),
        "media_type": OCI_MANIFEST,
        "content": content,
        "artifact_type": None,
        "subject": None,
        "descriptor": None,
        "blobs": frozenset(),
        "children": frozenset(),
    }
    return NewManifest(**(fields | changes))  # type: ignore[arg-type]


async def add_blob(
    metadata: Metadata, repository: Repository, content: bytes, moment: datetime = START
) -> Digest:
    """The digest of a blob that the repository holds; its bytes are nowhere."""
    digest = Digest.of(content)
    async with metadata.begin() as tx:
        await blobs.insert_blob(tx, digest, len(content), f"key-of-{digest.hex[:8]}", moment)
        await blobs.link_blob(tx, repository.id, digest, moment)
    return digest
