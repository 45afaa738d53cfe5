"""Fit -> randomisation inference for a treatment assigned by cluster: the statistic under every other assignment.

Only the treatment column changes, and it is constant within clusters, so an assignment needs cluster sums alone: with
the other columns partialled out, a cluster's score is its products with what is left of y, less β̂ times its squares.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lyra.base.arrays import Array
from lyra.base.result import Contract
from lyra.base.text import did_you_mean
from lyra.data import check
from lyra.data.units import Seed
from lyra.designs import Design
from lyra.errors import InputError, NotIdentifiedError
from lyra.regression.least_squares import Fit
from lyra.robust.assignments import Said, assigned
from lyra.robust.diagnosis.arms import arms, cluster_values, column_sums
from lyra.robust.partialled import OtherColumns, other_columns
from lyra.robust.wild.tally import TIE

__all__ = ["RandomisationTest", "randomisation_test"]


STATISTICS = ("t", "beta")
BLOCK = 2_048  # assignments at a time


@dataclass(frozen=True, slots=True, eq=False, kw_only=True, repr=False)
class RandomisationTest(Contract):
    """A test of the sharp null that the treatment shifts every outcome by `h0`.

    Attributes
    ----------
    term : str
        The treatment.
    h0 : float
        The effect under the null.
    kind : str
        "t" (RI-t) or "beta" (RI-β).
    statistic : float
        The statistic of the actual assignment: β̂ − h0, or that over its CV1 standard error.
    distribution : ndarray (R,)
        The statistic under every assignment tried, the actual one first; NaN where it is not identified.
    treated, control : int
        Clusters in each arm of the actual assignment.
    enumerated : bool
        Whether these are all the assignments the design could have made.
    """

    term: str
    h0: float
    kind: str
    statistic: float
    distribution: Array = field(repr=False)
    treated: int
    control: int
    enumerated: bool

    @property
    def n_assignments(self) -> int:
        """Assignments tried, the actual one among them."""
        return self.distribution.size

    @property
    def n_greater(self) -> int:
        """Assignments strictly more extreme than the actual one."""
        return int(np.sum(self._size > self._own * (1.0 + TIE)))

    @property
    def n_ties(self) -> int:
        """Assignments as extreme as the actual one, itself among them."""
        return int(np.sum(np.abs(self._size - self._own) <= TIE * self._own))

    @property
    def n_undefined(self) -> int:
        """Assignments whose statistic does not exist; they count as more extreme."""
        return int(np.isnan(self.distribution).sum())

    @property
    def pvalue(self) -> float:
        """The share of assignments at least as extreme as the actual one, itself among them."""
        return (self.n_greater + self.n_ties + self.n_undefined) / self.n_assignments

    @property
    def smallest_pvalue(self) -> float:
        """The p-value the most extreme of these assignments would have."""
        largest = np.nanmax(self._size)
        return float(np.sum(~(self._size < largest * (1.0 - TIE))) / self.n_assignments)

    @property
    def _size(self) -> Array:
        return np.abs(self.distribution)

    @property
    def _own(self) -> float:
        return abs(self.statistic)

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the distribution as plain values, ready for JSON."""
        told = ("term", "h0", "kind", "statistic", "p_value", "treated", "control", "enumerated")
        counts = ("n_assignments", "n_greater", "n_ties", "n_undefined", "smallest_pvalue")
        return {name: getattr(self, name) for name in (*told, *counts)}

    def _answer(self) -> str:
        how = "all" if self.enumerated else "a sample of"
        name = "RI-t" if self.kind == "t" else "RI-beta"
        return f"{name}, {self.term} = {self.h0:g}: p = {self.pvalue:.4g} over {how} {self.n_assignments:,} assignments"

    def explain(self) -> str:
        """Return in words what was randomised, how often, and what the p-value can be."""
        how = "all" if self.enumerated else "a sample of"
        name = "RI-t" if self.kind == "t" else "RI-beta"
        lost = f"; {self.n_undefined} without a statistic count as more extreme" if self.n_undefined else ""
        floor = "" if self.smallest_pvalue <= 0.05 else "; it cannot reject at 5 %"
        return (
            f"{name} for {self.term} = {self.h0:g}, {self.treated} clusters treated and {self.control} control: over "
            f"{how} {self.n_assignments} assignments, p = {self.pvalue:.4g} (the smallest attainable is "
            f"{self.smallest_pvalue:.4g}{floor}){lost}."
        )

    def __float__(self) -> float:
        return self.pvalue


