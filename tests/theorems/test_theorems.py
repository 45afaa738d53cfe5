"""What must hold of cluster-robust inference whatever the data."""

from __future__ import annotations

import warnings
from dataclasses import replace

import dense
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from lyra import Moments
from lyra.data import rows
from lyra.errors import DroppedColumnsWarning, UnidentifiedWarning
from lyra.moments import sums
from lyra.moments.sums import cross_products
from lyra.regression.least_squares import least_squares
from lyra.robust import spectra
from lyra.robust.inference import Inference, infer
from lyra.robust.jackknife import leave_one_out
from lyra.robust.sandwich import VARIANTS
from lyra.se import cluster_robust
from strategies import LABELLINGS, Regression, conditioned, left_by, regressions

pytestmark = pytest.mark.filterwarnings("ignore::lyra.errors.ConditionWarning")  # random designs may be near one

CLUSTER = ("CV0", "CV1", "CV2", "CV3", "CV3J")
SATTERTHWAITE = ("CV0", "CV1", "CV2", "CV3")
POWERS = {"CV0": 0.0, "CV1": 0.0, "CV2": -0.5, "CV3": -1.0}


def fit(r: Regression, variant: str = "CV1", dof: str | None = None) -> Inference:
    return cluster_robust(r.y, r.X, clusters=r.clusters, variant=variant, dof=dof)


def same(a: Inference, b: Inference, rtol: float = 1e-9) -> None:
    """Both hold the same coefficients, covariance (in units of the standard errors) and degrees of freedom."""
    assert a.names == b.names
    assert_allclose(a.coef, b.coef, rtol=rtol, atol=rtol * b.se.max())
    same_covariance(a.vcov, b.vcov, rtol)
    assert_allclose(a.dof, b.dof, rtol=max(rtol, 1e-8))


def same_covariance(a: np.ndarray, b: np.ndarray, rtol: float = 1e-9) -> None:
    scale = np.sqrt(np.diagonal(b))
    assert_allclose(a / np.outer(scale, scale), b / np.outer(scale, scale), rtol=0, atol=rtol)


def every_row_can_leave(X: np.ndarray) -> bool:
    return conditioned(X) and all(left_by(X, np.arange(len(X)) == i) > 1e-3 for i in range(len(X)))


def a_regression(seed: int = 0, sizes: tuple[int, ...] = (5, 2, 7, 4, 1, 6, 3, 4)) -> Regression:
    rng = np.random.default_rng(seed)
    clusters = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    X = np.column_stack([np.ones(clusters.size), clusters % 2, rng.normal(size=(clusters.size, 2))])
    return Regression(
        X.sum(axis=1) + rng.normal(size=len(sizes))[clusters] + rng.normal(size=clusters.size), X, clusters
    )


# --- the variance family against its definitions ------------------------------------------------


@given(regressions())
def test_covariances_equal_the_textbook_formulas(r):
    for variant, factor in (("CV0", 1.0), ("CV2", 1.0), ("CV3", (r.G - 1) / r.G)):
        same_covariance(fit(r, variant).vcov, factor * dense.covariance(r, POWERS[variant]), 1e-8)


@given(regressions())
def test_cv3_is_the_jackknife_of_explicit_refits(r):
    without = dense.refits(r)
    around, around_mean = without - dense.coefficients(r.y, r.X), without - without.mean(axis=0)
    same_covariance(fit(r, "CV3").vcov, (r.G - 1) / r.G * around.T @ around, 1e-8)
    same_covariance(fit(r, "CV3J").vcov, (r.G - 1) / r.G * around_mean.T @ around_mean, 1e-8)


@given(regressions())
def test_leave_one_out_estimates_are_explicit_refits(r):
    fitted = least_squares(Moments.from_arrays(r.y, r.X, r.clusters))
    assert_allclose(fitted.coef + leave_one_out(fitted) @ fitted.W.T, dense.refits(r), rtol=1e-8, atol=1e-8)


@given(regressions())
def test_satterthwaite_is_that_of_the_matrix_formed_in_full(r):
    for variant in SATTERTHWAITE:
        expected = [dense.satterthwaite(r, contrast, POWERS[variant]) for contrast in np.eye(r.K)]
        assert_allclose(fit(r, variant, "satterthwaite").dof, expected, rtol=1e-7)


