"""What a line costs in power: beside the best textbook line that holds its level there, kind of design by kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from lyra.base.arrays import Bools, Codes
from lyra.verdict.atlas.panel import Key, Place, places
from lyra.verdict.atlas.survey import Columns

__all__ = ["LOUD", "SURE", "TEXTBOOK", "Cost", "costs", "loud", "ratios"]

LOUD = 0.0625  # 1.25 times 5 %
SURE = 2.0  # Monte-Carlo errors
TEXTBOOK = ("CV1", "CV2", "CV3")
KINDS = {"user": "users drawn", "switchback": "switchbacks"}
HALF = 0.4  # share of the clusters from which on half are treated


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """A line over the cells of one kind of design.

    Attributes
    ----------
    kind : str
    cells : int
        Where the line has an answer.
    beside : int
        Those in which a textbook line is not surely above 6.25 %.
    power, best : float
        Mean power in these, of the line and of the best such one.
    ratio : float
        The median of their ratio; NaN where there is none.
    """

    kind: str
    cells: int
    beside: int
    power: float
    best: float
    ratio: float


def loud(columns: Columns, rows: Codes) -> Bools:
    """Return in which rows a size is surely, by two Monte-Carlo errors, above 6.25 %."""
    return np.asarray(columns["size"][rows] - SURE * columns["error"][rows] > LOUD)


def costs(columns: Columns, key: Key) -> list[Cost]:
    """Return what a line costs, kind of design by kind."""
    kinds: dict[str, list[tuple[float, float]]] = {}
    for place, mine, best in _beside(columns, key):
        kinds.setdefault(_kind(place.known), []).append((mine, best))
    return [_cost(kind, np.array(pairs)) for kind, pairs in kinds.items()]


def ratios(columns: Columns, key: Key) -> list[float]:
    """Return the ratio of the line's power to that of the best textbook line that holds, in every cell that has one."""
    return [mine / best for _, mine, best in _beside(columns, key) if best > 0.0]


def _cost(kind: str, pairs: Any) -> Cost:
    held = pairs[pairs[:, 1] > 0.0]
    mine, best = held.T
    return Cost(
        kind=kind,
        cells=len(pairs),
        beside=len(held),
        power=float(mine.mean()) if len(held) else np.nan,
        best=float(best.mean()) if len(held) else np.nan,
        ratio=float(np.median(mine / best)) if len(held) else np.nan,
    )


def _beside(columns: Columns, key: Key) -> Iterator[tuple[Place, float, float]]:
    """Yield every cell in which a line has an answer with its power, and the best that holds; zero where none does."""
    for place in places(columns):
        rows = np.array([place.lines[name, 0.0, 0.0] for name in TEXTBOOK if (name, 0.0, 0.0) in place.lines], np.intp)
        best = np.nan_to_num(columns["power"][rows[~loud(columns, rows)]], nan=0.0)
        if key in place.lines and np.isfinite(columns["power"][place.lines[key]]):
            yield place, float(columns["power"][place.lines[key]]), float(best.max(initial=0.0))


def _kind(known: dict[str, Any]) -> str:
    if known["by"] in KINDS:
        return KINDS[known["by"]]
    if known["sizes"] == "giant":
        return "one giant cluster, treated"
    if known["treated"] <= 2:
        return "two clusters treated"
    return "half of the clusters treated" if known["share"] >= HALF else "fewer than half treated"
