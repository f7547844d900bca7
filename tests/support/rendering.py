"""READMEs drawn where a test runs, and by a renderer that must not be asked."""

from entrepot.extract.limits import InputTooLarge
from entrepot.extract.readmes.links import Surroundings
from entrepot.extract.readmes.markdown import render
from entrepot.extract.sandbox.renderer import Rendered, as_plain


class Inline:
    """Draws in this very process."""

    async def render(self, text: str, around: Surroundings) -> Rendered:
        """HTML, or plain text where that is too much."""
        try:
            return Rendered(render(text, around))
        except InputTooLarge as error:
            return Rendered(as_plain(text), str(error))

    async def render_soon(self, text: str, around: Surroundings) -> Rendered | None:
        """The same."""
        return await self.render(text, around)


class Busy(Inline):
    """Has no time now, for anybody who waits."""

    async def render_soon(self, text: str, around: Surroundings) -> Rendered | None:
        """Nothing."""
        return None
