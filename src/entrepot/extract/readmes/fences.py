"""Source text in a README's fences, in colours; diagrams with a word that says what they are."""

import re
from functools import cache
from html import escape
from typing import Final

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import STANDARD_TYPES
from pygments.util import ClassNotFound

CLASSES: Final = frozenset(each for each in STANDARD_TYPES.values() if each)
_EACH: Final = 32 * 1024
_ALL: Final = 128 * 1024
"""Characters that are coloured; what is beyond stays plain."""
_LANGUAGE: Final = re.compile(r"[a-z0-9][a-z0-9+#._-]{0,30}")
_DIAGRAMS: Final = {
    "mermaid": "Mermaid",
    "geojson": "GeoJSON",
    "topojson": "TopoJSON",
    "stl": "STL",
    "math": "TeX",
}
_ALIASES: Final = {
    "jsonc": "json",
    "console": "console",
    "hcl": "terraform",
    "containerfile": "docker",
}


class Fences:
    """Draws one fence after the other, until there was enough of them."""

    def __init__(self) -> None:
        self._left = _ALL

    def draw(self, text: str, language: str) -> str:
        """`<pre>` with the text, a caption above it where it is the source of a picture."""
        name = language.strip().lower().partition(" ")[0]
        inner = self._coloured(text, name)
        block = f'<pre tabindex="0"><code>{inner}</code></pre>'
        label = _DIAGRAMS.get(name)
        return f"<figure><figcaption>{label}</figcaption>{block}</figure>" if label else block

    def _coloured(self, text: str, name: str) -> str:
        if not _LANGUAGE.fullmatch(name) or name in _DIAGRAMS:
            return escape(text)
        lexer = _lexer(_ALIASES.get(name, name)) if len(text) <= min(_EACH, self._left) else None
        if lexer is None:
            return escape(text)
        self._left -= len(text)
        coloured: str = highlight(text, lexer, HtmlFormatter(nowrap=True))
        return coloured


@cache
def _lexer(name: str) -> Lexer | None:
    try:
        return get_lexer_by_name(name, stripnl=False)
    except ClassNotFound:
        return None
