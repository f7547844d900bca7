"""The order of PEP 440, beside `packaging`."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import InvalidVersion, Version

from entrepot.versions import pep440
from entrepot.versions.keys import Unordered

_NUMBERS = st.one_of(st.integers(0, 11), st.integers(0, 10**20)).map(str)
_SEPARATORS = st.sampled_from(["", ".", "-", "_"])
_PHASES = st.sampled_from(["a", "alpha", "b", "beta", "c", "rc", "pre", "preview", "RC", "Alpha"])


def _maybe(some: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(st.just(""), some)


def _joined(*parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map("".join)


_MORE = _maybe(_NUMBERS)
_LOCAL = st.lists(st.from_regex(r"[a-z0-9]{1,3}", fullmatch=True), min_size=1, max_size=3).map(
    ".".join
)
_VERSIONS = _joined(
    _maybe(st.just("v")),
    _maybe(st.integers(0, 2).map(lambda epoch: f"{epoch}!")),
    st.lists(_NUMBERS, min_size=1, max_size=4).map(".".join),
    _maybe(_joined(_SEPARATORS, _PHASES, _SEPARATORS, _MORE)),
    _maybe(
        st.one_of(
            _joined(st.just("-"), _NUMBERS),
            _joined(_SEPARATORS, st.sampled_from(["post", "rev", "r"]), _SEPARATORS, _MORE),
        )
    ),
    _maybe(_joined(_SEPARATORS, st.just("dev"), _SEPARATORS, _MORE)),
    _maybe(_joined(st.just("+"), _LOCAL)),
)


def _read(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


@given(_VERSIONS, _VERSIONS)
def test_keys_are_in_the_order_of_packaging(one: str, other: str) -> None:
    versions = _read(one), _read(other)
    for text, version in zip((one, other), versions, strict=True):
        if version is None:
            with pytest.raises(Unordered):
                pep440.key(text)
    if versions[0] is not None and versions[1] is not None:
        keys = pep440.key(one), pep440.key(other)
        assert (keys[0] < keys[1]) is (versions[0] < versions[1])
        assert (keys[0] == keys[1]) is (versions[0] == versions[1])


@given(_VERSIONS)
def test_stable_is_what_packaging_calls_no_pre_release(text: str) -> None:
    version = _read(text)
    assert pep440.is_stable(text) is (version is not None and not version.is_prerelease)


def test_keys_are_in_the_order_of_the_specification() -> None:
    ordered = ["1.0.dev456", "1.0a1", "1.0a2.dev456", "1.0a12.dev456", "1.0a12", "1.0b1.dev456"]
    ordered += ["1.0b2", "1.0b2.post345.dev456", "1.0b2.post345", "1.0rc1.dev456", "1.0rc1", "1.0"]
    ordered += ["1.0+abc.5", "1.0+abc.7", "1.0+5", "1.0.post456.dev34", "1.0.post456", "1.0.15"]
    ordered += ["1.1.dev1", "1!0.1"]
    shuffled = random.Random(7).sample(ordered, len(ordered))
    assert sorted(shuffled, key=pep440.key) == ordered


@given(st.text())
def test_any_text_has_a_key_or_is_refused(text: str) -> None:
    try:
        pep440.key(text)
    except Unordered:
        return
    Version(text)
