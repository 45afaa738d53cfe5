"""The kernel: many replicates at once give what one regression on rows gives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lyra.robust.methods import METHODS, run_method
from lyra.robust.replicates import Replicates
from lyra.se import cluster_robust
from lyra.simulation.cells import replicates_of_grams, table_gram

NO_WEIGHTS = np.empty((0, 0))
EXACT = {"rtol": 1e-10, "atol": 1e-12}

# What one replicate is by rows

ANALYTIC = [name for name, method in METHODS.items() if method.of_replicates is not None]
WILD = [name for name, method in METHODS.items() if method.draws is not None]


def table(rng, *, K, sizes=(9, 4, 14, 6, 11, 5, 8), treatment="rows"):
    """Return y, X and clusters of unequal sizes; the tested column last, continuous or binary by cluster."""
    clusters = np.repeat(np.arange(len(sizes)), sizes)
    N = clusters.size
    shared = rng.standard_normal((len(sizes), K))
    X = rng.standard_normal((N, K)) + shared[clusters]
    X[:, 0] = 1.0
    if treatment == "clusters":
        X[:, -1] = (np.arange(len(sizes)) % 2 == 0)[clusters]
    y = X[:, 1:].sum(axis=1) + rng.standard_normal(N) + rng.standard_normal(len(sizes))[clusters] + 100.0
    return y, X, clusters


def replicates(*tables):
    return replicates_of_grams(np.stack([table_gram(each) for each in tables]), tables[0][0].size)


def by_rows(rows, method):
    y, X, clusters = rows
    variant, dof = ("CV1", "normal") if method == "CV1-normal" else (method, None)
    res = cluster_robust(y, X, clusters=clusters, variant=variant, dof=dof)
    half = np.diff(res.conf_int()[-1])[0] / 2
    return res.coef[-1], res.se[-1], res.pvalue[-1], half


def said(outcome):
    return np.stack([outcome.estimate, outcome.se, outcome.pvalue, outcome.half_width], axis=1)


@pytest.mark.parametrize("treatment", ["rows", "clusters"])
@pytest.mark.parametrize("K", [2, 3, 5])
@pytest.mark.parametrize("method", ANALYTIC)
def test_every_replicate_is_its_regression_on_rows(method, K, treatment):
    rng = np.random.default_rng(K)
    tables = [table(rng, K=K, treatment=treatment) for _ in range(4)]
    expected = [by_rows(rows, method) for rows in tables]
    np.testing.assert_allclose(said(run_method(replicates(*tables), method, NO_WEIGHTS)), expected, **EXACT)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    sizes=st.lists(st.integers(3, 12), min_size=4, max_size=9),
    K=st.integers(2, 4),
    shift=st.floats(-1e3, 1e3),
)
def test_any_sizes_and_any_scale(seed, sizes, K, shift):
    y, X, clusters = table(np.random.default_rng(seed), K=K, sizes=sizes)
    rows = (y + shift, X, clusters)
    reps = replicates(rows)
    for method in ("CV1", "CV2", "CV3"):
        outcome = run_method(reps, method, NO_WEIGHTS)
        np.testing.assert_allclose(said(outcome)[0], by_rows(rows, method), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("K", [2, 4])
@pytest.mark.parametrize("method", ["iid", "CV1", "CV2", "CV3"])
def test_a_shift_is_the_effect_added_to_the_outcome(method, K):
    y, X, clusters = rows = table(np.random.default_rng(K), K=K)
    shifted = replicates(rows).shifted(0.7)
    expected = by_rows((y + 0.7 * X[:, -1], X, clusters), method)
    np.testing.assert_allclose(said(run_method(shifted, method, NO_WEIGHTS))[0], expected, **EXACT)


def test_a_shift_of_nothing_is_the_same():
    reps = replicates(table(np.random.default_rng(0), K=2))
    assert reps.shifted(0.0) is reps
    back = reps.shifted(0.3).shifted(-0.3)
    np.testing.assert_allclose(back.c, reps.c, **EXACT)
    np.testing.assert_allclose(back.yy, reps.yy, rtol=1e-12)


# The bootstrap against one written with rows and refits


def ols(y, X):
    return np.linalg.lstsq(X, y, rcond=None)[0]


def t_statistic(y, X, clusters, null, *, cv3):
    """Return (β̂_K − null)/se, CV1 by scores and CV3 by leaving each cluster out, both without a factor."""
    beta = ols(y, X)
    labels = np.unique(clusters)
    if cv3:
        moves = [ols(y[clusters != g], X[clusters != g])[-1] - beta[-1] for g in labels]
    else:
        last = np.linalg.inv(X.T @ X)[-1]
        moves = [last @ X[clusters == g].T @ (y - X @ beta)[clusters == g] for g in labels]
    return (beta[-1] - null) / np.sqrt(np.sum(np.square(moves)))


def naive_pvalue(rows, V, kind):
    y, X, clusters = rows
    model = X[:, :-1] if kind.restricted else X
    beta = ols(y, model)
    u = y - model @ beta
    if kind.jackknife:
        inverse = np.linalg.inv(model.T @ model)
        for g in np.unique(clusters):
            own = clusters == g
            u[own] = np.linalg.solve(np.eye(own.sum()) - model[own] @ inverse @ model[own].T, u[own])
    centre = 0.0 if kind.restricted else beta[-1]
    observed = abs(t_statistic(y, X, clusters, 0.0, cv3=kind.cv3))
    drawn = [t_statistic(model @ beta + v[clusters] * u, X, clusters, centre, cv3=kind.cv3) for v in V]
    return np.mean(np.abs(drawn) >= observed * (1 - 1e-8))


@pytest.mark.parametrize("K", [2, 3])
@pytest.mark.parametrize("treatment", ["rows", "clusters"])
@pytest.mark.parametrize("name", WILD)
def test_a_bootstrap_is_one_by_rows_and_refits(name, treatment, K):
    rng = np.random.default_rng(K)
    tables = [table(rng, K=K, treatment=treatment) for _ in range(3)]
    tables = [(y - X[:, -1], X, clusters) for y, X, clusters in tables]  # the null is true
    signs = rng.choice([-1.0, 1.0], (60, 7))
    webb = signs * np.sqrt(rng.choice([0.5, 1.0, 1.5], (60, 7)))
    for V in (signs, webb):
        expected = [naive_pvalue(rows, V, METHODS[name].draws) for rows in tables]
        outcome = run_method(replicates(*tables), name, V)
        np.testing.assert_allclose(outcome.pvalue, expected, atol=1e-12)
        assert ((outcome.pvalue > 0) & (outcome.pvalue < 1)).sum() >= 2


def test_the_sample_among_its_own_draws_is_a_tie():
    # Under v = 1 the restricted bootstrap is the sample: whatever the rounding, p is never below 1/B.
    rng = np.random.default_rng(1)
    reps = replicates(*(table(rng, K=3) for _ in range(200))).shifted(50.0)
    V = np.ones((1, 7))
    for name in ("WCR-11", "WCR-13"):
        np.testing.assert_array_equal(run_method(reps, name, V).pvalue, 1.0)


def test_the_half_width_of_a_bootstrap_is_where_its_p_value_crosses_one_in_twenty():
    rng = np.random.default_rng(2)
    reps = replicates(*(table(rng, K=2) for _ in range(200)))
    V = rng.choice([-1.0, 1.0], (399, 7))
    outcome = run_method(reps, "WCR-11", V)
    inside = np.abs(outcome.estimate) <= outcome.half_width * (1 + 1e-9)
    np.testing.assert_array_equal(inside, outcome.pvalue > 0.05)
    assert 0 < np.count_nonzero(inside) < 200


# What is not computable


def one_treated(K):
    y, X, clusters = table(np.random.default_rng(3), K=K)
    X[:, -1] = clusters == 2
    return y, X, clusters


@pytest.mark.parametrize("K", [2, 3])
def test_one_treated_cluster_leaves_cv1_and_nothing_that_leaves_it_out(K):
    rows = one_treated(K)
    reps = replicates(rows, table(np.random.default_rng(5), K=K))
    V = np.random.default_rng(0).choice([-1.0, 1.0], (20, 7))
    for method in ("CV2", "CV3", "WCR-13", "WCR-33"):
        outcome = run_method(reps, method, V)
        np.testing.assert_array_equal(np.isnan(outcome.se), [True, False])
        np.testing.assert_array_equal(np.isnan(outcome.pvalue), [True, False])
    for method in ("iid", "CV1", "CV1-normal"):
        np.testing.assert_allclose(said(run_method(reps, method, V))[0], by_rows(rows, method), **EXACT)
    for method in ("WCR-11", "WCR-31", "WCU-11"):
        expected = naive_pvalue(rows, V, METHODS[method].draws)
        np.testing.assert_allclose(run_method(reps, method, V).pvalue[0], expected, atol=1e-12)


@pytest.mark.parametrize("K", [2, 3])
def test_a_covariate_that_lives_in_one_cluster_does_not_touch_the_test(K):
    # The dummy of one cluster: without it the test is identified, as `cluster_robust` says too.
    y, X, clusters = table(np.random.default_rng(3), K=K)
    X = np.column_stack([X[:, :-1], clusters == 2, X[:, -1]])
    rows = (y, X, clusters)
    for method in ("CV2", "CV3"):
        with pytest.warns(UserWarning, match="leave"):
            expected = by_rows(rows, method)
        np.testing.assert_allclose(said(run_method(replicates(rows), method, NO_WEIGHTS))[0], expected, rtol=1e-9)


@pytest.mark.parametrize("arm", [0.0, 1.0])
@pytest.mark.parametrize("K", [2, 3])
def test_an_empty_arm_is_not_computable_by_anything(K, arm):
    rng = np.random.default_rng(6)
    y, X, clusters = table(rng, K=K)
    X[:, -1] = arm
    reps = replicates((y, X, clusters), table(rng, K=K))
    V = rng.choice([-1.0, 1.0], (20, 7))
    for method in (*ANALYTIC, *WILD):
        outcome = said(run_method(reps, method, V))
        assert np.isnan(outcome[0]).all()
        assert np.isfinite(outcome[1]).all()


def test_clusters_and_columns_are_counted():
    reps = replicates(table(np.random.default_rng(0), K=3))
    assert isinstance(reps, Replicates)
    assert (reps.G, reps.K, reps.N) == (7, 3, 57)
    np.testing.assert_allclose(reps.E.E.sum(axis=1)[0], np.eye(3), atol=1e-12)
