"""Every symbol that is asked for is in the sheet, drawn like the others."""

import re
from pathlib import Path

import pytest

import entrepot
from entrepot.kinds.recognition.catalogue import all_kinds
from entrepot.kinds.recognition.kind import Kind

_SHEET = Path(entrepot.__file__).parent / "web" / "static" / "icons.svg"
_PAGES = re.findall(
    r"\S+",
    """
    search copy check sun moon lock globe star star-filled tag download upload trash history shield
    shield-check key users user settings menu close chevron-right chevron-down external info warning
    feed plus package folder file link layers clock eye terminal filter sort logout home building
    edit
    """,
)


def _symbols() -> dict[str, str]:
    lines = [each for each in _SHEET.read_text().splitlines() if each.startswith("<symbol")]
    return {each.partition('id="icon-')[2].partition('"')[0]: each for each in lines}


@pytest.mark.parametrize("kind", [*all_kinds()], ids=lambda kind: kind.id)
def test_a_kind_s_icon_is_in_the_sheet(kind: Kind) -> None:
    assert kind.icon in _symbols()


@pytest.mark.parametrize("name", _PAGES)
def test_an_icon_of_the_pages_is_in_the_sheet(name: str) -> None:
    assert name in _symbols()


@pytest.mark.parametrize("name", _symbols())
def test_a_symbol_is_drawn_on_the_same_square_in_the_text_s_colour(name: str) -> None:
    drawing = _symbols()[name]
    assert 'viewBox="0 0 24 24"' in drawing
    assert drawing.endswith("</symbol>")
    assert "#" not in drawing
    assert "stroke=" not in drawing
