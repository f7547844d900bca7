"""Parts that the keys of every ecosystem are made of."""

from typing import Final

from entrepot.errors import Invalid

MAX_LENGTH: Final = 256
"""Characters of a version that is ordered; real ones have a few dozen."""


class Unordered(Invalid):
    """The text is no version of the ecosystem, so it has no place in its order."""


def check_length(text: str) -> None:
    """Raise `Unordered` where a version is too long for the numbers of its key."""
    if len(text) > MAX_LENGTH:
        raise Unordered(f"a version has at most {MAX_LENGTH} characters")


def number(digits: str) -> bytes:
    """A number as bytes in the order of numbers: the count of its digits, then the digits.

    The count begins at 1 (for zero), so that a key may end a list of numbers with a 0.
    """
    significant = digits.lstrip("0")
    # The count of the longest version's digits is two bytes; one would end at 254.
    return (len(significant) + 1).to_bytes(2, "big") + significant.encode("ascii")
