"""Lines over numbers as paths, and treemaps as rectangles."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.web.contents.charts import area_of, line_of, treemap_of


def test_a_line_reaches_from_side_to_side_and_from_zero_to_the_greatest() -> None:
    assert line_of([0, 4, 2]) == "M0 60L150 0L300 30"
    assert area_of([0, 4, 2]) == "M0 60L150 0L300 30L300 60L0 60Z"


def test_nothing_is_a_line_at_the_bottom() -> None:
    assert line_of([0, 0]) == "M0 60L300 60"
    assert line_of([0]) == "M0 60"


@given(st.lists(st.integers(0, 2**50), max_size=40))
def test_tiles_of_a_treemap_fill_the_picture_in_proportion(values: list[int]) -> None:
    values.sort(reverse=True)
    tiles = treemap_of(values)
    shown = [value for value in values[:24] if value > 0]
    assert len(tiles) == len(shown)
    for tile, value in zip(tiles, shown, strict=True):
        assert tile.width * tile.height == pytest.approx(1e4 * value / sum(shown), abs=2)
        assert tile.x + tile.width <= 100.1
        assert tile.y + tile.height <= 100.1


def test_large_tiles_have_room_for_words() -> None:
    assert [tile.has_room for tile in treemap_of([60, 38, 1, 1])] == [True, True, False, False]
    assert treemap_of([0, 0]) == []
