"""Where replicates come from: each source against the same thing done with rows."""

import itertools
import warnings

import numpy as np
import pytest

from lyra.data.units import Units
from lyra.designs import ByCluster, ByUser, Custom, Pairs, Stratified, Switchback
from lyra.errors import InputError, UnidentifiedWarning
from lyra.moments.moments import Moments
from lyra.regression.least_squares import least_squares
from lyra.robust.replicates import run_method
from lyra.se import cluster_robust
from lyra.simulation.analysis import cluster_codes
from lyra.simulation.cells import replicates_of_grams, table_gram
from lyra.simulation.from_fit import ModelSource
from lyra.simulation.from_history import HistorySource
from lyra.simulation.from_world import WorldSource
from lyra.simulation.regressor_world import RegressorWorld
from lyra.simulation.world import World

NO_WEIGHTS = np.empty((0, 0))
METHODS = ("iid", "CV1", "CV2", "CV3")


def on_rows(y, X, clusters, method):
    res = cluster_robust(y, X, clusters=clusters, variant=method)
    return res.coef[-1], res.se[-1], res.pvalue[-1]


def agrees(reps, tables, *, rtol=1e-10):
    """Hold every replicate to a regression on its table; a stratum's dummy in one cluster touches no test."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnidentifiedWarning)
        _agrees(reps, tables, rtol)


def _agrees(reps, tables, rtol):
    for method in METHODS:
        outcome = run_method(reps, method, NO_WEIGHTS)
        said = np.stack([outcome.estimate, outcome.se, outcome.pvalue], axis=1)
        np.testing.assert_allclose(said, [on_rows(*rows, method) for rows in tables], rtol=rtol, atol=1e-11)


# The user's own data

SIZES = (7, 3, 12, 5, 9, 4, 8, 6)


def history(design, *, cluster_by="cluster", p=2, windows=4, collinear=False):
    rng = np.random.default_rng(8)
    cluster = np.repeat(np.arange(8), np.array(SIZES) * windows)
    window = np.concatenate([np.tile(np.arange(windows), n) for n in SIZES])
    mixed = rng.permutation(cluster.size)
    cluster, window = cluster[mixed], window[mixed]
    W = np.column_stack([np.ones(cluster.size), rng.standard_normal((cluster.size, p - 1)) + cluster[:, None] / 4])
    if collinear:
        W = np.column_stack([W[:, 0], 3 * W[:, 0], np.zeros(cluster.size), W[:, 1:], W[:, 1] - W[:, 0]])
    y = rng.standard_normal(cluster.size) + rng.standard_normal(8)[cluster] + 10.0
    units = Units(np.array([f"city {g}" for g in range(8)])[cluster], window=window, stratum=cluster // 2)
    return HistorySource(y=y, W=W, units=units, design=design, cluster_by=cluster_by)


DESIGNS = [
    (ByCluster(), "cluster"),
    (ByCluster("bernoulli"), "cluster"),
    (ByCluster(2), "window"),
    (ByUser(), "cluster"),
    (ByUser("half"), "window"),
    (Stratified(), "cluster"),
    (Pairs(), "pair"),
    (Switchback(block=2), "unit"),
    (Switchback(block=2), "cluster"),
    (Switchback(block=2), "window"),
    (Switchback(block=4, washout=1), "window"),
    (Switchback(block=2, washout=1), "unit"),
    (Switchback(block=1, pattern="alternating"), "cluster"),
    (Custom(lambda items, rng: rng.permutation(len(items)) < 3), "cluster"),
]


@pytest.mark.parametrize("p", [1, 2, 4])
@pytest.mark.parametrize(("design", "level"), DESIGNS, ids=lambda value: str(value)[:40])
def test_a_redrawn_history_is_its_regression_on_rows(design, level, p):
    source = history(design, cluster_by=level, p=p)
    drawn = design.draw_many(source.units, 6, np.random.default_rng(3))[:, design.items(source.units)]
    kept = design.kept(source.units)
    clusters = cluster_codes(source.units, level, design)[kept]
    tables = [(source.y[kept], np.column_stack([source.W, each])[kept], clusters) for each in drawn]
    agrees(source.batch(6, np.random.default_rng(3)), tables)


def test_collinear_covariates_leave_the_span_as_it_is():
    plain, crowded = history(ByCluster()), history(ByCluster(), collinear=True)
    for method in METHODS:
        expected = run_method(plain.batch(5, np.random.default_rng(1)), method, NO_WEIGHTS)
        outcome = run_method(crowded.batch(5, np.random.default_rng(1)), method, NO_WEIGHTS)
        np.testing.assert_allclose(outcome.se, expected.se, rtol=1e-10)
        np.testing.assert_allclose(outcome.estimate, expected.estimate, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("design", "level"),
    [(ByCluster(), "cluster"), (ByCluster("bernoulli"), "cluster"), (Pairs(), "pair"), (Switchback(block=2), "unit")],
    ids=str,
)
def test_enumeration_is_every_assignment_by_rows(design, level):
    cluster = np.repeat(np.arange(4), [4, 2, 6, 4])
    window = np.concatenate([np.arange(n) % 2 for n in (4, 2, 6, 4)])
    units = Units(cluster, window=window, stratum=cluster // 2)
    if isinstance(design, Switchback):
        design = Switchback(block=1)
    y = np.random.default_rng(5).standard_normal(cluster.size) + np.array([0, 1, 3, 2])[cluster]
    source = HistorySource(y=y, W=np.ones((cluster.size, 1)), units=units, design=design, cluster_by=level)
    items = design.items(units)
    allowed = {
        assigned
        for assigned in itertools.product([False, True], repeat=int(items.max()) + 1)
        if (type(design) is not ByCluster or design.treated == "bernoulli" or sum(assigned) == 2)
        and (type(design) is not Pairs or (assigned[0] != assigned[1] and assigned[2] != assigned[3]))
    }
    assert source.n_assignments == len(allowed)
    estimates = np.concatenate([run_method(reps, "CV1", NO_WEIGHTS).estimate for reps in source.every(5)])
    by_rows = []
    for assigned in allowed:
        D = np.array(assigned)[items]
        by_rows.append(y[D].mean() - y[~D].mean() if D.any() and not D.all() else np.nan)
    np.testing.assert_allclose(np.sort(estimates), np.sort(by_rows), rtol=1e-10)


def test_a_design_of_ones_own_or_with_too_many_assignments_is_not_listed():
    assert history(Custom(lambda items, rng: rng.integers(0, 2, len(items)))).n_assignments is None
    assert history(ByUser()).n_assignments is None
    assert history(ByCluster()).n_assignments == 70


def test_a_table_of_a_history_is_one_of_its_replicates():
    design = Switchback(block=4, washout=1)
    source = history(design, cluster_by="window")
    y, X, codes = source.table(np.random.default_rng(2))
    assert sorted(set(codes)) == list(range(8 * 3))  # the windows washed out leave no gap in the numbers
    reps = replicates_of_grams(table_gram((y, X, codes))[None], y.size)
    agrees(reps, [(y, X, codes)], rtol=1e-8)
    again = source.batch(1, np.random.default_rng(2))
    for method in METHODS:
        np.testing.assert_allclose(
            run_method(again, method, NO_WEIGHTS).se, run_method(reps, method, NO_WEIGHTS).se, rtol=1e-8
        )


# Fresh worlds


@pytest.mark.parametrize("covariates", [(), ("pre",), ("stratum",), ("pre", "stratum")], ids=str)
@pytest.mark.parametrize(
    ("design", "level"),
    [(ByCluster(), "cluster"), (ByUser(), "cluster"), (Pairs(), "pair"), (Switchback(block=2, washout=1), "window")],
    ids=lambda value: str(value)[:30],
)
def test_a_table_of_a_world_is_one_of_its_replicates(design, level, covariates):
    world = World(12, cluster_size="8 lognormal:0.5", windows=4, strata=6, icc=0.1, effect=0.3)
    source = WorldSource(world, design, level, covariates)
    tables = [source.table(np.random.default_rng(seed)) for seed in range(3)]
    reps = replicates_of_grams(np.stack([table_gram(rows) for rows in tables]), tables[0][0].size)
    assert reps.G == source.batch(1, np.random.default_rng(0)).G
    assert reps.K == source.batch(1, np.random.default_rng(0)).K
    assert reps.N == source.batch(1, np.random.default_rng(0)).N
    agrees(reps, tables, rtol=1e-8)


@pytest.mark.parametrize(
    ("world", "design", "level", "covariates"),
    [
        (World(8, cluster_size=10, icc=0.2, effect=0.5), ByCluster(), "cluster", ()),
        (World(8, cluster_size=10, icc=0.2, effect=0.5, strata=4, stratum_share=0.5), Pairs(), "pair", ("stratum",)),
        (World(10, cluster_size=5, windows=4, icc_window=0.2, ar1=0.5), Switchback(block=2), "unit", ("pre",)),
        (RegressorWorld(9, cluster_size=6, effect=1.0), None, "cluster", ()),
    ],
    ids=["clusters", "pairs", "switchback", "regressor"],
)
def test_sums_and_rows_have_one_law(world, design, level, covariates):
    # Means and variances of estimate and log se agree within 4.5 standard errors: 2 x 4 x 4 looks, error rate 2e-4.
    source = WorldSource(world, design, level, covariates)
    rng = np.random.default_rng(11)
    tables = [source.table(rng) for _ in range(500)]
    by_rows = replicates_of_grams(np.stack([table_gram(rows) for rows in tables]), tables[0][0].size)
    for method in ("iid", "CV1"):
        a, b = (run_method(reps, method, NO_WEIGHTS) for reps in (by_rows, source.batch(4000, rng)))
        for few, many in ((a.estimate, b.estimate), (np.log(a.se), np.log(b.se))):
            for power in (1, 2):
                few_p, many_p = few**power, many**power
                error = np.sqrt(few_p.var() / few_p.size + many_p.var() / many_p.size)
                assert abs(few_p.mean() - many_p.mean()) < 4.5 * error


@pytest.mark.parametrize("level", ["user", "unit"])
def test_a_level_finer_than_the_cells_is_drawn_by_rows(level):
    source = WorldSource(World(6, cluster_size=5), ByUser(), level)
    assert not source.by_sums
    assert source.batch(2, np.random.default_rng(0)).G == 30
    assert WorldSource(World(6, cluster_size=5), ByCluster(), "unit").by_sums


def test_the_effect_of_a_world_is_taken_out():
    # 2,000 worlds: the mean estimate lies within 4.5 standard errors of 0, error rate 1e-5 each.
    for world in (World(10, effect=2.0), World(10, cluster_size=8, outcome="conversion", effect=1.0, base_rate=0.3)):
        R = 2000 if world.outcome == "linear" else 300
        estimate = WorldSource(world, ByUser("half")).batch(R, np.random.default_rng(1)).estimate
        assert abs(estimate.mean()) < 4.5 * estimate.std() / np.sqrt(R)


def test_a_covariate_the_world_lacks():
    source = WorldSource(World(6), ByCluster(), covariates=("prior",))
    with pytest.raises(InputError) as caught:
        source.batch(1, np.random.default_rng(0))
    assert str(caught.value) == (
        "the world has no covariate 'prior': "
        "there is 'user', 'cluster', 'window', 'stratum', 'treat', 'outcome', 'pre'."
    )


def test_levels():
    units = Units(["a", "a", "b", "b"], window=[0, 1, 0, 1], stratum=[5, 5, 5, 5], user=[3, 2, 1, 0])
    design = Switchback(block=2)
    codes = {level: cluster_codes(units, level, design).tolist() for level in ("cluster", "unit", "window", "user")}
    assert codes == {
        "cluster": [0, 0, 1, 1],
        "unit": [0, 0, 1, 1],
        "window": [0, 1, 2, 3],
        "user": [3, 2, 1, 0],
    }
    assert cluster_codes(units, "pair", None).tolist() == cluster_codes(units, "stratum", None).tolist() == [0] * 4
    with pytest.raises(InputError) as caught:
        cluster_codes(units, "clusters", design)
    assert str(caught.value) == (
        "cluster_by='clusters' is nothing to cluster by: did you mean 'cluster'? "
        "there is 'cluster', 'unit', 'window', 'stratum', 'pair', 'user'."
    )


# The fitted design itself


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
