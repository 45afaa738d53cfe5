"""Windows by the blocks that they and the m windows before them touch: where the last m + 1 assignments can agree.

A *span* is the set of blocks, each with its fair coin, that windows t − m, ..., t touch. With a_k and b_k the sums over
the windows of span k of the outcomes under treatment and under control throughout, c_k the blocks it touches and
I_kl those that two spans share, the Horvitz-Thompson estimate Σ_k 2^c_k (sum seen)(1{all treated} − 1{all control}) has

    Var = Σ_{k,l: I_kl > 0} (2^I_kl − 1)(a_k a_l + b_k b_l) + a_k b_l + b_k a_l.

a_k a_l and b_k b_l are seen with probability 2^−(c_k + c_l − I_kl); a_k b_l never is, and a_k b_l ≤ (a_k² + b_l²)/2.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lyra.base.arrays import Array, Codes

__all__ = ["Spans"]

ROUNDING = 1e-12


@dataclass(frozen=True, eq=False, kw_only=True)
class Spans:
    """The S spans of windows m + 1, ..., W.

    Attributes
    ----------
    carryover : int
        m.
    of_window : ndarray (W - m,)
        The span of each window.
    first, last : ndarray (S,)
        The first and the last block a span touches.
    """

    carryover: int
    of_window: Codes
    first: Codes
    last: Codes

    @classmethod
    def of(cls, block: Codes, m: int) -> Spans:
        """Return the spans of blocks (W,), numbered 0, 1, ... in the order of time."""
        touched = np.stack([block[: block.size - m], block[m:]], axis=1)
        pairs, span = np.unique(touched, axis=0, return_inverse=True)
        return cls(carryover=m, of_window=span.ravel(), first=pairs[:, 0], last=pairs[:, 1])

    @property
    def touched(self) -> Codes:
        """How many blocks each span touches, c (S,)."""
        return self.last - self.first + 1

    def totals(self, sums: Array) -> Array:
        """Return sums by cluster and window (G, W) as sums by cluster and span (G, S)."""
        among = self.of_window[:, None] == np.arange(self.first.size)
        return np.asarray(sums[:, self.carryover :] @ among)

    def agreement(self, arms: NDArray[Any]) -> Array:
        """Return 1 for spans all treated, -1 all control, 0 neither, (..., S), of the arms of blocks (..., blocks)."""
        before = np.concatenate([np.zeros((*arms.shape[:-1], 1)), np.cumsum(arms, axis=-1)], axis=-1)
        treated = before[..., self.last + 1] - before[..., self.first]
        return np.asarray((treated == self.touched) * 1.0 - (treated == 0))

    def estimates(self, totals: Array, arms: NDArray[Any]) -> Array:
        """Return Σ over clusters and spans of 2^c (sum seen)(±1), (...), of arms (..., G, blocks)."""
        return np.asarray(np.einsum("gs,...gs->...", totals * 2.0**self.touched, self.agreement(arms)))

    @cached_property
    def shared(self) -> Codes:
        """The blocks that two spans share, I (S, S)."""
        ends, starts = np.minimum.outer(self.last, self.last), np.maximum.outer(self.first, self.first)
        return np.asarray(np.maximum(ends - starts + 1, 0))

    @cached_property
    def bound(self) -> Array:
        """The quadratic form (S, S), in the sums seen in one arm, that estimates a bound of the variance.

        Products that can be seen are estimated and only the others bounded, unless that can be negative for outcomes of
        some kind; then all are bounded by squares. Either way no outcome is looked at.
        """
        meets, together = self.shared > 0, np.where(self.shared > 0, 2.0**self.shared, 0.0)
        union = self.touched[:, None] + self.touched - self.shared
        tight = 2.0**union * (together - meets) + np.diag(2.0**self.touched * meets.sum(axis=1))
        if np.linalg.eigvalsh(tight)[0] >= -ROUNDING * tight.max():
            return np.asarray(tight)
        return np.diag(2.0**self.touched * together.sum(axis=1))

    def variance(self, totals: Array, arms: NDArray[Any]) -> float:
        """Return the estimate of the bound from the sums (G, S) seen under arms (G, blocks)."""
        agreement = self.agreement(arms)
        seen = [totals * (agreement == sign) for sign in (1.0, -1.0)]
        return float(sum(np.einsum("gk,kl,gl->", each, self.bound, each) for each in seen))
