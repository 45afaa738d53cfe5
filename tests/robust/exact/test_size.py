"""Exact sizes: against eigenvalues of every row in full, against textbooks, and against simulated rows."""

from __future__ import annotations

import dense_size
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t
from small_fits import a_mean, fitted, two_arms, unequal

from lyra.errors import InputError, NotIdentifiedError
from lyra.robust.exact.coefficient import Coefficient
from lyra.robust.exact.forms import Forms, forms
from lyra.robust.exact.size import one_sided, rejection, size
from lyra.robust.exact.statistic import STATISTICS, statistic
from lyra.robust.exact.worlds import Arms, BySize, Independent, Intercept, LeverageHalf, Slope, SlopeShare
from strategies import regressions


def sizes(fit, j, name, worlds, c):
    about = Coefficient.of(fit, j)
    return rejection(forms(statistic(fit, about, name), about, worlds), c)


# --- the long way --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STATISTICS)
@pytest.mark.parametrize("j", [1, 2, 3])
def test_equals_the_eigenvalues_of_every_row_in_full(name, j):
    y, X, clusters = unequal()
    fit = fitted(y, X, clusters)
    about = Coefficient.of(fit, j)
    P = dense_size.maps(X, clusters, j, name)
    x = X[:, j] - np.delete(X, j, 1) @ np.linalg.lstsq(np.delete(X, j, 1), X[:, j], rcond=None)[0]
    n = np.bincount(clusters)
    cases = {
        Independent(): lambda i: np.eye(i.size),
        Intercept(0.02): lambda i: 0.98 * np.eye(i.size) + 0.02,
        Intercept(0.9): lambda i: 0.1 * np.eye(i.size) + 0.9,
        Slope(1.3, Intercept(0.2)): lambda i: 0.8 * np.eye(i.size) + 0.2 + 1.69 * np.outer(x[i], x[i]),
        BySize(-1.0): lambda i: np.eye(i.size) / i.size * n.mean(),
        LeverageHalf(4.0): lambda i: np.eye(i.size) * (4.0 if about.leverage_half[clusters[i[0]]] else 1.0),
    }
    for c in (0.3, 2.0, 3.5):
        full = [dense_size.size(P, dense_size.blocks(clusters, block), c) for block in cases.values()]
        np.testing.assert_allclose(sizes(fit, j, name, list(cases), c), full, rtol=0, atol=1e-12)


@given(regressions(), st.sampled_from(STATISTICS), st.floats(0.5, 6.0), st.floats(0.0, 0.95))
@settings(max_examples=60, deadline=None)
def test_equals_the_long_way_in_small_regressions(r, name, c, icc):
    order = np.argsort(r.clusters, kind="stable")
    y, X, clusters = r.y[order], r.X[order], r.clusters[order]
    omega = dense_size.blocks(clusters, lambda i: (1 - icc) * np.eye(i.size) + icc)
    j = X.shape[1] - 1
    full = dense_size.size(dense_size.maps(X, clusters, j, name), omega, c)
    fit = fitted(y, X, clusters)
    if np.sum(Coefficient.of(fit, j).leverage > 1e-9) > 1:
        surely = full > 1 - 1e-6  # as many columns as clusters: SE is rounding, and zero eigenvalues known to ε
        found = size(fit, j, name, Intercept(icc), critical_value=c)
        assert found == pytest.approx(full, abs=1e-6 if surely else 1e-8)


@pytest.mark.parametrize("name", STATISTICS)
def test_very_few_clusters_equal_the_long_way(name):
    """Three to five clusters, where the form has no more eigenvalues than its low rank has columns."""
    for seed in range(25):
        rng = np.random.default_rng(seed)
        G = 3 + seed % 3
        clusters = np.repeat(np.arange(G), rng.integers(2, 6, G))
        X = np.column_stack([np.ones(clusters.size), rng.normal(size=clusters.size)])
        fit, omega = fitted(rng.normal(size=clusters.size), X, clusters), np.eye(clusters.size)
        for c in (0.8, 1.0, 2.4):
            full = dense_size.size(dense_size.maps(X, clusters, 1, name), omega, c)
            assert size(fit, 1, name, Independent(), critical_value=c) == pytest.approx(full, abs=1e-8)


