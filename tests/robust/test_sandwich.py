"""The variance family: what it refuses, and where it has no answer."""

from __future__ import annotations

import warnings

import dense
import numpy as np
import pytest
from mpmath import mp
from numpy.testing import assert_allclose
from sixty_digits import truth

from examples import NAMES, experiment
from lyra import Moments
from lyra.data import rows
from lyra.errors import ConditionWarning, InputError, NotIdentifiedError, UnidentifiedWarning
from lyra.regression.least_squares import least_squares
from lyra.robust.covariance import covariance
from lyra.robust.sandwich import CLUSTERED, VARIANTS
from lyra.robust.unidentified import unidentified
from lyra.se import cluster_robust
from strategies import Regression

y, X, clusters = experiment()


def test_refuses_an_unknown_variant():
    fit = least_squares(Moments.from_arrays(y, X, clusters))
    all_of_them, clustered = (", ".join(map(repr, names)) for names in (VARIANTS, CLUSTERED))
    for asked, hint, known in (
        ("CV4", "did you mean 'CV3'? ", clustered),
        ("CR4", "", clustered),  # never a row's HC4 or HC2 for a cluster's
        ("HC4", "did you mean 'HC3'? ", all_of_them),
        ("robust", "", all_of_them),
    ):
        with pytest.raises(InputError) as caught:
            covariance(fit, asked)
        assert str(caught.value) == f"variant={asked!r} is unknown: {hint}there is {known}."


def one_treated() -> np.ndarray:
    return np.column_stack([X[:, 0], clusters == "c", X[:, 2]]).astype(float)


@pytest.mark.parametrize("variant", ["CV2", "CV3", "CV3J"])
def test_one_treated_cluster_has_no_answer_and_says_which(variant):
    with pytest.warns(UnidentifiedWarning) as caught:
        res = cluster_robust(y, one_treated(), clusters=clusters, variant=variant, names=NAMES)
    assert len(caught) == 1
    assert str(caught[0].message) == (
        f"{variant} is not computable (NaN) where leaving out one cluster leaves no estimate: "
        "treat without cluster c; for a treatment use randomisation inference, or find more clusters on each side."
    )
    for values in (res.se, res.statistic, res.pvalue, res.dof, res.conf_int()[:, 0], res.conf_int()[:, 1]):
        assert np.isnan(values).tolist() == [False, True, False]
    assert "not computable (NaN): treat\n" in res.explain() + "\n"


def test_one_treated_cluster_leaves_the_other_coefficients_as_without_it():
    """Where the treated cluster has its own mean, only its spread of x around it still tells of x."""
    with pytest.warns(UnidentifiedWarning):
        res = cluster_robust(y, one_treated(), clusters=clusters, variant="CV3", names=NAMES)
    moved = []
    for g in np.unique(clusters):
        others = clusters != g
        moved.append(np.linalg.lstsq(one_treated()[others], y[others], rcond=None)[0] - res.coef)
    expected = 7 / 8 * np.sum(np.square(moved), axis=0)
    assert_allclose(res.se[[0, 2]] ** 2, expected[[0, 2]], rtol=1e-9)


def test_many_lost_coefficients_are_counted_and_named_by_explain():
    D = (clusters[:, None] == np.unique(clusters)).astype(float)
    with pytest.warns(UnidentifiedWarning, match=r"no estimate: 8 coefficients, named by \.explain\(\); for a treat"):
        res = cluster_robust(y, D, clusters=clusters, variant="CV2")
    assert "not computable (NaN): x0, x1, x2, x3, x4, x5, x6, x7\n" in res.explain() + "\n"


def test_a_warning_speaks_of_the_coefficient_that_was_asked_for():
    fit = least_squares(Moments.from_arrays(y, one_treated(), clusters, names=NAMES))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        covariance(fit, "CV2", about=[0, 2])
    with pytest.warns(UnidentifiedWarning, match="treat without cluster c;"):
        covariance(fit, "CV2", about=[1])


