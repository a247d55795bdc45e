"""Coordinates of a stacked bar chart, for SVG that the server renders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, GAP = 960, 140, 8


@dataclass(frozen=True, slots=True)
class Segment:
    """One rectangle of a column."""

    name: str
    x: int
    y: int
    width: int
    height: int


def stack(columns: Sequence[Mapping[str, int]]) -> list[Segment]:
    """Return the rectangles of equally wide columns, stacked from the bottom up.

    Heights are shares of the tallest column; a count above 0 is always visible.
    """
    tallest = max((sum(column.values()) for column in columns), default=0)
    if tallest == 0:
        return []
    step = WIDTH // len(columns)
    segments = []
    for index, column in enumerate(columns):
        ground = HEIGHT
        for name, count in column.items():
            height = min(ground, max(2 * bool(count), HEIGHT * count // tallest))
            ground -= height
            if height:
                segments.append(
                    Segment(name, index * step + GAP // 2, ground, step - GAP, height)
                )
    return segments
