"""What the others say without one cluster, or one row: against fractions, where the rows as they are decide it."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from bench.fuzzing.oracle import Exact
from numpy.testing import assert_allclose

from lyra.errors import ConditionWarning, UnidentifiedWarning
from lyra.moments.moments import Moments
from lyra.regression.least_squares import least_squares
from lyra.robust.others import by_rows, from_sums, lengths
from lyra.robust.spectra import heavy_spectra
from lyra.se import cluster_robust

CLUSTERED = ("CV2", "CV3", "CV3J")


def columns(offset: float, apart: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Two columns, one of a large mean, and a dummy of all rows but those apart: without these it is a constant."""
    N = apart.size
    return np.column_stack([rng.normal(size=N), rng.normal(size=N), offset + rng.normal(size=N), ~apart])


def answered(y, X, clusters, variant):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        res = cluster_robust(y, X, clusters=clusters, variant=variant)
    return res.se, {warning.category for warning in caught}


def exactly(y, X, clusters, variant):
    """The standard errors by fractions; NaN where one does not exist."""
    exact = Exact.of(X.T.tolist(), y.tolist(), clusters.tolist())
    return np.array([np.nan if v is None else float(v.mid()) for v in exact.se(variant)])


@pytest.mark.parametrize("offset", [1e3, 1e5, 1e6, 3e6, 1e7, 1e9])
@pytest.mark.parametrize("variant", [*CLUSTERED, "HC2", "HC3"])
def test_a_column_nearly_constant_without_one_cluster_or_row_is_right_or_told(offset, variant):
    """1 − λ goes from 1e-6 to 1e-18; sums took what is below 1e-13 for zero, and the others' errors were of a third."""
    rng = np.random.default_rng(8)
    clusters = np.arange(54) % 9
    apart = clusters == 4 if variant in CLUSTERED else np.arange(54) == 7
    X, y = columns(offset, apart, rng), rng.normal(size=54)
    se, told = answered(y, X, clusters, variant)
    right = exactly(y, X, clusters, variant)
    assert np.isfinite(right).all()
    if np.isnan(se).any():
        assert UnidentifiedWarning in told
    if ConditionWarning not in told:
        there = ~np.isnan(se)
        assert_allclose(se[there], right[there], rtol=1e-6)


@pytest.mark.parametrize("variant", CLUSTERED)
@pytest.mark.parametrize("shifted", [0.0, 1e6])
def test_a_column_constant_without_one_cluster_leaves_the_others_their_standard_errors(variant, shifted):
    """Zero is told from 1e-18: what one cluster alone carries is lost, and nothing is that has no part in it."""
    rng = np.random.default_rng(8)
    clusters = np.arange(54) % 9
    X, y = columns(shifted, clusters == 4, rng), rng.normal(size=54)
    X[:, 2] = np.where(clusters == 4, X[:, 2], 3.0)
    se, told = answered(y, X, clusters, variant)
    right = exactly(y, X, clusters, variant)
    assert np.isnan(right[2:]).all()
    assert_allclose(se, right, rtol=1e-9)
    assert UnidentifiedWarning in told


@pytest.mark.parametrize("part", [2.0**-10, 2.0**-20, 2.0**-30, 0.0])
def test_a_small_part_in_what_is_lost_is_a_part(part):
    """Without cluster 4 the third column is 3 and a billionth of the first: that one then has no estimate either."""
    rng = np.random.default_rng(8)
    clusters = np.arange(54) % 9
    X, y = columns(0.0, clusters == 4, rng), rng.normal(size=54)
    X[:, 0] = rng.integers(-4, 5, 54)
    X[:, 2] = np.where(clusters == 4, X[:, 2], 3.0 + part * X[:, 0])
    se, told = answered(y, X, clusters, "CV3")
    right = exactly(y, X, clusters, "CV3")
    assert np.isnan(right[0]) == (part > 0.0)
    assert_allclose(se, right, rtol=1e-9)
    assert UnidentifiedWarning in told


def test_rows_hold_a_direction_that_sums_lose():
    rng = np.random.default_rng(1)
    clusters = np.arange(60) % 6
    X = columns(1e8, clusters == 2, rng)
    moments = Moments.from_arrays(rng.normal(size=60), X, clusters)
    fit = least_squares(moments)
    assert [each.nil for each in heavy_spectra(fit) if each.first == 2] == [0.0]
    left = next(each for each in heavy_spectra(fit) if each.first == 2).left[0]
    scaled = X[clusters != 2] @ fit.W  # I − E_g = W'X_(−g)'X_(−g)W
    smallest = np.linalg.svd(scaled, compute_uv=False)[-1] ** 2
    assert_allclose(left.min(), smallest, rtol=1e-5)
    assert 1e-18 < left.min() < 1e-15


def test_a_triangle_of_rows_is_the_factor_of_their_sums():
    rng = np.random.default_rng(2)
    clusters = rng.integers(0, 5, 80)
    X, y = rng.normal(size=(80, 3)) * [1.0, 1e3, 1e-3], rng.normal(size=80)
    fit = least_squares(Moments.from_arrays(y, X, clusters))
    residuals, S = y - X @ fit.coef, lengths(fit)
    parts = np.where(clusters == 1, 0, np.where(clusters == 3, 1, 2))
    blocks = ((parts[i : i + 9], np.column_stack([X, residuals])[i : i + 9]) for i in range(0, 80, 9))
    for g, others in by_rows(fit, blocks, [1, 3]):
        there = clusters != g
        A, scores = X[there].T @ X[there], X[there].T @ residuals[there]
        for each in (others, from_sums(fit, A, scores)):
            order = np.ix_(each.order, each.order)
            assert_allclose(each.lower @ each.lower.T, (A / np.outer(S, S))[order], atol=1e-14)
            assert_allclose(each.lower @ each.t, (scores / S)[each.order], atol=1e-13)
            assert each.rank == 3
            assert each.columns_of_zeros == 0


def test_columns_that_live_in_one_cluster_are_zeros_among_the_others():
    rng = np.random.default_rng(3)
    clusters = np.arange(40) % 5
    X = np.column_stack([np.ones(40), clusters == 2, (clusters == 2) * rng.normal(size=40), rng.normal(size=40)])
    fit = least_squares(Moments.from_arrays(rng.normal(size=40), X, clusters))
    others = X[clusters != 2]
    found = from_sums(fit, others.T @ others, np.zeros(4))
    assert (found.rank, found.columns_of_zeros) == (2, 2)
