"""DER is read as far as it is whole, and of one length only."""

import pytest

from entrepot.extract.limits import Unreadable
from entrepot.extract.signing.der import parse_der

VALUE = b"\x04\x03abc"


@pytest.mark.parametrize(
    "content", [VALUE, b"\x04\x81\x03abc", b"\x04\x82\0\x03abc", b"\x04\x84\0\0\0\x03abc"]
)
def test_a_length_stands_in_one_byte_or_in_as_many_as_it_says(content: bytes) -> None:
    assert parse_der(content).content == b"abc"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x04",
        VALUE[:-1],
        VALUE + VALUE,
        b"\x04\x80\0\0",
        b"\x04\x80",
        b"\x04\x81",
        b"\x04\x82\0",
        b"\x04\x85\0\0\0\0\x03abc",
        b"\x04\x84\xff\xff\xff\xffabc",
    ],
)
def test_a_length_that_cannot_be_right_is_not_read(content: bytes) -> None:
    with pytest.raises(Unreadable):
        parse_der(content)
