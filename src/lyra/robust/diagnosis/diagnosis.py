"""Fit -> Diagnosis: how much each cluster weighs, what the estimate is without it, and which dangers that means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lyra.base.arrays import Array
from lyra.base.result import Told
from lyra.base.text import listed
from lyra.data import check
from lyra.regression.least_squares import Fit
from lyra.robust.diagnosis.arms import ColumnSums, arms, cluster_values, column_sums
from lyra.robust.diagnosis.icc import Icc, anova
from lyra.robust.sandwich import Unidentified, leave_one_out, unidentified

__all__ = ["Diagnosis", "diagnose"]


# Where a danger is said to begin. The guide [MacKinnon, Nielsen and Webb 2023] gives no cut-offs: these are lyra's.
FEW_CLUSTERS = 20  # CV1 with t(G − 1) rejects about .075 at a nominal .05 there, and more below
FEW_EFFECTIVE = 10  # G*
FEW_ARM = 6  # CV1 with t(G − 1) rejects .120 with five treated of 50
TINY_ARM = 4  # below which the bootstrap fails as well, and randomisation inference belongs beside any line
DOMINANT_SHARE, DOMINANT_TIMES, DOMINANT_LEAST = 0.5, 5.0, 0.1  # more than half; or 5 times its part and a tenth
DOMINANT_OF_TWO = 1.5  # times its part: of two clusters each holds half
UNEQUAL = 1.0  # coefficient of variation of the sizes
ROUNDING = 1e-18  # of a sum of squares, the share that is none


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class Diagnosis(Told):
    """What the clusters of one fit can bear.

    Attributes
    ----------
    names : tuple of str
        The K coefficients.
    coef : ndarray (K,)
        β̂.
    cluster_labels, sizes : ndarray (G,)
        Clusters and their rows.
    leverage : ndarray (G,)
        tr X_g'X_g (X'X)⁻¹; they sum to K.
    partial_leverage : ndarray (G, K)
        (A⁻¹A_gA⁻¹)_jj / (A⁻¹)_jj: the share of what identifies coefficient j that cluster g holds; columns sum to 1.
    sum_leverage : ndarray (G, K)
        (e_j'A⁻¹X_g'1)² / (A⁻¹)_jj: the same for a shock common to the cluster's rows.
    influence : ndarray (G, K)
        The estimates without cluster g; NaN where there is none.
    icc : Icc
        Of the residuals: `.estimate` and `.conf_int(level)`; NaN when the columns absorb every cluster's mean.
    column_icc : ndarray (K,)
        Of the columns; 1 for one that is constant within clusters.
    treated_clusters : mapping of str to (int, int)
        For every column constant within clusters with two values: clusters with the larger, with the smaller.
    unidentified : tuple of Unidentified
        Clusters without which coefficients (positions) have no estimate.
    unit : int or None
        Position of the constant column.
    focus : str or None
        The coefficient whose dangers are told; None for all.
    """

    names: tuple[str, ...]
    coef: Array
    cluster_labels: NDArray[Any]
    sizes: NDArray[np.int64]
    leverage: Array = field(repr=False)
    partial_leverage: Array = field(repr=False)
    sum_leverage: Array = field(repr=False)
    influence: Array = field(repr=False)
    icc: Icc
    column_icc: Array
    treated_clusters: Mapping[str, tuple[int, int]]
    unidentified: tuple[Unidentified, ...]
    unit: int | None
    focus: str | None = None

    def about(self, name: str) -> Diagnosis:
        """Return the same diagnosis whose dangers are those of one coefficient."""
        return replace(self, focus=self.names[check.position(name, self.names)])

    @property
    def G(self) -> int:
        """The number of clusters."""
        return self.sizes.size

    @property
    def cv_sizes(self) -> float:
        """Standard deviation (G − 1) over mean of the cluster sizes."""
        return float(_variation(self.sizes))

    @property
    def cv_leverage(self) -> float:
        """Standard deviation over mean of the leverages."""
        return float(_variation(self.leverage))

    @property
    def cv_partial_leverage(self) -> Array:
        """Standard deviation over mean of the partial leverages of each coefficient (K,)."""
        return _variation(self.partial_leverage)

    @property
    def most_influential(self) -> tuple[Any, ...]:
        """The label, for each coefficient, of the cluster whose removal moves it most; None where it must stay."""
        moved = np.abs(self.influence - self.coef)
        worst = np.where(np.isnan(moved), -1.0, moved).argmax(axis=0)
        labels = self.cluster_labels.tolist()
        return tuple(None if np.isnan(moved[:, j]).all() else labels[g] for j, g in enumerate(worst))

    @property
    def absorbs_clusters(self) -> bool:
        """Whether the columns absorb every cluster's mean, as dummies of the clusters do."""
        return bool(np.isnan(self.icc.between))

    @property
    def effective_clusters(self) -> Mapping[float | str, Array]:
        """G* (K,) for ρ = 0, for ρ = 1 and, under "icc", for the estimated one (0 when that is negative)."""
        rho = min(max(self.icc.estimate, 0.0), 1.0)
        return {0: self.effective(0.0), 1: self.effective(1.0), "icc": self.effective(rho)}

    def effective(self, rho: float) -> Array:
        """Return the effective number of clusters G* (K,) under the intraclass correlation `rho` [1]_.

        G* = G/(1 + Γ), Γ the squared coefficient of variation of γ_g = e_j'A⁻¹[ρ m_g m_g' + (1 − ρ)A_g]A⁻¹e_j with
        m_g = X_g'1: it is G when every cluster tells as much of β_j as every other. NaN for ρ = 1 when no cluster's
        sum tells anything, as with cluster dummies among the columns.

        References
        ----------
        .. [1] A. V. Carter, K. T. Schnepel and D. G. Steigerwald (2017), Asymptotic behavior of a t-test robust to
           cluster heterogeneity. Review of Economics and Statistics 99, 698-709.
        """
        gamma = rho * self.sum_leverage + (1.0 - rho) * self.partial_leverage
        mean = gamma.mean(axis=0)
        mean = np.where(mean > ROUNDING * self.sizes.max(), mean, np.nan)
        return np.asarray(self.G / (1.0 + np.mean((gamma / mean - 1.0) ** 2, axis=0)))

    def free_of_shocks(self, name: str) -> bool:
        """Whether a shock common to a cluster's rows moves neither this coefficient nor the residuals.

        It is so where other columns take the shock up, as an effect for every cluster does; then the intraclass
        correlation changes no size. A coefficient that is told from clusters' means is moved even when none is left.
        """
        j = check.position(name, self.names)
        return self.absorbs_clusters and bool(np.isnan(self.effective(1.0)[j]))

    @property
    def moulton(self) -> Array:
        """√(1 + ρ_x ρ (Σ N_g²/N − 1)) (K,): how far the iid standard error falls short [1]_.

        An estimated ρ below 0 counts as 0.

        References
        ----------
        .. [1] B. R. Moulton (1986), Random group effects and the precision of regression estimates. Journal of
           Econometrics 32, 385-397.
        """
        return self.moulton_at(self.icc.estimate)

    def moulton_at(self, rho: float) -> Array:
        """Return the same (K,) under the intraclass correlation `rho`."""
        size = float(np.sum(self.sizes.astype(float) ** 2)) / float(self.sizes.sum())
        return np.sqrt(np.maximum(1.0 + self.column_icc * max(rho, 0.0) * (size - 1.0), 0.0))

    @property
    def dangers(self) -> tuple[str, ...]:
        """A sentence for every danger present, with its numbers; empty when there is none.

        They state what is so; which line to read is said in one place, `Ladder.advice`.
        """
        readings = (_few_clusters, _few_treated, _dominant, _unequal, _cannot_leave_out)
        return tuple(sentence for reading in readings for sentence in reading(self))

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, ready for JSON: what is of every coefficient as lists in their order."""
        arrays = ("coef", "sizes", "leverage", "partial_leverage", "influence", "moulton", "column_icc")
        return {
            "names": list(self.names),
            "cluster_labels": self.cluster_labels.tolist(),
            **{name: getattr(self, name).tolist() for name in arrays},
            "effective_clusters": {str(rho): stars.tolist() for rho, stars in self.effective_clusters.items()},
            "icc": self.icc.to_dict(),
            "cv_sizes": self.cv_sizes,
            "treated_clusters": {name: list(counts) for name, counts in self.treated_clusters.items()},
            "most_influential": list(self.most_influential),
            "dangers": list(self.dangers),
        }

    def _answer(self) -> str:
        found = len(self.dangers)
        told = f"{found} danger{'s' if found > 1 else ''}: {self.explain()}" if found else "no danger"
        return f"{self.G} clusters, {told}"

    def explain(self) -> str:
        """Return one paragraph that says in plain words which dangers are present, or that none is."""
        return " ".join(self.dangers) or _all_clear(self)

    def __str__(self) -> str:
        effective, largest = self.effective_clusters, self.partial_leverage.argmax(axis=0)
        width = max(len(name) for name in (*self.names, "term"))
        lines = [
            f"{'term':<{width}}{'G*(0)':>9}{'G*(1)':>9}{'Moulton':>9}  largest share        moved most by leaving out"
        ]
        for j, name in enumerate(self.names):
            share = f"{self.partial_leverage[largest[j], j]:.3f} ({self.cluster_labels[largest[j]]})"
            label = self.most_influential[j]
            moved = "-" if label is None else f"{label}: {self.coef[j]:.4g} -> {_without(self, label, j):.4g}"
            numbers = f"{effective[0][j]:>9.1f}{effective[1][j]:>9.1f}{self.moulton[j]:>9.2f}"
            lines.append(f"{name:<{width}}{numbers}  {share:<19}  {moved}")
        return "\n".join([*lines, _footer(self), self.explain()])


def diagnose(fit: Fit) -> Diagnosis:
    """Return the leverages, influence, effective clusters, treated clusters and correlations of a fit [1]_.

    Cluster dummies and clusters without which a coefficient has no estimate are taken: what does not exist is NaN.

    References
    ----------
    .. [1] J. G. MacKinnon, M. Ø. Nielsen and M. D. Webb (2023), Leverage, influence, and the jackknife in clustered
       regression models: reliable inference using summclust. Stata Journal 23, 942-982; and the same (2023),
       Cluster-robust inference: a guide to empirical practice. Journal of Econometrics 232, 272-299.

    Examples
    --------
    One cluster in three is treated, and the first is twice as large:

    >>> import numpy as np
    >>> from lyra import Moments
    >>> from lyra.robust.diagnosis.diagnosis import diagnose
    >>> from lyra.regression.least_squares import least_squares
    >>> clusters = np.array([0, 0, 0, 0, 1, 1, 2, 2])
    >>> X = np.column_stack([np.ones(8), clusters == 1])
    >>> d = diagnose(least_squares(Moments.from_arrays(np.arange(8.0) ** 2, X, clusters, names=["one", "treat"])))
    >>> d.leverage
    array([0.666, 1.   , 0.333])
    >>> d.treated_clusters["treat"]
    (1, 2)
    >>> d.influence[:, 1]
    array([-22.,  nan,  17.])
    """
    M = fit.orthonormal(fit.moments.ones[:, :-1]) @ fit.W.T
    bread = np.sum(fit.W**2, axis=1)
    leverage, partial = _leverages(fit, bread)
    columns = column_sums(fit)
    values = cluster_values(columns, fit.moments.sizes)
    lost = tuple(unidentified(fit))
    unit = fit.moments.unit
    return Diagnosis(
        names=fit.names,
        coef=fit.coef,
        cluster_labels=fit.labels,
        sizes=fit.moments.sizes,
        leverage=leverage,
        partial_leverage=partial,
        sum_leverage=M**2 / bread,
        influence=_influence(fit, lost),
        icc=_residual_icc(fit),
        column_icc=_column_icc(fit, columns, values),
        treated_clusters=_treated_clusters(fit, values),
        unidentified=lost,
        unit=fit.kept.index(unit) if unit in fit.kept else None,
    )


def _variation(values: NDArray[Any]) -> Array:
    return np.asarray(values.std(axis=0, ddof=1) / values.mean(axis=0))


def _leverages(fit: Fit, bread: Array) -> tuple[Array, Array]:
    leverage, partial = np.empty(fit.G), np.empty((fit.G, fit.K))
    for clusters, E in fit.grams():
        leverage[clusters] = np.trace(E, axis1=1, axis2=2)
        partial[clusters] = np.einsum("jk,gkj->gj", fit.W, E @ fit.W.T) / bread
    return leverage, partial


def _influence(fit: Fit, lost: tuple[Unidentified, ...]) -> Array:
    estimates = fit.coef + leave_one_out(fit) @ fit.W.T
    if lost:
        row = {label: g for g, label in enumerate(fit.labels.tolist())}
        for case in lost:
            estimates[row[_plain(case.cluster)], list(case.coefficients)] = np.nan
    return np.asarray(estimates)


def _plain(label: object) -> object:
    return label.item() if isinstance(label, np.generic) else label


def _residual_icc(fit: Fit) -> Icc:
    ones, sizes = fit.moments.ones, fit.moments.sizes
    sums = ones[:, -1] - ones[:, :-1] @ fit.theta
    absorbed = float(np.sum(sums * sums / sizes)) <= ROUNDING * fit.rss
    return anova(sizes, np.full(fit.G, np.nan) if absorbed else sums, fit.rss)


def _column_icc(fit: Fit, columns: ColumnSums, values: Array) -> Array:
    sizes, squares = fit.moments.sizes, columns.squares.sum(axis=0)
    found = [anova(sizes, columns.sums[:, j], float(squares[j])).estimate for j in range(fit.K)]
    return np.where(np.isnan(values).any(axis=0), found, 1.0)


def _treated_clusters(fit: Fit, values: Array) -> Mapping[str, tuple[int, int]]:
    split = {name: arms(values[:, j]) for j, name in enumerate(fit.names)}
    counts = {name: int(treated.sum()) for name, treated in split.items() if treated is not None}
    return {name: (treated, fit.G - treated) for name, treated in counts.items()}


# --- which dangers ------------------------------------------------------------------------------


def _of_interest(d: Diagnosis) -> list[int]:
    """Return the coefficients asked for: left open, neither the constant nor the dummies of (nearly) every cluster."""
    if d.focus is not None:
        return [d.names.index(d.focus)]
    alone = {name for name, counts in d.treated_clusters.items() if min(counts) == 1}
    dummies = alone if len(alone) >= max(2, d.G - 1) else set()
    return [j for j, name in enumerate(d.names) if j != d.unit and name not in dummies]


def _fewest_effective(d: Diagnosis) -> tuple[float, int, int] | None:
    """Return the smallest G* of a coefficient of interest, its ρ (0 or 1) and its position."""
    stars = [(float(d.effective_clusters[rho][j]), rho, j) for j in _of_interest(d) for rho in (0, 1)]
    return min((star for star in stars if not np.isnan(star[0])), default=None)


def _few_clusters(d: Diagnosis) -> Iterator[str]:
    star = _fewest_effective(d)
    worth = (
        ""
        if star is None
        else f"; for {d.names[star[2]]!r} they are worth {star[0]:.1f} equal ones (G* at ρ = {star[1]})"
    )
    if d.G < FEW_CLUSTERS:
        yield f"Few clusters: there are {d.G}{worth}."
    elif star is not None and star[0] < FEW_EFFECTIVE:
        yield f"Few effective clusters: there are {d.G}{worth}."


def _few_treated(d: Diagnosis) -> Iterator[str]:
    for name, (treated, control) in _arms_of_interest(d):
        if min(treated, control) < FEW_ARM:
            side = "treated" if treated <= control else "control"
            yield f"Few {side} clusters: {name!r} has {treated} treated and {control} control."


def _arms_of_interest(d: Diagnosis) -> list[tuple[str, tuple[int, int]]]:
    wanted = [d.names[j] for j in _of_interest(d)]
    return [(name, counts) for name, counts in d.treated_clusters.items() if name in wanted]


def _dominant(d: Diagnosis) -> Iterator[str]:
    wanted = _of_interest(d)
    if not wanted:
        return
    shares = d.partial_leverage[:, wanted]
    g, column = np.unravel_index(int(shares.argmax()), shares.shape)
    share, j, label = float(shares[g, column]), wanted[column], d.cluster_labels[g]
    if share > max(DOMINANT_SHARE, DOMINANT_OF_TWO / d.G) or share > max(DOMINANT_LEAST, DOMINANT_TIMES / d.G):
        without = d.influence[g, j]
        moved = "there is no estimate" if np.isnan(without) else f"the estimate is {without:.4g}"
        yield (
            f"One dominant cluster: {label} holds {share:.0%} of what identifies {d.names[j]!r} (an equal part is "
            f"{1 / d.G:.1%}); without it {moved}, with it {d.coef[j]:.4g}."
        )


def _unequal(d: Diagnosis) -> Iterator[str]:
    if d.cv_sizes > UNEQUAL:
        g = int(d.sizes.argmax())
        yield (
            f"Unequal sizes: from {d.sizes.min()} to {d.sizes.max()} rows (coefficient of variation {d.cv_sizes:.2f}; "
            f"{d.cluster_labels[g]} holds {d.sizes[g] / d.sizes.sum():.0%})."
        )


def _cannot_leave_out(d: Diagnosis) -> Iterator[str]:
    wanted = _of_interest(d)
    cases = [(case.cluster, [d.names[j] for j in case.coefficients if j in wanted]) for case in d.unidentified]
    told = [f"{listed(map(repr, names))} without cluster {cluster!s}" for cluster, names in cases if names]
    if told:
        yield f"No estimate when a cluster is left out: {listed(told, 4)}."


def _all_clear(d: Diagnosis) -> str:
    star = _fewest_effective(d)
    worth = "" if star is None else f", for {d.names[star[2]]!r} worth {star[0]:.1f} equal ones or more"
    return (
        f"No danger found: {d.G} clusters{worth}, sizes with a coefficient of variation of {d.cv_sizes:.2f}, no "
        "cluster that dominates, no arm with few clusters, and every cluster can be left out."
    )


# --- the table ----------------------------------------------------------------------------------


def _without(d: Diagnosis, label: object, j: int) -> float:
    return float(d.influence[d.cluster_labels.tolist().index(label), j])


def _footer(d: Diagnosis) -> str:
    low, high = d.icc.conf_int()
    counts = "".join(
        f"; {name}: {treated} treated, {control} control" for name, (treated, control) in _arms_of_interest(d)
    )
    icc = f"{d.icc.estimate:.3f} (95%: {low:.3f} to {high:.3f})" if low <= high else "not estimable"
    return (
        f"{d.G} clusters of {d.sizes.min()} to {d.sizes.max()} rows (coefficient of variation {d.cv_sizes:.2f}); "
        f"ICC of the residuals {icc}{counts}"
    )
