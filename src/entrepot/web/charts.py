"""Pictures of numbers: paths that a template puts into an SVG."""

from collections.abc import Sequence
from typing import Final

WIDTH: Final = 300
HEIGHT: Final = 60


def line_of(counts: Sequence[int]) -> str:
    """The path of a line over the counts; the greatest is at the top, zero at the bottom."""
    most = max(*counts, 1)
    step = WIDTH / max(len(counts) - 1, 1)
    points = (
        f"{number * step:.4g} {HEIGHT - count * HEIGHT / most:.4g}"
        for number, count in enumerate(counts)
    )
    return "M" + "L".join(points)


def area_of(counts: Sequence[int]) -> str:
    """The path of the area below the line."""
    return f"{line_of(counts)}L{WIDTH} {HEIGHT}L0 {HEIGHT}Z"
