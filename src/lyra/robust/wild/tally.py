"""Draws against the sample: how many are more extreme, and how many tie with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lyra.base.arrays import Array
from lyra.robust.wild.draws import t_statistics, values, wald_statistics
from lyra.robust.wild.multipliers import Enumerated, Sampled
from lyra.robust.wild.statistic import Pivot

__all__ = ["TIE", "Tally", "share_at_least", "tally"]


TIE = float(np.sqrt(np.finfo(float).eps))  # relative: v = ±1 repeats the sample, and rounding decides its side


@dataclass(frozen=True, slots=True)
class Tally:
    """How many draws are strictly more extreme than t, tied with it, or without a denominator."""

    greater: int
    ties: int
    vanishing: int

    def extreme(self, *, ties: bool) -> int:
        """Return the draws at least as extreme: a vanishing denominator is an infinite t*."""
        return self.greater + self.vanishing + (self.ties if ties else 0)


def tally(pivot: Pivot, draws: Sampled | Enumerated, alternative: str) -> Tally:
    """Count the draws against the sample; "equal-tailed" counts in the tail that holds fewer."""
    forms = pivot.at_null
    blocks = values(forms, draws)
    if alternative == "two-sided":
        pairs = 1 + draws.mirrored  # a pattern's negative has the same square
        stars = wald_statistics(forms, blocks)
        return _summed(pairs * _counts(squares, pivot.wald, 2.0 * TIE) for squares in stars)
    both = [_both_tails(stars, pivot.t, mirrored=draws.mirrored) for stars in t_statistics(forms, blocks)]
    less, greater = (_summed(block[side] for block in both) for side in (0, 1))
    if alternative == "equal-tailed":
        return min(less, greater, key=lambda tail: tail.extreme(ties=True))
    return less if alternative == "less" else greater


def _both_tails(stars: Array, t: float, *, mirrored: bool) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Return the counts below and above t, of the draws' negatives too if `mirrored`."""
    less, greater = _counts(-stars, -t, TIE), _counts(stars, t, TIE)
    if mirrored:
        less, greater = less + _counts(stars, -t, TIE), greater + _counts(-stars, t, TIE)
    return less, greater


def _counts(stars: Array, t: float, tie: float) -> NDArray[np.int_]:
    """Return how many draws are strictly above t, tied with it within a relative `tie`, and without a denominator."""
    slack = tie * abs(t)
    greater = np.count_nonzero(stars > t + slack)
    rest = stars.size - np.count_nonzero(stars < t - slack) - greater
    vanishing = np.count_nonzero(np.isnan(stars)) if rest else 0
    return np.array([greater, rest - vanishing, vanishing])


def _summed(counts: Iterable[NDArray[np.int_]]) -> Tally:
    return Tally(*(int(count) for count in sum(counts, np.zeros(3, dtype=np.int_))))


def share_at_least(stars: Array, t: Array) -> Array:
    """Return the share (...) of statistics (..., B) at least as large as t (...); ties and undefined ones count."""
    return np.asarray(np.mean(~(stars < (t * (1.0 - TIE))[..., None]), axis=-1))