@pytest.mark.parametrize("variant", ["HC2", "HC3"])
def test_a_row_that_alone_carries_a_column_has_no_answer(variant):
    own = np.column_stack([X, np.arange(32) == 20]).astype(float)
    with pytest.warns(UnidentifiedWarning) as caught:
        res = cluster_robust(y, own, clusters=clusters, variant=variant, names=(*NAMES, "own"))
    assert str(caught[0].message) == (
        f"{variant} is not computable (NaN) where leaving out one row leaves no estimate: own without row 20; "
        "leave out those rows with their columns."
    )
    rest = np.delete(np.arange(32), 20)
    without = cluster_robust(y[rest], X[rest], clusters=clusters[rest], variant=variant)
    assert np.isnan(res.se[3])
    assert_allclose(res.vcov[:3, :3], without.vcov, rtol=1e-9)


def test_rows_are_counted_across_blocks(monkeypatch):
    monkeypatch.setattr(rows.ArrayRows.blocks, "__defaults__", (5,))
    own = np.column_stack([X, np.arange(32) == 20]).astype(float)
    with pytest.warns(UnidentifiedWarning, match="own without row 20;"):
        cluster_robust(y, own, clusters=clusters, variant="HC3", names=(*NAMES, "own"))


def test_cv1_of_one_treated_cluster_keeps_its_own_degrees_of_freedom():
    """CV1 leaves nothing out, so nothing is set to zero in its quadratic form."""
    r = Regression(y, one_treated(), clusters)
    res = cluster_robust(y, r.X, clusters=clusters, dof="satterthwaite")
    assert_allclose(res.dof, [dense.satterthwaite(r, e, 0.0) for e in np.eye(3)], rtol=1e-8)


def test_identified_designs_name_no_cluster():
    assert unidentified(least_squares(Moments.from_arrays(y, X, clusters))) == []


PERFECT = (
    "the columns fit y exactly, and no residual is left to measure {} by; leave out the columns that y was made of"
)
NIL = (
    "the residuals leave every score zero but for rounding, as where dummies take up what varies between clusters; "
    "cluster at a finer level, leave those dummies out, or use randomisation inference."
)
UNITS = (1.0, 1e-200, 1e-9, 1e9, 1e200)


def not_computable(y, X, clusters, variant, **options):
    """Return the inference and the one sentence it warns with."""
    with pytest.warns(UnidentifiedWarning) as caught:
        res = cluster_robust(y, X, clusters=clusters, variant=variant, **options)
    assert len(caught) == 1
    return res, str(caught[0].message)


def jackknife(y, X, clusters, variant, own) -> np.ndarray:
    """Return CV3 or CV3J of X by its definition, every regression again in 60 digits; `own` is of cluster 0 alone."""
    with mp.workdps(60):
        labels = np.unique(clusters)
        designs = [(clusters != g, X if g == 0 else np.column_stack([X, own])) for g in labels]
        whole, *fits = (
            mp.lu_solve(mp.matrix(columns[rows].tolist()), mp.matrix(y[rows].tolist()))[: X.shape[1]]
            for rows, columns in [(np.ones(y.size, dtype=bool), np.column_stack([X, own])), *designs]
        )
        sums = []
        for j, full in enumerate(whole):
            values = [fit[j] for fit in fits]
            centre = full if variant == "CV3" else mp.fsum(values) / labels.size
            sums.append(mp.fsum((value - centre) ** 2 for value in values))
        return np.array([float(mp.sqrt(mp.mpf(labels.size - 1) / labels.size * total)) for total in sums])


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("unit", UNITS)
def test_a_perfect_fit_has_no_standard_error(variant, unit):
    x = np.arange(32.0)
    res, told = not_computable(unit * (2.0 * x + 1.0), np.column_stack([X[:, 0], x]), clusters, variant)
    assert told == f"{variant} is not computable (NaN): {PERFECT.format('x0, x1')}."
    assert_allclose(res.coef, [unit, 2.0 * unit], rtol=1e-12)
    for values in (res.se, res.statistic, res.pvalue, res.dof, res.conf_int()[:, 0]):
        assert np.isnan(values).all()


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("noise", [1e-6, 1e-9, 1e-11])
def test_a_nearly_perfect_fit_has_its_own(variant, noise):
    """The border lies near 1e-13 at 32 rows; the residuals are those of the noise alone."""
    rng = np.random.default_rng(8)
    e = rng.normal(size=32)
    columns = np.column_stack([np.ones(32), rng.normal(size=32)])
    res = cluster_robust(columns @ [1.0, 2.0] + noise * e, columns, clusters=clusters, variant=variant)
    alone = cluster_robust(e, columns, clusters=clusters, variant=variant)
    assert_allclose(res.se, noise * alone.se, rtol=1e-15 / noise + 1e-9)