def test_many_clusters_equal_the_long_way():
    rng = np.random.default_rng(8)
    clusters = np.repeat(np.arange(120), 4)
    X = np.column_stack([np.ones(480), clusters % 2, rng.normal(size=480)])
    omega = dense_size.blocks(clusters, lambda i: 0.7 * np.eye(i.size) + 0.3)
    full = dense_size.size(dense_size.maps(X, clusters, 2, "CV2"), omega, 1.96)
    fit = fitted(rng.normal(size=480), X, clusters)
    assert size(fit, 2, "CV2", Intercept(0.3), critical_value=1.96) == pytest.approx(full, abs=1e-12)


# --- theorems ------------------------------------------------------------------------------------


@pytest.mark.parametrize("G", [3, 5, 20])
@pytest.mark.parametrize("icc", [0.0, 0.2, 0.95])
def test_a_mean_of_equal_clusters_follows_t(G, icc):
    c = t.ppf(0.975, G - 1)
    fit = a_mean(G)
    exactly = {"CV3": c, "CV3J": c, "CV2": c, "CV0": c * np.sqrt(G / (G - 1))}
    truth = 2.0 * t.sf(c, G - 1)  # the quantile itself is good to 1e-12 before scipy's version 1.17
    for name, value in exactly.items():
        assert size(fit, 0, name, Intercept(icc), critical_value=value) == pytest.approx(truth, abs=1e-12), name


def test_a_mean_of_independent_rows_follows_t_by_cv1():
    G = 12
    fit = a_mean(G, rows=1)
    assert size(fit, 0, "CV1", Independent(), critical_value=t.ppf(0.95, G - 1)) == pytest.approx(0.1, abs=1e-12)


