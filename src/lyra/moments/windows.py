"""A table + a formula → the moments of its cells of cluster and window, for a treatment drawn by window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lyra.data.formula import Formula
from lyra.data.history import read_design
from lyra.data.tables import Reading
from lyra.data.units import Units
from lyra.moments.moments import Moments

__all__ = ["ByWindow", "by_window"]


@dataclass(frozen=True, slots=True, eq=False)
class ByWindow:
    """Moments by cell of cluster and window, and of each cell its cluster and its place in time."""

    moments: Moments
    units: Units
    window: str


def by_window(formula: Formula, data: Any, *, clusters: str, window: str, reading: Reading | None = None) -> ByWindow:
    """Return the moments of a regression by cells of cluster and window, its rows in memory.

    Raises
    ------
    DataError, InputError, FormulaError
        As `lyra.fit`.

    Examples
    --------
    >>> import pandas as pd
    >>> from lyra.data.formula import parse
    >>> table = pd.DataFrame({"y": [1, 2, 4, 3], "treat": [0, 1, 1, 0], "city": list("aabb"), "day": [2, 1, 1, 2]})
    >>> cells = by_window(parse("y ~ treat"), table, clusters="city", window="day")
    >>> cells.units.cluster.tolist(), cells.units.window.tolist()
    ([0, 0, 1, 1], [0, 1, 0, 1])
    """
    history, names = read_design(formula, data, clusters=clusters, window=window, reading=reading)
    cell, first = history.units.codes("cluster", "window")
    return ByWindow(Moments.from_arrays(history.y, history.W, cell, names=names), history.units.take(first), window)
