"""Other assignments of a treatment, along its nulls: the estimate is affine in the null, its scores too.

With b = h₀ − β̂ the outcome under the null is what is left of it at the estimate, û, less b times what is left of the
actual treatment. Under another assignment, with S what the other columns leave of its squares, the estimate is then
A − bC, and cluster g's score e_g − b f_g. So an assignment is as far out as the actual one

    |A − bC| ≥ |b|                                   for the estimate: between two ratios, −A/(1 − C) and A/(1 + C),
    (A − bC)² S²/Σ(e_g − b f_g)² ≥ b² S₁²/Σ e₁g²     for its t: between the roots of a quartic,

and the roots of all assignments, sorted, are the steps of the p-value as a function of the null.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lyra.base.arrays import Array
from lyra.moments.partition import Partition
from lyra.regression.least_squares import Fit
from lyra.robust.partialled import Partialled, other_columns, treatment_left
from lyra.robust.placed import Drawn
from lyra.robust.wild.confidence import Curves, Steps

__all__ = ["Redrawn", "blocks", "redrawn"]

BLOCK = 2**21  # floats at a time
TIED = 1e-7  # of A and of |C| − 1, below which an assignment repeats the actual one, or mirrors it, at every null


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Redrawn:
    """R assignments, the actual one first: A − bC and the sums of squares of e − b f, b = h₀ − β̂.

    The outcome, and b with it, is in the unit of the moments.

    Attributes
    ----------
    A, C : ndarray (R,)
        The estimate; NaN where the other columns leave nothing of the treatment.
    left : ndarray (R,)
        S, what they leave of its squares.
    ee, ef, ff : ndarray (R,)
        Σ e_g², Σ e_g f_g and Σ f_g² over the clusters.
    """

    A: Array
    C: Array
    left: Array
    ee: Array
    ef: Array
    ff: Array

    @property
    def one_se(self) -> float:
        """√Σ e₁g²/S₁, the CV0 standard error of the actual assignment."""
        return float(np.sqrt(self.ee[0]) / self.left[0])

    def extreme(self, kind: str) -> tuple[float, Steps]:
        """Return the unit of τ = −b/unit, and how many assignments are as extreme, as a function of τ/(1 + |τ|)."""
        return self._by_estimate() if kind == "beta" else self._by_t()

    def _by_estimate(self) -> tuple[float, Steps]:
        known = ~np.isnan(self.A)
        unit = float(np.sqrt(np.mean(self.A[known] ** 2))) or 1.0
        A, C = self.A[known] / unit, self.C[known]
        tied = (np.abs(A) <= TIED) & (np.abs(np.abs(C) - 1.0) <= TIED)
        steps = _between_ratios(A[~tied], C[~tied])
        return unit, Steps(steps.base + int((~known).sum() + tied.sum()), steps.rises, steps.falls)

    def _by_t(self) -> tuple[float, Steps]:
        unit, known = self.one_se, ~np.isnan(self.A) & (self.ee > 0.0)
        curves = Curves(
            N0=self.A[known] * self.left[known],
            N1=unit * self.C[known] * self.left[known],
            q0=self.ee[known],
            q1=2.0 * unit * self.ef[known],
            q2=unit**2 * self.ff[known],
        )
        steps = curves.two_sided(ties=True)
        lost = int((~known).sum())
        return unit, Steps(steps.base + lost, np.sort(steps.rises), np.sort(steps.falls))


def redrawn(drawn: Drawn, j: int, D: Array) -> Redrawn:
    """Return what assignments of coefficient j's column, D its values a cluster or cell, say along the nulls."""
    fit = drawn.fit
    outcome, own = other_columns(fit, j, float(fit.coef[j])), treatment_left(fit, j)
    parts = [_some(outcome.given(D[rows]), own.given(D[rows]), drawn.clusters) for rows in blocks(D.shape[0], fit)]
    return Redrawn(**{name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


def blocks(R: int, fit: Fit) -> Iterator[slice]:
    """Yield rows of R assignments whose sums are held at a time."""
    step = max(1, BLOCK // max(fit.G, fit.K**2))
    return (slice(start, start + step) for start in range(0, R, step))


def _some(outcome: Partialled, own: Partialled, clusters: Partition) -> dict[str, Array]:
    A, C = outcome.estimate, own.estimate
    e = clusters.total(outcome.products - A[:, None] * outcome.squares, axis=1)
    f = clusters.total(own.products - C[:, None] * outcome.squares, axis=1)
    pairs = {"ee": (e, e), "ef": (e, f), "ff": (f, f)}
    sums = {name: np.einsum("rg,rg->r", left, right) for name, (left, right) in pairs.items()}
    return {"A": A, "C": C, "left": outcome.left, **sums}


def _between_ratios(N0: Array, N1: Array) -> Steps:
    """Return where |N0 + N1 τ| ≥ |τ|: between the two ratios, beyond them where |N1| > 1, a half line where it is 1."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ends = np.stack([N0 / (1.0 - N1), -N0 / (1.0 + N1)])
        x = np.where(np.isinf(ends), np.sign(ends), ends / (1.0 + np.abs(ends)))
    low, high = np.sort(x, axis=0)
    beyond = np.abs(N1) > 1.0
    rises, falls = np.where(beyond, high, low), np.where(beyond, low, high)
    return Steps(int(beyond.sum()), np.sort(rises), np.sort(falls))
