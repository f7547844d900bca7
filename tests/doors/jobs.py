"""A hub where `ci` is an issuer of ID tokens, and what its jobs ask for."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest

from entrepot.app import App
from entrepot.hub.workloads.trust_conditions import parse_condition
from entrepot.hub.workloads.trusts import TrustRules
from entrepot.metadata.engines.engine import Metadata
from entrepot.model.people.workloads import IssuerKind
from entrepot.oci.media_types import OCI_INDEX
from entrepot.ops.metrics import Metrics
from entrepot.settings import Settings
from entrepot.storage.memory import MemoryStorage
from entrepot.worker import Hub
from tests.doors.conftest import INDEX
from tests.doors.doors import Answer, Doors
from tests.metadata.clocks import START, MovableClock
from tests.support.identity_provider import IdentityProvider, serving
from tests.support.job_tokens import GITHUB, job_token


@dataclass(frozen=True, slots=True)
class Ci:
    """A hub with a clock of its own where `ci` is an issuer, and what its jobs ask for."""

    doors: Doors
    other: Doors
    """Another worker of the same hub."""
    provider: IdentityProvider
    clock: MovableClock

    async def trust(self, name: str, *where: str, namespace: str = "acme", **rules: object) -> None:
        """Make a trust, of the repository's id where nothing else is said."""
        conditions = tuple(map(parse_condition, where or ("repository_id = 22",)))
        repositories = rules.pop("repositories", ("*",))
        made = TrustRules("ci", conditions, repositories, **rules)  # type: ignore[arg-type]
        await self.doors.app.trusts.add(namespace, name, made)

    def token(self, **changes: object) -> str:
        """A job's token."""
        return job_token(self.provider, self.clock().timestamp(), GITHUB, **changes)

    async def post(self, path: str = "/token", **form: str) -> Answer:
        """Send a form to the token service."""
        body = urlencode(form).encode()
        kind = "application/x-www-form-urlencoded"
        return await self.doors.ask("POST", path, body, content_type=kind)

    async def put(self, target: str, auth: str) -> Answer:
        """Push an index there."""
        return await self.doors.ask("PUT", target, INDEX, auth=auth, content_type=OCI_INDEX)


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    """An issuer."""
    with serving(START.timestamp()) as running:
        yield running


@pytest.fixture
async def ci(
    metadata: Metadata,
    storage: MemoryStorage,
    metrics: Metrics,
    provider: IdentityProvider,
    tmp_path: Path,
) -> AsyncIterator[Ci]:
    """A hub at http://hub.test with two workers."""
    clock, workers = MovableClock(), []
    settings = Settings(data=tmp_path, url="http://hub.test")
    for _ in range(2):
        app = App(settings, metadata, storage, clock)
        workers.append(Doors(Hub(settings, app, metrics), app))
    await workers[0].app.issuers.add("ci", provider.url, IssuerKind.GITHUB, allows_private=True)
    yield Ci(workers[0], workers[1], provider, clock)
    for doors in workers:
        await doors.app.reader.close()
        await doors.app.renderer.close()
