"""The fitted design itself: cluster sums against the same thing done with rows."""

import numpy as np
import pytest

from agreement import METHODS, NO_WEIGHTS, on_rows
from lyra.moments.moments import Moments
from lyra.regression.least_squares import least_squares
from lyra.robust.methods import run_method
from lyra.simulation.cells import replicates_of_grams, table_gram
from lyra.simulation.from_fit import ModelSource


def fitted(*, K=3, seed=0, sizes=(6, 2, 9, 4, 7, 3, 1, 8)):
    rng = np.random.default_rng(seed)
    clusters = np.repeat(np.arange(len(sizes)), sizes)
    X = rng.standard_normal((clusters.size, K)) + rng.standard_normal((len(sizes), K))[clusters]
    X[:, 0] = 1.0
    y = rng.standard_normal(clusters.size)
    return least_squares(Moments.from_arrays(y, X, clusters).with_tensor()), X, clusters


@pytest.mark.parametrize("param", [1, 2])
def test_the_covariance_of_cluster_sums_is_the_model_s(param):
    # E[c_g c_g'] = σ²(ρ o_g o_g' + (1 − ρ) E_g): by the parts exactly, and 40,000 draws within 5 standard errors.
    fit, _, _ = fitted()
    source = ModelSource(fit, param, 0.3)
    parts = source._parts
    np.testing.assert_allclose(np.einsum("gkj,glj->gkl", parts.C, parts.C)[:, :-1, :-1], parts.E, atol=1e-12)
    np.testing.assert_allclose(parts.E.sum(axis=0), np.eye(3), atol=1e-12)
    sigma2 = fit.rss / (fit.N - fit.K)
    expected = sigma2 * (0.3 * parts.ones[:, :, None] * parts.ones[:, None, :] + 0.7 * parts.E)
    c = source.batch(40_000, np.random.default_rng(1)).c
    products = c[:, :, :, None] * c[:, :, None, :]
    error = products.std(axis=0) / np.sqrt(40_000)
    assert (np.abs(products.mean(axis=0) - expected) <= 5 * error + 1e-12).all()


def absorbed(seed=0, *, G=8, m=9, within=True):
    """Return a fit with a dummy for every cluster, and x varying inside all clusters or only three of them."""
    rng = np.random.default_rng(seed)
    clusters = np.repeat(np.arange(G), m)
    x = np.where(within | (clusters < 3), rng.standard_normal(G * m), 0.0)
    X = np.column_stack([np.ones(G * m), x, clusters[:, None] == np.arange(1, G)])
    return least_squares(Moments.from_arrays(X.sum(axis=1) + rng.standard_normal(G * m), X, clusters).with_tensor())