@pytest.mark.parametrize("variant", ["CV0", "CV1", "HC0", "HC1"])
@pytest.mark.parametrize("G", [3, 8, 14])
@pytest.mark.parametrize("seed", range(12))
def test_the_constant_beside_a_dummy_of_all_others_has_no_score(variant, G, seed):
    """The other scores are large: those of the constant are zero cluster by cluster, or row by row, and not in sums."""
    rng = np.random.default_rng(seed)
    g = np.sort(rng.integers(1, G, 60))
    g[: 1 if variant.startswith("HC") or seed % 2 else 4] = 0
    y = 10.0 ** rng.integers(-9, 9) * rng.normal(size=60)
    res, told = not_computable(y, np.column_stack([np.ones(60), g > 0]).astype(float), g, variant)
    assert np.isnan(res.se).tolist() == [True, False]
    assert told.startswith(f"{variant} is not computable (NaN) for x0: the residuals leave every score zero")


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("size", [1e3, 1e4])
def test_a_row_with_leverage_near_one_keeps_the_digits_of_hc2_and_hc3(size, seed):
    """1 − h near 1e-6 and 1e-8; rows as clusters: CV2 is HC2, and CV3 is HC3 but for its factor [in 150 digits]."""
    rng = np.random.default_rng(seed)
    columns = np.column_stack([np.ones(20), rng.normal(size=(20, 2))])
    columns[3, 1], y = size * columns[3, 1], rng.normal(size=20)
    true = truth(y, columns, np.arange(20)).se
    for variant, expected in (("HC2", true["CV2"]), ("HC3", true["CV3"] * np.sqrt(20 / 19))):
        res = cluster_robust(y, columns, clusters=clusters[:20], variant=variant)
        assert_allclose(res.se, expected, rtol=2e-12)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("variant", ["CV3", "CV3J"])
def test_what_the_other_clusters_identify_keeps_its_digits_beside_what_they_do_not(variant, seed):
    """Cluster 0 alone has z, and carries all of x but a part near 1e-9, which the others tell to its last digits."""
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(10), 4)
    columns = np.column_stack([np.ones(40), rng.normal(size=(40, 2)), (g == 0) * rng.normal(size=40)])
    columns[g == 0, 2] *= 3e4
    y = rng.normal(size=40)
    res, told = not_computable(y, columns[:, ::-1], g, variant)
    assert "x0 without cluster 0" in told
    assert_allclose(res.se[:0:-1], jackknife(y, columns[:, :3], g, variant, columns[:, 3:]), rtol=1e-14)


@pytest.mark.parametrize("variant", ["CV0", "CV1"])
@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("seed", range(5))
def test_the_mean_of_the_one_treated_cluster_has_no_score(variant, unit, seed):
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(6), rng.integers(2, 9, 6))
    treated = (g == 0) * 1.0
    outcome = rng.normal(size=g.size) + rng.normal()
    res, told = not_computable(unit * outcome, np.column_stack([treated, 1 - treated]), g, variant)
    assert told == f"{variant} is not computable (NaN) for x0: {NIL}"
    assert np.isnan(res.se).tolist() == [True, False]
    assert_allclose(res.coef[0], unit * outcome[g == 0].mean(), rtol=1e-12)


@pytest.mark.parametrize("variant", ["CV0", "CV1", "CV2", "CV3"])
@pytest.mark.parametrize("seed", range(5))
def test_scores_that_the_normal_equations_make_zero(variant, seed):
    """x varies in one of two clusters and both have a dummy: Σ x û = Σ û = 0 within each."""
    rng = np.random.default_rng(seed)
    g = np.repeat([0, 1], 20)
    x = np.where(g == 0, rng.normal(size=40), 3.0)
    columns = np.column_stack([np.ones(40), x, g])
    res, _ = not_computable(100 + rng.normal(size=40), columns, g, variant)
    assert np.isnan(res.se[1])
    assert np.isnan(res.pvalue[1])


