"""Replicates held to a regression on the rows of each."""

import warnings

import numpy as np

from lyra.errors import UnidentifiedWarning
from lyra.robust.methods import run_method
from lyra.se import cluster_robust

NO_WEIGHTS = np.empty((0, 0))
METHODS = ("iid", "CV1", "CV2", "CV3")


def on_rows(y, X, clusters, method):
    res = cluster_robust(y, X, clusters=clusters, variant=method)
    return res.coef[-1], res.se[-1], res.pvalue[-1]


def agrees(reps, tables, *, rtol=1e-10):
    """Hold every replicate to a regression on its table; a stratum's dummy in one cluster touches no test."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnidentifiedWarning)
        _agrees(reps, tables, rtol)


def _agrees(reps, tables, rtol):
    for method in METHODS:
        outcome = run_method(reps, method, NO_WEIGHTS)
        said = np.stack([outcome.estimate, outcome.se, outcome.pvalue], axis=1)
        np.testing.assert_allclose(said, [on_rows(*rows, method) for rows in tables], rtol=rtol, atol=1e-11)
