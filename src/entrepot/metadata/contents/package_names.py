"""How people write the names of packages, and how they are found all the same."""

import re
from typing import Final

_VERSION: Final = re.compile(r"v[0-9]+")
"""The last part of a Go module's path from its second version on."""
_RUNS: Final = re.compile(r"[-_.]+")


def base_name(name: str) -> str | None:
    """Return a package's name without group, scope or path; `None` where it has none.

    That is `log4j-core` of `org.apache.logging.log4j:log4j-core`.
    """
    parts = re.split(r"[/:]", name.rstrip("/:"))
    while len(parts) > 1 and _VERSION.fullmatch(parts[-1]):
        parts.pop()
    return parts[-1] or None if len(parts) > 1 else None


def other_separator(name: str) -> str:
    """`group:name` for `group/name` and the other way round: tools write Java's both ways."""
    if ":" in name:
        return name.replace(":", "/")
    head, slash, last = name.rpartition("/")
    return f"{head}:{last}" if slash and "/" not in head and not head.startswith("@") else name


def plain_name(name: str) -> str:
    """The name as Python's index has it: in lower case, with single hyphens."""
    return _RUNS.sub("-", name).lower()
