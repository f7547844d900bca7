"""The values of a chart by their paths, read line by line.

Anybody may push a `values.yaml`. A parser of YAML can be made to work for minutes, so this one
reads only what default values look like: mappings by indentation. Anything else (lists, blocks of
text, values in braces) stays the text of the key that it belongs to.
"""

import re
from typing import Final

_KEY: Final = re.compile(r"( *)([A-Za-z0-9_][\w./-]*|\"[^\"]*\"|'[^']*'):(?: +(.*))?")
_DEEPEST: Final = 32


def value_paths(text: str) -> dict[str, str]:
    """Return the value of each path such as `image.tag`, but not of keys that hold others."""
    found: dict[str, list[str]] = {}
    open_keys: list[tuple[int, str]] = []
    for line in text.splitlines():
        plain = line.strip()
        if not plain or plain.startswith("#"):
            continue
        indent = len(line) - len(line.lstrip(" "))
        key = _KEY.fullmatch(line)
        if key is None or (open_keys and _is_inside_text(found, open_keys, indent)):
            if open_keys:
                found[_path(open_keys)].append(plain)
            continue
        while open_keys and open_keys[-1][0] >= indent:
            open_keys.pop()
        if len(open_keys) < _DEEPEST:
            open_keys.append((indent, key[2].strip("\"'")))
            value = _without_comment(key[3] or "")
            found.setdefault(_path(open_keys), []).extend([value] if value else [])
    parents = {path.rpartition(".")[0] for path in found}
    return {path: "\n".join(lines) for path, lines in found.items() if lines or path not in parents}


def _is_inside_text(
    found: dict[str, list[str]], open_keys: list[tuple[int, str]], indent: int
) -> bool:
    """Whether the line goes on with a list or a block of text that an open key began."""
    lines = found[_path(open_keys)]
    is_open = bool(lines) and (lines[0][:1] in "|>" or lines[0].startswith("- "))
    return is_open and indent > open_keys[-1][0]


def _path(open_keys: list[tuple[int, str]]) -> str:
    return ".".join(name for _, name in open_keys)


def _without_comment(value: str) -> str:
    if value[:1] in "\"'":
        return value
    return value.partition(" #")[0].strip()
