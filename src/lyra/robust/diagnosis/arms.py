"""Which columns are constant within clusters, and which of those split the clusters into two arms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lyra.base.arrays import Array, Bools
from lyra.base.triangles import inverse
from lyra.regression.least_squares import Fit

__all__ = ["ColumnSums", "arms", "cluster_values", "column_sums"]


CONSTANT = 1e-9  # variance within a cluster, as a share of the column's, below which it is none
ROUNDING = 1e-13  # the same as a share of the column's mean square: what sums cannot tell from rounding
SAME = 1e-6  # distance between values, as a share of what they are, below which they are one


@dataclass(frozen=True, slots=True, eq=False)
class ColumnSums:
    """Sums and sums of squares of the columns by cluster, in the units of X.

    Attributes
    ----------
    sums, squares : ndarray (G, K)
        X_g'1 and the diagonal of X_g'X_g.
    """

    sums: Array
    squares: Array


def column_sums(fit: Fit) -> ColumnSums:
    """Return the sums and sums of squares of the kept columns by cluster."""
    back = inverse(fit.W) * fit.moments.y_unit
    squares = np.empty((fit.G, fit.K))
    for clusters, E in fit.grams():
        squares[clusters] = np.einsum("gkj,kj->gj", E @ back, back)
    return ColumnSums(fit.orthonormal(fit.moments.ones[:, :-1]) @ back, squares)


def cluster_values(sums: ColumnSums, sizes: NDArray[np.int64]) -> Array:
    """Return the value each column has in each cluster, (G, K); NaN down a column that varies within a cluster."""
    N = sizes.sum()
    values = sums.sums / sizes[:, None]
    inside = sums.squares / sizes[:, None] - values**2
    mean_square = sums.squares.sum(axis=0) / N
    variance = mean_square - (sums.sums.sum(axis=0) / N) ** 2
    constant = inside <= np.maximum(CONSTANT * variance, ROUNDING * mean_square)
    return np.where(constant.all(axis=0), values, np.nan)


def arms(values: Array) -> Bools | None:
    """Return which clusters (G,) have the larger of the two values a column takes; None when they are not two."""
    low, high = values.min(), values.max()
    gap = high - low
    if not gap > SAME * max(abs(low), abs(high)):  # one value, or NaN
        return None
    upper = values - low > gap / 2
    distance = np.where(upper, high - values, values - low)
    return upper if bool((distance <= SAME * gap).all()) else None
