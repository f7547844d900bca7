"""READMEs are drawn in a process of their own: one that means harm costs its own HTML alone."""

import asyncio
import resource
import sys
from collections.abc import AsyncIterator

import pytest

from entrepot.extract.findings import ExtractionState, Findings, Task
from entrepot.extract.readmes.links import HERE, Surroundings
from entrepot.extract.sandbox import renderer as module
from entrepot.extract.sandbox.reader import LATE, SandboxedReader
from entrepot.extract.sandbox.renderer import Renderer
from tests.extract.hostile_markdown import HOSTILE

NOWHERE = Surroundings()
# Of one text the cleaner makes as many pieces as it has of these.
SLOW = "&" * 500_000


@pytest.fixture
async def renderer() -> AsyncIterator[Renderer]:
    """A renderer with its child."""
    made = Renderer()
    yield made
    await made.close()


class Slow:
    """Never answers before it is told to."""

    def __init__(self) -> None:
        self.may_go_on = asyncio.Event()
        self.asked = 0

    async def read(self, task: Task) -> Findings:
        """Nothing, late."""
        self.asked += 1
        await self.may_go_on.wait()
        return Findings(state=ExtractionState.FAILED, reason=LATE)

    async def rest(self) -> None:
        """Nothing to let go of."""

    async def close(self) -> None:
        """Nothing to close."""


async def test_a_text_is_drawn_with_what_lies_around_it(renderer: Renderer) -> None:
    around = Surroundings(files=frozenset({"a.md"}), previews=frozenset({"a.md"}))
    found = await renderer.render("**bold** [x](a.md)", around)
    assert found.reason == ""
    assert "<strong>bold</strong>" in found.html
    assert f'href="{HERE}files?name=file%3Aa.md"' in found.html


async def test_what_takes_too_long_is_plain_text_and_the_next_is_drawn(
    renderer: Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.5)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = await renderer.render(f"{SLOW}<script>", NOWHERE)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert found.html.startswith('<pre tabindex="0">&amp;&amp;')
    assert found.html.endswith("&lt;script&gt;</pre>")
    assert found.reason == "drawing it takes longer than it may"
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert spent < 10
    monkeypatch.setattr(module, "SECONDS", 30)
    assert "<em>next</em>" in (await renderer.render("*next*", NOWHERE)).html


async def test_every_hostile_readme_becomes_html_or_plain_text(renderer: Renderer) -> None:
    for name in ("brackets and ticks", "quotes", "footnotes", "deep lists", "tags", "headings"):
        found = await renderer.render(HOSTILE[name], NOWHERE)
        assert len(found.html) < 8_000_000
        assert found.html.startswith("<pre") == bool(found.reason), name


async def test_whoever_waits_is_not_kept_behind_a_line() -> None:
    slow = Slow()
    renderer = Renderer(slow)
    waiting = [asyncio.create_task(renderer.render("x", NOWHERE)) for _ in range(4)]
    await asyncio.sleep(0)
    assert await renderer.render_soon("x", NOWHERE) is None
    assert await renderer.preview("<b>") == '<pre tabindex="0">&lt;b&gt;</pre>'
    assert slow.asked == 4
    slow.may_go_on.set()
    assert {each.reason for each in await asyncio.gather(*waiting)} == {LATE}
    assert await renderer.render_soon("x", NOWHERE) is None


async def test_a_child_that_dies_costs_the_html_alone() -> None:
    dies = SandboxedReader(
        (sys.executable, "-c", "import sys; sys.stdin.buffer.read(4); sys.exit(3)")
    )
    found = await Renderer(dies).render("a & b", NOWHERE)
    assert found.html == '<pre tabindex="0">a &amp; b</pre>'
    assert found.reason
    await dies.close()
