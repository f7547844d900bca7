"""Regular expressions of tags: as Go reads them, and never for ever."""

import re

import pytest

from entrepot.errors import Invalid
from entrepot.oci.tag_expressions import TagExpression

TAGS = [
    "",
    "1",
    "1.2",
    "v1.2.3",
    "1.2.3-rc1",
    "latest",
    "main-2026",
    "a",
    "aa",
    "aaa",
    "abab",
    "A_b",
    "x{2}",
    "16-alpine",
]
EXPRESSIONS = [
    r"latest",
    r"v?[0-9]+\.[0-9]+(\.[0-9]+)?",
    r"^v?\d+(?:\.\d+)*$",
    r"a|aa|(?:ab)+",
    r"a{2}",
    r"a{2,}",
    r"a{1,2}",
    r"(a*)*",
    r".*-rc\d",
    r"[^a-z]+",
    r"[\w-]+",
    r"\D+",
    r"x\{2\}",
    r"x{2}",
    r".+?",
    r"",
    r"(|a)b?",
    r"[]a-]+",
    r"main-.{4}|1[0-9]-(alpine|slim)",
]


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_they_match_what_python_matches(text: str) -> None:
    expression = TagExpression(text)
    for tag in TAGS:
        assert expression.matches(tag) is (re.fullmatch(text, tag) is not None), tag


def test_an_expression_that_would_take_for_ever_does_not() -> None:
    assert not TagExpression(r"(a+)+(a*)*b").matches("a" * 128)


@pytest.mark.parametrize(
    "text",
    [
        r"(a",
        r"a)",
        r"[a",
        r"[b-a]",
        r"*a",
        r"a**",
        r"a{300}",
        r"a{3,2}",
        r"(?i)a",
        r"(?=a)",
        r"\1",
        r"\pL",
        r"[[:alpha:]]",
        "a\\",
        "(" * 30 + ")" * 30,
        "a" * 1001,
    ],
)
def test_the_rest_is_refused_by_name(text: str) -> None:
    with pytest.raises(Invalid, match="regular expression"):
        TagExpression(text)
