"""What is zero but for rounding, and what keeps too few digits: against fractions."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from bench.fuzzing.oracle import Exact
from numpy.testing import assert_allclose

from lyra.errors import UnidentifiedWarning
from lyra.se import cluster_robust


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("dominance", [1e2, 1e4, 1e6, 1e8, 1e9, 1e10, 1e11])
def test_scores_that_cancel_keep_six_digits_or_are_not_given(dominance, seed):
    """A dummy takes up one cluster, and a column that lives in the other all but 1/dominance of what it says."""
    rng, g = np.random.default_rng(seed), np.arange(60) % 2
    x = rng.normal(size=60) * np.where(g == 0, dominance, 1.0)
    X, y = np.column_stack([np.ones(60), x, g == 1]).astype(float), rng.normal(size=60)
    right = np.array([float(v.mid()) for v in Exact.of(X.T.tolist(), y.tolist(), g.tolist()).se("CV1")])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        se = cluster_robust(y, X, clusters=g, variant="CV1").se
    given = ~np.isnan(se)
    assert_allclose(se[given], right[given], rtol=1e-6)
    assert given.all() == (UnidentifiedWarning not in {warning.category for warning in caught})
    assert given.all() or dominance > 1e6