@given(regressions())
def test_hc_limits_when_every_row_is_a_cluster(r):
    alone = Regression(r.y, r.X, np.arange(r.N))
    assume(every_row_can_leave(r.X))
    for cluster, row, factor in (
        ("CV0", "HC0", 1.0),
        ("CV1", "HC1", 1.0),
        ("CV2", "HC2", 1.0),
        ("CV3", "HC3", (r.N - 1) / r.N),
    ):
        same_covariance(fit(alone, cluster).vcov, factor * fit(alone, row).vcov)


def expected_covariance(r: Regression, variant: str) -> np.ndarray:
    """Return E[V] under Var(u) = I: V is quadratic in u and knows no Xβ, so E[V(u)] = Σ_i V(e_i)."""
    return sum(fit(Regression(unit, r.X, r.clusters), variant).vcov for unit in np.eye(r.N))


@settings(max_examples=8)
@given(regressions())
def test_cv2_and_hc2_are_unbiased_under_independence(r):
    assume(every_row_can_leave(r.X))
    truth = np.linalg.inv(r.X.T @ r.X)
    for variant in ("CV2", "HC2", "iid"):
        same_covariance(expected_covariance(r, variant), truth)


@settings(max_examples=8)
@given(regressions())
def test_cv0_expects_too_little_and_the_jackknife_too_much(r):
    truth = np.linalg.inv(r.X.T @ r.X)
    for small, large in (
        (expected_covariance(r, "CV0"), truth),
        (truth, expected_covariance(r, "CV3") * r.G / (r.G - 1)),
    ):
        assert np.linalg.eigvalsh(large - small).min() > -1e-9 * np.trace(truth)


@given(regressions())
def test_cv3j_is_at_most_cv3(r):
    gap = fit(r, "CV3").vcov - fit(r, "CV3J").vcov
    assert np.linalg.eigvalsh(gap).min() > -1e-9 * np.trace(fit(r, "CV3").vcov)


@given(st.integers(2, 7), st.integers(2, 7), st.integers(0, 2**32 - 1))
def test_cv2_on_two_arms_is_welch(n0, n1, seed):
    y = np.random.default_rng(seed).normal(size=n0 + n1)
    treat = np.repeat([0.0, 1.0], [n0, n1])
    res = cluster_robust(y, np.column_stack([np.ones(n0 + n1), treat]), clusters=np.arange(n0 + n1), variant="CV2")
    welch = y[:n0].var(ddof=1) / n0 + y[n0:].var(ddof=1) / n1
    dof = (1 / n0 + 1 / n1) ** 2 / (1 / (n0**2 * (n0 - 1)) + 1 / (n1**2 * (n1 - 1)))
    assert res.vcov[1, 1] == pytest.approx(welch, rel=1e-9)
    assert res.dof[1] == pytest.approx(dof, rel=1e-9)


