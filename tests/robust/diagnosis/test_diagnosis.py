"""Leverage, influence, effective clusters: outside figures, refits, invariances, and the words."""

import copy
import csv
import json
import pickle
import warnings
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lyra import Moments
from lyra.regression.least_squares import least_squares
from lyra.robust.diagnosis.diagnosis import diagnose

REFERENCE = Path(__file__).parents[2] / "reference"
UNWEIGHTED = sorted(path.stem for path in (REFERENCE / "dense").glob("*.json") if not path.stem.endswith("-w"))
# Collinear to a part in 1e8: the stored leverages lost half their digits; exact fractions below stand in for them.
STABLE = [case for case in UNWEIGHTED if case != "syn-collinear8"]


def read(folder, case):
    return json.loads((REFERENCE / folder / f"{case}.json").read_text())


def arrays(case):
    """Return y, X, labels, names of a reference case."""
    told = read("cases", case)
    with (REFERENCE / "data" / Path(told["data"]).name).open() as file:
        table = {name: np.array(values, dtype=float) for name, *values in zip(*csv.reader(file), strict=True)}
    columns = {"(Intercept)": np.ones(told["N"])}
    for term in told["terms"][1:]:
        if term.startswith("C("):
            name = term[2:-1]
            levels = np.unique(table[name])[1:]
            columns |= {f"factor({name}){level:g}": (table[name] == level).astype(float) for level in levels}
        else:
            columns[term] = table[term]
    return table[told["y"]], np.column_stack(list(columns.values())), table[told["cluster"]], list(columns)


def fitted(y, X, labels, names=None):
    return least_squares(Moments.from_arrays(y, X, labels, names=names))


def diagnosed(case):
    return diagnose(fitted(*arrays(case)))


def positions(diagnosis, names):
    return [diagnosis.names.index(name) for name in names]


# --- outside figures ----------------------------------------------------------------------------


