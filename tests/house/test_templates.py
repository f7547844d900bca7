"""Templates and style sheets can be read: lines are short, colours have names."""

import re
import sys

import pytest

from tests.house.sources import ROOT, SOURCE

sys.path.insert(0, str(ROOT / "scripts"))
import format_templates  # type: ignore[import-not-found]

FILES = sorted([*(SOURCE / "web").rglob("*.html"), *(SOURCE / "web").rglob("*.css")])
_TEXT = re.compile(r"'[^']{60,}'")


@pytest.mark.parametrize("path", FILES, ids=lambda each: str(each.name))
def test_lines_are_at_most_120_characters(path: object) -> None:
    """A text that a page shows whole is longer, and stays on one line to be searched for."""
    lines = SOURCE.joinpath(str(path)).read_text().splitlines()
    assert [line for line in lines if len(line) > 120 and not _TEXT.search(line)] == []


@pytest.mark.parametrize("path", FILES, ids=lambda each: str(each.name))
def test_the_formatter_leaves_nothing_to_do(path: object) -> None:
    text = SOURCE.joinpath(str(path)).read_text()
    of = format_templates.style if str(path).endswith(".css") else format_templates.template
    assert of(text) == text


def test_colours_are_named_where_themes_are_made() -> None:
    text = (SOURCE / "web" / "static" / "style.css").read_text()
    rules = re.sub(r":root[^{]*\{[^}]*\}", "", text)
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[ ;,)])", rules) == []