@given(st.integers(4, 9), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_columns_constant_in_clusters_of_one_size_are_a_regression_of_cluster_means(G, n, seed):
    rng = np.random.default_rng(seed)
    Z, outcomes = np.column_stack([np.ones(G), rng.normal(size=G)]), rng.normal(size=(G, n))
    assume(every_row_can_leave(Z))
    many = Regression(outcomes.ravel(), np.repeat(Z, n, axis=0), np.repeat(np.arange(G), n))
    means = Regression(outcomes.mean(axis=1), Z, np.arange(G))
    for cluster, row, factor in (("CV0", "HC0", 1.0), ("CV2", "HC2", 1.0), ("CV3", "HC3", (G - 1) / G)):
        same_covariance(fit(many, cluster).vcov, factor * fit(means, row).vcov)
    assert_allclose(fit(many, "CV2").dof, fit(means, "CV2").dof, rtol=1e-8)


@given(regressions())
def test_every_row_twice_is_no_more_information(r):
    """Clusters are the units: copies inside them change neither CV0, CV2, CV3 nor their degrees of freedom."""
    twice = Regression(np.tile(r.y, 2), np.tile(r.X, (2, 1)), np.tile(r.clusters, 2))
    for variant in ("CV0", "CV2", "CV3", "CV3J"):
        same(fit(twice, variant), fit(r, variant))


# --- what must not matter -----------------------------------------------------------------------


@given(regressions(), st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter(r, random):
    order = random.sample(range(r.N), r.N)
    shuffled = Regression(r.y[order], r.X[order], r.clusters[order])
    for variant in VARIANTS:
        same_or_both_nan(fit_quietly(shuffled, variant), fit_quietly(r, variant))


def fit_quietly(r: Regression, variant: str, dof: str | None = None) -> Inference:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnidentifiedWarning)
        return fit(r, variant, dof)


def same_or_both_nan(a: Inference, b: Inference) -> None:
    assert np.array_equal(np.isnan(a.se), np.isnan(b.se))
    known = ~np.isnan(b.se)
    assert_allclose(a.coef, b.coef, rtol=1e-9, atol=1e-9)
    same_covariance(a.vcov[np.ix_(known, known)], b.vcov[np.ix_(known, known)])
    assert_allclose(a.dof[known], b.dof[known], rtol=1e-8)


@pytest.mark.parametrize("labelling", LABELLINGS)
@given(r=regressions())
@settings(max_examples=5)
def test_labels_do_not_matter(labelling, r):
    labels = LABELLINGS[labelling](r.clusters)
    for variant in ("CV1", "CV2", "CV3"):
        same(cluster_robust(r.y, r.X, clusters=labels, variant=variant), fit(r, variant))


def test_labels_of_tables_do_not_matter():
    import pandas as pd
    import polars as pl

    r = a_regression()
    words = [f"city {k}" for k in r.clusters]
    for labels in (
        pd.Series(r.clusters),
        pd.Series(words),
        pd.Series(r.clusters, dtype="Int64"),
        pd.Categorical(words, categories=sorted(set(words), reverse=True)),
        pd.Series(words, dtype="category"),
        pd.to_datetime(pd.Series(r.clusters), unit="D"),
        pl.Series(words),
        pl.Series(words, dtype=pl.Categorical),
        pl.Series(r.clusters),
    ):
        same(cluster_robust(r.y, r.X, clusters=labels, variant="CV2"), fit(r, "CV2"), 1e-12)


@given(regressions(), st.integers(-6, 6), st.lists(st.integers(-6, 6), min_size=4, max_size=4))
def test_units_do_not_matter(r, power, powers):
    unit, units = 10.0**power, 10.0 ** np.array(powers[: r.K])
    scaled = Regression(r.y * unit, r.X * units, r.clusters)
    for variant in CLUSTER:
        new, old = fit(scaled, variant), fit(r, variant)
        assert_allclose(new.coef, old.coef * unit / units, rtol=1e-8, atol=1e-9 * np.max(old.se) * unit / units.min())
        same_covariance(new.vcov, old.vcov * unit**2 / np.outer(units, units), 1e-8)
        assert_allclose(new.dof, old.dof, rtol=1e-8)
        assert_allclose(new.pvalue, old.pvalue, rtol=1e-6, atol=1e-12)


@given(regressions(), st.integers(0, 2**32 - 1))
def test_other_columns_of_the_same_span_are_the_same_regression(r, seed):
    M = np.random.default_rng(seed).normal(size=(r.K, r.K))
    assume(np.linalg.cond(M) < 100)
    turned = Regression(r.y, r.X @ M, r.clusters)
    for variant in CLUSTER:
        new, old = fit(turned, variant), fit(r, variant)
        assert_allclose(M @ new.coef, old.coef, rtol=1e-7, atol=1e-8)
        same_covariance(M @ new.vcov @ M.T, old.vcov, 1e-7)


@given(
    regressions(integers=True), st.sampled_from([0, 1]), st.lists(st.sampled_from([0, 1, -3]), min_size=3, max_size=3)
)
def test_offsets_of_1e8_lose_nothing(r, lift, lifts):
    """Whole numbers stay exact when shifted, so the slopes must come out the same."""
    far = Regression(r.y + 1e8 * lift, r.X + 1e8 * np.array([0, *lifts])[: r.K], r.clusters)
    for variant in CLUSTER:
        new, old = fit(far, variant), fit(r, variant)
        assert_allclose(new.coef[1:], old.coef[1:], rtol=1e-9, atol=1e-9 * old.se.max())
        if r.K > 1:
            same_covariance(new.vcov[1:, 1:], old.vcov[1:, 1:])
        assert_allclose(new.dof[1:], old.dof[1:], rtol=1e-8)
    for variant in ("iid", "HC0", "HC1"):
        same_covariance(fit(far, variant).vcov[1:, 1:], fit(r, variant).vcov[1:, 1:])


# --- moments: shards, subsets, blocks -----------------------------------------------------------


@given(regressions(), st.integers(2, 4), st.integers(0, 2**32 - 1))
def test_shards_added_are_the_whole(r, shards, seed):
    """Labels are united, a cluster may be spread over shards, and a shard may be a single row."""
    where = np.random.default_rng(seed).integers(0, shards, r.N)
    parts = [Moments.from_arrays(r.y[where == s], r.X[where == s], r.clusters[where == s]) for s in np.unique(where)]
    total = sum(parts[1:], start=parts[0])
    assert total.labels.tolist() == np.unique(r.clusters).tolist()
    for variant in CLUSTER:
        same(infer(least_squares(total), variant=variant), fit(r, variant), 1e-8)


@pytest.mark.parametrize("first_lift", [0.0, 1e8])
@pytest.mark.parametrize("y_lift", [0.0, 1e8])
def test_shards_in_different_bases_add(first_lift, y_lift):
    """One shard at an offset of 1e8 is stored in shifted columns; the sum is the fit of all rows."""
    r = a_regression()
    first = r.clusters < 4
    X = np.round(8 * r.X)
    X[:, 0] = 1.0
    X[first, 3] += first_lift
    X[~first, 3] += 1e8
    y = np.round(8 * r.y) + y_lift
    part = Moments.from_arrays(y[first], X[first], r.clusters[first])
    other = Moments.from_arrays(y[~first], X[~first], r.clusters[~first])
    assert not np.array_equal(part.T_inverse, other.T_inverse)
    for total in (part + other, other + part):
        for variant in CLUSTER:
            new, old = infer(least_squares(total), variant=variant), fit(Regression(y, X, r.clusters), variant)
            assert_allclose(new.coef[1:] / old.se[1:], old.coef[1:] / old.se[1:], rtol=0, atol=1e-9)
            same_covariance(new.vcov[1:, 1:], old.vcov[1:, 1:])


@given(regressions(refits=False), st.sampled_from([0.0, 1e6]), st.data())
def test_subset_and_drop_are_the_fit_on_those_rows(r, lift, data):
    """Also where columns become collinear on those rows, and y was stored as what X leaves of it."""
    keep = data.draw(st.sets(st.sampled_from(range(r.G)), min_size=2), label="kept")
    inside = np.isin(r.clusters, list(keep))
    part = Regression(r.y[inside] + lift, r.X[inside], r.clusters[inside])
    singular = np.linalg.svd(part.X, compute_uv=False)
    assume(inside.sum() > r.K and np.all((singular > 1e-2) | (singular < 1e-12)) and np.ptp(part.y) > 0)
    whole = Moments.from_arrays(r.y + lift, r.X, r.clusters)
    dropped = whole
    for g in set(range(r.G)) - keep:
        dropped = dropped.drop(g)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DroppedColumnsWarning)
        warnings.simplefilter("ignore", UnidentifiedWarning)  # on few rows every score may be zero
        for variant in ("CV0", "CV1"):
            expected = fit(part, variant)
            assume(np.all(expected.se > 1e-6))
            same(infer(least_squares(whole.subset(keep)), variant=variant), expected, 1e-7)
            same(infer(least_squares(dropped), variant=variant), expected, 1e-7)


