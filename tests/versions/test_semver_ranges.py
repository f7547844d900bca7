"""Ranges of versions, as regsync reads them."""

import pytest

from entrepot.errors import Invalid
from entrepot.versions.semver_ranges import SemverRange


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        (">=1.2 <2", ["1.2", "v1.2.0", "1.9.9", "2.0.0-rc1"], ["1.1.9", "2", "2.0.0", "latest"]),
        ("^1.2.3", ["1.2.3", "1.9"], ["1.2.2", "2.0"]),
        ("^0.2.3", ["0.2.3", "0.2.9"], ["0.3.0"]),
        ("^0.0.3", ["0.0.3"], ["0.0.4"]),
        ("~1.2.3", ["1.2.3", "1.2.9"], ["1.3.0"]),
        ("~1", ["1", "1.0.5"], ["1.1"]),
        ("1.2.3", ["1.2.3", "v1.2.3", "1.2.3+build"], ["1.2.4", "1.2.3-rc1"]),
        ("=17", ["17", "17.0", "17.0.0"], ["17.1", "17-alpine"]),
        ("1.x || >=3, <4", ["1.0", "1.5.7", "3.3"], ["2.0", "4.0"]),
        ("*", ["1", "0.1-rc1"], ["latest", "main"]),
        (">1.0.0-rc2", ["1.0.0-rc10", "1.0.0"], ["1.0.0-rc2", "1.0.0-beta"]),
        ("<= 1.0.0.5", ["1.0.0.5", "1"], ["1.0.0.6"]),
    ],
)
def test_a_tag_is_inside_or_outside(text: str, inside: list[str], outside: list[str]) -> None:
    found = SemverRange.parse(text)
    assert [tag for tag in inside if not found.holds(tag)] == []
    assert [tag for tag in outside if found.holds(tag)] == []


@pytest.mark.parametrize("text", ["", "latest", ">=", "1.2 ||", ">>1", "^a.b", "1" * 501])
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="range of versions"):
        SemverRange.parse(text)
