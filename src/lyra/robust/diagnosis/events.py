"""An outcome that is yes or no -> how many events are expected in the smaller arm of a column, by the pooled rate."""

from __future__ import annotations

import numpy as np

from lyra.base.arrays import Array, Codes
from lyra.moments.basis import change_of_basis
from lyra.regression.least_squares import Fit
from lyra.robust.diagnosis.arms import arms, cluster_values, column_sums

__all__ = ["expected_events"]

WHOLE = 1e-6  # of one, within which a sum of a cluster is a count


def expected_events(fit: Fit, j: int) -> float | None:
    """Return the pooled rate times the rows of the smaller arm; None where y is no 0 and 1, or the column no two arms.

    The rate is that of both arms together, so that what is expected says nothing of the effect.
    """
    events, smaller = _events(fit), _rows_of_smaller_arm(fit, j)
    return None if events is None or smaller is None else events / fit.N * smaller


def _events(fit: Fit) -> float | None:
    """Return Σy where every y is 0 or 1: Σy² = Σy, and every cluster's sum is a count of its rows."""
    m = fit.moments
    back = change_of_basis(m.T_inverse, m.a, np.eye(m.K), np.zeros(m.K), unit=m.y_unit)
    y, squares = m.ones @ back[:, -1], float(back[:, -1] @ m.total @ back[:, -1])
    counts = _counts(y, m.sizes)
    return float(y.sum()) if counts and abs(squares - y.sum()) < WHOLE * max(1.0, squares) else None


def _rows_of_smaller_arm(fit: Fit, j: int) -> float | None:
    """Return the rows in the smaller arm of a column of 0 and 1, or of two values that are constant in clusters."""
    columns, sizes = column_sums(fit), fit.moments.sizes
    larger = arms(cluster_values(columns, sizes)[:, j])
    if larger is not None:
        return float(min(sizes[larger].sum(), sizes[~larger].sum()))
    ones, squares = columns.sums[:, j], columns.squares[:, j]
    binary = _counts(ones, sizes) and np.allclose(ones, squares, rtol=0.0, atol=WHOLE)
    return float(min(ones.sum(), fit.N - ones.sum())) if binary else None


def _counts(sums: Array, sizes: Codes) -> bool:
    """Whether these sums of clusters are whole numbers from 0 to their rows."""
    whole = np.abs(sums - np.round(sums)) < WHOLE
    return bool((whole & (sums > -WHOLE) & (sums < sizes + WHOLE)).all())
