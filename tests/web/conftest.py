"""A hub behind doors, as the tests of the doors have it."""

from tests.doors.conftest import doors, metrics, open_doors

__all__ = ["doors", "metrics", "open_doors"]
