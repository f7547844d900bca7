"""What lists and searches say of a repository is in step with what it holds."""

from datetime import timedelta

import pytest

from entrepot.hub.contents.search import Search
from entrepot.hub.people.actors import OPERATOR
from entrepot.hub.permissions import Permissions
from entrepot.hub.repositories import Repositories
from entrepot.metadata import repository_facts
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.repositories import find_repository
from entrepot.model.repositories import RepositoryFacts
from entrepot.model.search import Facet
from entrepot.oci.digests import Digest
from entrepot.oci.names import RepositoryName, Tag
from tests.hub.contents.test_attachments import Signer, legacy, signer
from tests.hub.shelves import SPDX, Shelf, chart_archive, push_chart, spdx, tar_gz
from tests.metadata.rows import add_repository
from tests.wire.content import CONFIG, descriptor, encode, image

__all__ = ["signer"]
MARKDOWN = "text/markdown"


@pytest.fixture
def search(metadata: Metadata, permissions: Permissions) -> Search:
    """Finds repositories."""
    return Search(metadata.reader, permissions)


async def found(search: Search, text: str) -> list[str]:
    """The names of what the operator finds."""
    results = await search.find(OPERATOR.identity, text)
    return [hit.name for hit in results.found.hits]


async def facets(search: Search) -> dict[str, list[str]]:
    """What all repositories together are counted under."""
    results = await search.find(OPERATOR.identity, "")
    counts = results.found.facets
    return {facet.value: [value for value, _ in counts[facet]] for facet in Facet if counts[facet]}


async def facts(shelf: Shelf) -> RepositoryFacts:
    """What a list says of the repository."""
    return await repository_facts.get_facts(shelf.metadata.reader, shelf.repository.id)


async def push_readme(shelf: Shelf, text: str) -> Digest:
    """A README of the repository, as `oras push` sends it."""
    title = {"org.opencontainers.image.title": "README.md"}
    manifest = image(
        artifactType="application/vnd.acme.readme",
        config=descriptor(b"{}", "application/vnd.oci.empty.v1+json"),
        layers=[descriptor(text.encode(), MARKDOWN, annotations=title)],
    )
    return await shelf.push(manifest, text.encode(), tag="readme")


async def test_a_repository_is_what_most_of_its_tags_are(shelf: Shelf) -> None:
    assert (await facts(shelf)).kind == ""
    await push_chart(shelf, "1.0.0")
    await push_chart(shelf, "1.1.0")
    await shelf.push_image(tag="v1")
    await shelf.settle()
    said = await facts(shelf)
    assert (said.kind, said.tag_count) == ("helm-chart", 3)
    assert said.size > len(chart_archive("demo", "1.0.0"))
    assert said.pushed_at is not None


async def test_what_clients_attach_by_tags_is_no_tag_of_the_repository(
    shelf: Shelf, signer: Signer
) -> None:
    chart = await push_chart(shelf, "1.0.0")
    await signer.sign(shelf, chart)
    for suffix in ("att", "sbom"):
        await shelf.push_referrer(None, encode(spdx("bash")), SPDX, tag=legacy(chart, suffix))
    await shelf.settle()
    said = await facts(shelf)
    assert (said.kind, said.tag_count) == ("helm-chart", 1)


async def test_it_is_found_by_what_its_contents_say(
    shelf: Shelf, search: Search, signer: Signer
) -> None:
    assert await found(search, "frobnication") == []
    chart = await push_chart(shelf, "1.0.0", readme="# How to zymurgise\n")
    await shelf.push_built("v1")
    await signer.sign(shelf, chart)
    await shelf.settle()
    for text in ("frobnication", "zymurgise", "fine chart", "demo", "shelf", "kind:helm-chart"):
        assert await found(search, text) == ["shop/shelf"], text
    assert await facets(search) == {
        "kind": ["helm-chart", "image"],
        "arch": ["amd64", "arm64"],
        "os": ["linux"],
        "signed": ["true"],
        "sbom": ["true"],
        "namespace": ["shop"],
    }


async def test_it_is_found_no_more_by_what_is_gone(shelf: Shelf, search: Search) -> None:
    chart = await push_chart(shelf, "1.0.0", readme="# How to zymurgise\n")
    await shelf.push_image(tag="v1")
    await shelf.push_referrer(chart, encode(spdx("bash")), SPDX)
    await shelf.settle()
    assert await found(search, "sbom:true zymurgise") == ["shop/shelf"]
    await shelf.manifests.delete(shelf.repository, chart, None)
    await shelf.settle()
    assert await found(search, "zymurgise") == await found(search, "sbom:true") == []
    assert await found(search, "shelf") == ["shop/shelf"]
    assert (await facts(shelf)).tag_count == 1
    assert (await facts(shelf)).kind == "image"
    await shelf.manifests.untag(shelf.repository, Tag("v1"), None)
    await shelf.settle()
    assert ((await facts(shelf)).kind, (await facts(shelf)).tag_count) == ("", 0)