@pytest.mark.parametrize("G", [4, 10, 30])
def test_two_equal_arms_of_equal_clusters_follow_the_pooled_t_by_cv2(G):
    fit = two_arms(G, G // 2)
    for world in (Independent(), Intercept(0.4)):
        c = t.ppf(0.975, G - 2)
        assert size(fit, 1, "CV2", world, critical_value=c) == pytest.approx(2.0 * t.sf(c, G - 2), abs=1e-12)


def test_one_of_two_arms_alone_follows_its_own_t():
    """With one arm all but silent the statistic of CV2 is the other's one-sample t."""
    fit = two_arms(12, 5)
    c = t.ppf(0.975, 4)
    assert size(fit, 1, "CV2", Arms(1e12), critical_value=c) == pytest.approx(0.05, abs=1e-6)


@given(regressions())
@settings(max_examples=30, deadline=None)
def test_cv2_is_unbiased_when_rows_are_independent(r):
    fit = fitted(r.y, r.X, r.clusters)
    about = Coefficient.of(fit, fit.K - 1)
    made = forms(statistic(fit, about, "CV2"), about, [Independent()])
    M = np.linalg.inv(made.inverse[0])
    trace = made.d[0].sum() + np.trace(made.B[0] @ M @ made.B[0].T)
    assert trace == pytest.approx(1.0, rel=1e-9)


@pytest.mark.parametrize("name", ["CV2", "CV3"])
def test_effects_swept_out_or_kept_as_dummies_are_one(name):
    rng = np.random.default_rng(2)
    clusters = np.repeat(np.arange(8), 6)
    x = rng.normal(size=48) + (np.arange(48) % 6 > clusters % 5)
    dummies = (clusters[:, None] == np.arange(8)).astype(float)
    swept = x - np.bincount(clusters, x)[clusters] / 6
    kept = fitted(rng.normal(size=48), np.column_stack([dummies, x]), clusters)
    cut = fitted(rng.normal(size=48), swept[:, None], clusters)
    for world in (Intercept(0.3), SlopeShare(0.6, Intercept(0.3))):
        one, other = (size(f, j, name, world, critical_value=2.1) for f, j in ((kept, 8), (cut, 0)))
        assert one == pytest.approx(other, abs=1e-12)


@pytest.mark.parametrize("name", ["CV0", "CV2", "R1"])
def test_clusters_without_the_column_say_nothing(name):
    """One column, zero in 37 of 40 clusters: three eigenvalues are left, and the size is that of three clusters."""
    rng = np.random.default_rng(6)
    clusters = np.repeat(np.arange(40), 5)
    x = np.where(clusters < 3, rng.normal(size=200), 0.0)[:, None]
    many, few = fitted(rng.normal(size=200), x, clusters), fitted(rng.normal(size=15), x[:15], clusters[:15])
    for c in (0.5, 1.0, 1.5, 4.0):
        one, other = (size(f, 0, name, Intercept(0.2), critical_value=c) for f in (many, few))
        assert one == pytest.approx(other, abs=1e-9)


def drawn(seed):
    """Return what a search of 3,000 small designs was made of: y, X, clusters, a variance, c and an ICC."""
    rng = np.random.default_rng(seed)
    G = rng.integers(3, 8)
    clusters = np.repeat(np.arange(G), rng.integers(1, 6, G))
    N = clusters.size
    columns = [
        rng.normal(size=N) if rng.random() < 0.5 else rng.normal(size=G)[clusters] for _ in range(rng.integers(0, 3))
    ]
    c, icc = [1.0, rng.uniform(0.5, 4)][seed % 2], rng.uniform(0, 0.95)
    return rng.normal(size=N), np.column_stack([np.ones(N), *columns]), clusters, STATISTICS[seed % 6], c, icc


@pytest.mark.parametrize("by_rank_alone", [False, True])
@pytest.mark.parametrize("seed", [661, 1213, 1299, 1664, 2211, 2619, 2857, 2866])
def test_designs_in_which_the_low_rank_loses_digits(seed, by_rank_alone, monkeypatch):
    """Three or four clusters, found by a search: few are taken by their eigenvalues, and rounding is never let grow."""
    y, X, clusters, name, c, icc = drawn(seed)
    if by_rank_alone:
        monkeypatch.setattr(Forms, "few", False)
    omega = dense_size.blocks(clusters, lambda i: (1 - icc) * np.eye(i.size) + icc)
    full = dense_size.size(dense_size.maps(X, clusters, X.shape[1] - 1, name), omega, c)
    found = size(fitted(y, X, clusters), X.shape[1] - 1, name, Intercept(icc), critical_value=c)
    assert found == pytest.approx(full, abs=1e-3 if by_rank_alone else 1e-8)


def test_nothing_depends_on_units_or_on_the_other_columns_basis():
    y, X, clusters = unequal()
    mixed = X.copy()
    mixed[:, 0] = X[:, 0] + 3 * X[:, 3]
    mixed[:, 3] = 1e4 * X[:, 3] - X[:, 1]
    mixed[:, 2] *= 1e-5
    worlds = [Intercept(0.1), SlopeShare(0.6, Intercept(0.1)), LeverageHalf(2.0)]
    for name in STATISTICS:
        one = sizes(fitted(y, X, clusters), 2, name, worlds, 2.2)
        np.testing.assert_allclose(sizes(fitted(y, mixed, clusters), 2, name, worlds, 2.2), one, atol=1e-10)


def test_a_world_twice_is_the_same_world():
    y, X, clusters = unequal()
    world = Intercept(0.2)
    one, twice = sizes(fitted(y, X, clusters), 1, "CV3", [world, world + world], 2.0)
    assert one == pytest.approx(twice, abs=1e-14)


def test_the_variance_of_the_estimate_is_that_of_rows():
    y, X, clusters = unequal()
    fit = fitted(y, X, clusters)
    omega = dense_size.blocks(clusters, lambda i: 0.9 * np.eye(i.size) + 0.1)
    weights = np.linalg.solve(X.T @ X, X.T)
    for j in range(4):
        about = Coefficient.of(fit, j)
        made = forms(statistic(fit, about, "CV1"), about, [Intercept(0.1)])
        assert about.scale**2 * made.variance[0] == pytest.approx(weights[j] @ omega @ weights[j], rel=1e-11)


def test_sizes_fall_from_one_to_nothing():
    fit = two_arms(10, 3)
    for name in STATISTICS:
        at = [size(fit, 1, name, Intercept(0.1), critical_value=c) for c in (0.0, 1e-3, 0.5, 2.0, 3.0, 9.0, 1e3)]
        assert at[0] == 1.0
        assert np.all(np.diff(at) <= 0)
        assert at[-1] < 1e-6


def test_scores_under_the_null_bound_t():
    fit, G = a_mean(9), 9
    assert size(fit, 0, "R1", Independent(), critical_value=3.0) < 1e-12
    assert size(fit, 0, "R1", Independent(), critical_value=3.1) == 0.0
    for level in (0.5, 0.05, 1e-6):
        c = t.isf(level / 2, G - 1)
        restricted = np.sqrt(G * c**2 / (c**2 + G - 1))  # t² = G t_R²/…: one is a function of the other
        assert size(fit, 0, "R1", Intercept(0.3), critical_value=restricted) == pytest.approx(level, rel=1e-8)


def test_small_tails_keep_their_digits():
    c = t.isf(0.5e-9, 7)
    assert size(a_mean(8), 0, "CV2", Independent(), critical_value=c) == pytest.approx(1e-9, rel=1e-6)


def test_the_centred_jackknife_rejects_more():
    y, X, clusters = unequal()
    fit = fitted(y, X, clusters)
    assert (sizes(fit, 1, "CV3J", [Independent()], 2.0) > sizes(fit, 1, "CV3", [Independent()], 2.0)).all()


def test_one_side_is_half_of_two():
    two = np.array([0.1])
    assert one_sided(two, 2.0) == 0.05
    assert one_sided(two, -2.0) == 0.95


# --- simulated rows ------------------------------------------------------------------------------


def test_agrees_with_simulated_rows():
    """48 comparisons of 20,000 draws, each within 4.5 standard errors: a false alarm once in 3,000 seeds."""
    y, X, clusters = unequal(seed=9)
    fit, rng, R = fitted(y, X, clusters), np.random.default_rng(11), 20_000
    n = np.bincount(clusters)
    sd = np.where(clusters % 3 == 0, 2.0, 1.0)
    for world, scale, icc in ((Intercept(0.2), np.ones_like(sd), 0.2), (Arms(4.0, Intercept(0.1)), sd, 0.1)):
        u = np.sqrt(icc) * np.repeat(rng.normal(size=(R, n.size)), n, axis=1) + np.sqrt(1 - icc) * rng.normal(
            size=(R, y.size)
        )
        u *= scale
        for name in STATISTICS:
            z = u @ dense_size.maps(X, clusters, 1, name)
            for c in (1.0, 1.7, 2.3, 3.0):
                p = size(fit, 1, name, world, critical_value=c)
                seen = np.mean(z[:, 0] ** 2 > c**2 * np.sum(z[:, 1:] ** 2, axis=1))
                assert abs(seen - p) <= 4.5 * np.sqrt(max(p * (1 - p), 1e-4) / R), (name, c)


# --- refusals ------------------------------------------------------------------------------------


def test_a_lost_cluster_and_an_unknown_variance_are_refused():
    fit = two_arms(6, 1)
    about = Coefficient.of(fit, 1)
    for name in ("CV2", "CV3", "CV3J"):
        with pytest.raises(NotIdentifiedError) as refused:
            statistic(fit, about, name)
        assert str(refused.value) == (
            f"{name} of {about.term} leaves out one cluster at a time, and without cluster 0 there is no estimate: "
            "read R1, or randomisation inference."
        )
    assert 0 < size(fit, 1, "R1", Independent(), critical_value=1.0) < 1
    with pytest.raises(InputError) as unknown:
        statistic(fit, about, "HC1")
    assert str(unknown.value).startswith("variant='HC1' has no exact size: ")


def test_a_world_without_errors_in_the_estimate_is_refused():
    y, X, clusters = unequal()
    x = X[:, 2:3] - (np.bincount(clusters, X[:, 2]) / np.bincount(clusters))[clusters][:, None]
    with pytest.raises(InputError) as refused:
        size(fitted(y, np.round(x, 1), clusters), 0, "CV1", Slope(0.0, _Nothing()), critical_value=2.0)
    assert str(refused.value) == "The estimate does not vary in one of the worlds: leave it out."


class _Nothing(Independent):
    def covariances(self, about):
        return 0.0 * about.shares
