"""Sizes as a picture: one small SVG, written here, with every size that is beyond its frame told in numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

__all__ = ["Series", "chart"]

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, BOTTOM = 56, 16, 44
LEGEND, LEGEND_ROW, LEGEND_WIDTH, LEGEND_COLUMNS = 34, 17, 222, 3
TOP = 0.20  # the largest size in the frame
GRID = (0.0, 0.05, 0.1, 0.15, 0.2)
HEADROOM = 40  # for the numbers of sizes beyond the frame, in rows of their own
ROWS, ROW = 3, 9
DODGE = 7.0  # between two lines at one place
MARGIN = 0.09  # of the frame, left and right of the places


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A line of a picture.

    Attributes
    ----------
    name, colour : str
    points : sequence of (float, float, float)
        Where from 0 to 1, the size, and its Monte-Carlo error; a size that is NaN is left out.
    bold : bool
        Whether it is drawn twice as wide.
    marked : bool
        Whether every point is, with its error.
    joined : bool
        Whether a line goes through the points.
    """

    name: str
    colour: str
    points: Sequence[tuple[float, float, float]]
    bold: bool = False
    marked: bool = True
    joined: bool = True


def chart(title: str, series: Sequence[Series], ticks: Sequence[tuple[float, str]], *, along: str) -> str:
    """Return an SVG of sizes from 0 to .20, the nominal 5 % marked; larger ones are triangles with their number."""
    floor = LEGEND + LEGEND_ROW * (-(-len(series) // LEGEND_COLUMNS)) + HEADROOM
    frame = _Frame(floor, HEIGHT - BOTTOM)
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        _text(LEFT, 20, title, size=14, weight="bold"),
        *_legend(series),
        *frame.grid(ticks, along),
    ]
    for k, each in enumerate(series):
        shift = DODGE * (k - (len(series) - 1) / 2) if each.marked else 0.0
        parts += frame.drawn(each, shift, ROW * (k % ROWS))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _legend(series: Sequence[Series]) -> Iterator[str]:
    for k, each in enumerate(series):
        x, y = LEFT + LEGEND_WIDTH * (k % LEGEND_COLUMNS), LEGEND + LEGEND_ROW * (k // LEGEND_COLUMNS) + 6
        width = 3.5 if each.bold else 2
        yield f'<path d="M{x} {y - 4}h20" stroke="{each.colour}" stroke-width="{width}" fill="none"/>'
        yield _text(x + 25, y, each.name)


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where sizes lie in the picture, in pixels from the top."""

    top: float
    bottom: float

    def grid(self, ticks: Sequence[tuple[float, str]], along: str) -> Iterator[str]:
        """Yield the lines of the sizes, and what stands below."""
        for size in GRID:
            y, nominal = self.y(size), size == 0.05
            colour, width = ("#c03030", 1.2) if nominal else ("#dddddd", 1)
            yield f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="{colour}" stroke-width="{width}"/>'
            yield _text(LEFT - 8, y + 4, f"{size:.2f}", anchor="end")
        for place, label in ticks:
            yield _text(self.x(place), self.bottom + 17, label, anchor="middle")
        yield _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, along, anchor="middle", colour="#555555")

    def drawn(self, series: Series, shift: float, lift: float) -> Iterator[str]:
        """Yield a line through its points, and where asked the points with their errors."""
        known = [point for point in series.points if not math.isnan(point[1])]
        if not known:
            return
        if series.joined:
            path = "L".join(f"{self.x(x) + shift:.1f} {self.y(size):.1f}" for x, size, _ in known)
            pen = f'stroke="{series.colour}" stroke-width="{3 if series.bold else 1.5}" stroke-linejoin="round"'
            yield f'<path d="M{path}" {pen} fill="none"/>'
        if series.marked:
            for x, size, error in known:
                yield from self._mark((self.x(x) + shift, size, error), series, lift)

    def _mark(self, at: tuple[float, float, float], series: Series, lift: float) -> Iterator[str]:
        (x, size, error), colour, y = at, series.colour, self.y(at[1])
        if size > TOP:
            yield f'<path d="M{x - 4:.1f} {y + 3:.1f}h8l-4 -8z" fill="{colour}"/>'
            yield _text(x, y - 8 - lift, f"{size:.2f}".removeprefix("0"), size=9, anchor="middle", colour=colour)
            return
        low, high = self.y(max(size - 2 * error, 0.0)), self.y(size + 2 * error)
        yield f'<path d="M{x:.1f} {low:.1f}V{high:.1f}" stroke="{colour}" stroke-width="1" opacity="0.6"/>'
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{4 if series.bold else 3}" fill="{colour}"/>'

    def x(self, place: float) -> float:
        """Return where from 0 to 1 in pixels."""
        return LEFT + (WIDTH - RIGHT - LEFT) * (MARGIN + (1.0 - 2.0 * MARGIN) * place)

    def y(self, size: float) -> float:
        """Return a size in pixels, at most the top."""
        return self.bottom - (self.bottom - self.top) * min(size, TOP) / TOP


def _text(
    x: float,
    y: float,
    words: str,
    *,
    size: int = 12,
    anchor: str = "start",
    colour: str = "#222222",
    weight: str = "normal",
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{colour}" '
        f'font-weight="{weight}">{escape(words)}</text>'
    )
