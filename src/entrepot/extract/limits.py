"""How much is read of what strangers push, and how reading says that it was too much."""

from typing import Final

COMPRESSED: Final = 512 * 1024 * 1024
"""Bytes of a blob that are read at most."""
DECOMPRESSED: Final = 256 * 1024 * 1024
"""Bytes that may come out of it."""
RATIO: Final = 200
"""How many times larger than its archive what comes out may be, past the first MiB."""
ENTRIES: Final = 20_000
"""Members of an archive that are listed."""
PATH: Final = 1024
TEXT: Final = 1024 * 1024
"""Bytes of a document that are kept."""
PREVIEW: Final = 256 * 1024
"""Bytes of a file that is shown in place."""
MOST_PREVIEWS: Final = 60
DOCUMENTS: Final = 400
JSON: Final = 64 * 1024 * 1024
"""Bytes of an SBOM or a report that are parsed."""
DEPTH: Final = 100
PACKAGES: Final = 200_000
"""Packages of one artifact that are kept."""
RELATIONS: Final = 200_000
"""Relations between its packages that are kept."""
VULNERABILITIES: Final = 200_000
"""Findings of its reports that are kept."""
WORDS: Final = 2000


class InputTooLarge(Exception):
    """More than a limit allows; the message says which, for people."""


class Unreadable(Exception):
    """Not what it says it is, or damaged; the message says how."""


def cut(text: str, most: int = WORDS) -> str:
    """The text's beginning, without characters that no page can show."""
    text = text[:most]
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each in "\n\t" else "\ufffd" for each in text)
