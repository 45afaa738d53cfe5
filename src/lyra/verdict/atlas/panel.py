"""The table of an atlas -> the cells that answer one question: one thing varies, all else stays as it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np

from lyra.verdict.atlas.questions import Question
from lyra.verdict.atlas.survey import Columns

__all__ = ["Key", "Panel", "Place", "keys_of", "panel_of", "places"]

Key = tuple[str, float, float]
"""A line, the arms of its family and the tolerance of its advice; zero where it has none."""

WHERE = ("by", "clusters", "treated", "sizes", "law", "icc")
NEAREST = 0.1  # the correlation that is taken where several are there


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A cell of the atlas: what it is, and its rows in the table by line."""

    known: dict[str, Any]
    lines: dict[Key, int]


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """The cells that answer a question, by the value of what varies, and what does not."""

    held: dict[str, Any]
    cells: dict[Any, Place]

    def of(self, columns: Columns, name: str, key: Key) -> list[float]:
        """Return a column of a line in every cell; NaN where a cell has no such line."""
        found = [cell.lines.get(key) for cell in self.cells.values()]
        return [nan if i is None else float(columns[name][i]) for i in found]


def keys_of(columns: Columns) -> list[Key]:
    """Return which line every row is."""
    arms, tolerance = (np.nan_to_num(columns[name]).tolist() for name in ("arms", "tolerance"))
    return list(zip(columns["line"].tolist(), arms, tolerance, strict=True))


def places(columns: Columns) -> list[Place]:
    """Return the cells of the table in its order."""
    found: dict[str, Place] = {}
    for i, (cell, key) in enumerate(zip(columns["digest"].tolist(), keys_of(columns), strict=True)):
        if cell not in found:
            found[cell] = Place(_known(columns, i), {})
        found[cell].lines[key] = i
    return list(found.values())


def _known(columns: Columns, i: int) -> dict[str, Any]:
    known = {name: columns[name][i].item() for name in WHERE}
    return known | {"share": round(known["treated"] / known["clusters"], 1)}


def panel_of(columns: Columns, question: Question) -> Panel | None:
    """Return the cells that answer a question, held as it would have them where there is a choice, then the most.

    None where nothing in the table varies so.
    """
    panels = [panel for panel in _panels(columns, question) if len(panel.cells) > 1]
    if not panels:
        return None
    return max(panels, key=lambda panel: (_agreement(panel, question), len(panel.cells)))


def _agreement(panel: Panel, question: Question) -> int:
    return sum(panel.held.get(name) == value for name, value in question.held.items())


def _panels(columns: Columns, question: Question) -> Iterator[Panel]:
    """Yield everything that can be held, with the cells that differ in what varies; of several the nearest ICC."""
    free = {question.along, *question.varies_too}
    found: dict[str, Panel] = {}
    for place in sorted(places(columns), key=lambda place: abs(place.known["icc"] - NEAREST)):
        held = {name: value for name, value in place.known.items() if name not in free}
        panel = found.setdefault(repr(held), Panel(held, {}))
        if not question.only or place.known[question.along] in question.only:
            panel.cells.setdefault(place.known[question.along], place)
    for panel in found.values():
        order = [value for value in question.only or sorted(panel.cells) if value in panel.cells]
        yield Panel(panel.held, {value: panel.cells[value] for value in order})
