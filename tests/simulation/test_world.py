"""Worlds: the laws they state, by rows and by sums, and every estimator's exact variance."""

import math

import numpy as np
import pytest
from scipy.stats import chi2, ks_2samp, norm

from lyra.designs import Adoption, ByCluster, ByUser, Custom, MinimaxSwitchback, Pairs, Stratified, Switchback
from lyra.simulation.world import World
from sampled import anova_icc, gram_of, statistics_of

RICH = World(
    6,
    cluster_size=(2, 3, 1, 2, 4, 3),
    icc=0.1,
    windows=4,
    icc_window=0.2,
    ar1=0.6,
    period_shock=0.3,
    strata=3,
    stratum_share=0.4,
    effect=0.3,
    carryover=0.2,
    interference=0.1,
)
DESIGNS = {
    "user": ByUser(),
    "half of the users": ByUser("half"),
    "cluster": ByCluster(),
    "two clusters": ByCluster(2),
    "strata": Stratified(),
    "pairs": Pairs(),
    "window": Switchback(block=1),
    "block": Switchback(block=2),
    "washout": Switchback(block=2, washout=1),
    "alternating": Switchback(block=2, pattern="alternating"),
    "adoption": Adoption(treated=3),
    "minimax": MinimaxSwitchback(0),
    "own": Custom(lambda items, rng: rng.permutation(len(items)) < 3),
}
every_design = pytest.mark.parametrize("design", DESIGNS.values(), ids=DESIGNS)


def difference_in_means(treat, kept):
    """Row weights v such that v'y is the difference in means over the rows kept."""
    arms = treat * kept, (1 - treat) * kept
    return arms[0] / arms[0].sum() - arms[1] / arms[1].sum()


def brute_covariance(world, sample):
    """Covariance of every pair of rows, from the definition of the effects they share."""
    cluster, window, stratum = sample["cluster"], sample["window"], sample["stratum"]
    N = len(sample)
    V = np.zeros((N, N))
    for i in range(N):
        for j in range(N):
            if stratum[i] == stratum[j]:
                V[i, j] += world.icc * world.stratum_share
            if cluster[i] == cluster[j]:
                V[i, j] += world.icc * (1 - world.stratum_share)
                V[i, j] += world.icc_window * world.ar1 ** abs(window[i] - window[j])
            if window[i] == window[j]:
                V[i, j] += world.period_shock**2
            if i == j:
                V[i, j] += 1 - world.icc - world.icc_window
    return V


def shift(world, null, design, seed):
    """What treatment did to each row: the same seed draws the same noise in both worlds."""
    treated, untreated = world.sample(design, seed), null.sample(design, seed)
    assert np.array_equal(treated["treat"], untreated["treat"])
    return treated, treated["outcome"] - untreated["outcome"]


# -- theorems


@every_design
def test_variance_of_every_linear_estimator_is_exact(design):
    sample, covariance = RICH.sample(design, 4), RICH.covariance()
    v = difference_in_means(sample["treat"], sample.kept)
    brute = brute_covariance(RICH, sample)
    assert covariance.variance(v) == pytest.approx(v @ brute @ v, rel=1e-12)
    weights_of_cells = np.random.default_rng(1).standard_normal(24)
    v = (weights_of_cells / np.bincount(covariance.cell))[covariance.cell]
    expected = weights_of_cells @ covariance.cell_means @ weights_of_cells
    assert v @ brute @ v == pytest.approx(expected, rel=1e-12)


def held(sample):
    """The design that draws the assignment of this sample again and again."""
    return Custom(lambda items, rng: sample["treat"], "user")


def check_variance(estimates, variance):
    # (R − 1)s²/σ² is chi-square with R − 1 degrees of freedom; two-sided at 1e-5.
    R = len(estimates)
    ratio = (R - 1) * np.var(estimates, ddof=1) / variance
    assert chi2.ppf(5e-6, R - 1) < ratio < chi2.isf(5e-6, R - 1)


