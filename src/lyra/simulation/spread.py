"""Tables of an experiment -> what the formula of power needs to know: the variance within clusters, the ICC, ΣD², κ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from lyra.base.arrays import Array, Codes
from lyra.robust.diagnosis.icc import Icc, anova
from lyra.simulation.cells import Table

__all__ = ["MOST_ICC", "Spread", "bounded", "spread_of_tables"]

MOST_ICC = 0.999

TABLES = 50
ROWS = 200_000  # of the tables that are averaged over


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Under y = α_g + ε with Var(α) = ρσ² and Var(ε) = (1 − ρ)σ², and D what the covariates leave of the treatment.

    Attributes
    ----------
    within : float
        (1 − ρ)σ², the variance within clusters.
    information : float
        ΣD².
    sharing : float
        κ = Σ_g(Σ_i D_gi)²/ΣD².
    icc, icc_low, icc_high : float
        ρ with its 95 % interval; all equal where a world plants it. A negative one counts as 0.
    """

    within: float
    information: float
    sharing: float
    icc: float
    icc_low: float
    icc_high: float

    def between(self, found: Icc) -> Spread:
        """Return the same with both ends of an interval of ρ; where none can be estimated, the ρ reckoned with."""
        ends = found.conf_int()
        low, high = (bounded(end) for end in np.where(np.isnan(ends), self.icc, ends).tolist())
        return replace(self, icc_low=low, icc_high=high)

    def known(self, icc: float) -> Spread:
        """Return the same where ρ is known."""
        return replace(self, icc=icc, icc_low=icc, icc_high=icc)


def bounded(icc: float) -> float:
    """Return an intraclass correlation that a random effect can have: below 0 none, and never all of the variance."""
    return float(np.clip(icc, 0.0, MOST_ICC))


def spread_of_tables(draw: Callable[[Generator], Table], seed: int) -> Spread:
    """Return the mean over tables that are drawn, the ICC with its interval."""
    rng = np.random.default_rng(seed)
    first = draw(rng)
    tables = [first, *(draw(rng) for _ in range(min(TABLES, ROWS // first[0].size) - 1))]
    found, information, sharing = zip(*map(_of_table, tables), strict=True)
    pooled = _pooled(found)
    icc = bounded(np.nan_to_num(pooled.estimate))
    return Spread(
        within=pooled.within if pooled.df_within else pooled.between,
        information=float(1.0 / np.mean(1.0 / np.array(information))),
        sharing=float(np.mean(sharing)),
        icc=icc,
        icc_low=icc,
        icc_high=icc,
    ).between(pooled)


def _of_table(table: Table) -> tuple[Icc, float, float]:
    """Return the analysis of variance of the outcome, ΣD² and κ, covariates taken out of both."""
    y, X, codes = table
    W, both = X[:, :-1], np.column_stack([y, X[:, -1]])
    left, D = (both - W @ np.linalg.lstsq(W, both, rcond=None)[0]).T
    sums = np.bincount(codes, D)
    information = float(D @ D)
    sizes = np.bincount(codes).astype(np.int64)
    icc = anova(sizes, np.asarray(np.bincount(codes, left), dtype=np.float64), float(left @ left))
    return _less(icc, W, codes, sizes), information, float(sums @ sums) / information


def _less(icc: Icc, W: Array, codes: Codes, sizes: NDArray[np.int64]) -> Icc:
    """Return the analysis of variance without the degrees of freedom that covariates constant in clusters took."""
    means = np.stack([np.bincount(codes, column) for column in W.T], axis=1) / sizes[:, None]
    constant = np.abs(W - means[codes]).max(axis=0) <= 1e-9 * np.abs(W).max(axis=0)
    G = sizes.size
    df = max(G - int(np.linalg.matrix_rank(means[:, constant])), 1)
    return replace(icc, between=icc.between * (G - 1) / df, df_between=df)


def _pooled(found: Sequence[Icc]) -> Icc:
    between, within = (float(np.mean([getattr(icc, name) for icc in found])) for name in ("between", "within"))
    return replace(found[0], between=between, within=within)
