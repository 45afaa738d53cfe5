"""The exact size of CV1 clustered by windows whose shocks last: against rows, and against the independent route."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t as student

from lyra.data.units import Units
from lyra.designs import Switchback
from lyra.moments.moments import Moments
from lyra.regression.least_squares import least_squares
from lyra.robust.exact.coefficient import Coefficient
from lyra.robust.exact.own_size import own_size
from lyra.robust.exact.windows import LastingShocks, size_clustered_by
from lyra.robust.exact.worlds import Independent, Intercept

G, W = 6, 12
RNG = np.random.default_rng(8)
ROWS = RNG.integers(1, 9, G * W)
CELL = np.repeat(np.arange(G * W), ROWS)
REGION, WINDOW = np.divmod(np.arange(G * W), W)
TREAT = Switchback(3).draw(Units(REGION, window=WINDOW), 2).astype(float)
X = np.column_stack([np.ones(CELL.size), RNG.normal(size=CELL.size), TREAT[CELL]])
FIT = least_squares(Moments.from_arrays(RNG.normal(size=CELL.size), X, CELL).with_tensor())
BLOCKS = REGION * (W // 3) + WINDOW // 3
LEVELS = {"cells": np.arange(G * W), "blocks": BLOCKS, "regions": REGION}


def shocks(**changed):
    return LastingShocks(**({"region": REGION, "window": WINDOW, "share": 0.2, "phi": 0.8} | changed))


def by_rows(codes, told, R):
    """Rejections of CV1 with t(B − 1), rows drawn, regressed and clustered anew."""
    rng = np.random.default_rng(3)
    c = rng.standard_normal((R, G, W))
    for t in range(1, W):
        c[..., t] = told.phi * c[..., t - 1] + np.sqrt(1 - told.phi**2) * c[..., t]
    Y = np.sqrt(told.share) * c.reshape(R, -1)[:, CELL] + np.sqrt(1 - told.share) * rng.standard_normal((R, CELL.size))
    bread = np.linalg.inv(X.T @ X)
    beta = Y @ X @ bread
    scores = (Y - beta @ X.T) * (X @ bread[2])
    B = codes.max() + 1
    sums = scores @ (codes[CELL][:, None] == np.arange(B))
    N, K = X.shape
    se = np.sqrt(B / (B - 1) * (N - 1) / (N - K) * (sums**2).sum(axis=1))
    return float((np.abs(beta[:, 2]) / se > student.ppf(0.975, B - 1)).mean())


@pytest.mark.parametrize("level", LEVELS)
def test_the_size_is_that_of_rows(level):
    """10,000 draws: within 4.5 Monte-Carlo errors, three looks, error rate 2e-5."""
    exact = size_clustered_by(Coefficient.of(FIT, 2), LEVELS[level], shocks())
    found = by_rows(LEVELS[level], shocks(), 10_000)
    assert abs(found - exact) < 4.5 * np.sqrt(exact * (1 - exact) / 10_000)


def test_windows_are_too_fine_and_blocks_are_better():
    fine, blocks, regions = (size_clustered_by(Coefficient.of(FIT, 2), codes, shocks()) for codes in LEVELS.values())
    assert fine > 1.5 * blocks
    assert fine > 1.5 * regions


@pytest.mark.parametrize(("told", "world"), [({"share": 0.0}, Independent()), ({"phi": 0.0}, Intercept(0.2))])
def test_shocks_that_do_not_last_are_the_world_of_independent_clusters(told, world):
    """The route of low rank, which knows independent clusters alone, gives the same number."""
    found = size_clustered_by(Coefficient.of(FIT, 2), np.arange(G * W), shocks(**told))
    assert found == pytest.approx(own_size(FIT, 2, "CV1", world), rel=1e-10)


def test_the_order_of_clusters_changes_nothing():
    turned = np.random.default_rng(5).permutation(G * (W // 3))[BLOCKS]
    about = Coefficient.of(FIT, 2)
    assert size_clustered_by(about, turned, shocks()) == pytest.approx(
        size_clustered_by(about, BLOCKS, shocks()), rel=1e-11
    )
