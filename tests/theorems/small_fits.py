"""Small fits that tests of exact sizes share."""

from __future__ import annotations

import numpy as np

from lyra.moments.moments import Moments
from lyra.regression.least_squares import least_squares

CLUSTERED = ("CV0", "CV1", "CV2", "CV3", "CV3J")


def unequal(G=9, seed=5):
    rng = np.random.default_rng(seed)
    clusters = np.repeat(np.arange(G), rng.integers(3, 9, G))
    N = clusters.size
    X = np.column_stack(
        [np.ones(N), clusters % 3 == 0, rng.normal(size=N) + rng.normal(size=G)[clusters], rng.random(N) < 0.4]
    ).astype(float)
    return rng.normal(size=N), X, clusters


def fitted(y, X, clusters):
    return least_squares(Moments.from_arrays(y, X, clusters))


def a_mean(G, rows=3):
    rng = np.random.default_rng(G)
    return fitted(rng.normal(size=G * rows), np.ones((G * rows, 1)), np.repeat(np.arange(G), rows))


def two_arms(G, treated, rows=4, seed=1):
    clusters = np.repeat(np.arange(G), rows)
    X = np.column_stack([np.ones(clusters.size), clusters < treated]).astype(float)
    return fitted(np.random.default_rng(seed).normal(size=clusters.size), X, clusters)
