"""One small experiment used by the tests of single files: 8 clusters, half of them treated."""

from __future__ import annotations

import numpy as np

SIZES = (5, 2, 7, 4, 1, 6, 3, 4)
NAMES = ("one", "treat", "x")


def experiment() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return y (32,), X (32, 3) with columns one, treat, x, and cluster labels a..h."""
    rng = np.random.default_rng(20260301)
    g = rng.permutation(np.repeat(np.arange(len(SIZES)), SIZES))
    X = np.column_stack([np.ones(g.size), g % 2, rng.normal(size=g.size)])
    y = 0.5 * X[:, 1] + X[:, 2] + rng.normal(size=len(SIZES))[g] + rng.normal(size=g.size)
    return y, X, np.array(list("abcdefgh"))[g]
