"""Words that the facts use and that others need without the rest."""

from enum import StrEnum
from typing import Final

SEAL: Final = "the hub is moving to another database"
"""What a database says that was left for another one."""


class SignUpMode(StrEnum):
    """Who may make an account for themselves."""

    OPEN = "open"
    INVITATION = "invitation"
    CLOSED = "closed"


class Visibility(StrEnum):
    """The visibility of a repository to people outside its namespace."""

    PRIVATE = "private"
    PUBLIC = "public"


WRAPPED: Final = "wrapped:1:"
"""How a secret begins that is wrapped by a key which the database does not hold."""
