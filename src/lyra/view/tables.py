"""Cells -> a table as wide as the page: numbers are never cut, and show the digits their errors bear."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["Column", "decimals_of", "fitting", "fixed", "known", "probability", "span", "table"]

MOST_DECIMALS = 8
LARGEST_FIXED = 1e7
LEAST_PROBABILITY = 0.0001


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its head, its cells as they are printed, and whether a narrow page may leave it out."""

    head: str
    cells: Sequence[str]
    left: bool = False
    spare: bool = False

    @property
    def width(self) -> int:
        """Characters of the widest cell."""
        return max(map(len, (self.head, *self.cells)))


def fitting(columns: Sequence[Column], width: int) -> list[Column]:
    """Return the columns that fit in `width` characters; numbers are never cut, spare columns go from the last on."""
    shown = list(columns)
    for column in [column for column in reversed(columns) if column.spare]:
        if sum(column.width + 2 for column in shown) <= width:
            break
        shown.remove(column)
    return shown


def table(title: str, columns: Sequence[Column], bold: Sequence[bool]) -> RenderableType:
    """Return a table of these columns, some lines of it bold."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    shown = Table(
        box=box.SIMPLE_HEAD,
        title=Text(title),
        title_justify="left",
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
    )
    for column in columns:
        shown.add_column(column.head, justify="left" if column.left else "right", no_wrap=True)
    for cells, strong in zip(zip(*(column.cells for column in columns), strict=True), bold, strict=True):
        shown.add_row(*map(Text, cells), style="bold" if strong else None)
    return shown


def decimals_of(errors: Iterable[float]) -> int:
    """Return the decimals that give the smallest standard error four digits."""
    finite = [error for error in errors if math.isfinite(error) and error > 0]
    return max(0, 3 - math.floor(math.log10(min(finite)))) if finite else MOST_DECIMALS


def span(low: float, high: float, decimals: int) -> str:
    """Return an interval in words, a dash where it has no end."""
    return "-" if math.isnan(low) or math.isnan(high) else f"{fixed(low, decimals)} to {fixed(high, decimals)}"


def fixed(value: float, decimals: int) -> str:
    """Return a number with this many decimals, or five digits where that is too wide."""
    if math.isnan(value):
        return "-"
    small = decimals <= MOST_DECIMALS and abs(value) < LARGEST_FIXED
    return f"{value:,.{decimals}f}" if small else f"{value:.5g}"


def probability(value: float) -> str:
    """Return a probability with four decimals."""
    return "<0.0001" if value < LEAST_PROBABILITY else known(value, ".4f")


def known(value: float, how: str) -> str:
    """Return a number in this format, a dash where there is none."""
    return "-" if math.isnan(value) else format(value, how)
