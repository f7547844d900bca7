"""A hub behind doors, as the tests of the doors have it."""

from tests.doors.conftest import doors, open_doors

__all__ = ["doors", "open_doors"]
