"""Policies, quotas and retention rules."""

import json
from dataclasses import asdict, dataclass, fields
from typing import Final

from entrepot.errors import Invalid
from entrepot.oci.tag_patterns import TagPatterns

MOST: Final = 100_000
"""The largest number of a rule: tags, or days."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The policies of one namespace or repository: patterns, and retention rules as JSON."""

    immutable: str = ""
    retention: str = ""


@dataclass(frozen=True, slots=True)
class Quota:
    """How many bytes of blobs a namespace may hold, and how many it does."""

    namespace_id: int
    limit: int
    used: int
    holds: bool = False
    """Whether it holds the blob that was asked about."""
    reserved: int = 0
    """Bytes that uploads under way may still bring."""

    @property
    def free(self) -> int:
        """Bytes that find room."""
        return self.limit - self.used - self.reserved


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules that keep tags matching `tags`; at least one number is given.

    `newest` tags, those pushed or pulled within a number of days, and those that match `keep`.
    """

    tags: str = "*"
    keep: str = ""
    newest: int | None = None
    pushed_within: int | None = None
    pulled_within: int | None = None

    def __post_init__(self) -> None:
        TagPatterns.parse(self.tags)
        TagPatterns.parse(self.keep)
        numbers = self.numbers.values()
        if all(number is None for number in numbers):
            raise Invalid("a retention rule keeps the newest tags, or those pushed or pulled since")
        if any(number is not None and not 0 < number <= MOST for number in numbers):
            raise Invalid(f"numbers of a retention rule are between 1 and {MOST:,}")

    @classmethod
    def parse(cls, text: str) -> "Rules | None":
        """The rules that `text` holds, `None` where it is empty."""
        return cls(**json.loads(text)) if text else None

    @property
    def numbers(self) -> dict[str, int | None]:
        """The numbers by name; `None` where a number is not given."""
        return {name: getattr(self, name) for name in NUMBERS}

    @property
    def text(self) -> str:
        """The rules as they are stored, without the numbers that are not given.

        Versions that do not know a number can so read all rules that do not use it.
        """
        return json.dumps({name: rule for name, rule in asdict(self).items() if rule is not None})


NUMBERS: Final = tuple(field.name for field in fields(Rules) if field.default is None)
"""The names of the numbers of retention rules; the API, forms and pages use the same names."""
