"""Source text in colours: classes only, never a style."""

from html import escape
from typing import Final

from pygments import highlight as colour
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

MAX: Final = 256 * 1024
_LEXERS: Final = {
    "application/yaml": "yaml",
    "application/json": "json",
    "text/markdown": "text",
}


def highlight(text: str, media_type: str) -> str:
    """HTML with a `<span id="LN">` for each line; escaped text where there is no lexer for it."""
    lexer = _lexer(media_type)
    if lexer is None or len(text) > MAX:
        return numbered(escape(text))
    inner = colour(text, lexer, HtmlFormatter(nowrap=True))
    return numbered(inner)


def numbered(inner: str) -> str:
    """Lines of HTML that can be linked to."""
    lines = inner.rstrip("\n").split("\n")
    return "\n".join(f'<span id="L{number}">{line}</span>' for number, line in enumerate(lines, 1))


def _lexer(media_type: str) -> Lexer | None:
    name = _LEXERS.get(media_type)
    if name is None:
        return None
    try:
        return get_lexer_by_name(name, stripnl=False)
    except ClassNotFound:
        return None