def test_a_treatment_with_a_dummy_a_city_is_not_computable():
    """Randomised by city, with dummies for the cities: the last is dropped, and nothing is left between cities."""
    rng = np.random.default_rng(1)
    city = np.repeat(np.arange(8), 6)
    dummies = city[:, None] == np.arange(1, 8)
    columns = np.column_stack([np.ones(48), city % 2 == 1, dummies]).astype(float)
    with pytest.warns(UserWarning, match=r"Left out|not computable"):
        res = cluster_robust(rng.normal(size=48), columns, clusters=city)
    assert np.isnan(res.pvalue[1])


def test_a_joint_test_of_what_has_no_variance_is_refused():
    """Two clusters with a dummy each: their scores are zero one by one, and so is that of the difference."""
    rng = np.random.default_rng(2)
    g = np.repeat(np.arange(5), 6)
    columns = np.column_stack([g == 0, g == 1, g > 1]).astype(float)
    with pytest.warns(UnidentifiedWarning, match="x0, x1"):
        res = cluster_robust(rng.normal(size=30), columns, clusters=g)
    assert np.isnan(res.wald("x0").statistic)
    lone = np.column_stack([np.ones(30), g == 0, g == 1]).astype(float)
    with pytest.raises(NotIdentifiedError, match="covariance of the 1 restrictions is singular"):
        cluster_robust(rng.normal(size=30), lone, clusters=g).wald([[1.0, 1.0, 0.0]])


def test_giants_beside_ordinary_clusters_do_not_make_these_zero():
    """A cluster with its own mean and an outcome 1e15 times larger has no part in x."""
    rng = np.random.default_rng(3)
    g = np.repeat(np.arange(9), 8)
    giant = g == 0
    x = np.where(giant, 0.0, rng.normal(size=72))
    y = np.where(giant, 1e15 * rng.normal(size=72), rng.normal(size=72))
    columns = np.column_stack([giant, ~giant, x]).astype(float)
    with pytest.warns(UnidentifiedWarning, match="for x0:"):
        res = cluster_robust(y, columns, clusters=g, variant="CV0")
    alone = cluster_robust(y[~giant], columns[~giant, 1:], clusters=g[~giant], variant="CV0")
    assert_allclose(res.se[2], alone.se[1], rtol=1e-6)


@pytest.mark.parametrize("variant", ["CV2", "CV3"])
def test_digits_lost_without_a_cluster_are_told(variant):
    """x and z are one but for a ten-thousandth in every cluster but the first."""
    rng = np.random.default_rng(4)
    g = np.repeat(np.arange(12), 5)
    x = rng.normal(size=60)
    z = np.where(g == 0, rng.normal(size=60), x + 1e-4 * rng.normal(size=60))
    with pytest.warns(ConditionWarning) as caught:
        cluster_robust(rng.normal(size=60), np.column_stack([np.ones(60), x, z]), clusters=g, variant=variant)
    told = str(caught[0].message)
    assert told.startswith(f"Without cluster 0 the columns are nearly collinear: {variant} keeps about ")
    assert told.endswith(" digits for x1, x2; leave one of these columns out, or read CV1 beside it.")


@pytest.mark.parametrize("variant", ["HC0", "CV0", "CV1"])
@pytest.mark.parametrize("seed", range(40))
def test_what_one_cluster_alone_says_has_no_variance_whatever_its_rows(variant, seed):
    """The intercept beside a dummy of all clusters, or rows, but one is that one's mean: its scores sum to zero."""
    rng = np.random.default_rng([20_330, seed])
    g = np.sort(rng.integers(0, int(rng.integers(3, 15)), 60))
    others = g != g[0] if variant.startswith("CV") else np.arange(60) != 7
    columns = np.column_stack([np.ones(60), others])
    with pytest.warns(UnidentifiedWarning):
        found = cluster_robust(rng.normal(size=60), columns, clusters=g, variant=variant)
    assert np.isnan(found.se[0])