def nearly_collinear(r: Regression) -> Regression:
    extra = r.X[:, 2] + 1e-4 * np.random.default_rng(1).normal(size=r.N)
    return Regression(r.y, np.column_stack([r.X, extra]), r.clusters)


@pytest.mark.parametrize("turn", [lambda r: r, nearly_collinear], ids=["as it is", "orthogonalised"])
@pytest.mark.parametrize("effect", [0.0, 1e4], ids=["noisy", "nearly explained"])
def test_a_subset_that_loses_a_column_keeps_the_others_right(turn, effect):
    """A y nearly explained is stored as ỹ = y − Xa; a column that leaves takes its part of a and of the basis."""
    r = turn(a_regression())
    treated, y = np.isin(r.clusters, [1, 3, 5, 7]), r.y + effect * (r.X[:, 1] + r.X[:, 2])
    m = Moments.from_arrays(y, r.X, r.clusters)
    assert m.a.any() == bool(effect)
    assert np.array_equal(m.T_inverse, np.eye(r.K)) == (r.K == 4)
    with pytest.warns(DroppedColumnsWarning, match="x1"):
        part = least_squares(m.subset([1, 3, 5, 7]))
    left = np.delete(r.X, 1, axis=1)
    assert part.names == ("x0", *(f"x{j}" for j in range(2, r.K)))
    assert_allclose(part.coef, dense.coefficients(y[treated], left[treated]), rtol=1e-8)
    expected = cluster_robust(y[treated], left[treated], clusters=r.clusters[treated])
    same_covariance(infer(part).vcov, expected.vcov, 1e-7)


