"""Time stamps are read, and damaged ones are no times."""

from datetime import UTC, datetime

import pytest

from entrepot.extract.signing.timestamps import parse_moment, stamped_at
from tests.extract.makers import asn1, time_stamp

MOMENT = datetime(2026, 5, 5, 5, 5, 5, tzinfo=UTC)


@pytest.mark.parametrize("is_response", [True, False])
def test_a_time_stamp_is_of_its_bytes_only(is_response: bool) -> None:
    token = time_stamp(b"signature", MOMENT, is_response=is_response)
    assert stamped_at(token, b"signature") == MOMENT
    assert stamped_at(token, b"another") is None


def test_damage_anywhere_is_survived() -> None:
    token = time_stamp(b"signature", MOMENT)
    for place in range(len(token)):
        for change in (0xFF, 0x01, 0x80):
            damaged = token[:place] + bytes([token[place] ^ change]) + token[place + 1 :]
            stamped_at(damaged, b"signature")
        assert stamped_at(token[:place], b"signature") is None


@pytest.mark.parametrize(
    "token",
    [
        b"",
        asn1(0x30),
        asn1(0x30, asn1(0x30), asn1(0x30)),
        asn1(0x02, b"\1"),
        b"\x30\x84\xff\xff",
        asn1(0x30, asn1(6, b"\x2a"), asn1(0xA0, asn1(0x30, asn1(2, b"\3")))),
    ],
    ids=range(6),
)
def test_what_is_no_time_stamp_is_no_time(token: bytes) -> None:
    assert stamped_at(token, b"signature") is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-05-05T05:05:05Z", MOMENT),
        ("2026-05-05T07:05:05+02:00", MOMENT),
        ("2026-05-05T05:05:05", MOMENT),
        (str(int(MOMENT.timestamp())), MOMENT),
        (int(MOMENT.timestamp()), MOMENT),
        (0, None),
        ("0", None),
        (-5, None),
        ("", None),
        (None, None),
        (True, None),
        ([], None),
        ("0001-01-01T00:00:00+14:00", None),
        (float("inf"), None),
    ],
)
def test_times_are_written_in_two_ways(value: object, expected: datetime | None) -> None:
    assert parse_moment(value) == expected
