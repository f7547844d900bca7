"""READMEs are drawn when they come: on save, on push, and once more by a newer renderer."""

import json
from typing import Final

import pytest

from entrepot.errors import InvalidDescription
from entrepot.extract.findings import ExtractionState
from entrepot.extract.readmes.links import HERE
from entrepot.hub.contents.readmes import Readmes
from entrepot.hub.permissions import Permissions
from entrepot.hub.repositories import MAX_README, Repositories
from entrepot.metadata import repository_settings
from entrepot.metadata.contents import artifacts, rendered_readmes
from entrepot.metadata.contents.rendered_readmes import RenderedReadme, source_of
from entrepot.metadata.engines.engine import Metadata
from entrepot.metadata.events import jobs
from entrepot.model.artifacts import Artifact
from entrepot.oci.names import Tag
from tests.hub.shelves import Shelf
from tests.metadata.clocks import MovableClock
from tests.support.rendering import Busy
from tests.wire.content import EMPTY, EMPTY_TYPE, descriptor, image

TITLE: Final = "org.opencontainers.image.title"
PNG: Final = b"\x89PNG\r\n\x1a\n"


async def files(shelf: Shelf, tag: str, contents: dict[str, bytes]) -> Artifact:
    """Push files as `oras push` does, and have them read."""
    layers = [
        descriptor(content, "application/octet-stream", annotations={TITLE: name})
        for name, content in contents.items()
    ]
    manifest = image(layers=layers, config=descriptor(EMPTY, EMPTY_TYPE))
    await shelf.push(manifest, EMPTY, *contents.values(), tag=tag)
    await shelf.settle()
    return await shelf.get(Tag(tag))


async def html_of(shelf: Shelf, found: Artifact, name: str = "readme.html") -> str:
    """What was drawn on the push."""
    document = await artifacts.find_document(shelf.metadata.reader, found.manifest_id, name)
    return document.text if document else ""


async def test_a_pushed_readme_shows_the_files_and_pictures_beside_it(shelf: Shelf) -> None:
    readme = b"# Demo\n\n![logo](docs/logo.png) [how](docs/how.md) [gone](no.md)"
    contents = {"README.md": readme, "docs/how.md": b"# How", "docs/logo.png": PNG}
    found = await files(shelf, "1", contents)
    html = await html_of(shelf, found)
    assert '<img src="data:image/png;base64,' in html
    assert f'href="{HERE}files?name=file%3Adocs%2Fhow.md"' in html
    assert ">gone<" not in html
    names = await artifacts.list_document_names(shelf.metadata.reader, found.manifest_id)
    assert not [each for each in names if each.startswith("picture:")]


async def test_a_picture_is_one_whatever_its_media_type_says(shelf: Shelf) -> None:
    svg = b"<svg xmlns='http://www.w3.org/2000/svg'/>"
    layers = [
        descriptor(content, "text/plain", annotations={TITLE: name})
        for name, content in (("README.md", b"![x](x.svg)"), ("x.svg", svg))
    ]
    manifest = image(layers=layers, config=descriptor(EMPTY, EMPTY_TYPE))
    await shelf.push(manifest, EMPTY, b"![x](x.svg)", svg, tag="1")
    await shelf.settle()
    html = await html_of(shelf, await shelf.get(Tag("1")))
    assert '<img src="data:image/svg+xml;base64,' in html


async def test_what_stands_before_a_readme_is_what_the_artifact_says_of_itself(
    shelf: Shelf,
) -> None:
    card = b"---\nlicense: apache-2.0\nlanguage: [en, zh]\ntags: [llama]\ntitle: Tiny\n---\n# T"
    found = await files(shelf, "1", {"README.md": card})
    assert (found.title, found.licenses) == ("Tiny", "apache-2.0")
    document = await artifacts.find_document(shelf.metadata.reader, found.manifest_id, "findings")
    assert document is not None
    said = json.loads(document.text)
    assert said["facts"] == {"Licence": "apache-2.0", "Language": "en, zh"}
    assert said["keywords"] == ["llama"]
    assert "apache" not in await html_of(shelf, found)


async def test_a_readme_that_is_no_markdown_is_shown_as_it_is(shelf: Shelf) -> None:
    found = await files(shelf, "1", {"README.txt": b"```\n# <b> *x*\n```"})
    assert await html_of(shelf, found) == '<pre tabindex="0">```\n# &lt;b&gt; *x*\n```</pre>'


