"""What is zero: residuals that are rounding give no variance, to a fit and to replicates alike, in any unit."""

import warnings

import numpy as np
import pytest

from lyra.errors import LyraWarning
from lyra.robust.methods import certifiable, run_method
from lyra.se import cluster_robust
from lyra.simulation.cells import replicates_of_grams, table_gram

CLUSTERS = np.repeat(np.arange(8), 6)


def rows(noise, unit):
    """Return a regression whose outcome is made of its columns, but for `noise` of its size."""
    rng = np.random.default_rng(0)
    X = np.column_stack([np.ones(48), rng.normal(size=48), np.where(CLUSTERS % 2, 1.0, 0.0)])
    y = X @ [3.0, -1.0, 2.0] + noise * rng.normal(size=48)
    return unit * y, X, CLUSTERS


@pytest.mark.parametrize("unit", [1e-30, 1.0, 1e30])
@pytest.mark.parametrize("method", ["CV1", "CV2", "CV3"])
def test_an_exact_fit_has_no_standard_error(method, unit):
    for noise, gone in ((0.0, True), (1e-6, False)):
        y, X, clusters = rows(noise, unit)
        reps = replicates_of_grams(table_gram((y, X, clusters))[None], y.size)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LyraWarning)
            own = cluster_robust(y, X, clusters=clusters, variant=method).se[-1]
        assert np.isnan(own) == gone
        assert np.isnan(run_method(reps, method, np.empty((0, 8))).se[0]) == gone


@pytest.mark.parametrize("method", certifiable(on_sums=True))
def test_no_method_flags_what_is_rounding(method):
    y, X, clusters = rows(0.0, 1.0)
    reps = replicates_of_grams(table_gram((y, X, clusters))[None], y.size)
    V = np.random.default_rng(1).choice([-1.0, 1.0], (50, 8))
    outcome = run_method(reps, method, V)
    assert np.isnan([outcome.se[0], outcome.pvalue[0], outcome.half_width[0]]).all()