@pytest.mark.parametrize("within", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_fixed_effects_of_the_clusters_leave_the_sums_whole(seed, within):
    """A coordinate that a cluster does not have is rounding, and is not blown up to hide those it has."""
    fit = absorbed(seed, within=within)
    parts = ModelSource(fit, 1, 0.3)._parts
    wide = np.einsum("gkj,glj->gkl", parts.C, parts.C)
    np.testing.assert_allclose(wide[:, :-1, :-1], parts.E, atol=1e-12)
    np.testing.assert_allclose(wide[:, :-1, -1], parts.ones, atol=1e-11)
    np.testing.assert_allclose(parts.present.sum(axis=1) + parts.outside, parts.n)


@pytest.mark.parametrize("icc", [0.0, 0.6])
@pytest.mark.parametrize("within", [True, False])
def test_the_iid_t_test_holds_its_size_under_absorbed_shocks(icc, within):
    # Effects of the clusters take up the shock, so the test is exact; 20,000 draws, 4.5 standard errors: rate 7e-6.
    reps = ModelSource(absorbed(within=within), 1, icc).batch(20_000, np.random.default_rng(1))
    p = run_method(reps, "iid", NO_WEIGHTS).pvalue
    assert np.mean(p < 0.05) == pytest.approx(0.05, abs=4.5 * np.sqrt(0.05 * 0.95 / 20_000))


def test_a_shock_that_the_effects_take_up_whole_leaves_nothing_computable():
    reps = ModelSource(absorbed(), 1, 1.0).batch(50, np.random.default_rng(1))
    V = np.random.default_rng(2).choice([-1.0, 1.0], (99, 8))
    for method in (*METHODS, "WCR-11", "WCU-11", "WCR-33"):
        outcome = run_method(reps, method, V)
        assert np.isnan(outcome.se).all(), method
        assert np.isnan(outcome.pvalue).all(), method


def model_rows(fit, X, clusters, icc, R, rng):
    sigma = np.sqrt(fit.rss / (fit.N - fit.K))
    alpha = np.sqrt(icc) * rng.standard_normal((R, fit.G))
    eps = np.sqrt(1 - icc) * rng.standard_normal((R, X.shape[0]))
    return sigma * (alpha[:, clusters] + eps)


def test_the_estimate_and_the_sum_of_squares_are_those_of_rows():
    # Means, variances and the covariance of (β̂², y'y) within 4.5 standard errors of 20,000 rows: error rate 6e-5.
    fit, X, clusters = fitted(sizes=(6, 2, 9, 4))
    y = model_rows(fit, X, clusters, 0.4, 20_000, np.random.default_rng(2))
    beta = y @ X @ np.linalg.inv(X.T @ X)
    reps = ModelSource(fit, 2, 0.4).batch(20_000, np.random.default_rng(3))
    rss = np.sum((y - beta @ X.T) ** 2, axis=1)
    pairs = [
        (beta[:, -1] ** 2, reps.estimate**2),
        (np.sum(y * y, axis=1), reps.yy),
        (np.sum(y * y, axis=1) ** 2, reps.yy**2),
        (rss, reps.yy - np.sum(reps.eta**2, axis=1)),
        (rss * beta[:, -1] ** 2, (reps.yy - np.sum(reps.eta**2, axis=1)) * reps.estimate**2),
    ]
    for rows, sums in pairs:
        assert abs(rows.mean() - sums.mean()) < 4.5 * np.sqrt((rows.var() + sums.var()) / 20_000)


@pytest.mark.parametrize("method", METHODS)
def test_a_model_s_replicate_is_its_regression_on_rows(method):
    # Rows with the sums of a replicate: its cluster sums c_g determine everything but the iid residual.
    fit, X, clusters = fitted(sizes=(6, 5, 9, 4, 7))
    y = model_rows(fit, X, clusters, 0.4, 3, np.random.default_rng(2))
    reps = ModelSource(fit, 1, 0.4).batch(3, np.random.default_rng(3))
    order = [0, 2, 1]  # the tested column last
    rows = replicates_of_grams(np.stack([table_gram((each, X[:, order], clusters)) for each in y]), fit.N)
    assert rows.s[0] == pytest.approx(reps.s[0], rel=1e-10)
    outcome = run_method(rows, method, NO_WEIGHTS)
    expected = np.array([on_rows(each, X[:, order], clusters, method) for each in y])
    np.testing.assert_allclose(np.stack([outcome.estimate, outcome.se, outcome.pvalue], axis=1), expected, rtol=1e-9)


def few_treated():
    clusters = np.repeat(np.arange(12), np.arange(4, 28, 2))
    treat = (clusters % 4 == 1).astype(float)
    X = np.column_stack([np.ones(clusters.size), treat])
    return X, clusters


def two_slopes():
    rng = np.random.default_rng(4)
    clusters = np.repeat(np.arange(8), 15)
    X = rng.standard_normal((120, 3)) + rng.standard_normal((8, 3))[clusters]
    X[:, 0] = 1.0
    return X, clusters


@pytest.mark.certify
@pytest.mark.parametrize("design", [few_treated, two_slopes])
def test_sizes_are_those_of_rows(design):
    # 6,000 replicates each way, five methods, within 3 standard errors of their difference: error rate 1.3 % a design,
    # spent once, for both seeds are fixed.
    X, clusters = design()
    G, R = int(clusters.max()) + 1, 6000
    fit = least_squares(
        Moments.from_arrays(np.random.default_rng(0).standard_normal(len(X)), X, clusters).with_tensor()
    )
    y = model_rows(fit, X, clusters, 0.1, R, np.random.default_rng(5))
    grams = np.stack([table_gram((each, X, clusters)) for each in y])
    rows, sums = (
        replicates_of_grams(grams, len(X)),
        ModelSource(fit, X.shape[1] - 1, 0.1).batch(R, np.random.default_rng(6)),
    )
    V = np.random.default_rng(7).choice([-1.0, 1.0], (399, G))
    for method in (*METHODS, "WCR-11"):
        by_rows, by_sums = (np.mean(run_method(reps, method, V).pvalue <= 0.05) for reps in (rows, sums))
        mean = (by_rows + by_sums) / 2
        assert abs(by_rows - by_sums) < 3 * np.sqrt(2 * mean * (1 - mean) / R), method
