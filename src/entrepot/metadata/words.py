"""Words that the facts use and that others need without the rest."""

from enum import StrEnum


class Visibility(StrEnum):
    """Who may pull from a repository without belonging to its namespace."""

    PRIVATE = "private"
    PUBLIC = "public"
