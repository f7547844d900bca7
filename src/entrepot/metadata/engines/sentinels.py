"""Texts in the database that mark a sealed hub and a wrapped secret."""

from typing import Final

SEAL: Final = "the hub is moving to another database"
"""The error text of a database that was migrated to another one."""


WRAPPED: Final = "wrapped:1:"
"""How a secret begins that is wrapped by a key which the database does not hold."""
