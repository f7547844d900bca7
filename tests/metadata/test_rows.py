"""Rows become values by the types of a dataclass's fields."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum

from entrepot.metadata.engines.rows import row_mapper
from entrepot.oci.digests import Digest
from entrepot.oci.names import RepositoryName


class Colour(StrEnum):
    """An enumeration."""

    RED = "red"


@dataclass(frozen=True, slots=True)
class Thing:
    """One field of each sort."""

    id: int
    colour: Colour
    is_new: bool
    created_at: datetime
    ended_at: datetime | None
    name: RepositoryName
    digest: Digest
    content: bytes
    labels: tuple[str, ...]
    note: str = "none"


DIGEST = "sha256:" + "0" * 64
MOMENT = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
INSTANT = 1767323045000006
ROW = (1, "red", 1, INSTANT, INSTANT, "a/b", DIGEST, memoryview(b"{}"), "x y", "z")


def test_each_column_becomes_the_type_of_its_field() -> None:
    thing = row_mapper(Thing, labels=lambda text: tuple(text.split()))(ROW)
    name, digest = RepositoryName("a/b"), Digest.parse(DIGEST)
    assert thing == Thing(1, Colour.RED, True, MOMENT, MOMENT, name, digest, b"{}", ("x", "y"), "z")
    assert type(thing.is_new) is bool
    assert type(thing.colour) is Colour
    assert type(thing.content) is bytes


def test_a_null_instant_stays_none() -> None:
    assert row_mapper(Thing)((*ROW[:4], None, *ROW[5:])).ended_at is None


def test_columns_behind_the_width_are_ignored_and_their_fields_keep_their_defaults() -> None:
    assert row_mapper(Thing, 9)(ROW).note == "none"
    assert row_mapper(Thing)((*ROW, "of another value")).note == "z"


def test_numbers_of_a_tuple_are_whole_even_where_the_engine_sums_to_decimals() -> None:
    pair = row_mapper(tuple[str, int])(("bytes", Decimal(7)))
    assert pair == ("bytes", 7)
    assert type(pair[1]) is int