async def test_an_attachment_that_goes_takes_its_facet(shelf: Shelf, search: Search) -> None:
    chart = await push_chart(shelf, "1.0.0")
    sbom = await shelf.push_referrer(chart, encode(spdx("bash")), SPDX)
    await shelf.settle()
    assert (await facets(search))["sbom"] == ["true"]
    await shelf.manifests.delete(shelf.repository, sbom, None)
    await shelf.settle()
    assert "sbom" not in await facets(search)


async def test_a_pushed_readme_speaks_for_the_repository_and_is_not_what_it_is(
    shelf: Shelf, search: Search
) -> None:
    await push_readme(shelf, "# Only quuxification\n")
    await shelf.settle()
    assert (await facts(shelf)).kind != ""
    shelf.clock.advance(timedelta(hours=1))
    await push_chart(shelf, "1.0.0")
    for number in range(31):
        await shelf.push_image(f"cpu{number}", tag=f"v{number}")
    for number in range(40):
        await push_chart(shelf, f"2.0.{number}")
    await shelf.settle()
    assert (await facts(shelf)).kind == "helm-chart"
    # However old it is.
    assert await found(search, "quuxification") == ["shop/shelf"]


async def test_a_readme_outweighs_nothing(shelf: Shelf) -> None:
    await push_readme(shelf, "# It\n")
    await push_chart(shelf, "1.0.0")
    await shelf.settle()
    assert (await facts(shelf)).kind == "helm-chart"
    assert (await facts(shelf)).tag_count == 2


async def test_a_deleted_repository_leaves_no_word_to_the_next_one(
    shelf: Shelf, search: Search, repositories: Repositories
) -> None:
    name = RepositoryName("shop/shelf")
    await push_chart(shelf, "1.0.0", readme="# How to zymurgise\n")
    await shelf.settle()
    await repositories.delete(name)
    # SQLite gives the id to the next one, which nobody has summarized yet.
    other = await add_repository(shelf.metadata, "shop/other")
    assert other.id == shelf.repository.id
    for text in ("zymurgise", "shelf", "kind:helm-chart", "namespace:shop"):
        assert await found(search, text) == [], text
    assert await facets(search) == {}


async def test_a_repository_that_goes_while_it_is_summarized_leaves_nothing(
    shelf: Shelf, search: Search, repositories: Repositories, monkeypatch: pytest.MonkeyPatch
) -> None:
    await push_chart(shelf, "1.0.0", readme="# How to zymurgise\n")
    await shelf.worker.drain()
    measure = repository_facts.measure

    async def delete_meanwhile(*given: object) -> tuple[int, int]:
        measured = await measure(*given)  # type: ignore[arg-type]
        await repositories.delete(shelf.repository.name)
        await add_repository(shelf.metadata, "shop/other")
        return measured

    monkeypatch.setattr(repository_facts, "measure", delete_meanwhile)
    await shelf.summaries.summarize(shelf.repository.id)
    monkeypatch.undo()
    assert await found(search, "zymurgise") == []
    other = await find_repository(shelf.metadata.reader, RepositoryName("shop/other"))
    assert other is not None
    assert (other.id, other.kind) == (shelf.repository.id, "")


async def test_a_repository_that_is_gone_is_no_error(shelf: Shelf, search: Search) -> None:
    await shelf.summaries.summarize(999_999)
    assert await found(search, "shelf") == []


async def test_labels_of_what_an_index_lists_are_words_of_the_repository(
    shelf: Shelf, search: Search
) -> None:
    labels = {"org.acme.team": "quokka squad", "maintainer": "numbat"}
    config = encode({"os": "linux", "architecture": "amd64", "config": {"Labels": labels}})
    layer = tar_gz({"bin/it": b"program"})
    said = {"org.acme.note": "annotated wombat"}
    manifest = image(layer, config=descriptor(config, CONFIG), annotations=said)
    child = await shelf.push(manifest, config, layer)
    await shelf.push_index((child, {}), tag="1.0")
    await shelf.settle()
    for text in ("quokka squad", "numbat", "wombat", "org.acme.team"):
        assert await found(search, text) == ["shop/shelf"], text
