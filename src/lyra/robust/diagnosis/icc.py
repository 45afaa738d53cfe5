"""The intraclass correlation of a variable, by one-way analysis of variance from its sums by cluster."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lyra.base.arrays import Array
from lyra.base.result import Told
from lyra.data import check

__all__ = ["Icc", "anova"]


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class Icc(Told):
    """The intraclass correlation ρ of one variable, with the F law of its analysis of variance.

    Attributes
    ----------
    between, within : float
        Mean squares between and within clusters, on df_between = G − 1 and df_within = N − G degrees of freedom.
    size : float
        n₀ = (N − Σ N_g²/N)/(G − 1), the common size when all are equal.
    """

    between: float
    within: float
    df_between: int
    df_within: int
    size: float

    @property
    def estimate(self) -> float:
        """(MSB − MSW)/(MSB + (n₀ − 1) MSW); NaN for a constant, and when every cluster is one row."""
        return _correlation(self.between, self.within, self.size)

    @property
    def statistic(self) -> float:
        """F = MSB/MSW; F(G − 1, N − G) when ρ = 0."""
        return self.between / self.within if self.within > 0 else np.nan

    def conf_int(self, level: float = 0.95) -> Array:
        """Return the equal-tailed interval (2,) of ρ, MSB/MSW over the F(G − 1, N − G) quantiles [1]_.

        Exact for normal variables in clusters of one size. With unequal sizes n₀ stands for the size and the interval
        is approximate; on regression residuals it also leaves out that coefficients were fitted.

        Raises
        ------
        InputError
            `level` is not between 0 and 1.

        References
        ----------
        .. [1] S. R. Searle (1971), Linear Models, Wiley, chapter 9.
        """
        from scipy.special import fdtri

        level = check.coverage(level)
        if np.isnan(self.estimate):
            return np.full(2, np.nan)
        tails = np.array([0.5 + level / 2.0, 0.5 - level / 2.0])
        ratios = self.statistic / fdtri(self.df_between, self.df_within, tails)
        return np.array([_correlation(ratio, 1.0, self.size) for ratio in ratios.tolist()])

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, ready for JSON."""
        return {"estimate": self.estimate, "statistic": self.statistic, **asdict(self)}

    def _answer(self) -> str:
        low, high = self.conf_int()
        return f"{self.estimate:.4g}, 95 % interval {low:.4g} to {high:.4g}"

    def explain(self) -> str:
        """Return in words the correlation, its interval and the law behind it."""
        law = f"F({self.df_between}, {self.df_within}) = {self.statistic:.4g}"
        return f"Intraclass correlation {self._answer()}, by {law} with clusters of about {self.size:.4g} rows."

    def __float__(self) -> float:
        return self.estimate


def anova(sizes: NDArray[np.int64], sums: Array, squares: float) -> Icc:
    """Return the intraclass correlation of a variable with cluster sums (G,) and total sum of squares Σ x².

    Examples
    --------
    Two clusters, (1, 3) and (5, 7): MSB = 16 on 1 and MSW = 2 on 2 degrees of freedom, so ρ̂ = 14/18.

    >>> import numpy as np
    >>> from lyra.robust.diagnosis.icc import anova
    >>> icc = anova(np.array([2, 2]), np.array([4.0, 12.0]), 84.0)
    >>> print(f"{icc.estimate:.4f} {icc.statistic:.1f}")
    0.7778 8.0
    """
    N, G = int(sizes.sum()), sizes.size
    means = float(np.sum(sums * sums / sizes))
    return Icc(
        between=max(means - float(sums.sum()) ** 2 / N, 0.0) / (G - 1),
        within=max(squares - means, 0.0) / (N - G) if N > G else np.nan,
        df_between=G - 1,
        df_within=N - G,
        size=(N - float(np.sum(sizes.astype(float) ** 2)) / N) / (G - 1),
    )


def _correlation(between: float, within: float, size: float) -> float:
    total = between + (size - 1.0) * within
    return (between - within) / total if total else np.nan
