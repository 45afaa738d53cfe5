"""Power by a formula: the standard error of a clustered experiment from its design effect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lyra.base.arrays import Array
from lyra.base.search import rises_to
from lyra.designs import Switchback
from lyra.robust.diagnosis.diagnosis import diagnose
from lyra.robust.diagnosis.icc import Icc, anova
from lyra.robust.laws import critical_value
from lyra.simulation.cells import Table
from lyra.simulation.source import HistorySource, ModelSource, WorldSource

__all__ = ["ClosedForm", "Planned", "closed_form", "t_power"]

Planned = WorldSource | HistorySource | ModelSource

TABLES = 50
ROWS = 200_000  # of the tables that the formula is averaged over
MOST_ICC = 0.999


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedForm:
    """Power by a formula: a t test whose standard error carries a design effect.

    Under y = α_g + ε with Var(α) = ρσ² and Var(ε) = (1 − ρ)σ², and D what the covariates leave of the treatment,
    Var(β̂) = σ²/ΣD² · [(1 − ρ) + ρκ] with κ = Σ_g(Σ_i D_gi)²/ΣD²: Moulton's factor [1]_, and 1 + (ΣN_g²/N − 1)ρ when
    clusters are treated whole. The variance within clusters is held at its estimate when ρ moves.

    Parameters
    ----------
    within : float
        (1 − ρ)σ², the variance within clusters.
    information : float
        ΣD².
    sharing : float
        κ.
    dof : float
        Degrees of freedom, G − 1.
    icc, icc_low, icc_high : float
        ρ with its 95 % interval; all equal where a world plants it. A negative one counts as 0.
    alpha, target : float

    References
    ----------
    .. [1] B. R. Moulton (1986), Random group effects and the precision of regression estimates. Journal of
       Econometrics 32, 385-397.

    Examples
    --------
    50 clusters of 35, half of them treated, σ = 1 and ρ = .02: se = √(1.68 · 4/1750).

    >>> form = ClosedForm(within=0.98, information=1750 / 4, sharing=35, dof=49, icc=0.02, icc_low=0.0,
    ...                   icc_high=0.05, alpha=0.05, target=0.8)
    >>> print(f"{form.se:.4f} {form.mde:.3f} {form.power(0.2):.2f}")
    0.0620 0.177 0.89
    """

    within: float
    information: float
    sharing: float
    dof: float
    icc: float
    icc_low: float
    icc_high: float
    alpha: float
    target: float

    @property
    def design_effect(self) -> float:
        """(1 − ρ) + ρκ, the variance over that of independent rows."""
        return _design_effect(self.icc, self.sharing)

    @property
    def se(self) -> float:
        """The standard error at the estimated ρ."""
        return self.se_at(self.icc)

    @property
    def mde(self) -> float:
        """The effect seen with probability `target`, at the estimated ρ."""
        return self.noncentrality * self.se

    @property
    def mde_interval(self) -> tuple[float, float]:
        """The same at both ends of the interval of ρ."""
        return self.noncentrality * self.se_at(self.icc_low), self.noncentrality * self.se_at(self.icc_high)

    @property
    def noncentrality(self) -> float:
        """The effect over its standard error at which the power is `target`."""
        return rises_to(self.target, lambda ratio: t_power(ratio, self.dof, self.alpha), scale=1.0)

    def se_at(self, icc: float) -> float:
        """Return the standard error at another ρ."""
        variance = self.within / (1.0 - icc) * _design_effect(icc, self.sharing) / self.information
        return float(np.sqrt(variance))

    def power(self, effect: float) -> float:
        """Return the power at an effect."""
        return t_power(effect / self.se, self.dof, self.alpha)

    def power_interval(self, effect: float) -> tuple[float, float]:
        """Return the power at both ends of the interval of ρ, the smaller first."""
        worst, best = (t_power(effect / self.se_at(icc), self.dof, self.alpha) for icc in (self.icc_high, self.icc_low))
        return worst, best


def _design_effect(icc: float, sharing: float) -> float:
    return (1.0 - icc) + icc * sharing


def t_power(ratio: float, dof: float, alpha: float) -> float:
    """Return P(|T| ≥ t) for T noncentral t around effect/se."""
    from scipy.special import nctdtr

    t = float(critical_value(dof, alpha))
    return float(1.0 - nctdtr(dof, abs(ratio), t) + nctdtr(dof, abs(ratio), -t))


def closed_form(source: Planned, *, n_clusters: int, alpha: float, target: float, seed: int) -> ClosedForm:
    """Return the formula for a source, its variance and intraclass correlation estimated from tables of it."""
    facts = _of_fit(source) if isinstance(source, ModelSource) else _of_tables(source, seed)
    return ClosedForm(dof=n_clusters - 1, alpha=alpha, target=target, **facts)


def _of_fit(source: ModelSource) -> dict[str, float]:
    told = diagnose(source.fit)
    size = float(np.sum(told.sizes.astype(float) ** 2)) / source.fit.N
    z = source.fit.W[source.param]
    return {
        "within": (1.0 - source.icc) * source.fit.rss / (source.fit.N - source.fit.K),
        "information": float(1.0 / (z @ z)),
        "sharing": 1.0 + float(told.column_icc[source.param]) * (size - 1.0),
        "icc": source.icc,
    } | _ends(told.icc, source.icc)


def _of_tables(source: WorldSource | HistorySource, seed: int) -> dict[str, float]:
    """Average what the formula needs over tables of the source, clusters being where shocks are shared."""
    switches = isinstance(source.design, Switchback) and source.design.pattern == "random"
    shared = replace(source, level="unit" if switches else "cluster")
    rng = np.random.default_rng(seed)
    first = shared.table(rng)
    tables = [first, *(shared.table(rng) for _ in range(min(TABLES, ROWS // first[0].size) - 1))]
    found, information, sharing = zip(*map(_of_table, tables), strict=True)
    pooled = _pooled(found)
    known = _planted_icc(source)
    icc = float(np.clip(np.nan_to_num(pooled.estimate), 0.0, MOST_ICC)) if known is None else known
    fixed = isinstance(source, WorldSource)
    return {
        "within": pooled.within if pooled.df_within else pooled.between,
        "information": float(1.0 / np.mean(1.0 / np.array(information))),
        "sharing": float(np.mean(sharing)),
        "icc": icc,
    } | ({"icc_low": icc, "icc_high": icc} if fixed else _ends(pooled, icc))


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


def _less(icc: Icc, W: Array, codes: NDArray[np.intp], sizes: NDArray[np.int64]) -> Icc:
    """Return the analysis of variance without the degrees of freedom that covariates constant in clusters took."""
    means = np.stack([np.bincount(codes, column) for column in W.T], axis=1) / sizes[:, None]
    constant = np.abs(W - means[codes]).max(axis=0) <= 1e-9 * np.abs(W).max(axis=0)
    G = sizes.size
    df = max(G - int(np.linalg.matrix_rank(means[:, constant])), 1)
    return replace(icc, between=icc.between * (G - 1) / df, df_between=df)


def _pooled(found: Sequence[Icc]) -> Icc:
    between, within = (float(np.mean([getattr(icc, name) for icc in found])) for name in ("between", "within"))
    return replace(found[0], between=between, within=within)


def _planted_icc(source: WorldSource | HistorySource) -> float | None:
    """Return the ICC a world plants, where one number says it."""
    if not isinstance(source, WorldSource):
        return None
    correlation = source.world.truth().correlation
    return float(correlation[0]) if len(correlation) == 1 and not source.covariates else None


def _ends(found: Icc, icc: float) -> dict[str, float]:
    """Return both ends of the ICC's interval; where none can be estimated, the ICC that is reckoned with."""
    ends = found.conf_int()
    low, high = np.clip(np.where(np.isnan(ends), icc, ends), 0.0, MOST_ICC).tolist()
    return {"icc_low": low, "icc_high": high}
