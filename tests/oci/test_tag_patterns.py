"""Patterns of tags: what belongs to them, exceptions, and patterns that are none."""

import pytest

from entrepot.errors import Invalid
from entrepot.oci.tag_patterns import MAX_PATTERNS, TagPatterns


@pytest.mark.parametrize(
    ("text", "tag", "found"),
    [
        ("", "v1", None),
        ("*", "v1", "*"),
        ("v*", "v1.2", "v*"),
        ("v*", "1v", None),
        ("v?", "v12", None),
        ("*-rc?", "1.0-rc1", "*-rc?"),
        ("v*, release", "release", "release"),
        ("a*b*c", "axxbyyc", "a*b*c"),
        ("a*b*c", "axxbyy", None),
        ("v1.0", "v1x0", None),
        ("*\n!latest", "latest", None),
        ("*\n!v*\nv1.*", "v1.2", "v1.*"),
        ("!latest", "v1", None),
    ],
)
def test_the_last_pattern_that_matches_decides(text: str, tag: str, found: str | None) -> None:
    assert TagPatterns.parse(text).find(tag) == found


def test_a_pattern_of_many_stars_costs_no_more() -> None:
    assert TagPatterns(("*a" * 60,)).find("a" * 50 + "b" * 78) is None


@pytest.mark.parametrize("text", ["a/b", "v[0-9]", "ü", "a" * 129, "!!v", "v1 " * 101])
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        TagPatterns.parse(text)


def test_patterns_are_kept_one_a_line() -> None:
    parsed = TagPatterns.parse(" v* ,!v*-rc\n\n latest")
    assert parsed.text == "v*\n!v*-rc\nlatest"
    assert TagPatterns.parse(parsed.text) == parsed
    assert len(TagPatterns.parse("x " * MAX_PATTERNS).patterns) == MAX_PATTERNS
