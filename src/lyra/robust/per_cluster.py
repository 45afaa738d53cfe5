"""Fit -> the t-test of Ibragimov and Müller: one estimate a cluster, and an ordinary t-test of those."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lyra.base.arrays import Array
from lyra.base.result import Estimated
from lyra.data import check
from lyra.regression.least_squares import Fit
from lyra.regression.within import own_regressions, refuse_unidentified
from lyra.robust.laws import law_name, t_interval, t_pvalue

__all__ = ["PerClusterTest", "per_cluster_test"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class PerClusterTest(Estimated):
    """A t-test of the estimates that clusters give alone.

    Attributes
    ----------
    param : str
        The coefficient.
    h0 : float
        Its value under the null.
    cluster_labels : ndarray (G,)
        Clusters.
    estimates : ndarray (G,)
        The coefficient in each cluster's own regression.
    """

    param: str
    h0: float
    cluster_labels: NDArray[Any]
    estimates: Array = field(repr=False)

    @property
    def term(self) -> str:
        """The same as `param`."""
        return self.param

    @property
    def coef(self) -> float:
        """Plain mean of the estimates."""
        return float(self.estimates.mean())

    @property
    def se(self) -> float:
        """Standard deviation of the estimates over √G."""
        return float(self.estimates.std(ddof=1) / np.sqrt(self.estimates.size))

    @property
    def statistic(self) -> float:
        """(coef − h0)/se."""
        return (self.coef - self.h0) / self.se

    @property
    def dof(self) -> float:
        """G − 1."""
        return float(self.estimates.size - 1)

    @property
    def pvalue(self) -> float:
        """Two-sided p-value under t(G − 1)."""
        return float(t_pvalue(self.statistic, self.dof))

    def conf_int(self, level: float = 0.95) -> Array:
        """Return the interval (2,) of every value the test does not reject."""
        return t_interval(np.asarray(self.coef), np.asarray(self.se), np.asarray(self.dof), level)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, ready for JSON."""
        told = {name: getattr(self, name) for name in ("term", "h0", "estimate", "std_error", "statistic", "p_value")}
        by_cluster = {"clusters": self.cluster_labels.tolist(), "estimates": self.estimates.tolist()}
        return told | {"dof": self.dof} | by_cluster

    def _answer(self) -> str:
        beside = f"SE {self.se:.4g}, p = {self.pvalue:.4g}, {self.estimates.size} clusters"
        return f"{self.param} = {self.h0:g}: {self.coef:.4g}, {beside}"

    def explain(self) -> str:
        """Return in words what was computed and when it holds."""
        return (
            f"{self.param}: mean of {self.estimates.size} within-cluster estimates {self.coef:.5g}, their standard "
            f"error {self.se:.5g}, law {law_name('G-1', self.dof)}, p = {self.pvalue:.4g}; valid at levels up to .083 "
            "whatever the clusters' variances, as long as they are independent and each estimate is about normal."
        )


def per_cluster_test(fit: Fit, *, param: str | int, h0: float = 0.0) -> PerClusterTest:
    """Return the t-test of one coefficient from each cluster's own regression [1]_.

    The null is that the coefficient is `h0` in every cluster. With β̂_g from cluster g alone,
    t = √G (mean β̂_g − h0)/sd β̂_g is compared with t(G − 1). When the β̂_g are independent and normal around `h0`, the
    two-sided test rejects no more often than its level for levels up to .083, whatever their variances, and exactly
    at it when these are equal; it is conservative where they differ. It needs no more than two clusters, but each
    large enough for its own estimate to be about normal.

    Raises
    ------
    InputError
        No such coefficient.
    NotIdentifiedError
        Some cluster alone says nothing of the coefficient.

    References
    ----------
    .. [1] R. Ibragimov and U. K. Müller (2010), t-statistic based correlation and heterogeneity robust inference.
       Journal of Business and Economic Statistics 28, 453-468.

    Examples
    --------
    Slopes of 1, 2 and 3 in three clusters: t = √3 · 2/1.

    >>> import numpy as np
    >>> from lyra import Moments
    >>> from lyra.regression.least_squares import least_squares
    >>> from lyra.robust.per_cluster import per_cluster_test
    >>> x, g = np.tile([0.0, 1.0, 2.0], 3), np.repeat([1, 2, 3], 3)
    >>> m = Moments.from_arrays(5 + g * x, np.column_stack([np.ones(9), x]), g, names=["one", "x"])
    >>> test = per_cluster_test(least_squares(m), param="x")
    >>> test.estimates.round(8)
    array([1., 2., 3.])
    >>> print(f"{test.statistic:.4f} {test.pvalue:.4f}")
    3.4641 0.0742
    """
    j = check.position(param, fit.names)
    z = fit.W[j]
    estimates = np.empty(fit.G)
    known = np.empty(fit.G, dtype=bool)
    for clusters, E in fit.grams():
        own = own_regressions(E, fit.scores[clusters], z)
        estimates[clusters] = fit.coef[j] + own.moved @ z
        known[clusters] = own.identified
    refuse_unidentified(known, fit.labels, fit.names[j])
    return PerClusterTest(fit.names[j], float(h0), fit.labels, estimates)
