"""Pictures of numbers: paths and rectangles that a template puts into an SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 300
HEIGHT: Final = 60
_TILES: Final = 24
"""Rectangles of a treemap, at most."""
_STRETCH: Final = 1.6
"""The root of how many times a treemap is wider than high."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A rectangle of a treemap, in percent of the picture; `place` is the number of its value."""

    place: int
    x: float
    y: float
    width: float
    height: float

    @property
    def has_room(self) -> bool:
        """Whether two short lines of text fit in."""
        return self.width >= 13 and self.height >= 15


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


def treemap_of(values: Sequence[int]) -> list[Tile]:
    """Tiles whose areas are as the values, which are sorted from the greatest on.

    Rows are filled along the shorter side as long as their tiles come nearer to squares
    (Bruls, Huizing and van Wijk: Squarified Treemaps, 2000). What is 0 has no tile.
    """
    left = [value for value in values[:_TILES] if value > 0]
    scale = 10_000 / (sum(left) or 1)
    # The picture is wider than it is high: that is how squares are told there.
    x, y, width, height = 0.0, 0.0, 100 * _STRETCH, 100 / _STRETCH
    tiles: list[Tile] = []
    while left:
        is_column = width >= height
        side = height if is_column else width
        count = _row_length([value * scale for value in left], side)
        areas = [value * scale for value in left[:count]]
        depth = sum(areas) / side
        offset = 0.0
        for area in areas:
            length = area / depth
            box = (x, y + offset, depth, length) if is_column else (x + offset, y, length, depth)
            tiles.append(_tile(len(tiles), *box))
            offset += length
        if is_column:
            x, width = x + depth, width - depth
        else:
            y, height = y + depth, height - depth
        left = left[count:]
    return tiles


def _row_length(areas: Sequence[float], side: float) -> int:
    """How many of the areas make the row whose worst tile is nearest to a square."""
    worst = float("inf")
    total = 0.0
    for count, area in enumerate(areas, 1):
        total += area
        depth = total / side
        ratio = max(max(depth * depth / each, each / (depth * depth)) for each in areas[:count])
        if ratio > worst:
            return count - 1
        worst = ratio
    return len(areas)


def _tile(place: int, x: float, y: float, width: float, height: float) -> Tile:
    return Tile(
        place,
        *(round(each, 2) for each in (x / _STRETCH, y * _STRETCH)),
        *(round(each, 2) for each in (width / _STRETCH, height * _STRETCH)),
    )
