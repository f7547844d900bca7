"""The order of SemVer, beside the examples of its specification and PyPI's `semver`."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from semver import Version

from entrepot.versions import semver
from entrepot.versions.keys import MAX_LENGTH, Unordered

_NUMBERS = st.one_of(st.integers(0, 12), st.integers(0, 10**20)).map(str)
_WORDS = st.from_regex(r"[0-9]{0,2}[A-Za-z-][0-9A-Za-z-]{0,4}", fullmatch=True)
_PRE = st.lists(st.one_of(_NUMBERS, _WORDS), max_size=4).map(
    lambda parts: "-" + ".".join(parts) if parts else ""
)
_BUILDS = st.sampled_from(["", "+5", "+build.07", "+a-b"])
_VERSIONS = st.tuples(st.lists(_NUMBERS, min_size=3, max_size=3).map(".".join), _PRE, _BUILDS).map(
    "".join
)


@given(_VERSIONS, _VERSIONS)
def test_keys_are_in_the_order_of_the_library(one: str, other: str) -> None:
    expected = Version.parse(one).compare(other)
    keys = semver.key(one), semver.key(other)
    assert (keys[0] > keys[1]) - (keys[0] < keys[1]) == expected


def test_keys_are_in_the_order_of_the_specification() -> None:
    ordered = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2"]
    ordered += ["1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "2.0.0", "2.1.0", "2.1.1", "2.1.10"]
    shuffled = random.Random(7).sample(ordered, len(ordered))
    assert sorted(shuffled, key=semver.key) == ordered


def test_a_build_and_the_letter_in_front_are_no_part_of_the_order() -> None:
    assert semver.key("v1.2.3+5") == semver.key("1.2.3+6") == semver.key("1.2.3")


_INVALID = ["", "1", "1.2", "1.2.3.4", "01.2.3", "1.2.3-", "1.2.3-01", "1.2.3-a..b", "1.2.3+"]
_INVALID += ["V1.2.3", "1.2.3\n", " 1.2.3", "\u0661.2.3", "latest", "1.2.3_5"]


@pytest.mark.parametrize("text", [*_INVALID, "1" * MAX_LENGTH + ".0.0"])
def test_what_is_no_version_has_no_key(text: str) -> None:
    with pytest.raises(Unordered):
        semver.key(text)
    assert not semver.is_stable(text) or len(text) > MAX_LENGTH


def test_a_release_is_stable_and_what_comes_before_it_is_not() -> None:
    assert semver.is_stable("v1.2.3+5")
    assert not semver.is_stable("1.2.3-rc.1")


@given(st.text())
def test_any_text_has_a_key_or_is_refused(text: str) -> None:
    try:
        semver.key(text)
    except Unordered:
        return
    Version.parse(text.removeprefix("v"))
