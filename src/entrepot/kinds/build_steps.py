"""The commands that built an image, as its config tells them."""

import re
from typing import Final

_SHELL: Final = re.compile(r"^/bin/sh -c (#\(nop\)\s*)?")
_TAIL: Final = re.compile(r"\s+# buildkit$")


def instruction_of(text: object) -> str:
    """Return a build step's command, without the words that every step has."""
    if not isinstance(text, str):
        return ""
    return _TAIL.sub("", _SHELL.sub("", text[:4000])).strip()
