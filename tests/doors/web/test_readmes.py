"""What a repository's page says of it: a README that was pushed, that was written here, or read."""

import pytest

from entrepot.extract.readmes.links import HERE
from entrepot.metadata import repository_facts
from entrepot.metadata.contents import artifacts
from entrepot.metadata.registry import manifests
from entrepot.metadata.repositories import find_repository
from entrepot.model.artifacts import StoredDocument
from entrepot.model.repositories import Repository, Visibility
from entrepot.oci.media_types import OCI_INDEX
from entrepot.oci.names import RepositoryName, Tag
from tests.doors.browsers import Browser
from tests.doors.conftest import INDEX, Town
from tests.metadata.clocks import START
from tests.metadata.rows import add_manifest
from tests.wire.content import image


@pytest.fixture
async def repository(town: Town) -> Repository:
    """A public repository with the tag `v1`."""
    name = RepositoryName(await town.build(Visibility.PUBLIC))
    found = await find_repository(town.metadata.reader, name)
    assert found is not None
    return found


async def tag(town: Town, repository: Repository, manifest_id: int, name: str) -> None:
    """Point a tag at a manifest."""
    async with town.metadata.begin() as tx:
        await manifests.move_tag(tx, repository.id, Tag(name), manifest_id, None, START)


async def say(town: Town, manifest_id: int, html: str) -> None:
    """Have a README read out of an artifact."""
    found = StoredDocument("readme.html", "text/html", html, is_cut=False)
    async with town.metadata.begin() as tx:
        await artifacts.write_documents(tx, manifest_id, artifacts.pack([found]))


async def page(town: Town, repository: Repository) -> str:
    """The repository's page."""
    answer = await Browser(town.doors).get(f"/r/{repository.name}")
    assert answer.status == 200
    return answer.body.decode()


async def test_the_nearest_readme_is_shown(town: Town, repository: Repository) -> None:
    v1 = await add_manifest(town.metadata, repository, INDEX, media_type=OCI_INDEX)
    await say(town, v1, "<p>out of the artifact</p>")
    assert "out of the artifact" in await page(town, repository)
    await town.doors.app.repositories.describe(repository.name, "", "# Written *here*")
    shown = await page(town, repository)
    assert "<em>here</em>" in shown
    assert "out of the artifact" not in shown
    # A tag that only happens to be called so says nothing.
    pushed = await add_manifest(town.metadata, repository, image())
    await tag(town, repository, pushed, "readme")
    assert "<em>here</em>" in await page(town, repository)
    await say(town, pushed, "<p>pushed as a README</p>")
    shown = await page(town, repository)
    assert "pushed as a README" in shown
    assert "<em>here</em>" not in shown
    await town.doors.app.close()


async def test_pages_wait_for_no_process_that_reads_or_draws(
    town: Town, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    await town.doors.app.repositories.describe(repository.name, "", "# Written *here*")

    async def asked(*given: object) -> None:
        raise AssertionError(given)

    monkeypatch.setattr("entrepot.extract.sandbox.reader.SandboxedReader.read", asked)
    assert "<em>here</em>" in await page(town, repository)
    await town.doors.app.close()


async def test_links_that_are_relative_lead_to_the_page_they_are_on(
    town: Town, repository: Repository
) -> None:
    v1 = await add_manifest(town.metadata, repository, INDEX, media_type=OCI_INDEX)
    await say(town, v1, f'<a href="{HERE}files?q=a">a</a>')
    assert f'href="/r/{repository.name}:v1/files?q=a"' in await page(town, repository)
    answer = await Browser(town.doors).get(f"/r/{repository.name}:v1")
    assert f'href="/r/{repository.name}:v1/files?q=a"' in answer.body.decode()
    await town.doors.app.repositories.describe(repository.name, "", "[t](-/tags)")
    assert f'href="/r/{repository.name}/-/tags"' in await page(town, repository)
    await town.doors.app.close()


async def test_a_repository_without_tags_shows_its_readme(town: Town) -> None:
    name = RepositoryName("acme/empty")
    await town.doors.app.repositories.create(name, Visibility.PUBLIC)
    await town.doors.app.repositories.describe(name, "", "# Written *here*")
    answer = await Browser(town.doors).get(f"/r/{name}")
    assert "<em>here</em>" in answer.body.decode()
    await town.doors.app.close()


async def test_a_long_readme_is_saved_by_the_form_of_whoever_may(town: Town) -> None:
    name = await town.build(Visibility.PUBLIC)
    app, address, long = town.doors.app, f"/r/{name}/-/settings", "é" * 400_000
    for who, status in (("owner", 303), ("stranger", 403)):
        account = town.people[who]
        secret = await app.sessions.begin(account, address="", client="")
        fields = {"description": "", "readme": long, "what": "save"}
        answer = await Browser(town.doors, secret).post(address, **fields)
        assert answer.status == status, who
    found = await find_repository(town.metadata.reader, RepositoryName(name))
    assert found is not None
    assert await repository_facts.find_readme(town.metadata.reader, found.id) == long
    await app.close()