def test_shards_in_different_orthogonal_bases_add():
    r = nearly_collinear(a_regression())
    first = r.clusters < 4
    part, other = (Moments.from_arrays(r.y[s], r.X[s], r.clusters[s]) for s in (first, ~first))
    assert not np.allclose(part.T_inverse, np.diag(np.diagonal(part.T_inverse)))
    assert not np.allclose(part.T_inverse, other.T_inverse)
    for total in (part + other, other + part):
        for variant in CLUSTER:
            same(infer(least_squares(total), variant=variant), fit(r, variant), 1e-7)


def test_blocks_of_clusters_equal_the_whole_tensor(monkeypatch):
    r = a_regression(sizes=(2, 1, 3, 2, 1, 2, 2, 1, 3, 2, 2, 1))
    whole = {variant: fit(r, variant) for variant in CLUSTER}
    htz = whole["CV2"].wald(np.eye(4)[1:3])
    monkeypatch.setattr(sums, "BLOCK_BYTES", 500)
    monkeypatch.setattr(spectra, "KEPT_BYTES", 0)
    assert len(list(Moments.from_arrays(r.y, r.X, r.clusters).blocks())) > 4
    for variant, expected in whole.items():
        same(fit(r, variant), expected, 1e-12)
    assert fit(r, "CV2").wald(np.eye(4)[1:3]).df_denom == pytest.approx(htz.df_denom, rel=1e-12)


@given(regressions(refits=False), st.integers(1, 7), st.data())
def test_both_paths_of_cross_products_give_the_sums(r, rows_per_block, data):
    start = data.draw(st.integers(0, r.G - 1), label="first cluster")
    clusters = slice(start, data.draw(st.integers(start + 1, r.G), label="last cluster"))
    W = np.column_stack([r.X, r.y])
    expected = np.array([W[r.clusters == g].T @ W[r.clusters == g] for g in range(clusters.start, clusters.stop)])
    source = rows.ArrayRows(r.clusters.astype(np.int32), r.X, r.y)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sums, "RUN", rows_per_block)
        patch.setattr(sums, "ROWS_PER_BLOCK", rows_per_block)
        for most_runs in (0, 2048):
            patch.setattr(sums, "MOST_RUNS", most_runs)
            got = cross_products(source, lambda X, y: (X, y), clusters, G=r.G)
            assert_allclose(got, expected, rtol=1e-12, atol=1e-12)


def test_a_table_read_in_many_blocks_is_the_same_table(monkeypatch):
    r = a_regression()
    whole = {variant: fit(r, variant) for variant in VARIANTS if variant not in {"HC2", "HC3"}}
    monkeypatch.setattr(sums, "ROWS_PER_BLOCK", 5)
    monkeypatch.setattr(rows.ArrayRows.blocks, "__defaults__", (5,))
    for variant, expected in whole.items():
        same(fit(r, variant), expected, 1e-12)