async def test_the_readme_that_lies_highest_is_the_readme(shelf: Shelf) -> None:
    contents = {"docs/README.md": b"deep", "README.zh.md": b"other", "README.md": b"main"}
    assert "main" in await html_of(shelf, await files(shelf, "1", contents))


async def test_a_long_readme_is_read_whole(shelf: Shelf) -> None:
    text = b"word " * 150_000
    html = await html_of(shelf, await files(shelf, "1", {"README.md": text}))
    assert len(html) > len(text) - 10


async def test_a_hostile_readme_leaves_all_else_that_was_found(shelf: Shelf) -> None:
    contents = {"README.md": b">" * 50_000, "notes.txt": b"kept"}
    found = await files(shelf, "1", contents)
    assert found.state == ExtractionState.DONE
    assert (await html_of(shelf, found)).startswith('<pre tabindex="0">&gt;&gt;')
    assert await html_of(shelf, found, "file:notes.txt") == "kept"


async def test_an_edited_readme_is_there_at_once(shelf: Shelf, repositories: Repositories) -> None:
    name, id_ = shelf.repository.name, shelf.repository.id
    await repositories.describe(name, "", "# *Now*")
    assert "<em>Now</em>" in await shelf.readmes.html_of(id_, "# *Now*")
    await repositories.describe(name, "", "")
    assert await rendered_readmes.find(shelf.metadata.reader, id_) is None


async def test_what_could_not_be_drawn_at_once_is_plain_and_drawn_by_a_worker(
    shelf: Shelf, metadata: Metadata, permissions: Permissions, clock: MovableClock
) -> None:
    busy = Readmes(metadata, Busy(), clock)
    name, id_ = shelf.repository.name, shelf.repository.id
    await Repositories(metadata, permissions, busy, clock).describe(name, "", "*Soon*")
    assert await busy.html_of(id_, "*Soon*") == '<pre tabindex="0">*Soon*</pre>'
    await shelf.settle()
    assert await busy.html_of(id_, "*Soon*") == "<p><em>Soon</em></p>\n"


async def test_failures_are_kept_and_not_tried_again(
    shelf: Shelf, repositories: Repositories
) -> None:
    deep = ">" * 50_000
    await repositories.describe(shelf.repository.name, "", deep)
    found = await rendered_readmes.find(shelf.metadata.reader, shelf.repository.id)
    assert found is not None
    assert found.reason == "it is nested deeper than 200 levels"
    assert await shelf.readmes.catch_up(shelf.repository.id, deep) is None


async def test_what_another_version_saved_is_plain_until_it_is_drawn(
    shelf: Shelf, metadata: Metadata, repositories: Repositories
) -> None:
    name, id_ = shelf.repository.name, shelf.repository.id
    await repositories.describe(name, "", "old")
    async with metadata.begin() as tx:
        # A node of the version before knows nothing of what is drawn.
        await repository_settings.describe(tx, id_, "", "*new*")
        await jobs.add_job(tx, jobs.SUMMARIZE, str(id_), shelf.clock())
    assert await shelf.readmes.html_of(id_, "*new*") == '<pre tabindex="0">*new*</pre>'
    await shelf.settle()
    assert await shelf.readmes.html_of(id_, "*new*") == "<p><em>new</em></p>\n"


async def test_readmes_that_an_older_renderer_drew_are_drawn_anew(
    shelf: Shelf, metadata: Metadata, repositories: Repositories
) -> None:
    await repositories.describe(shelf.repository.name, "", "*x*")
    await shelf.settle()
    assert await shelf.readmes.ask_for_missing() == 0
    async with metadata.begin() as tx:
        old = RenderedReadme(source_of("*x*"), 0, "", "old")
        await rendered_readmes.write(tx, shelf.repository.id, old)
    assert await shelf.readmes.ask_for_missing() == 1
    await shelf.settle()
    assert "<em>x</em>" in await shelf.readmes.html_of(shelf.repository.id, "*x*")


async def test_a_readme_of_a_megabyte_is_saved_and_a_longer_one_refused(
    shelf: Shelf, repositories: Repositories
) -> None:
    await repositories.describe(shelf.repository.name, "", "é" * (MAX_README // 2))
    with pytest.raises(InvalidDescription, match="1 MB"):
        await repositories.describe(shelf.repository.name, "", "é" * (MAX_README // 2) + "x")
