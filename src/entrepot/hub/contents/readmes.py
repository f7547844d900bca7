"""READMEs, of repositories and of artifacts: drawn when they come, so that pages only show them."""

from typing import Final, Protocol

from entrepot.extract.findings import PICTURE, PROSE, Findings, FoundDocument
from entrepot.extract.readmes.links import Surroundings
from entrepot.extract.sandbox.renderer import RENDERER, Rendered, as_plain
from entrepot.hub.contents.artifacts import Described
from entrepot.kinds.shell import title_of
from entrepot.metadata.contents import rendered_readmes
from entrepot.metadata.contents.rendered_readmes import RenderedReadme, source_of
from entrepot.metadata.engines.engine import Clock, Metadata, Transaction
from entrepot.metadata.events import jobs

_AT_ONCE: Final = 100
_REPOSITORY: Final = Surroundings(is_repository=True)


class Renders(Protocol):
    """Makes safe HTML of Markdown where that can do no harm."""

    async def render(self, text: str, around: Surroundings) -> Rendered:
        """HTML in the end, however many others wait."""

    async def render_soon(self, text: str, around: Surroundings) -> Rendered | None:
        """The HTML for a page that waits for it; `None` where there is no time for it now."""


class Readmes:
    """Draws READMEs, and remembers what came of it."""

    def __init__(self, metadata: Metadata, renderer: Renders, now: Clock) -> None:
        self._metadata = metadata
        self._renderer = renderer
        self._now = now

    async def draw(self, readme: str) -> RenderedReadme | None:
        """A repository's README that is about to be saved; `None`: `catch_up` draws it later."""
        if not readme:
            return None
        return _drawn(readme, await self._renderer.render_soon(readme, _REPOSITORY))

    async def keep(self, tx: Transaction, repository_id: int, drawn: RenderedReadme | None) -> None:
        """Write down what was drawn, with the README itself."""
        if drawn is None:
            await rendered_readmes.remove(tx, repository_id)
        else:
            await rendered_readmes.write(tx, repository_id, drawn)

    async def catch_up(self, repository_id: int, readme: str) -> RenderedReadme | None:
        """Return the README to store, where it was not rendered yet or by an older renderer."""
        if not readme:
            return None
        found = await rendered_readmes.find(self._metadata.reader, repository_id)
        if found and found.source == source_of(readme) and found.renderer >= RENDERER:
            return None
        return _drawn(readme, await self._renderer.render(readme, _REPOSITORY))

    async def html_of(self, repository_id: int, readme: str) -> str:
        """Return a repository's README as HTML; its text where it is not rendered yet."""
        found = await rendered_readmes.find(self._metadata.reader, repository_id)
        return found.html if found and found.source == source_of(readme) else as_plain(readme)

    async def ask_for_missing(self) -> int:
        """Have READMEs drawn that a version before this one saved; say how many."""
        missing = await rendered_readmes.list_missing(self._metadata.reader, RENDERER, _AT_ONCE)
        if missing:
            async with self._metadata.begin() as tx:
                for each in missing:
                    await jobs.add_job(tx, jobs.SUMMARIZE, str(each), self._now())
        return len(missing)

    async def with_html(self, described: Described, findings: Findings) -> Findings:
        """Return an artifact's findings with the HTML of its README, without pictures."""
        pictures = [each for each in findings.documents if each.name.startswith(PICTURE)]
        texts = [each for each in findings.documents if not each.name.startswith(PICTURE)]
        drawn: list[FoundDocument] = []
        for each in texts:
            if each.name in PROSE:
                around = _around(described, findings, texts, pictures, each.path)
                drawn.append(await self._html(each, around))
        values = {name: getattr(findings, name) for name in Findings.__struct_fields__}
        return Findings(**{**values, "documents": [*texts, *drawn]})

    async def _html(self, document: FoundDocument, around: Surroundings) -> FoundDocument:
        if document.media_type == "text/markdown":
            html = (await self._renderer.render(document.text, around)).html
        else:
            html = as_plain(document.text)
        return FoundDocument(f"{document.name}.html", "text/html", html, document.is_cut)


def _drawn(readme: str, rendered: Rendered | None) -> RenderedReadme | None:
    if rendered is None:
        return None
    return RenderedReadme(source_of(readme), RENDERER, rendered.reason, rendered.html)


def _around(
    described: Described,
    findings: Findings,
    texts: list[FoundDocument],
    pictures: list[FoundDocument],
    path: str,
) -> Surroundings:
    said = described.kind.describe(described.view)
    named = [each.name.removeprefix("file:") for each in texts if each.name.startswith("file:")]
    names = {each.path.rstrip("/") for each in findings.files}
    names |= {title for title in map(title_of, described.manifest.layers) if title}
    directories = {name[:end] for name in names for end, each in enumerate(name) if each == "/"}
    return Surroundings(
        path=path or "README.md",
        files=frozenset(names | directories),
        previews=frozenset(named),
        pictures={
            each.name.removeprefix(PICTURE): f"data:{each.media_type};base64,{each.text}"
            for each in pictures
        },
        source=said.source or said.url,
    )
