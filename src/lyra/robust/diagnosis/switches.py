"""Arms of cells, which are windows of regions -> the block in which they were drawn: where an arm ever changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lyra.base.arrays import Bools, Codes

__all__ = ["NEVER", "Drawn", "drawn"]

NEVER = 0
"""The block of arms that never change: whole regions were drawn."""

SURELY = 8  # changes, all there could be, of which coins would make as many with probability 2⁻⁸


@dataclass(frozen=True, slots=True)
class Drawn:
    """The block of windows at whose ends alone an arm changes, and whether it does at each: arms in turn."""

    block: int
    in_turn: bool


def drawn(upper: Bools, region: Codes, window: Codes) -> Drawn:
    """Return what arms say of how they were drawn: the block is the greatest common divisor of all changes.

    Parameters
    ----------
    upper : ndarray (H,) of bool
        Whether each cell is treated.
    region, window : ndarray (H,)
        Of each cell, windows 0, 1, 2, ... in the order of time; over a window that is missing no change is seen.

    Examples
    --------
    >>> window, region = np.arange(6), np.zeros(6, dtype=int)
    >>> drawn(np.array([0, 0, 1, 1, 1, 1], dtype=bool), region, window)
    Drawn(block=2, in_turn=False)
    >>> drawn(np.ones(6, dtype=bool), region, window)
    Drawn(block=0, in_turn=False)
    """
    order = np.lexsort((window, region))
    arm, where, when = upper[order], region[order], window[order]
    follows = (where[1:] == where[:-1]) & (when[1:] == when[:-1] + 1)
    start, changes = when[1:][follows], (arm[1:] != arm[:-1])[follows]
    block = int(np.gcd.reduce(start[changes], initial=NEVER))
    ends = changes[start % block == 0] if block != NEVER else changes[:0]
    return Drawn(block, bool(ends.size >= SURELY and ends.all()))
