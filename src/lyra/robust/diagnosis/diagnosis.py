"""Fit -> Diagnosis: how much each cluster weighs, what the estimate is without it, and which dangers that means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lyra.base.arrays import Array
from lyra.base.result import Told
from lyra.base.text import laid_out
from lyra.data import check
from lyra.regression.least_squares import Fit
from lyra.robust.diagnosis.arms import ColumnSums, arms, cluster_values, column_sums
from lyra.robust.diagnosis.dangers import all_clear, arms_of_interest, dangers
from lyra.robust.diagnosis.icc import Icc, anova
from lyra.robust.diagnosis.measures import ROUNDING, Measures
from lyra.robust.jackknife import leave_one_out
from lyra.robust.unidentified import Unidentified, unidentified

__all__ = ["Diagnosis", "diagnose"]


@dataclass(frozen=True, slots=True, eq=False, repr=False, kw_only=True)
class Diagnosis(Told, Measures):
    """What the clusters of one fit can bear: its `Measures`, and the dangers they mean."""

    def about(self, name: str) -> Diagnosis:
        """Return the same diagnosis whose dangers are those of one coefficient."""
        return replace(self, focus=self.names[check.position(name, self.names)])

    @property
    def dangers(self) -> tuple[str, ...]:
        """A sentence for every danger present, with its numbers; empty when there is none.

        They state what is so; which line to read is said in one place, `Ladder.advice`.
        """
        return (*self.foreseen, *dangers(self))

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
        return " ".join(self.dangers) or all_clear(self)

    def __str__(self) -> str:
        layout = (f"<{max(map(len, (*self.names, 'term')))}", ">9", ">9", ">9", "<21", "")
        heads = ("term", "G*(0)", "G*(1)", "Moulton", "  largest share", "  moved most by leaving out")
        lines = laid_out(layout, heads, map(self._cells, range(len(self.names))))
        return "\n".join([*lines, _footer(self), self.explain()])

    def _cells(self, j: int) -> tuple[str, ...]:
        most, label = int(self.partial_leverage[:, j].argmax()), self.most_influential[j]
        return (
            self.names[j],
            *(f"{self.effective_clusters[rho][j]:.1f}" for rho in (0, 1)),
            f"{self.moulton[j]:.2f}",
            f"  {self.partial_leverage[most, j]:.3f} ({self.cluster_labels[most]})",
            "  -" if label is None else f"  {label}: {self.coef[j]:.4g} -> {_without(self, label, j):.4g}",
        )


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


# --- the table ----------------------------------------------------------------------------------


def _without(d: Diagnosis, label: object, j: int) -> float:
    return float(d.influence[d.cluster_labels.tolist().index(label), j])


def _footer(d: Diagnosis) -> str:
    low, high = d.icc.conf_int()
    counts = "".join(
        f"; {name}: {treated} treated, {control} control" for name, (treated, control) in arms_of_interest(d)
    )
    icc = f"{d.icc.estimate:.3f} (95%: {low:.3f} to {high:.3f})" if low <= high else "not estimable"
    return (
        f"{d.G} clusters of {d.sizes.min()} to {d.sizes.max()} rows (coefficient of variation {d.cv_sizes:.2f}); "
        f"ICC of the residuals {icc}{counts}"
    )