@every_design
def test_simulated_variance_is_the_exact_one(design):
    sample = RICH.sample(design, 4)
    v = difference_in_means(sample["treat"], sample.kept)
    kept = np.bincount(RICH.covariance().cell, weights=sample.kept) > 0
    total = RICH.sample_grams(held(sample), 4_000, 5).gram[:, kept].sum(axis=1)
    n, y = (np.stack([total[:, 0, i] - total[:, 1, i], total[:, 1, i]]) for i in (0, 3))
    check_variance(np.diff(y / n, axis=0)[0], RICH.covariance().variance(v))


def test_simulated_variance_of_rows_is_the_exact_one():
    sample, rng = RICH.sample(Switchback(block=2), 4), np.random.default_rng(6)
    v = difference_in_means(sample["treat"], sample.kept)
    estimates = [v @ RICH.sample(held(sample), rng)["outcome"] for _ in range(1_500)]
    check_variance(estimates, RICH.covariance().variance(v))


@pytest.mark.parametrize(
    ("world", "design"),
    [
        (World(20), ByCluster()),
        (World(20, cluster_size=np.repeat([5, 60, 20, 9, 100], 4), strata=10), Pairs()),
        (World(10, cluster_size=7, windows=6, icc=0.05, icc_window=0.1, ar1=0.7), ByCluster()),
    ],
)
def test_moulton_is_the_true_over_the_naive_standard_error(world, design):
    # The arms have equal sizes; the naive variance of a difference in means of unit-variance rows is v'v.
    sample = world.sample(design, 1)
    v = difference_in_means(sample["treat"], sample.kept)
    assert world.covariance().variance(v) / (v @ v) == pytest.approx(world.truth().moulton ** 2, rel=1e-12)


def test_moulton_of_the_seed():
    assert World(50, cluster_size=35, icc=0.02).truth().moulton == pytest.approx(1.2961, abs=5e-5)
    sizes = np.array([10, 90, 35, 5])
    uneven = World(4, cluster_size=sizes, icc=0.1)
    expected = math.sqrt(1 + 0.1 * ((sizes**2).sum() / sizes.sum() - 1))
    assert uneven.truth().moulton == pytest.approx(expected, rel=1e-14)


def test_naive_size_under_cluster_randomisation():
    # 2Φ(−1.96/1.2961) = .1305 for many clusters; 10,000 replicates have standard error .0034;
    # 4.5 of them: 1e-5.
    total = World(50).sample_grams(ByCluster(), 10_000, 2).gram.sum(axis=1)
    n, y = (np.stack([total[:, 0, i] - total[:, 1, i], total[:, 1, i]]) for i in (0, 3))
    sigma2 = (total[:, 3, 3] - (y**2 / n).sum(axis=0)) / (n.sum(axis=0) - 2)
    t = np.diff(y / n, axis=0)[0] / np.sqrt(sigma2 * (1 / n).sum(axis=0))
    assert np.mean(np.abs(t) > 1.96) == pytest.approx(2 * norm.cdf(-1.96 / 1.2961), abs=4.5 * 0.0034)


def test_balanced_arms_inside_clusters_remove_the_cluster_effect():
    world = World(10, cluster_size=20, icc=0.3)
    halves = Custom(lambda items, rng: np.arange(200) % 2, "user")
    v = difference_in_means(world.sample(halves, 1)["treat"], np.ones(200))
    assert world.covariance().variance(v) / (v @ v) == pytest.approx(1 - 0.3, rel=1e-12)


def test_pairing_removes_what_the_pair_shares():
    # Var of the mean difference of P pairs: (2σ_a²(1 − s) + 2σ_ε²/m) / P
    world = World(40, cluster_size=10, icc=0.2, strata=20, stratum_share=0.9)
    sample = world.sample(Pairs(), 1)
    v = difference_in_means(sample["treat"], sample.kept)
    assert world.covariance().variance(v) == pytest.approx((2 * 0.2 * 0.1 + 2 * 0.8 / 10) / 20, rel=1e-12)


