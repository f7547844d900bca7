"""Trust roots: authorities that the hub trusts to say who signed."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

PUBLIC_GOOD: Final = "public-good"
"""The root of sigstore's public instance, which is shipped with the hub."""


class RootKind(StrEnum):
    """The kinds of trust roots; `REMOVED` stands in for a shipped root that is not trusted."""

    SIGSTORE = "sigstore"
    X509 = "x509"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class StoredRoot:
    """A trust root under the name that administrators gave it.

    `expires_at` is when its last authority ends; `created_at` is `None` for the shipped root.
    """

    name: str
    kind: RootKind
    content: str
    expires_at: datetime | None
    created_at: datetime | None

    @property
    def is_shipped(self) -> bool:
        """Say whether it came with the hub."""
        return self.created_at is None
