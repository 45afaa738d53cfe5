"""What a t statistic says of one fit: its value at a null, and the values it does not reject.

In units of the coefficient's scale, b = (β̂ − β₀)/scale and z_g(b) = e_g + h_g b, with h = 0 unless scores are taken
under the null. |t| ≤ c is the quadratic b² ≤ c² factor Σ(e_g + h_g b)²: an interval, all but an interval, or the line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from lyra.base.arrays import Array
from lyra.regression.least_squares import Fit
from lyra.robust.covariance import is_rounding
from lyra.robust.exact.coefficient import Coefficient
from lyra.robust.exact.statistic import Statistic
from lyra.robust.sandwich import small_sample

__all__ = ["ConfidenceSet", "confidence_set", "standard_error", "t_value"]

Bound = Literal["both", "lower", "upper"]
Pieces = list[tuple[float, float]]
LINE: Pieces = [(-np.inf, np.inf)]


@dataclass(frozen=True, slots=True)
class ConfidenceSet:
    """The values of a coefficient that are not rejected: closed pieces of the line, in order.

    Examples
    --------
    >>> inside = ConfidenceSet(((-1.0, 2.0),))
    >>> print(inside.words, 0.5 in inside)
    from -1 to 2 True
    >>> print(ConfidenceSet(((-np.inf, -1.0), (2.0, np.inf))).words)
    everything but -1 to 2
    """

    pieces: tuple[tuple[float, float], ...]

    def __contains__(self, value: float) -> bool:
        return any(low <= value <= high for low, high in self.pieces)

    @property
    def bounded(self) -> bool:
        """Whether it is an interval of finite length."""
        return len(self.pieces) == 1 and bool(np.isfinite(self.pieces[0]).all())

    @property
    def words(self) -> str:
        """Say which kind of set it is."""
        if len(self.pieces) == 2:
            return f"everything but {self.pieces[0][1]:.4g} to {self.pieces[1][0]:.4g}"
        low, high = self.pieces[0]
        if np.isinf(low) and np.isinf(high):
            return "every value: the data exclude none"
        if np.isinf(high):
            return f"{low:.4g} or more"
        return f"{high:.4g} or less" if np.isinf(low) else f"from {low:.4g} to {high:.4g}"


def t_value(fit: Fit, about: Coefficient, test: Statistic, null: float = 0.0) -> float:
    """Return the t statistic of β_j = null."""
    return float((fit.coef[fit.names.index(about.term)] - null) / standard_error(fit, about, test, null))


def standard_error(fit: Fit, about: Coefficient, test: Statistic, null: float = 0.0) -> float:
    """Return the standard error in the t statistic of β_j = null, NaN where it is zero but for rounding.

    The null matters where scores are taken under it.
    """
    b = (fit.coef[fit.names.index(about.term)] - null) / about.scale
    z = _scores(fit, test) + test.shift * b
    squares = np.array([z @ z])
    variant = "CV0" if test.bounded else test.name
    if is_rounding(fit, variant, about.direction[None], squares * small_sample(fit, variant))[0]:
        return float("nan")
    return float(about.scale * np.sqrt(test.factor * squares[0]))


def confidence_set(
    fit: Fit, about: Coefficient, test: Statistic, critical_value: float, *, bound: Bound = "both"
) -> ConfidenceSet:
    """Return the values β₀ with |t(β₀)| ≤ c; with a lower bound those with t ≤ c, with an upper those with t ≥ −c."""
    estimate = fit.coef[fit.names.index(about.term)]
    accepted = _accepted(_scores(fit, test), test.shift, critical_value**2 * test.factor)
    if bound == "lower":
        accepted = _united([(-np.inf, 0.0), *accepted])
    elif bound == "upper":
        accepted = _united([*accepted, (0.0, np.inf)])
    return ConfidenceSet(
        tuple(
            (float(estimate - about.scale * high), float(estimate - about.scale * low)) for low, high in accepted[::-1]
        )
    )


def _scores(fit: Fit, test: Statistic) -> Array:
    """Return z_g (G,) at the estimate, in units of the coefficient's scale."""
    e = np.einsum("gk,gk->g", test.omega, fit.scores) - test.a @ fit.scores.sum(axis=0)
    return np.asarray(e - e.mean() if test.centred else e)


def _accepted(e: Array, h: Array, c2: float) -> Pieces:
    """Return the b with b² ≤ c²Σ(e_g + h_g b)²; b = 0 is always one."""
    square, cross, constant = 1.0 - c2 * (h @ h), c2 * (e @ h), c2 * (e @ e)
    discriminant = cross**2 + square * constant
    if square <= 0.0 and (discriminant <= 0.0 or square == 0.0):
        return LINE
    root = np.sqrt(discriminant)
    far = cross + np.copysign(root, cross)  # the root of larger size, without cancellation
    low, high = sorted((float(far / square), float(-constant / far) if far else 0.0))
    return [(low, high)] if square > 0.0 else [(-np.inf, low), (high, np.inf)]


def _united(pieces: Pieces) -> Pieces:
    united: Pieces = []
    for low, high in sorted(pieces):
        if united and low <= united[-1][1]:
            united[-1] = (united[-1][0], max(united[-1][1], high))
        else:
            united.append((low, high))
    return united