def test_a_common_shock_cancels_when_every_window_is_balanced():
    quiet, loud = (World(8, windows=6, cluster_size=3, period_shock=s) for s in (0.0, 5.0))
    sample = loud.sample(ByCluster(), 1)
    v = difference_in_means(sample["treat"], sample.kept)
    assert loud.covariance().variance(v) == pytest.approx(quiet.covariance().variance(v), rel=1e-9)


def test_autoregressive_effects_have_the_covariance_stated():
    # 10 clusters × 48 windows × 20 agents, each window drawn alone: sd .0240 in an independent study
    world = World(10, cluster_size=20, windows=48, icc=0.0, icc_window=0.02, ar1=0.8)
    assert math.sqrt(4 * world.covariance().cell_means[0, 0] / 480) == pytest.approx(0.0240, abs=5e-5)
    # simulated: covariance of R = 100,000 pairs of unit-scale normals, 4.5 standard errors (1e-5 each)
    small = World(2, cluster_size=1, windows=3, icc=0.0, icc_window=1.0, ar1=0.8)
    y = small.sample_grams(ByCluster(), 100_000, 3).gram[:, :3, 0, 3] - small.base_rate
    for s, t, expected in ((0, 0, 1), (0, 1, 0.8), (0, 2, 0.64), (1, 2, 0.8)):
        error = math.sqrt((1 + expected**2) / 100_000)
        assert np.mean(y[:, s] * y[:, t]) == pytest.approx(expected, abs=4.5 * error)


# -- effects


def test_treatment_moves_the_outcome_as_stated():
    world = World(5, cluster_size=4, windows=6, effect=0.3, carryover=0.2, interference=0.15)
    null = World(5, cluster_size=4, windows=6)
    for design in (ByUser(), Switchback(block=2)):
        sample, moved = shift(world, null, design, 7)
        T = sample["treat"].reshape(5, 6, 4)
        share = T.mean(axis=2, keepdims=True)
        before = np.concatenate([np.zeros((5, 1, 1)), share[:, :-1]], axis=1)
        assert np.allclose(moved, (0.3 * T + 0.2 * before - 0.15 * share).ravel(), atol=1e-12)


@pytest.mark.parametrize("block", [2, 4, 12])
def test_carryover_bias_of_a_switchback(block):
    # E τ̂ = τ + γ(L − 1)/L as the number n of blocks grows. Exactly, the window before a block, where there is
    # one, has the block's own arm 1/(n − 1) less often than the other. 4.5 Monte-Carlo errors: 1e-5.
    world, null = (World(40, cluster_size=1, windows=24, effect=e, carryover=5 * e) for e in (0.1, 0.0))
    estimates = []
    for seed in range(1_500):
        sample, moved = shift(world, null, Switchback(block=block), seed)
        estimates.append(difference_in_means(sample["treat"], sample.kept) @ moved)
    limit = 0.1 + 0.5 * (block - 1) / block
    exact = limit - 0.5 / block * (1 - block / 24) / (40 * 24 / block - 1)
    assert exact == pytest.approx(limit, abs=1e-3)
    assert np.mean(estimates) == pytest.approx(exact, abs=4.5 * np.std(estimates) / math.sqrt(1_500))


def test_a_washout_turns_the_carryover_bias_into_the_total_effect():
    world, null = (World(20, cluster_size=3, windows=8, effect=e, carryover=5 * e) for e in (0.1, 0.0))
    for seed in range(5):
        sample, moved = shift(world, null, Switchback(block=4, washout=1), seed)
        v = difference_in_means(sample["treat"], sample.kept)
        assert v @ moved == pytest.approx(world.truth().total_effect, rel=1e-9)