@pytest.mark.parametrize("case", STABLE)
def test_leverage_of_an_independent_implementation(case):
    ours, theirs = diagnosed(case), read("dense", case)
    assert ours.cluster_labels.tolist() == theirs["cluster_order"]
    np.testing.assert_allclose(ours.leverage, theirs["leverage_g"], rtol=1e-9)
    focal = positions(ours, read("cases", case)["focal"])
    np.testing.assert_allclose(ours.partial_leverage[:, focal].T, theirs["partial_leverage"], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("case", STABLE)
def test_effective_clusters_of_an_independent_implementation(case):
    ours = diagnosed(case)
    for told in read("dense", case)["Gstar_CSS"]:
        (j,) = positions(ours, [told["param"]])
        theirs = [told["Gstar_rho0"], np.nan if told["Gstar_rho1"] is None else told["Gstar_rho1"]]
        np.testing.assert_allclose([ours.effective_clusters[rho][j] for rho in (0, 1)], theirs, rtol=1e-9)


@pytest.mark.parametrize("case", [case for case in STABLE if case != "grunfeld-firmfe"])
def test_summclust(case):
    """Left out: grunfeld-firmfe, where summclust's pseudo-inverse loses directions (the dense figures hold there)."""
    ours, theirs = diagnosed(case), read("cases", case)["results"]["summclust"]["detail"]
    order = np.argsort(theirs["cluster_order"])
    np.testing.assert_allclose(ours.leverage, np.array(theirs["leverage_g"])[order], rtol=1e-9)
    partial = positions(ours, theirs["partial_leverage_rows"])
    np.testing.assert_allclose(
        ours.partial_leverage[:, partial].T, np.array(theirs["partial_leverage"])[:, order], rtol=1e-8, atol=1e-10
    )
    moved = positions(ours, theirs["beta_jack_rows"])
    np.testing.assert_allclose(
        ours.influence[:, moved].T, np.array(theirs["beta_jack"])[:, order], rtol=1e-9, atol=1e-12
    )
    np.testing.assert_allclose(ours.cv_sizes, theirs["coefvar_N_g"], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(ours.cv_leverage, theirs["coefvar_leverage"], rtol=1e-9)
    np.testing.assert_allclose(ours.cv_partial_leverage[partial], theirs["coefvar_partial_leverage"], rtol=1e-9)


def _exact_leverages(X, labels):
    """tr X_g'X_g (X'X)⁻¹ in rational arithmetic, from the printed digits of X."""
    rows = [[Fraction(repr(float(value))) for value in row] for row in X]

    def gram(chosen):
        return [[sum(row[i] * row[j] for row in chosen) for j in range(X.shape[1])] for i in range(X.shape[1])]

    def inverse(A):
        M = [[*row, *(Fraction(int(i == j)) for j in range(len(A)))] for i, row in enumerate(A)]
        for i in range(len(A)):
            M[i] = [value / M[i][i] for value in M[i]]
            M = [row if r == i else [a - row[i] * b for a, b in zip(row, M[i], strict=True)] for r, row in enumerate(M)]
        return [row[len(A) :] for row in M]

    bread = inverse(gram(rows))
    return [
        float(sum(a * b for p, q in zip(bread, gram(own), strict=True) for a, b in zip(p, q, strict=True)))
        for own in ([row for row, label in zip(rows, labels, strict=True) if label == g] for g in np.unique(labels))
    ]


def test_leverages_keep_their_digits_when_columns_are_collinear_to_a_part_in_1e8():
    y, X, labels, names = arrays("syn-collinear8")
    np.testing.assert_allclose(diagnose(fitted(y, X, labels, names)).leverage, _exact_leverages(X, labels), rtol=1e-9)


# --- theorems -----------------------------------------------------------------------------------


def design(rng, G=9, sizes=None):
    sizes = rng.integers(3, 9, G) if sizes is None else np.asarray(sizes)
    labels = np.repeat(np.arange(sizes.size), sizes)
    X = np.column_stack([np.ones(labels.size), rng.standard_normal((labels.size, 2))])
    return rng.standard_normal(labels.size) + rng.standard_normal(sizes.size)[labels], X, labels


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_influence_is_the_refit_without_each_cluster(seed):
    y, X, labels = design(np.random.default_rng(seed))
    refits = [np.linalg.lstsq(X[labels != g], y[labels != g], rcond=None)[0] for g in np.unique(labels)]
    np.testing.assert_allclose(diagnose(fitted(y, X, labels)).influence, refits, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("case", UNWEIGHTED)
def test_leverages_sum_to_K_and_partial_leverages_to_one(case):
    ours = diagnosed(case)
    assert ours.leverage.sum() == pytest.approx(len(ours.names), abs=1e-8)
    np.testing.assert_allclose(ours.partial_leverage.sum(axis=0), 1.0, rtol=1e-8)


def test_every_cluster_counts_when_all_are_alike():
    rows = np.random.default_rng(3).standard_normal((7, 2))
    X = np.column_stack([np.ones(7 * 12), np.tile(rows, (12, 1))])
    d = diagnose(fitted(np.random.default_rng(4).standard_normal(84), X, np.repeat(np.arange(12), 7)))
    for rho in (0, 1, "icc"):
        np.testing.assert_allclose(d.effective_clusters[rho][0], 12.0, rtol=1e-9)
    np.testing.assert_allclose(d.effective_clusters[0], 12.0, rtol=1e-9)
    np.testing.assert_allclose(d.leverage, 3 / 12, rtol=1e-9)
    assert d.cv_leverage == pytest.approx(0.0, abs=1e-12)


def test_effective_clusters_of_two_arms_is_a_count_of_arms():
    """m clusters treated and G − m control of one size: γ_g ∝ 1/m² or 1/(G − m)², so G* = (Σγ)²/Σγ²."""
    G, treated = 10, 3
    labels = np.repeat(np.arange(G), 5)
    X = np.column_stack([np.ones(50), labels < treated])
    d = diagnose(fitted(np.random.default_rng(0).standard_normal(50), X, labels))
    gamma = np.where(np.arange(G) < treated, 1 / treated**2, 1 / (G - treated) ** 2)
    for rho in (0, 0.3, 1):
        assert d.effective(rho)[1] == pytest.approx(gamma.sum() ** 2 / np.sum(gamma**2), rel=1e-9)


def test_moulton_is_the_exact_ratio_of_standard_errors_for_equal_clusters():
    """A cluster-constant column, equal sizes m: Var(β̂) under equicorrelation is (1 + (m − 1)ρ) times the iid one."""
    labels = np.repeat(np.arange(20), 35)
    rng = np.random.default_rng(5)
    X = np.column_stack([np.ones(700), labels % 2, rng.standard_normal(700)])
    d = diagnose(fitted(rng.standard_normal(700) + 0.4 * rng.standard_normal(20)[labels], X, labels))
    np.testing.assert_allclose(d.moulton[:2], np.sqrt(1 + 34 * d.icc.estimate), rtol=1e-9)
    values = X[:, 2].reshape(20, 35)
    between, within = 35 * values.mean(axis=1).var(ddof=1), values.var(axis=1, ddof=1).mean()
    rho_x = (between - within) / (between + 34 * within)
    assert d.moulton[2] == pytest.approx(np.sqrt(1 + 34 * d.icc.estimate * rho_x), rel=1e-9)


def test_moulton_with_unequal_sizes_takes_the_size_a_row_sees():
    sizes = np.array([2, 3, 5, 30, 8, 2])
    labels = np.repeat(np.arange(6), sizes)
    rng = np.random.default_rng(8)
    y = rng.standard_normal(50) + 2 * rng.standard_normal(6)[labels]
    d = diagnose(fitted(y, np.column_stack([np.ones(50), labels % 2]), labels))
    assert d.icc.estimate > 0
    assert d.moulton[1] == pytest.approx(np.sqrt(1 + d.icc.estimate * (np.sum(sizes**2) / 50 - 1)), rel=1e-9)


def test_icc_of_the_residuals_is_the_row_level_analysis_of_variance():
    y, X, labels = design(np.random.default_rng(11))
    u = y - X @ np.linalg.lstsq(X, y, rcond=None)[0]
    own = [u[labels == g] for g in range(9)]
    n = np.array([v.size for v in own])
    between = sum(v.size * (v.mean() - u.mean()) ** 2 for v in own) / 8
    within = sum(np.sum((v - v.mean()) ** 2) for v in own) / (n.sum() - 9)
    size = (n.sum() - np.sum(n**2) / n.sum()) / 8
    d = diagnose(fitted(y, X, labels))
    assert d.icc.estimate == pytest.approx((between - within) / (between + (size - 1) * within), rel=1e-9)
    assert d.icc.statistic == pytest.approx(between / within, rel=1e-9)


@given(st.integers(0, 2**32 - 1), st.floats(1e-6, 1e6), st.floats(1e-6, 1e6))
@settings(max_examples=20, deadline=None)
def test_units_change_nothing_but_the_estimates(seed, of_y, of_x):
    y, X, labels = design(np.random.default_rng(seed))
    X[:, 2] = labels % 2
    scale = np.array([1.0, of_x, -of_x])
    before, after = diagnose(fitted(y, X, labels)), diagnose(fitted(y * of_y, X * scale, labels))
    for name in ("leverage", "partial_leverage", "moulton", "column_icc"):
        np.testing.assert_allclose(getattr(after, name), getattr(before, name), rtol=1e-7, atol=1e-10)
    np.testing.assert_allclose(after.influence * scale / of_y, before.influence, rtol=1e-6, atol=1e-9)
    assert after.treated_clusters["x2"] == before.treated_clusters["x2"][::-1]  # the sign was turned


def test_order_and_names_of_clusters_change_nothing():
    y, X, labels = design(np.random.default_rng(2))
    shuffle = np.random.default_rng(3).permutation(y.size)
    names = np.array(["i", "h", "g", "f", "e", "d", "c", "b", "a"])
    before, after = diagnose(fitted(y, X, labels)), diagnose(fitted(y[shuffle], X[shuffle], names[labels][shuffle]))
    np.testing.assert_allclose(after.influence[::-1], before.influence, rtol=1e-9)
    assert after.most_influential == tuple(names[g] for g in before.most_influential)


def test_shards_added_up_are_the_whole():
    y, X, labels = design(np.random.default_rng(4))
    odd = np.arange(y.size) % 2 == 1
    m = Moments.from_arrays(y[odd], X[odd], labels[odd]) + Moments.from_arrays(y[~odd], X[~odd], labels[~odd])
    merged, whole = diagnose(least_squares(m)), diagnose(fitted(y, X, labels))
    for name in ("leverage", "partial_leverage", "influence", "moulton"):
        np.testing.assert_allclose(getattr(merged, name), getattr(whole, name), rtol=1e-9)


# --- what does not exist ------------------------------------------------------------------------


def one_treated():
    labels = np.repeat(np.arange(30), 4)
    rng = np.random.default_rng(6)
    X = np.column_stack([np.ones(120), labels == 7, rng.standard_normal(120)])
    return rng.standard_normal(120), X, labels


def test_without_the_one_treated_cluster_there_is_no_estimate():
    d = diagnose(fitted(*one_treated(), names=["one", "treat", "x"]))
    assert np.isnan(d.influence[7]).tolist() == [False, True, False]
    assert np.isnan(d.influence).sum() == 1
    assert d.treated_clusters == {"treat": (1, 29)}


@pytest.mark.parametrize("case", ["syn-fe", "grunfeld-firmfe"])
def test_cluster_dummies_leave_the_slopes_their_influence(case):
    y, X, labels, names = arrays(case)
    d = diagnose(fitted(y, X, labels, names))
    slopes = [j for j, name in enumerate(names) if j and not name.startswith("factor")]
    for g, label in enumerate(d.cluster_labels):
        rest = labels != label
        refit = np.linalg.lstsq(X[rest], y[rest], rcond=None)[0]  # minimum norm: the slopes are identified
        np.testing.assert_allclose(d.influence[g, slopes], refit[slopes], rtol=1e-7)
    assert np.isnan(d.icc.estimate)
    assert np.isnan(d.effective_clusters["icc"]).all()
    assert "left out" not in d.explain()  # no word about the dummies
    assert "not estimable" in str(d)


def test_no_cluster_moves_a_coefficient_that_lives_in_each():
    labels = np.repeat([0, 1], 5)
    X = np.column_stack([labels == 0, labels == 1]).astype(float)
    d = diagnose(fitted(np.random.default_rng(1).standard_normal(10), X, labels))
    assert d.most_influential == (1, 0)  # leaving out the other does not move it, but it is all there is


def test_rows_that_are_their_own_clusters_have_no_icc():
    d = diagnosed("syn-hc")
    assert np.isnan(d.icc.estimate)
    assert np.isnan(d.icc.conf_int()).all()


# --- columns ------------------------------------------------------------------------------------


def column(values):
    """Return what is said of a column in five clusters of four rows."""
    labels = np.repeat(np.arange(5), 4)
    rng = np.random.default_rng(9)
    X = np.column_stack([np.ones(20), np.asarray(values, dtype=float), rng.standard_normal(20)])
    return diagnose(fitted(rng.standard_normal(20), X, labels, names=["one", "z", "x"])).treated_clusters


def test_a_binary_column_is_any_of_two_values_constant_within_clusters():
    split = np.repeat([0, 1, 1, 0, 0], 4)
    assert column(split) == {"z": (2, 3)}
    assert column(2000 + split) == {"z": (2, 3)}
    assert column(1e-9 * split) == {"z": (2, 3)}
    assert column(2 - split) == {"z": (3, 2)}
    assert column(np.repeat([0, 1, 2, 0, 0], 4)) == {}


def test_one_odd_row_makes_a_column_vary_within_its_cluster():
    odd = np.repeat([0, 1, 1, 0, 0], 4)
    odd[5] = 0
    assert column(odd) == {}


# --- words --------------------------------------------------------------------------------------


def balanced(G=40, m=6, treated=20, sizes=None):
    labels = np.repeat(np.arange(G), m if sizes is None else sizes)
    rng = np.random.default_rng(12)
    X = np.column_stack([np.ones(labels.size), labels < treated])
    return diagnose(fitted(rng.standard_normal(labels.size), X, labels, names=["one", "treat"]))


def test_no_danger():
    assert balanced().explain() == (
        "No danger found: 40 clusters, for 'treat' worth 40.0 equal ones or more, sizes with a coefficient of "
        "variation of 0.00, no cluster that dominates, no arm with few clusters, and every cluster can be left out."
    )


def test_few_clusters():
    assert balanced(G=12, treated=6).explain() == (
        "Few clusters: there are 12; for 'treat' they are worth 12.0 equal ones (G* at ρ = 0)."
    )


def test_few_treated():
    (five,) = [line for line in balanced(treated=5).dangers if line.startswith("Few treated")]
    assert five == "Few treated clusters: 'treat' has 5 treated and 35 control."
    (three,) = [line for line in balanced(treated=37).dangers if line.startswith("Few control")]
    assert three == "Few control clusters: 'treat' has 37 treated and 3 control."


def test_few_effective_clusters():
    assert balanced(treated=5).dangers[0] == (
        "Few effective clusters: there are 40; for 'treat' they are worth 6.5 equal ones (G* at ρ = 0)."
    )


def test_one_dominant_cluster_and_unequal_sizes():
    d = balanced(sizes=[40] + [4] * 39)
    without = d.influence[0, 1]
    dominant, unequal = d.dangers[-2:]
    assert dominant == (
        f"One dominant cluster: 0 holds 14% of what identifies 'treat' (an equal part is 2.5%); without it the "
        f"estimate is {without:.4g}, with it {d.coef[1]:.4g}."
    )
    assert unequal == "Unequal sizes: from 4 to 40 rows (coefficient of variation 1.16; 0 holds 20%)."


def test_half_of_two_clusters_is_an_equal_part():
    assert not [line for line in balanced(G=2, treated=1).dangers if line.startswith("One dominant")]


def test_an_unidentified_leave_out():
    d = diagnose(fitted(*one_treated(), names=["one", "treat", "x"]))
    assert d.dangers[-1] == "No estimate when a cluster is left out: 'treat' without cluster 7."
    assert "without it there is no estimate, with it" in d.dangers[-2]


def test_the_table_names_clusters_and_the_correlation():
    text = str(diagnosed("syn-3of20"))
    assert "20 clusters of 5 to 37 rows" in text
    assert "treat: 3 treated, 17 control" in text
    assert "17.0: -0.07007 -> -0.2381" in text


def test_nothing_warns_and_nothing_is_changed():
    y, X, labels, names = arrays("syn-fe")
    kept = X.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        str(diagnose(fitted(y, X, labels, names)))
    np.testing.assert_array_equal(X, kept)


def test_a_diagnosis_can_be_pickled_and_copied():
    labels = np.repeat(np.arange(8), 4)
    X = np.column_stack([np.ones(32), labels < 3, np.arange(32.0) % 5])
    d = diagnose(fitted(np.arange(32.0) ** 1.5, X, labels, names=["one", "treat", "x"])).about("treat")
    for twin in (pickle.loads(pickle.dumps(d)), copy.deepcopy(d)):
        assert (str(twin), twin.treated_clusters, twin.focus) == (str(d), {"treat": (3, 5)}, "treat")
        np.testing.assert_array_equal(twin.influence, d.influence)
