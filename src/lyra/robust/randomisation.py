"""Fit -> randomisation inference for a treatment assigned by cluster: the statistic under every other assignment.

Only the treatment column changes, and it is constant within clusters, so an assignment needs cluster sums alone: with
the other columns partialled out, a cluster's score is its products with what is left of y, less β̂ times its squares.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lyra.base.arrays import Array
from lyra.base.text import did_you_mean
from lyra.data import check
from lyra.data.units import Seed
from lyra.designs import Design
from lyra.designs.named import Word
from lyra.errors import InputError, NotIdentifiedError
from lyra.regression.least_squares import Fit
from lyra.robust.assignments import Said, assigned
from lyra.robust.diagnosis.arms import arms, cluster_values, column_sums
from lyra.robust.partialled import OtherColumns, other_columns
from lyra.robust.placed import Drawn, Placed
from lyra.robust.randomised import NAMES, RandomisationTest
from lyra.robust.redrawn import blocks
from lyra.robust.sandwich import small_sample

__all__ = ["NOWHERE", "RandomisationTest", "randomisation_test"]


STATISTICS = tuple(NAMES)
NOWHERE = Placed()
"""Nothing is known of the rows but their clusters."""


def randomisation_test(
    fit: Fit,
    *,
    term: str | int,
    design: Design | Word | None = None,
    stratum: Any = None,
    h0: float = 0.0,
    statistic: str = "t",
    assignments: Any = None,
    R: int = 9_999,
    rng: Seed = None,
    placed: Placed = NOWHERE,
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
    design : Design or str, optional
        Who could have been treated, from `lyra.designs`: whole clusters, of which a design of your own is handed a row
        each, in the order of `fit.labels`. All its assignments are tried when there are at most 20,000, else `R` drawn
        by it and the actual one. The words "cluster", "strata" and "pairs" treat as many clusters as are treated, of
        all or in each stratum; left out, "cluster".
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
    placed : Placed
        The strata, and the cells of cluster and window, that are known of the table: a switchback treats cells.

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
    drawn = placed.drawn(fit, design)
    j = drawn.fit.names.index(fit.names[check.position(term, fit.names, what="term")])
    treatment = _treatment(drawn, j)
    low, high = treatment.min(), treatment.max()
    actual = treatment > low
    stratum = placed.strata(design, stratum)
    said = Said(design=design, stratum=stratum, assignments=assignments, R=R, rng=rng, units=drawn.units)
    found = assigned(fit.labels, actual, said)
    tried, sums = found.treated, other_columns(drawn.fit, j, h0)
    parts = [
        _statistics(sums, drawn, np.where(tried[rows], high, low), statistic) for rows in blocks(len(tried), drawn.fit)
    ]
    distribution = np.concatenate(parts) * (drawn.fit.moments.y_unit if statistic == "beta" else 1.0)
    if statistic == "t":
        distribution /= np.sqrt(small_sample(fit, "CV1"))
    treated = int(actual.sum())
    return RandomisationTest(
        term=drawn.fit.names[j],
        h0=float(h0),
        kind=statistic,
        statistic=float(distribution[0]),
        distribution=distribution,
        treated=treated,
        control=actual.size - treated,
        enumerated=found.enumerated,
        design=found.design,
        tried=tried,
        values=(float(low), float(high)),
        fit=fit,
        drawn=drawn,
    )


# --- the treatment ------------------------------------------------------------------------------


def _treatment(drawn: Drawn, j: int) -> Array:
    """Return the treatment's value in each cluster or cell, or refuse a column that is not one."""
    fit, what = drawn.fit, drawn.what
    values, name = cluster_values(column_sums(fit), fit.moments.sizes)[:, j], fit.names[j]
    if np.isnan(values).any():
        raise NotIdentifiedError(
            f"{name} varies within {what}, so {what} were not what was assigned: cluster at the level of the "
            "assignment, or use the wild cluster bootstrap."
        )
    upper = arms(values)
    if upper is None:
        raise NotIdentifiedError(
            f"{name} does not take two values over the {what}, and randomisation inference needs two arms: choose a "
            "0/1 column."
        )
    return np.asarray(np.where(upper, values.max(), values.min()))


# --- the statistic ------------------------------------------------------------------------------


def _statistics(sums: OtherColumns, drawn: Drawn, D: Array, statistic: str) -> Array:
    """Return β̂, or β̂ over its CV0 standard error, for each assignment's treatment D, a value a cluster or cell."""
    given = sums.given(D)
    beta = given.estimate
    if statistic == "beta":
        return beta
    scores = drawn.clusters.total(given.products - beta[:, None] * given.squares, axis=1)
    meat = np.sum(scores**2, axis=1)
    return np.asarray(beta * given.left / np.sqrt(np.where(meat > 0.0, meat, np.nan)))
