"""The values of a chart by their paths, read line by line.

Anybody may push a `values.yaml`. A parser of YAML can be made to work for minutes, so this one
reads only what default values look like: mappings by indentation. Anything else (lists, blocks of
text, values in braces) stays the text of the key that it belongs to.
"""

import re
from dataclasses import dataclass
from typing import Final

_KEY: Final = re.compile(r"( *)([A-Za-z0-9_][\w./-]*|\"[^\"]*\"|'[^']*'):(?: +(.*))?")
_DEEPEST: Final = 32


_PARAMETER: Final = re.compile(r"@param\s+(\S+)\s+(.+)")
_LONGEST_COMMENT: Final = 2000


@dataclass(frozen=True, slots=True)
class DefaultValue:
    """A value that a chart takes, what it is by default, and what the comment above it says."""

    path: str
    default: str
    comment: str


def value_paths(text: str) -> dict[str, str]:
    """Return the value of each path such as `image.tag`, but not of keys that hold others."""
    return {each.path: each.default for each in default_values(text)}


def default_values(text: str) -> list[DefaultValue]:
    """Return each value of the file in its order; a key that holds others has no value."""
    found: dict[str, list[str]] = {}
    comments: dict[str, str] = {}
    above: list[str] = []
    open_keys: list[tuple[int, str]] = []
    for line in text.splitlines():
        plain = line.strip()
        if plain.startswith("#"):
            _take_comment(plain, above, comments)
            continue
        if plain:
            _take_line(line, found, open_keys)
            if open_keys and _KEY.fullmatch(line):
                comments.setdefault(_path(open_keys), " ".join(above)[:_LONGEST_COMMENT])
        above.clear()
    parents = {path.rpartition(".")[0] for path in found}
    return [
        DefaultValue(path, "\n".join(lines), comments.get(path, ""))
        for path, lines in found.items()
        if lines or path not in parents
    ]


def _take_line(line: str, found: dict[str, list[str]], open_keys: list[tuple[int, str]]) -> None:
    """Add a line's value to the key that it has, or to the key that is open."""
    indent = len(line) - len(line.lstrip(" "))
    key = _KEY.fullmatch(line)
    if key is None or (open_keys and _is_inside_text(found, open_keys, indent)):
        if open_keys:
            found[_path(open_keys)].append(line.strip())
        return
    while open_keys and open_keys[-1][0] >= indent:
        open_keys.pop()
    if len(open_keys) < _DEEPEST:
        open_keys.append((indent, key[2].strip("\"'")))
        value = _without_comment(key[3] or "")
        found.setdefault(_path(open_keys), []).extend([value] if value else [])


def _take_comment(plain: str, above: list[str], comments: dict[str, str]) -> None:
    """Keep a line of a comment for the key below, or for the key that it names."""
    words = plain.lstrip("#").strip().removeprefix("--").strip()
    named = _PARAMETER.match(words)
    if named is not None:
        comments[named[1]] = named[2][:_LONGEST_COMMENT]
    elif words and not words.startswith("@"):
        above.append(words)


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
