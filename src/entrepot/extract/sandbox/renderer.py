"""Draws READMEs in a process of its own, so that one that means harm delays nothing else."""

from dataclasses import dataclass
from html import escape
from typing import Final, Protocol

from msgspec import json

from entrepot.extract.findings import ExtractionState, Findings, Task
from entrepot.extract.readmes.links import Surroundings
from entrepot.extract.sandbox.reader import LATE, SandboxedReader

RENDERER: Final = 1
"""The version of what draws: greater, and the READMEs that repositories have are drawn anew."""
MARKDOWN: Final = "markdown"
"""The extractor of a task that holds a text itself, and wants its HTML back."""
SECONDS: Final = 3.0
"""Processor time that one text may take; an honest one of 1 MB takes half of it."""
_WAITING: Final = 4


@dataclass(frozen=True, slots=True)
class Rendered:
    """Safe HTML; `reason` says why it is only the plain text, where it is."""

    html: str
    reason: str = ""


class Reads(Protocol):
    """Reads where it can do no harm."""

    async def read(self, task: Task) -> Findings:
        """Return the findings; never raises because of a task's content."""

    async def rest(self) -> None:
        """Let go of what has had nothing to do for a while."""

    async def close(self) -> None:
        """Let go of all; closing twice succeeds."""


class Renderer:
    """Makes HTML of Markdown, or plain text of what would take too long, and says so."""

    def __init__(self, reader: Reads | None = None) -> None:
        self._reader = reader or SandboxedReader()
        self._waiting = 0

    async def render(self, text: str, around: Surroundings) -> Rendered:
        """The HTML, however many others wait: for work in the background."""
        return await self._ask(text, around) or Rendered(as_plain(text), LATE)

    async def render_soon(self, text: str, around: Surroundings) -> Rendered | None:
        """The HTML for a page that waits for it; `None` where there is no time for it now."""
        return None if self._waiting >= _WAITING else await self._ask(text, around)

    async def preview(self, text: str) -> str:
        """How a repository's README would look; its plain text where there was no time."""
        found = await self.render_soon(text, Surroundings(is_repository=True))
        return found.html if found else as_plain(text)

    async def rest(self) -> None:
        """End a child that has had nothing to do for a while."""
        await self._reader.rest()

    async def close(self) -> None:
        """End the child; closing twice succeeds."""
        await self._reader.close()

    async def _ask(self, text: str, around: Surroundings) -> Rendered | None:
        given = {"text": text, "around": json.encode(around).decode()}
        self._waiting += 1
        try:
            found = await self._reader.read(Task(MARKDOWN, "", [], "", given, seconds=SECONDS))
        finally:
            self._waiting -= 1
        if found.documents:
            return Rendered(found.documents[0].text)
        # The child was late by the clock, not by its own time: the machine is busy, not the text.
        if found.reason == LATE:
            return None
        is_dead = found.state is ExtractionState.FAILED
        reason = "drawing it takes longer than it may" if is_dead else found.reason
        return Rendered(as_plain(text), reason)


def as_plain(text: str) -> str:
    """The text as it is, as HTML: what is shown where Markdown is not drawn."""
    return f'<pre tabindex="0">{escape(text, quote=False)}</pre>'
