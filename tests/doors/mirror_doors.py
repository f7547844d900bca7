"""A hub with a mirror of a registry that the test controls."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import pytest
from sqlalchemy import bindparam, update

from entrepot.hub.mirrors import MirrorSettings
from entrepot.metadata.engines.engine import SqlStatement
from entrepot.metadata.mirror_tables import mirror_checks, mirrors
from entrepot.model.mirrors import Mirror, MirrorVisibility
from entrepot.upstream.transport import Timeouts
from tests.doors.conftest import Town
from tests.doors.doors import Answer
from tests.support.upstream import Upstream

NAME = "up"
_AGE_CHECKS: Final = SqlStatement(
    update(mirror_checks).values(checked_at=mirror_checks.c.checked_at - bindparam("step"))
)
_AGE_FAILURES: Final = SqlStatement(
    update(mirrors).values(backs_off_until=mirrors.c.backs_off_until - bindparam("step"))
)


@dataclass(slots=True)
class Mirrored:
    """A town with the mirror `up`, and its upstream."""

    town: Town
    upstream: Upstream
    settings: MirrorSettings

    async def ask(
        self, method: str, path: str, who: str = "stranger", body: bytes = b"", **headers: str
    ) -> Answer:
        """Ask for a path below the mirror."""
        auth = self.town.auth[who]
        if auth is None:
            name = path.rsplit("/", 2)[0]
            auth = await self.town.doors.bearer(None, f"repository:{NAME}/{name}:pull")
        target = f"/v2/{NAME}/{path}"
        return await self.town.doors.ask(method, target, body, auth=auth, **headers)

    async def change(self, **changes: object) -> Mirror:
        """Change the mirror's settings."""
        self.settings = replace(self.settings, **changes)  # type: ignore[arg-type]
        return await self.town.doors.app.mirrors.edit(NAME, self.settings)

    async def age(self, by: timedelta) -> None:
        """Have all tags been asked for that much longer ago, and failures too."""
        metadata = self.town.metadata
        microseconds = by // timedelta(microseconds=1)
        async with metadata.begin() as tx:
            await tx.run(_AGE_CHECKS, step=microseconds)
            await tx.run(_AGE_FAILURES, step=microseconds)


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    """A registry on a loopback port."""
    found = await Upstream().start()
    yield found
    await found.close()


@pytest.fixture
async def mirrored(town: Town, upstream: Upstream) -> AsyncIterator[Mirrored]:
    """The mirror `up` of it, for everybody who is signed in."""
    app = town.doors.app
    app.upstreams.timeouts = Timeouts(connect=2.0, first_byte=2.0, silence=2.0)
    settings = MirrorSettings(
        url=upstream.url, visibility=MirrorVisibility.SIGNED_IN, allows_private=True
    )
    await app.mirrors.add(NAME, settings)
    yield Mirrored(town, upstream, settings)
    await app.fetches.close()
    await app.upstreams.close()