# --- cluster dummies, joint tests ---------------------------------------------------------------


def with_dummies(r: Regression) -> tuple[np.ndarray, np.ndarray]:
    """Return the columns with cluster dummies and the same columns less their cluster means."""
    D = (r.clusters[:, None] == np.unique(r.clusters)[1:]).astype(float)
    X = r.X[:, 2:]
    means = np.array([X[r.clusters == g].mean(axis=0) for g in range(r.G)])
    return np.column_stack([r.X[:, 0], D, X]), X - means[r.clusters]


@pytest.mark.parametrize("variant", ["CV2", "CV3", "CV3J"])
def test_cluster_dummies_are_demeaned_columns(variant):
    r = a_regression()
    dummies, demeaned = with_dummies(r)
    with pytest.warns(UnidentifiedWarning):
        full = cluster_robust(r.y, dummies, clusters=r.clusters, variant=variant, dof="G-1")
    focal = cluster_robust(r.y, demeaned, clusters=r.clusters, variant=variant, dof="G-1")
    assert np.isnan(full.se).tolist() == [True] * r.G + [False] * 2
    assert_allclose(full.coef[r.G :], focal.coef, rtol=1e-10)
    same_covariance(full.vcov[r.G :, r.G :], focal.vcov)
    assert np.isnan(full.pvalue[: r.G]).all()
    assert np.isnan(full.conf_int()[: r.G]).all()


def test_cluster_dummies_leave_dof_and_joint_tests_alone():
    r = a_regression()
    dummies, demeaned = with_dummies(r)
    with pytest.warns(UnidentifiedWarning):
        full = cluster_robust(r.y, dummies, clusters=r.clusters, variant="CV2")
    focal = cluster_robust(r.y, demeaned, clusters=r.clusters, variant="CV2")
    assert_allclose(full.dof[r.G :], focal.dof, rtol=1e-9)
    joint, alone = full.wald(np.eye(r.G + 2)[r.G :]), focal.wald(np.eye(2))
    assert joint.statistic == pytest.approx(alone.statistic, rel=1e-9)
    assert joint.df_denom == pytest.approx(alone.df_denom, rel=1e-9)


@given(regressions())
def test_htz_of_one_restriction_is_the_t_test(r):
    res = fit(r, "CV2")
    for j in range(r.K):
        test = res.wald(np.eye(r.K)[j])
        assert test.method == "HTZ"
        assert test.statistic == pytest.approx(res.statistic[j] ** 2, rel=1e-8)
        assert test.df_denom == pytest.approx(res.dof[j], rel=1e-7)
        assert test.pvalue == pytest.approx(res.pvalue[j], rel=1e-5, abs=1e-12)


@given(regressions(), st.integers(0, 2**32 - 1))
def test_joint_tests_do_not_depend_on_how_the_null_is_written(r, seed):
    rng = np.random.default_rng(seed)
    q = min(2, r.K, r.G - 1)
    R, value, M = rng.normal(size=(q, r.K)), rng.normal(size=q), rng.normal(size=(q, q))
    assume(np.linalg.cond(M) < 50 and np.linalg.cond(R) < 50)
    for variant, method in (("CV1", "F"), ("CV1", "chi2"), ("CV2", "HTZ"), ("CV3", "F")):
        res = fit(r, variant)
        V = R @ res.vcov @ R.T
        assume(np.linalg.cond(V) < 1e8)
        one, other = res.wald(R, value, method=method), res.wald(M @ R, M @ value, method=method)
        assert one.statistic == pytest.approx(other.statistic, rel=1e-6, nan_ok=True)
        assert one.df_denom == pytest.approx(other.df_denom, rel=1e-6)


@given(regressions())
def test_intervals_hold_what_the_test_does_not_reject(r):
    res = fit(r, "CV2")
    low, high = res.conf_int(0.9).T
    for edge in (low, high):
        statistic = (res.coef - edge) / res.se
        same_law = replace(res, coef=statistic * res.se)
        assert_allclose(same_law.pvalue, 0.1, rtol=1e-7)
