"""Worlds of errors that cluster sums do not know: arms inside clusters, and correlation in time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lyra.base.arrays import Array
from lyra.errors import InputError, RowsNeededError
from lyra.robust.exact.coefficient import Coefficient
from lyra.robust.exact.worlds import Intercept, World, outer, refuse_ratio, variable

__all__ = ["Autoregressive", "InnerArms"]


@dataclass(frozen=True, slots=True)
class InnerArms(World):
    """Rows with the larger value of the tested column κ times as variable, inside clusters, with an intercept.

    (1 − ρ)(κ E_g1 + E_g0) + ρ(√κ m_g1 + m_g0)(…)': each arm's own error and its share of the intercept are scaled.
    """

    ratio: float
    icc: float = 0.0

    def __post_init__(self) -> None:
        refuse_ratio(self.ratio)
        Intercept(self.icc)

    def covariances(self, about: Coefficient) -> Array:
        """Return W_g (G, K, K)."""
        inner, ones = about.rows.inner, about.rows.inner_ones
        if inner is None or ones is None:
            raise RowsNeededError(_needed("Arms inside clusters", about, "row_sums.arm_sums"))
        rows = about.shares + (self.ratio - 1.0) * inner
        shared = about.ones + (self.ratio**0.5 - 1.0) * ones
        return np.asarray((1.0 - self.icc) * rows + self.icc * outer(shared))

    def words(self, about: Coefficient) -> str:
        """Say the world in a few words."""
        larger, others = f"rows with the larger {about.term}", f"rows with the smaller {about.term}"
        return f"{Intercept(self.icc).words(about)}, {variable(self.ratio, larger, others)}"


@dataclass(frozen=True, slots=True)
class Autoregressive(World):
    """Shocks of cluster and period with correlation φ^|t − t'|: (1 − s)E_g + s P_g'R(φ)P_g, P_g the sums by period.

    With one row in each period and share 1 this is AR(1) in the rows. Columns with swept effects need nothing more.
    """

    phi: float
    share: float = 1.0

    def __post_init__(self) -> None:
        if not -1.0 < self.phi < 1.0:
            raise InputError(f"phi={self.phi!r} is not a correlation in time: pass a number between -1 and 1.")
        if not 0.0 <= self.share <= 1.0:
            raise InputError(f"share={self.share!r} is not a share of a variance: pass a number from 0 to 1.")

    def covariances(self, about: Coefficient) -> Array:
        """Return W_g (G, K, K)."""
        paths, periods = about.rows.paths, about.rows.periods
        if paths is None or periods is None:
            raise RowsNeededError(_needed("Correlation in time", about, "row_sums.period_sums"))
        lag = np.abs(np.subtract.outer(periods, periods))
        R = np.sign(self.phi) ** np.round(lag) * np.abs(self.phi) ** lag if self.phi else (lag == 0).astype(float)
        together = paths.transpose(0, 2, 1) @ (R @ paths)
        return np.asarray((1.0 - self.share) * about.shares + self.share * together)

    def words(self, about: Coefficient) -> str:
        """Say the world in a few words."""
        part = "" if self.share == 1.0 else f" in {100 * self.share:.3g} % of the variance"
        return f"correlation {self.phi:.3g} from one period to the next{part}"


def _needed(what: str, about: Coefficient, maker: str) -> str:
    return f"{what} of {about.term} cannot be read from cluster sums: pass the rows once to {maker} and the result on."