def test_interference_hides_from_users_and_not_from_clusters():
    world, null = World(20, cluster_size=8, effect=0.1, interference=0.4), World(20, cluster_size=8)
    sample, moved = shift(world, null, ByCluster(), 1)
    assert difference_in_means(sample["treat"], sample.kept) @ moved == pytest.approx(0.1 - 0.4, rel=1e-9)
    # By user: τ − κ/m, and with a fixed number treated two agents share an arm 1/(N − 1) less often than not.
    # 1,500 draws, 4.5 Monte-Carlo errors: 1e-5.
    estimates = []
    for seed in range(1_500):
        sample, moved = shift(world, null, ByUser("half"), seed)
        estimates.append(difference_in_means(sample["treat"], sample.kept) @ moved)
    exact = 0.1 - 0.4 * (1 / 8 - (7 / 8) / 159)
    assert np.mean(estimates) == pytest.approx(exact, abs=4.5 * np.std(estimates) / math.sqrt(1_500))


def test_truth_on_the_scale_of_the_outcome():
    linear = World(10, effect=0.3, interference=0.1, carryover=0.2, windows=2).truth()
    assert (linear.effect, linear.total_effect) == pytest.approx((0.3, 0.4), rel=1e-12)
    certain = World(10, outcome="conversion", base_rate=0.2, icc=0.0, effect=0.5).truth()
    assert certain.effect == pytest.approx(1 / (1 + 4 * math.exp(-0.5)) - 0.2, rel=1e-12)


@pytest.mark.parametrize("outcome", ["conversion", "spend"])
def test_simulated_effect_and_base_rate_are_the_true_ones(outcome):
    # cluster means of 8,000 clusters; 4.5 standard errors each (1e-5)
    world = World(8_000, cluster_size=40, outcome=outcome, base_rate=0.2, effect=0.4, period_shock=0.0)
    sample = world.sample(ByCluster(), 9)
    mean = sample["outcome"].reshape(8_000, 40).mean(axis=1)
    treated = sample["treat"].reshape(8_000, 40)[:, 0] == 1
    error = [mean[arm].std() / math.sqrt(4_000) for arm in (treated, ~treated)]
    assert mean[~treated].mean() == pytest.approx(0.2, abs=4.5 * error[1])
    gain = mean[treated].mean() - mean[~treated].mean()
    assert gain == pytest.approx(world.truth().effect, abs=4.5 * math.hypot(*error))


def test_a_common_shock_blurs_the_effect_on_conversions():
    # gains of the treated agents of 1,500 independent windows; 4.5 standard errors (1e-5)
    settings = {"outcome": "conversion", "base_rate": 0.1, "windows": 1_500, "period_shock": 2.0}
    world, null = World(2, effect=1.0, **settings), World(2, **settings)
    sample, moved = shift(world, null, ByUser(), 20)
    treated, gain = (np.bincount(sample["window"], weights=w) for w in (sample["treat"], moved))
    gain /= treated
    assert np.mean(gain) == pytest.approx(world.truth().effect, abs=4.5 * gain.std() / math.sqrt(1_500))
    calm = World(2, effect=1.0, outcome="conversion", base_rate=0.1)
    assert world.truth().effect < calm.truth().effect


# -- the planted ICC


@pytest.mark.parametrize(
    "world",
    [
        World(20_000, outcome="linear"),
        World(20_000, outcome="conversion", base_rate=0.05),
        World(20_000, outcome="conversion", base_rate=0.5, icc=0.1),
        World(20_000, outcome="conversion", base_rate=0.05, icc_scale="latent"),
        World(20_000, outcome="spend", base_rate=0.2, basket_sd=0.5),
        World(20_000, outcome="spend", base_rate=0.2, basket_sd=0.5, icc_scale="latent"),
    ],
    ids=lambda world: f"{world.outcome} {world.base_rate} {world.icc_scale}",
)
def test_simulated_icc_is_the_planted_one(world):
    # mean of 40 groups of 500 clusters against its own standard error: t(39) beyond 5, about 1e-5
    y = world.sample(ByUser(), 10)["outcome"].reshape(40, 500, 35)
    estimates = np.array([anova_icc(group) for group in y])
    assert abs(estimates.mean() - world.truth().icc) < 5 * estimates.std(ddof=1) / math.sqrt(40)
    if world.icc_scale == "outcome":
        assert world.truth().icc == pytest.approx(world.icc, rel=1e-9)


