"""Strict JSON: one meaning for every reader."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.errors import InvalidManifest
from entrepot.oci import strict_json
from entrepot.oci.strict_json import parse_object, refuse_look_alikes

GOOD = [
    (b"{}", {}),
    (b' {"a": 1} \r\n\t', {"a": 1}),
    ('{"é": "\U0001f600"}'.encode(), {"é": "\U0001f600"}),
    (b'{"a": {"a": [{"a": null}]}}', {"a": {"a": [{"a": None}]}}),
    (b'{"a": 1.5e300, "b": -0, "c": true}', {"a": 1.5e300, "b": 0, "c": True}),
]
BAD = [
    *(b"", b" ", b"null", b"1", b'"x"', b"[]", b"[{}]", b"true", b"{", b"{}{}", b"{} x", b"\x00{}"),
    *(
        b'{"a": 1, "a": 1}',
        b'{"a": {"b": 1, "b": 2}}',
        b'[{"a": 1, "a": 2}]',
        b'{"a":1,"\\u0061":2}',
    ),
    *(b'{"a": NaN}', b'{"a": Infinity}', b'{"a": -Infinity}', b"{'a': 1}", b'{"a": 1,}', b"{a: 1}"),
    *(b"\xef\xbb\xbf{}", b'{"a": "\xff"}', b'{"a": "\xed\xa0\x80"}', '{"a": 1}'.encode("utf-16")),
    *(b'{"a": 01}', b'{"a": 0x1}', b'{"a": +1}', b'{"a": .5}', b'{"a": "\t"}', b"// x\n{}"),
    b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    b'{"a": ' + b"9" * 5_000 + b"}",
]


@pytest.mark.parametrize(("content", "value"), GOOD)
def test_a_json_object_is_read(content: bytes, value: object) -> None:
    assert parse_object(content) == value


@pytest.mark.parametrize("content", BAD, ids=range(len(BAD)))
def test_anything_that_readers_disagree_on_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidManifest):
        parse_object(content)


def test_keys_that_look_alike_are_refused() -> None:
    known = frozenset({"mediaType", "digest"})
    refuse_look_alikes(("mediaType", "digest", "other", "Other"), known)
    for key in ("mediatype", "MediaType", "DIGEST", "diGest", "me\u0064iatype"):
        with pytest.raises(InvalidManifest):
            refuse_look_alikes((key,), known)


def test_a_key_that_only_folds_to_a_known_one_is_refused() -> None:
    """Go folds the long s and the kelvin sign, so must we."""
    with pytest.raises(InvalidManifest):
        refuse_look_alikes(("dige\u017ft",), frozenset({"digest"}))
    with pytest.raises(InvalidManifest):
        refuse_look_alikes(("\u212aey",), frozenset({"key"}))


_PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
_VALUES = _PLAIN | st.lists(_PLAIN, max_size=3) | st.dictionaries(st.text(max_size=5), _PLAIN)


@given(st.dictionaries(st.text(max_size=5), _VALUES, max_size=4))
def test_what_python_writes_is_read_back(value: dict[str, object]) -> None:
    try:
        content = json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return
    assert parse_object(content) == value


@given(st.binary(max_size=200))
def test_no_bytes_do_more_than_be_refused(content: bytes) -> None:
    try:
        assert isinstance(parse_object(content), dict)
    except InvalidManifest:
        return


def test_reading_ends_once_there_were_too_many_values(monkeypatch: pytest.MonkeyPatch) -> None:
    objects = 0
    unique = strict_json._unique

    def count(pairs: list[tuple[str, object]]) -> dict[str, object]:
        nonlocal objects
        objects += 1
        return unique(pairs)

    monkeypatch.setattr(strict_json, "_unique", count)
    content = b'{"many":[' + b'{"a":1},' * 10_000 + b'{"a":1}]}'
    with pytest.raises(InvalidManifest, match="more than 100 values"):
        parse_object(content, 100)
    assert objects == 50
    assert len(parse_object(content)) == 1


def test_reading_ends_once_there_were_too_many_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[float] = []

    def note(value: float) -> bool:
        read.append(value)
        return True

    monkeypatch.setattr(strict_json, "isfinite", note)
    with pytest.raises(InvalidManifest, match="more than 100 values"):
        parse_object(b'{"many":[' + b"1.5," * 10_000 + b"1]}", 100)
    assert len(read) == 100
