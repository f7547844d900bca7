"""Hubs for the conformance suites, each started when the first test asks for it."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.server import Hub, serving

PUBLIC = {"ENTREPOT_DEFAULT_VISIBILITY": "public"}
"""The suite mounts with a token that lists the target only, which opens public sources alone."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a hub is set up."""

    tls: bool = False
    open: bool = False
    sparse: bool = False

    @property
    def settings(self) -> dict[str, str]:
        """The settings that say so."""
        wanted = {"ENTREPOT_OPEN": self.open, "ENTREPOT_ACCEPT_SPARSE": self.sparse}
        return PUBLIC | {name: "true" for name, chosen in wanted.items() if chosen}


@dataclass(slots=True)
class Hubs:
    """One hub of each manner, for as long as the tests run."""

    place: Path
    stack: ExitStack
    running: dict[Manner, Hub] = field(default_factory=dict)

    def get(self, manner: Manner) -> Hub:
        """The hub of this manner; it starts when it does not run yet."""
        if manner not in self.running:
            data = self.place / f"hub-{len(self.running)}"
            hub = serving(data, tls=manner.tls, **manner.settings)
            self.running[manner] = self.stack.enter_context(hub)
        return self.running[manner]


@pytest.fixture(scope="session")
def hubs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hubs]:
    """Starts hubs."""
    with ExitStack() as stack:
        yield Hubs(tmp_path_factory.mktemp("conformance"), stack)