def randomisation_test(
    fit: Fit,
    *,
    term: str | int,
    design: Design | None = None,
    stratum: Any = None,
    h0: float = 0.0,
    statistic: str = "t",
    assignments: Any = None,
    R: int = 9_999,
    rng: Seed = None,
) -> RandomisationTest:
    """Return the randomisation test of a treatment assigned by cluster, from cluster sums alone [1]_.

    The null is sharp: the treatment shifts the outcome of every row by `h0`. Then the outcome without it is known, and
    the statistic can be computed under every other assignment the design could have made. The p-value is the share of
    assignments at least as extreme, the actual one included, and is exact when they were equally likely: it rejects at
    most as often as its level whatever the number of clusters. For the weaker null of no mean effect the level is only
    approximate; there RI-t is the safer of the two when treated clusters are unlike the others, and neither is reliable
    with one or two treated clusters.

    Parameters
    ----------
    fit : Fit
        The actual fit; the other columns are covariates and stay as they are.
    term : str or int
        The treatment: constant within clusters, with two values.
    design : Design, optional
        Who could have been treated, from `lyra.designs`: whole clusters, of which a design of your own is handed a row
        each, in the order of `fit.labels`. All its assignments are tried when there are at most 20,000, else `R` drawn
        by it and the actual one. Left out: complete randomisation of as many clusters as are treated.
    stratum : mapping or array (G,), optional
        The stratum (or pair) of each cluster, by label or in the order of `fit.labels`, for a design that reads it.
    h0 : float
        The effect under the null.
    statistic : {"t", "beta"}
        The CV1 t statistic, or the coefficient.
    assignments : array (G, R) of bool, optional
        The assignments that could have been made, clusters in the order of `fit.labels`, instead of a design. The
        actual one is added when it is not among them.
    R : int
        Assignments to draw.
    rng : anything `numpy.random.default_rng` takes
        Used only to draw.

    Raises
    ------
    InputError
        No such column, an unknown statistic, R < 1, assignments of another shape, a design that draws within clusters
        or cannot have drawn the actual assignment.
    NotIdentifiedError
        The column varies within clusters, or has not two values.

    References
    ----------
    .. [1] J. G. MacKinnon and M. D. Webb (2020), Randomization inference for difference-in-differences with few
       treated clusters. Journal of Econometrics 218, 435-450.

    Examples
    --------
    Two of five clusters are treated and have the two largest means: one assignment in 10 is as extreme.

    >>> import numpy as np
    >>> from lyra import Moments
    >>> from lyra.regression.least_squares import least_squares
    >>> from lyra.robust.randomisation import randomisation_test
    >>> g = np.repeat(np.arange(5), 2)
    >>> y = np.array([1.0, 2.0, 2.0, 4.0, 3.0, 3.0, 8.0, 9.0, 7.0, 9.0])
    >>> m = Moments.from_arrays(y, np.column_stack([np.ones(10), g > 2]), g, names=["one", "treat"])
    >>> test = randomisation_test(least_squares(m), term="treat", statistic="beta")
    >>> test.n_assignments, test.pvalue
    (10, 0.1)
    """
    if statistic not in STATISTICS:
        raise InputError(f"statistic={statistic!r} is unknown: {did_you_mean(str(statistic), STATISTICS)}.")
    j = check.position(term, fit.names, what="term")
    treatment = _treatment(fit, j)
    actual = treatment > treatment.min()
    said = Said(design=design, stratum=stratum, assignments=assignments, R=R, rng=rng)
    found = assigned(fit.labels, actual, said)
    tried = found.treated
    sums = other_columns(fit, j, h0)
    low, high = treatment.min(), treatment.max()
    values = [
        _statistics(sums, np.where(tried[start : start + BLOCK], high, low), statistic)
        for start in range(0, tried.shape[0], BLOCK)
    ]
    distribution = np.concatenate(values) * (fit.moments.y_unit if statistic == "beta" else 1.0)
    if statistic == "t":
        distribution /= np.sqrt(fit.G / (fit.G - 1) * (fit.N - 1) / (fit.N - fit.K))
    treated = int(actual.sum())
    return RandomisationTest(
        term=fit.names[j],
        h0=float(h0),
        kind=statistic,
        statistic=float(distribution[0]),
        distribution=distribution,
        treated=treated,
        control=fit.G - treated,
        enumerated=found.enumerated,
    )


# --- the treatment ------------------------------------------------------------------------------


def _treatment(fit: Fit, j: int) -> Array:
    """Return the treatment's value in each cluster (G,), or refuse a column that is not one."""
    values, name = cluster_values(column_sums(fit), fit.moments.sizes)[:, j], fit.names[j]
    if np.isnan(values).any():
        raise NotIdentifiedError(
            f"{name} varies within clusters, so clusters were not what was assigned: cluster at the level of the "
            "assignment, or use the wild cluster bootstrap."
        )
    upper = arms(values)
    if upper is None:
        raise NotIdentifiedError(
            f"{name} does not take two values over the clusters, and randomisation inference needs two arms: choose a "
            "0/1 column."
        )
    return np.asarray(np.where(upper, values.max(), values.min()))


# --- the statistic ------------------------------------------------------------------------------


def _statistics(sums: OtherColumns, D: Array, statistic: str) -> Array:
    """Return β̂, or β̂ over its CV0 standard error, for each assignment's treatment D (R, G)."""
    given = sums.given(D)
    beta = given.estimate
    if statistic == "beta":
        return beta
    meat = np.sum((given.products - beta[:, None] * given.squares) ** 2, axis=1)
    return np.asarray(beta * given.left / np.sqrt(np.where(meat > 0.0, meat, np.nan)))
