"""Emoji by their names: `:rocket:`."""

import re
from functools import cache
from importlib.resources import files
from typing import Final

_NAME: Final = re.compile(r":([a-z0-9_+-]{1,60}):")


def with_emoji(text: str) -> str:
    """The text with the character for each name that is known; others stay as they are."""
    if ":" not in text:
        return text
    return _NAME.sub(lambda found: _named().get(found[1], found[0]), text)


@cache
def _named() -> dict[str, str]:
    text = files("entrepot.extract.readmes").joinpath("emoji.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("# ")]
    return dict(line.split(" ", 1) for line in lines)