@pytest.mark.parametrize("outcome", ["conversion", "spend"])
def test_simulated_correlation_across_windows_is_the_true_one(outcome):
    # covariance of sums of different windows, m² times that of two agents; 40 groups as above
    world = World(
        8_000,
        cluster_size=12,
        outcome=outcome,
        base_rate=0.3,
        icc=0.03,
        icc_window=0.06,
        ar1=0.5,
        windows=3,
        basket_sd=0.4,
    )
    y = world.sample(ByUser(), 11)["outcome"].reshape(40, 200, 3, 12)
    total, variance = y.sum(axis=3), y.var()
    for lag in (1, 2):
        product = (total[:, :, 0] - total[:, :, 0].mean()) * (total[:, :, lag] - total[:, :, lag].mean())
        estimates = product.mean(axis=1) / (144 * variance)
        error = estimates.std(ddof=1) / math.sqrt(40)
        assert abs(estimates.mean() - world.truth().correlation[lag]) < 5 * error
    assert world.truth().correlation[0] == pytest.approx(0.09, rel=1e-9)
    assert 0.03 < world.truth().correlation[2] < world.truth().correlation[1] < 0.09


# -- the covariate


def test_the_covariate_knows_nothing_of_treatment():
    for outcome in ("linear", "conversion", "spend"):
        pre = [World(6, outcome=outcome, effect=e).sample(ByCluster(), 3)["pre"] for e in (0.0, 2.0)]
        assert np.array_equal(*pre)


def test_covariance_of_covariate_and_outcome():
    # cluster part icc + own part r(1 − icc); by 40 groups of clusters, t(39) beyond 5
    world = World(4_000, cluster_size=10, icc=0.2, pre_correlation=0.7)
    sample = world.sample(ByUser(), 12)
    product = ((sample["outcome"] - 0.1) * sample["pre"]).reshape(40, -1).mean(axis=1)
    assert abs(product.mean() - (0.2 + 0.7 * 0.8)) < 5 * product.std(ddof=1) / math.sqrt(40)
    square = (sample["pre"] ** 2).reshape(40, -1).mean(axis=1)
    assert abs(square.mean() - 1) < 5 * square.std(ddof=1) / math.sqrt(40)


# -- sums of products


@every_design
def test_sums_of_products_count_and_treat_as_the_rows_do(design):
    grams, sample = RICH.sample_grams(design, 3, 13), RICH.sample(design, 13)
    rows = gram_of(sample, grams.names)
    assert grams.names == ("1", "treat", "pre", "outcome")
    assert np.array_equal(grams.gram[0, :, 0, 0], rows[:, 0, 0])
    assert np.array_equal(grams.gram[:, :, 0, 1], grams.gram[:, :, 1, 1])
    assert np.array_equal(grams.units.cluster, np.repeat(np.arange(6), 4))
    assert np.array_equal(grams.units.window, np.tile(np.arange(4), 6))
    assert np.allclose(grams.gram, grams.gram.swapaxes(-1, -2), atol=1e-12)
    eigenvalues = np.linalg.eigvalsh(grams.gram)
    assert eigenvalues.min() > -1e-10
    # a cell of n rows has n degrees of freedom
    assert np.all(np.linalg.matrix_rank(grams.gram, tol=1e-8) <= grams.gram[..., 0, 0])


