"""Public keys that verify signatures."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A public key in PEM, under a name that its namespace gave it."""

    id: int
    namespace_id: int
    name: str
    pem: str
    created_at: datetime
    created_by: int | None
