"""Lines over numbers, as paths."""

from entrepot.web.charts import area_of, line_of


def test_a_line_reaches_from_side_to_side_and_from_zero_to_the_greatest() -> None:
    assert line_of([0, 4, 2]) == "M0 60L150 0L300 30"
    assert area_of([0, 4, 2]) == "M0 60L150 0L300 30L300 60L0 60Z"


def test_nothing_is_a_line_at_the_bottom() -> None:
    assert line_of([0, 0]) == "M0 60L300 60"
    assert line_of([0]) == "M0 60"
