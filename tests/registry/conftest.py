"""The rules of distribution over facts in a file and bytes in memory."""

import pytest

from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.repositories import PushTarget
from entrepot.model.repositories import Repository, Visibility
from entrepot.oci.names import RepositoryName
from entrepot.registry.blobs import Blobs
from entrepot.registry.manifests import Manifests
from entrepot.registry.referrers import Referrers
from entrepot.registry.uploads import Uploads
from entrepot.storage.memory import MemoryStorage
from tests.metadata.clocks import MovableClock
from tests.metadata.rows import add_repository


def target_of(repository: Repository) -> PushTarget:
    """Where a push to a repository that exists goes."""
    return PushTarget(repository.name, repository.namespace_id, repository.visibility, repository)


@pytest.fixture
def uploads(metadata: Metadata, storage: MemoryStorage, clock: MovableClock) -> Uploads:
    """The uploads of one worker."""
    return Uploads(metadata, storage, clock)


@pytest.fixture
def other_worker(metadata: Metadata, storage: MemoryStorage, clock: MovableClock) -> Uploads:
    """The uploads of another worker on the same facts and bytes."""
    return Uploads(metadata, storage, clock)


@pytest.fixture
def blobs(metadata: Metadata, storage: MemoryStorage, clock: MovableClock) -> Blobs:
    """The blobs of every repository."""
    return Blobs(metadata, storage, clock)


@pytest.fixture
def manifests(metadata: Metadata, uploads: Uploads, clock: MovableClock) -> Manifests:
    """The manifests of every repository, whose content must be there."""
    return Manifests(metadata, uploads, accept_sparse=False, now=clock)


@pytest.fixture
def sparse_manifests(metadata: Metadata, uploads: Uploads, clock: MovableClock) -> Manifests:
    """The manifests of every repository, as a mirror takes them."""
    return Manifests(metadata, uploads, accept_sparse=True, now=clock)


@pytest.fixture
def referrers(metadata: Metadata) -> Referrers:
    """The referrers of every digest."""
    return Referrers(metadata)


@pytest.fixture
async def repository(metadata: Metadata) -> Repository:
    """A repository without content."""
    return await add_repository(metadata, "a/b")


@pytest.fixture
def target(repository: Repository) -> PushTarget:
    """Where a push to that repository goes."""
    return target_of(repository)


@pytest.fixture
def new_target() -> PushTarget:
    """Where a push goes that creates its repository."""
    return PushTarget(RepositoryName("new/one"), None, Visibility.PUBLIC, None)
