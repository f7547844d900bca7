"""Versions sort by their keys as plain text does."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.kinds.versions import MAX_LENGTH, version_key

_TAGS = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", fullmatch=True)
_NUMBERS = st.integers(0, 10**9)
_WORDS = st.sampled_from(["alpha", "beta", "rc", "dev", "pre", "snapshot"])
_PRE = st.lists(st.one_of(_NUMBERS, _WORDS), min_size=1, max_size=4)
_CORES = st.tuples(_NUMBERS, _NUMBERS, _NUMBERS)

Part = int | str
SemVer = tuple[tuple[int, int, int], list[Part]]


def _text(core: tuple[int, int, int], pre: list[Part]) -> str:
    tail = "-" + ".".join(map(str, pre)) if pre else ""
    return ".".join(map(str, core)) + tail


def _precedence(version: SemVer) -> tuple[object, ...]:
    """SemVer 2.0, section 11, as a value that Python compares."""
    core, pre = version
    parts = [(0, each, "") if isinstance(each, int) else (1, 0, each) for each in pre]
    return (core, not pre, parts)


@pytest.mark.parametrize(
    "ordered",
    [
        ["1.9", "1.10", "2"],
        ["v1.9.0", "1.10.0", "v1.11.0"],
        ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2"],
        ["1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1-rc.1", "1.0.1"],
        ["1.0.0", "1.0.0_build.1", "1.0.1"],
        ["1.0.0-rc.1", "1.0.0-rc.1_build.5", "1.0.0"],
        ["1.27", "1.27-alpine", "1.28"],
        ["1.27-alpine3.19", "1.27-alpine3.20"],
        ["1.0-rc9", "1.0-rc10"],
        ["1.0rc1", "1.0", "1.0.post1", "1.0.post2", "1.0-alpine", "1.1"],
        ["9.8", "9.8p1", "9.8p2", "9.9"],
        ["1.0.0-r1", "1.0.0-rc.1", "1.0.0"],
        ["latest", "0.0.1"],
        ["main", "stable", "0"],
        ["3f2a9c1", "sha-3f2a9c1", "0.0.0-alpha"],
        ["20240131", "20240201"],
        ["2024-01-31", "2024-02-01"],
        ["1.2.3", "1.2.3.4", "1.2.3.4.5"],
        ["build-9", "build-10"],
        ["9" * 60, "1" + "0" * 60],
    ],
)
def test_versions_are_in_the_order_that_people_expect(ordered: list[str]) -> None:
    shuffled = random.Random(7).sample(ordered, len(ordered))
    assert sorted(shuffled, key=version_key) == ordered


@given(st.tuples(_CORES, st.one_of(st.just([]), _PRE)), st.tuples(_CORES, _PRE))
def test_the_order_is_that_of_semver(one: SemVer, other: SemVer) -> None:
    keys = [version_key(_text(*each)) for each in (one, other)]
    expected = _precedence(one) < _precedence(other)
    assert (keys[0] < keys[1]) is expected


@given(_CORES, _PRE, _PRE)
def test_pre_releases_of_one_version_are_ordered_by_semver(
    core: tuple[int, int, int], one: list[Part], other: list[Part]
) -> None:
    keys = [version_key(_text(core, each)) for each in (one, other)]
    expected = _precedence((core, one)) < _precedence((core, other))
    assert (keys[0] < keys[1]) is expected
    assert max(keys) < version_key(_text(core, []))


@given(_TAGS)
def test_a_key_of_a_tag_is_short_ascii_that_sorts_alike_in_every_collation(tag: str) -> None:
    key = version_key(tag)
    assert key.isascii()
    assert 0 < len(key) <= MAX_LENGTH
    assert key == version_key(tag)


@given(_TAGS.filter(lambda tag: tag[0] not in "0123456789vV"), _CORES)
def test_what_is_no_version_is_below_all_versions(tag: str, core: tuple[int, int, int]) -> None:
    assert version_key(tag) < version_key(_text(core, []))


@given(_CORES)
def test_a_v_before_a_version_says_nothing(core: tuple[int, int, int]) -> None:
    assert version_key("v" + _text(core, [])) == version_key(_text(core, []))


@given(st.text(max_size=300))
def test_any_text_has_a_key(text: str) -> None:
    assert len(version_key(text)) <= MAX_LENGTH
