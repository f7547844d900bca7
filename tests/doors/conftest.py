"""A hub with people in it, behind doors that can be asked."""

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from entrepot.app import App
from entrepot.hub.identity.registry_tokens import RegistryTokens
from entrepot.hub.identity.tokens import Tokens
from entrepot.hub.permissions import Permissions
from entrepot.metadata import repositories
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.engines.sqlite import SqliteMetadata
from entrepot.metadata.people import accounts
from entrepot.metadata.registry import blobs, manifests, uploads
from entrepot.model.people.accounts import Account, Role
from entrepot.model.people.tokens import TokenScope
from entrepot.model.repositories import Visibility
from entrepot.model.uploads import Upload
from entrepot.oci.digests import Digest
from entrepot.oci.media_types import OCI_INDEX
from entrepot.oci.names import RepositoryName, Tag
from entrepot.ops.metrics import Metrics
from entrepot.settings import Settings
from entrepot.storage.memory import MemoryStorage
from entrepot.storage.protocols import BlobKey
from entrepot.worker import Hub
from tests.doors.doors import Doors, basic
from tests.metadata.clocks import START
from tests.metadata.rows import add_account, add_organization, new_manifest
from tests.wire.content import index

LAYER = b"a layer"
LAYER_DIGEST = Digest.of(LAYER)
INDEX = index()
INDEX_DIGEST = Digest.of(INDEX)

Open = Callable[..., Doors]


@pytest.fixture
async def open_doors(
    metadata: Metadata, storage: MemoryStorage, metrics: Metrics, tmp_path: Path
) -> AsyncIterator[Open]:
    """The doors of a hub with given settings, over this test's facts and bytes."""
    opened: list[App] = []

    def open_with(**changes: object) -> Doors:
        settings = Settings(data=tmp_path, **changes)  # type: ignore[arg-type]
        app = App(settings, metadata, storage)
        opened.append(app)
        return Doors(Hub(settings, app, metrics), app)

    yield open_with
    # What draws READMEs and reads contents is a process, with a socket that would stay open.
    for app in opened:
        await app.reader.close()
        await app.renderer.close()


@pytest.fixture
def doors(open_doors: Open) -> Doors:
    """The doors of a hub as it comes."""
    return open_doors()


@dataclass(frozen=True, slots=True)
class Town:
    """People with tokens, and the organization `acme` to which some belong."""

    doors: Doors
    metadata: Metadata
    storage: MemoryStorage
    acme: int
    people: dict[str, Account]
    auth: dict[str, str | None]
    _numbers: "itertools.count[int]"

    async def build(self, visibility: Visibility | None) -> str:
        """The name of a new repository of acme's with one of everything, or of none."""
        name = f"acme/repo{next(self._numbers):06}"
        if visibility is None:
            return name
        key = BlobKey("layer")
        self.storage.blobs[key] = LAYER
        async with self.metadata.begin() as tx:
            made = await repositories.ensure_repository(
                tx, RepositoryName(name), self.acme, visibility, START
            )
            await blobs.insert_blob(tx, LAYER_DIGEST, len(LAYER), key, START)
            await blobs.link_blob(tx, made.id, LAYER_DIGEST, START)
            manifest = new_manifest(INDEX, media_type=OCI_INDEX)
            found = await manifests.insert_manifest(tx, made.id, manifest, None, START)
            await manifests.move_tag(tx, made.id, Tag("v1"), found, None, START)
        return name

    async def begin_upload(self, name: str, who: str) -> str:
        """The id of an upload of that person's, where there is such a repository."""
        found = await repositories.find_repository(self.metadata.reader, RepositoryName(name))
        if found is None:
            return "0" * 32
        account = self.people.get(who.partition(" ")[0])
        upload_id = f"{next(self._numbers):032}"
        upload = Upload(upload_id, found.id, account.id if account else None, 0, "sha256", None)
        async with self.metadata.begin() as tx:
            await uploads.insert_upload(tx, upload, START)
        return upload_id


@dataclass(frozen=True, slots=True)
class Founded:
    """A town's database, and what is known of the people in it."""

    path: Path
    acme: int
    people: dict[str, Account]
    auth: dict[str, str | None]


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Founded:
    """A stranger, an administrator and one person of each role in `acme`; made once."""
    path = tmp_path_factory.mktemp("town") / "entrepot.db"
    shutil.copyfile(empty_database, path)
    return asyncio.run(_found(path))


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path, empty_database: Path) -> Path:
    """A database of this test's own, with the town in it where the test wants one."""
    path = tmp_path / "entrepot.db"
    has_town = "town" in request.fixturenames
    source = request.getfixturevalue("founded").path if has_town else empty_database
    shutil.copyfile(source, path)
    return path


@pytest.fixture
def town(founded: Founded, doors: Doors, metadata: Metadata, storage: MemoryStorage) -> Town:
    """A hub with the town in it."""
    auth = dict(founded.auth)
    return Town(doors, metadata, storage, founded.acme, founded.people, auth, itertools.count())


async def _found(path: Path) -> Founded:
    metadata = SqliteMetadata(path)
    acme = await add_organization(metadata, "acme")
    people = {
        name: await add_account(metadata, name, is_admin=name == "admin")
        for name in ("stranger", "member", "editor", "owner", "admin", "disabled")
    }
    async with metadata.begin() as tx:
        for role in Role:
            await accounts.set_role(tx, acme, people[role.value].id, role)
        await accounts.set_role(tx, acme, people["disabled"].id, Role.OWNER)
        await accounts.set_disabled(tx, people["disabled"].id, START)
    auth = await _give_tokens(metadata, people)
    await metadata.close()
    return Founded(path, acme, people, auth)


async def _give_tokens(metadata: Metadata, people: dict[str, Account]) -> dict[str, str | None]:
    """The `Authorization` of everybody, by name and by name and scope."""
    permissions = Permissions(metadata.reader, is_open=False)
    tokens = Tokens(metadata, permissions, RegistryTokens(metadata), lambda: START)
    auth: dict[str, str | None] = {"nobody": None}
    for name, account in people.items():
        for scope in TokenScope:
            _, secret = await tokens.add_personal(account, "test", scope, None)
            auth[f"{name} {scope}"] = basic(name, secret)
        auth[name] = auth[f"{name} {TokenScope.ADMIN}"]
    return auth
