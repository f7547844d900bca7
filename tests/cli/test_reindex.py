"""`entrepot reindex` reads contents again: what is older, or everything."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from entrepot.app import App
from entrepot.hub.contents import indexing
from entrepot.metadata import repository_facts
from entrepot.metadata.contents import artifacts
from entrepot.metadata.events import jobs
from entrepot.metadata.repositories import find_repository
from entrepot.model.artifacts import Artifact
from entrepot.model.repositories import Visibility
from entrepot.oci.digests import Digest
from entrepot.oci.media_types import OCI_MANIFEST
from entrepot.oci.names import RepositoryName, Tag
from entrepot.settings import Settings
from tests.cli.conftest import Run
from tests.cli.test_commands import said
from tests.hub.shelves import CHART_CONFIG, CHART_LAYER, chart_archive, chart_config
from tests.metadata.rows import add_repository
from tests.registry.bodies import body
from tests.registry.conftest import target_of
from tests.wire.content import descriptor, image

NAME = RepositoryName("shop/charts")
NOTHING = "Queued no artifacts, 0 still waiting. 0 of {} artifacts cannot be read.\n"

Work = Callable[[App], Awaitable[object]]


def on(data: Path, work: Work) -> None:
    """Do some work on the hub's app, as a hub would."""
    from entrepot.app import open_app

    async def run() -> None:
        async with open_app(Settings(data=data)) as app:
            await work(app)

    asyncio.run(run())


async def push(app: App) -> None:
    """Three charts, of which one is none."""
    target = target_of(await add_repository(app.metadata, NAME.text, Visibility.PUBLIC))
    for version in ("1.0.0", "1.1.0", "broken"):
        is_broken = version == "broken"
        archive = b"no chart" if is_broken else chart_archive("demo", version)
        config = chart_config("demo", version)
        for each in (archive, config):
            await app.uploads.put(target, body(each), Digest.of(each))
        layers = [descriptor(archive, CHART_LAYER)]
        manifest = image(config=descriptor(config, CHART_CONFIG), layers=layers)
        tags = [Tag(version)]
        await app.manifests.put(target, manifest, OCI_MANIFEST, digest=None, tags=tags, by=None)


@pytest.fixture(autouse=True)
def _summaries_at_once(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Nobody waits for a summary, but the test of just that."""
    if "summed_up" not in request.node.name:
        monkeypatch.setattr(indexing, "_SOON", timedelta())


@pytest.fixture
def shop(data: Path) -> Path:
    """A hub with charts that nobody has read yet."""
    on(data, push)
    return data


def found(data: Path) -> dict[str, Artifact | None]:
    """What is known of each chart."""
    known: dict[str, Artifact | None] = {}

    async def look(app: App) -> None:
        reader = app.metadata.reader
        for each in await artifacts.list_to_read(reader, 2**31, 0, 100):
            artifact = await artifacts.find_artifact(reader, each)
            known[artifact.version if artifact else str(each)] = artifact

    on(data, look)
    return known


def states(data: Path) -> dict[str, str | None]:
    """How far reading each chart has come."""
    return {name: each.state if each else None for name, each in found(data).items()}


def test_an_empty_hub_has_nothing_to_read(run: Run) -> None:
    assert said(run("reindex")) == NOTHING.format(0)
    assert said(run("reindex", "--all")) == NOTHING.format(0)


def test_what_nobody_has_read_is_read_and_what_is_broken_is_counted(run: Run, shop: Path) -> None:
    line = "Queued 3 artifacts, 0 still waiting. 1 of 3 artifacts cannot be read.\n"
    assert said(run("reindex")) == line
    assert states(shop) == {"1.0.0": "done", "1.1.0": "done", "broken": "failed"}
    again = json.loads(said(run("reindex", "--json")))
    assert again == {"asked": 0, "waiting": 0, "total": 3, "failed": 1}


def test_only_what_an_older_version_read_is_read_again(
    run: Run, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said(run("reindex"))
    before = found(shop)
    assert json.loads(said(run("reindex", "--all", "--json")))["asked"] == 3
    assert found(shop) == before
    monkeypatch.setattr(indexing, "READER", indexing.READER + 1)
    assert json.loads(said(run("reindex", "--json")))["asked"] == 3
    assert {each.reader for each in found(shop).values() if each} == {indexing.READER}
    assert json.loads(said(run("reindex", "--json")))["asked"] == 0


def test_more_than_are_asked_for_at_once_are_all_read(
    run: Run, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "_ASKED_AT_ONCE", 2)
    said(run("reindex"))
    assert None not in found(shop).values()
    assert json.loads(said(run("reindex", "--all", "--json")))["asked"] == 3


def test_repositories_are_summed_up_when_it_ends(run: Run, shop: Path) -> None:
    said(run("reindex"))

    async def look(app: App) -> None:
        reader = app.metadata.reader
        repository = await find_repository(reader, NAME)
        assert repository is not None
        facts = await repository_facts.get_facts(reader, repository.id)
        assert (facts.kind, facts.tag_count) == ("helm-chart", 3)
        assert await jobs.count_jobs(reader) == {}

    on(shop, look)