@pytest.mark.parametrize("design", [ByUser(20), ByCluster(2), Switchback(block=1)])
def test_sums_of_products_treat_whom_the_design_treats(design):
    sample = RICH.sample(design, 13)
    gram = RICH.sample_grams(held(sample), 2, 13).gram
    expected = np.bincount(RICH.covariance().cell, weights=sample["treat"])
    assert np.array_equal(gram[:, :, 0, 1], np.stack([expected, expected]))


@pytest.mark.parametrize("design", [ByCluster(), ByUser("half"), Switchback(block=2, washout=1)])
def test_sums_of_products_have_the_law_of_the_rows(design):
    # two-sample Kolmogorov-Smirnov of 400 against 4,000, at 1e-5 for each of 4 statistics
    rng = np.random.default_rng(14)
    rows = np.array([gram_of(RICH.sample(design, rng), ("1", "treat", "pre", "outcome")) for _ in range(400)])
    rows, drawn = (_with_both_arms(gram) for gram in (rows, RICH.sample_grams(design, 4_000, rng).gram))
    expected, found = statistics_of(rows), statistics_of(drawn)
    for name in expected:
        assert ks_2samp(expected[name], found[name]).pvalue > 1e-5, name


def _with_both_arms(gram):
    treated = gram[..., 1, 1].sum(axis=1)
    return gram[(treated > 0) & (treated < gram[..., 0, 0].sum(axis=1))]


def test_sums_of_products_of_a_large_cluster():
    grams = World(4, cluster_size=10**5, effect=0.5).sample_grams(ByCluster(), 2, 15)
    y, yy, n = grams.gram[..., 0, 3], grams.gram[..., 3, 3], grams.gram[..., 0, 0]
    assert np.all(n == 10**5)
    # the mean square of 10⁵ normals of variance .98 around their mean: 6 standard errors √(2/10⁵)
    assert np.allclose((yy - y**2 / n) / n, 0.98, rtol=6 * math.sqrt(2e-5))


# -- the table


@every_design
def test_a_sample_is_a_table_in_the_order_of_cells(design):
    sample = RICH.sample(design, 16)
    assert list(sample.columns) == ["user", "cluster", "window", "stratum", "treat", "outcome", "pre"]
    assert {len(column) for column in sample.columns.values()} == {len(sample)} == {15 * 4}
    assert sample.focal == "treat"
    assert np.array_equal(sample["treat"], design.draw(RICH.units, 16))
    assert np.array_equal(sample.kept, design.kept(RICH.units))
    cell = sample["cluster"] * 4 + sample["window"]
    assert np.array_equal(cell, np.sort(cell))
    assert np.array_equal(np.bincount(cell), np.repeat([2, 3, 1, 2, 4, 3], 4))


@pytest.mark.parametrize("outcome", ["linear", "conversion", "spend"])
def test_same_seed_same_sample(outcome):
    world = World(4, outcome=outcome, windows=2, icc_window=0.01)
    one, same, other = (world.sample(Switchback(block=1), seed) for seed in (1, np.random.default_rng(1), 2))
    assert all(np.array_equal(one[name], same[name]) for name in one.columns)
    assert not np.array_equal(one["outcome"], other["outcome"])


def test_outcomes_take_the_values_they_should():
    assert set(World(50, outcome="conversion").sample(ByUser(), 1)["outcome"]) == {0.0, 1.0}
    spend = World(50, outcome="spend").sample(ByUser(), 1)["outcome"]
    assert 0.02 < np.mean(spend > 0) < 0.2
    assert spend.min() == 0


def test_worlds_with_equal_settings_are_equal():
    assert World(3, cluster_size=[1, 2, 3]) == World(3, cluster_size=np.array([1, 2, 3]))
    assert hash(World(3, cluster_size=[1, 2, 3])) == hash(World(3, cluster_size=(1, 2, 3)))
