"""`collect` on a hub that holds what nothing needs."""

import asyncio
from pathlib import Path

import pytest

from entrepot.app import open_app
from entrepot.metadata.repositories import PushTarget
from entrepot.model.repositories import Visibility
from entrepot.oci.digests import Digest
from entrepot.oci.names import RepositoryName
from entrepot.settings import Settings
from tests.cli.conftest import Run
from tests.cli.test_commands import said, told
from tests.cli.test_repositories import LAYER, blob_path
from tests.registry.bodies import body

NOTHING = {"manifests": 0, "deleted": 0, "links": 0, "blobs": 0, "strays": 0, "size": 0}


@pytest.fixture
def pushed(data: Path) -> Path:
    """The hub with two blobs in a repository, which no manifest names yet."""

    async def work() -> None:
        target = PushTarget(RepositoryName("acme/app"), None, Visibility.PRIVATE, None)
        async with open_app(Settings(data=data)) as app:
            for content in (LAYER, b"config"):
                await app.uploads.put(target, body(content), Digest.of(content))

    asyncio.run(work())
    return data


@pytest.mark.usefixtures("pushed")
def test_nothing_is_collected_within_the_grace_period(run: Run) -> None:
    assert told(run("collect", "--json")) == NOTHING


def test_a_dry_run_says_what_would_go_and_leaves_it(run: Run, pushed: Path) -> None:
    shown = said(run("collect", "--dry-run", "--now"))
    size = len(LAYER) + len(b"config")
    assert shown.startswith(f"Would free {size} bytes: 2 blobs")
    assert blob_path(pushed).exists()


def test_space_is_freed_at_once_where_that_is_asked_for(run: Run, pushed: Path) -> None:
    refused = run("collect", "--now", stdin="n\n")
    assert refused.exit_code == 1
    assert blob_path(pushed).exists()
    expected = {**NOTHING, "links": 2, "blobs": 2, "size": len(LAYER) + len(b"config")}
    assert told(run("collect", "--now", "--yes", "--json")) == expected
    assert not blob_path(pushed).exists()
    assert said(run("collect")).startswith("Freed no bytes")
