"""The wild cluster bootstrap: peers' enumerated counts, exact intervals, and the definition done by brute force."""

import copy
import itertools
import json
import pickle
import tracemalloc
from functools import cache

import brute_force
import numpy as np
import pytest

import oracles
from lyra.errors import DisjointSetWarning, DroppedRowsWarning, InputError, LyraError, NotIdentifiedError
from lyra.moments.moments import Moments
from lyra.regression.least_squares import least_squares
from lyra.regression.nested import Nested, nested_fit
from lyra.robust.null import make_null
from lyra.robust.wild.bootstrap import ALTERNATIVES, wild_bootstrap
from lyra.robust.wild.draws import t_statistics, values_at, wald_statistics
from lyra.robust.wild.multipliers import LAWS, Sampled
from lyra.robust.wild.statistic import KINDS, make_pivot
from lyra.se import wild_cluster_bootstrap

BOTH = (True, False)


def sample(seed=0, *, N=56, G=7, K=4):
    rng = np.random.default_rng(seed)
    clusters = rng.permutation(np.concatenate([np.arange(G)] * 3 + [rng.integers(0, G, N - 3 * G)]))
    X = np.column_stack([np.ones(N), rng.normal(size=(N, K - 1)) + rng.normal(size=(G, K - 1))[clusters]])
    y = X @ rng.normal(size=K) + rng.normal(size=N) + rng.normal(size=G)[clusters]
    return y, X, clusters


def fit_of(y, X, clusters):
    return least_squares(Moments.from_arrays(y, X, clusters))


def at_weights(fit, null, V, *, kind, restricted, nested=None):
    """Return the statistics of chosen weights V (b, H)."""
    pivot = make_pivot(nested or Nested.itself(fit), null, kind=kind, restricted=restricted)
    statistics = t_statistics if null.q == 1 else wald_statistics
    (stars,) = statistics(pivot.at_null, values_at(pivot.at_null, [V], unit=False))
    return pivot.scaled(stars)


# --- outside oracles ----------------------------------------------------------------------------


@cache
def fitted(name):
    one = oracles.case(name)
    return least_squares(Moments.from_arrays(one.y, one.X, one.clusters, names=one.names).with_tensor())


def peers_counts():
    for name in oracles.unweighted_names():
        one = oracles.case(name)
        for entry in one.entries:
            package, _, rest = entry.path.partition("/")
            if entry.usable and package in {"wildboottest", "fwildclusterboot"}:
                found, _ = one.result(entry.path)
                yield name, package, rest.split("/")[1].partition("[")[0], found


def test_every_usable_enumerated_count_of_peers_is_reproduced(compared):
    tests = 0
    for name, package, param, entry in peers_counts():
        boot = wild_bootstrap(
            fitted(name),
            param=param,
            h0=entry["r"],
            kind=entry["type"].removeprefix("fnw"),
            restricted=entry["impose_null"],
            weights="rademacher",
        )
        found = (boot.n_greater, boot.n_ties, boot.n_draws)
        assert found == (entry["n_strict"], entry["n_tie"], entry["n_tboot"]), (name, param, entry)
        compared(package, 3)
        tests += 1
    assert tests == 271


def test_counts_and_tails_of_the_dense_computation_are_reproduced(compared):
    tests = 0
    for name in oracles.unweighted_names():
        for entry in oracles.case(name).dense.get("bootstrap_enumerated") or []:
            test = {
                "param": entry["param"],
                "h0": entry["r"],
                "kind": entry["type"],
                "restricted": entry["impose_null"],
                "weights": "rademacher",
            }
            boots = [wild_bootstrap(fitted(name), alternative=a, **test) for a in ("two-sided", "greater", "less")]
            assert [boot.n_greater for boot in boots] == [entry[f"n_{side}"] for side in ("strict", "right", "left")]
            assert boots[0].n_ties == entry["n_tie"]
            assert boots[0].n_vanishing == entry["n_nonfinite"] == 0
            compared("dense", 4)
            tests += 1
    assert tests == 192


def test_exact_intervals_of_the_dense_computation_are_reproduced(compared):
    tests = gaps = 0
    for name in oracles.unweighted_names():
        for entry in oracles.case(name).dense.get("wcr11_exact_ci") or []:
            ties = "include" if entry["convention"] == "ties_counted" else "exclude"
            boot = wild_bootstrap(fitted(name), param=entry["param"], weights="rademacher", ties=ties)
            parts = boot.confidence_set(1 - entry["alpha"])
            hull, wanted = parts[[0, -1], [0, 1]], np.array([float(entry["low"]), float(entry["high"])])
            assert (len(parts) == 1) == entry["interval"]
            if np.isinf(wanted).any():
                np.testing.assert_array_equal(hull, wanted)
            else:
                np.testing.assert_allclose(hull, wanted, rtol=0, atol=1e-6 * np.ptp(wanted))
            compared("dense", 2)
            tests += 1
            gaps += len(parts) > 1
    assert tests == 64
    assert gaps > 0


# --- the definition, by brute force -------------------------------------------------------------


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("q", [1, 2])
@pytest.mark.parametrize("restricted", BOTH)
@pytest.mark.parametrize("kind", KINDS)
def test_t_star_equals_rows_resampled_and_refitted(kind, restricted, q, law):
    y, X, clusters = sample()
    fit = fit_of(y, X, clusters)
    null = make_null(fit, [1, 3][:q], None, [0.4, -0.2][:q])
    V = LAWS[law].draw(np.random.default_rng(1), 4, 7)
    found = at_weights(fit, null, V, kind=kind, restricted=restricted)
    wanted = brute_force.t_star(y, X, clusters, null.R, null.r, V, kind=kind, restricted=restricted)
    np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-12)
    pivot = make_pivot(Nested.itself(fit), null, kind=kind, restricted=restricted)
    assert pivot.statistic == pytest.approx(brute_force.statistic(y, X, clusters, null.R, null.r, kind[1]), rel=1e-11)


@pytest.mark.parametrize("R", [[0, 1, -2, 0.5], [[0, 1, 1, 0], [1, 0, 0, -1], [0, 0, 2, 1]]])
@pytest.mark.parametrize("kind", KINDS)
def test_any_linear_null_equals_rows_resampled_and_refitted(kind, R):
    y, X, clusters = sample(3)
    fit = fit_of(y, X, clusters)
    null = make_null(fit, None, R, 0.3)
    V = LAWS["webb"].draw(np.random.default_rng(1), 4, 7)
    for restricted in BOTH:
        found = at_weights(fit, null, V, kind=kind, restricted=restricted)
        wanted = brute_force.t_star(y, X, clusters, null.R, null.r, V, kind=kind, restricted=restricted)
        np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("q", [1, 2])
@pytest.mark.parametrize("restricted", BOTH)
@pytest.mark.parametrize("kind", KINDS)
def test_subclusters_equal_rows_resampled_and_refitted(kind, restricted, q):
    y, X, clusters = sample(5)
    finer = clusters * 10 + np.random.default_rng(2).integers(0, 3, y.size)
    nested = nested_fit(y, X, clusters, finer)
    null = make_null(nested.fit, [1, 3][:q], None, 0.2)
    V = LAWS["webb"].draw(np.random.default_rng(1), 4, np.unique(finer).size)
    found = at_weights(nested.fit, null, V, kind=kind, restricted=restricted, nested=nested)
    wanted = brute_force.t_star(y, X, clusters, null.R, null.r, V, kind=kind, restricted=restricted, groups=finer)
    np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-12)


def test_subclusters_may_be_labelled_across_the_order_of_the_clusters_and_miss_rows():
    y, X, clusters = sample(5)
    finer = np.array([f"{part}-{g}" for g, part in zip(clusters, np.arange(y.size) % 2, strict=True)], dtype=object)
    outer = np.array([f"c{g}" for g in clusters], dtype=object)
    boot = wild_cluster_bootstrap(y, X, clusters=outer, bootstrap_clusters=finer, param=1, rng=3)
    order = clusters * 2 + np.arange(y.size) % 2
    same = wild_cluster_bootstrap(y, X, clusters=clusters, bootstrap_clusters=order, param=1, rng=3)
    np.testing.assert_allclose(boot.t_star, same.t_star, rtol=1e-9)
    finer[0] = outer[1] = None
    with pytest.warns(DroppedRowsWarning, match="2 of 56 rows"):
        short = wild_cluster_bootstrap(y, X, clusters=outer, bootstrap_clusters=finer, param=1, rng=3)
    kept = wild_cluster_bootstrap(y[2:], X[2:], clusters=clusters[2:], bootstrap_clusters=order[2:], param=1, rng=3)
    assert short.n_rows == 54
    np.testing.assert_allclose(short.t_star, kept.t_star, rtol=1e-9)


def test_bootstrap_clusters_equal_to_the_clusters_change_nothing():
    y, X, clusters = sample(6)
    for kind in KINDS:
        plain = wild_cluster_bootstrap(y, X, clusters=clusters, param=2, kind=kind, weights="rademacher")
        same = wild_cluster_bootstrap(
            y, X, clusters=clusters, bootstrap_clusters=clusters, param=2, kind=kind, weights="rademacher"
        )
        np.testing.assert_allclose(np.sort(same.t_star), np.sort(plain.t_star), rtol=1e-9)
        assert (same.n_greater, same.n_ties) == (plain.n_greater, plain.n_ties)


def test_webb_enumeration_equals_all_weight_vectors_by_rows():
    y, X, clusters = sample(8, N=24, G=6, K=2)
    boot = wild_cluster_bootstrap(y, X, clusters=clusters, h0=0.1, weights="webb")
    points = np.sqrt([0.5, 1.0, 1.5])
    V = np.array(list(itertools.product(np.r_[-points, points], repeat=6)))
    R = np.array([[0.0, 1.0]])
    b = brute_force.under_null(y, X, R, [0.1])
    Y = X @ b + V[:, clusters] * (y - X @ b)  # every bootstrap sample as a row
    bread = np.linalg.inv(X.T @ X)
    coef = Y @ X @ bread
    U = Y - coef @ X.T
    scores = np.stack([(U * (X @ bread[1]))[:, clusters == g].sum(axis=1) for g in range(6)])
    t_star = (coef[:, 1] - 0.1) / np.sqrt(6 / 5 * 23 / 22 * np.sum(scores**2, axis=0))
    assert boot.n_draws == 6**6
    np.testing.assert_allclose(np.sort(boot.t_star), np.sort(t_star), rtol=1e-9, atol=1e-12)
    size = abs(boot.statistic)
    assert boot.n_ties == np.sum(np.abs(np.abs(t_star) - size) <= 1e-7 * size) == 6  # ±1 and its multiples
    assert boot.n_greater == np.sum(np.abs(t_star) > size * (1 + 1e-7))


@pytest.mark.parametrize("finer", BOTH)
@pytest.mark.parametrize("q", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_half_tables_visit_each_pattern_once(kind, q, finer):
    y, X, clusters = sample(9)
    nested = nested_fit(y, X, clusters, clusters * 10 + (np.arange(y.size) % 2) * ((clusters < 2) & finer))
    fit, H = nested.fit, 9 if finer else 7
    assert nested.partition.is_trivial is not finer
    boot = wild_bootstrap(fit, param=[1, 2][:q], kind=kind, weights="rademacher", nested=nested, h0=0.3)
    null = make_null(fit, [1, 2][:q], None, 0.3)
    V = np.array(list(itertools.product([-1.0, 1.0], repeat=H)))
    every = at_weights(fit, null, V, kind=kind, restricted=True, nested=nested)
    assert boot.t_star.size == boot.n_draws == 2**H
    np.testing.assert_allclose(np.sort(boot.t_star), np.sort(every), rtol=1e-9)


# --- intervals ----------------------------------------------------------------------------------


@pytest.mark.parametrize("ties", ["include", "exclude"])
@pytest.mark.parametrize("alternative", ALTERNATIVES)
@pytest.mark.parametrize("restricted", BOTH)
@pytest.mark.parametrize("kind", KINDS)
def test_the_set_holds_exactly_the_values_the_test_does_not_reject(kind, restricted, alternative, ties):
    for seed, law in itertools.product(range(2), ("rademacher", "mammen")):
        y, X, clusters = sample(seed, G=5 + seed, K=3)
        fit = fit_of(y, X, clusters)
        test = {
            "param": 1,
            "kind": kind,
            "restricted": restricted,
            "alternative": alternative,
            "ties": ties,
            "weights": law,
            "B": 199,
            "rng": 4,
        }
        boot = wild_bootstrap(fit, **test)
        for level in (0.5, 0.9):
            parts = boot.confidence_set(level)
            ends = parts[np.isfinite(parts)]
            step = 1e-6 * (abs(boot.estimate / boot.statistic) + np.abs(ends - boot.estimate))  # past the tie rule
            for h0 in np.concatenate([ends - step, ends + step, boot.estimate + np.array([-3.0, -0.3, 0.2, 2.0])]):
                inside = bool(np.any((parts[:, 0] <= h0) & (h0 <= parts[:, 1])))
                assert inside == (wild_bootstrap(fit, h0=h0, **test).pvalue > 1 - level + 1e-12)


def test_an_unrestricted_interval_is_percentile_t():
    y, X, clusters = sample(2)
    boot = wild_cluster_bootstrap(
        y, X, clusters=clusters, param=1, restricted=False, weights="normal", B=999, alternative="equal-tailed", rng=1
    )
    stars = np.sort(boot.t_star)  # 5 % of 999 draws in two tails: the 25th from each end is the last not rejected
    se = boot.estimate / boot.statistic
    np.testing.assert_allclose(boot.conf_int(), boot.estimate - se * np.array([stars[-25], stars[24]]), rtol=1e-9)


def test_a_floor_above_alpha_gives_the_whole_line():
    y, X, clusters = sample(1, G=5)
    boot = wild_cluster_bootstrap(y, X, clusters=clusters, param=1, weights="rademacher")
    assert boot.smallest_pvalue == 2 / 32
    np.testing.assert_array_equal(boot.conf_int(), [-np.inf, np.inf])
    assert np.isfinite(boot.conf_int(0.9)).all()
    one_sided = wild_cluster_bootstrap(y, X, clusters=clusters, param=1, weights="rademacher", alternative="greater")
    assert one_sided.smallest_pvalue == 1 / 32
    assert one_sided.conf_int()[1] == np.inf


def test_gaps_are_warned_of_and_the_hull_returned():
    boot = wild_bootstrap(fitted("grunfeld-firmfe"), param="capital", weights="rademacher")
    parts = boot.confidence_set()
    with pytest.warns(DisjointSetWarning) as caught:
        hull = boot.conf_int()
    assert str(caught[0].message) == (
        f"The values not rejected are {len(parts)} separate intervals, and their hull is returned: "
        "confidence_set(level) has each."
    )
    np.testing.assert_array_equal(hull, [parts[0, 0], parts[-1, 1]])
    assert (parts[1:, 0] > parts[:-1, 1]).all()


# --- properties ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_moves_but_the_obvious(kind):
    y, X, clusters = sample(4)
    base = wild_cluster_bootstrap(y, X, clusters=clusters, param=1, h0=0.2, kind=kind, weights="rademacher")
    order = np.random.default_rng(0).permutation(y.size)
    scales = np.array([1.0, 1e6, 1e-5, 3.0])
    others = [
        (1e7 * y, X, clusters, 0.2e7, 1e7),
        (y, X * scales, clusters, 0.2e-6, 1e-6),
        (y, X, np.array([f"store {9 - g}" for g in clusters]), 0.2, 1.0),
        (y[order], X[order], clusters[order], 0.2, 1.0),
        (y + X[:, 2], X, clusters, 0.2, 1.0),
    ]
    for y_, X_, clusters_, h0, scale in others:
        boot = wild_cluster_bootstrap(y_, X_, clusters=clusters_, param=1, h0=h0, kind=kind, weights="rademacher")
        assert (boot.n_greater, boot.n_ties) == (base.n_greater, base.n_ties)
        assert boot.statistic == pytest.approx(base.statistic, rel=1e-8)
        np.testing.assert_allclose(boot.confidence_set(0.9), base.confidence_set(0.9) * scale, rtol=1e-7)


@pytest.mark.parametrize("law", LAWS)
def test_draws_do_not_depend_on_how_they_are_cut(law):
    draws = Sampled(LAWS[law], 70, 500, (1, 2))
    whole = np.concatenate(list(draws.blocks(10**9)))
    cut = np.concatenate(list(draws.blocks(70 * 97)))
    assert whole.shape == (500, 70)
    np.testing.assert_array_equal(whole, cut)


@pytest.mark.parametrize(("law", "third"), [("rademacher", 0), ("webb", 0), ("mammen", 1), ("normal", 0), ("gamma", 1)])
def test_laws_have_mean_zero_and_variance_one(law, third):
    v = LAWS[law].draw(np.random.default_rng(5), 4_000, 50)
    n = v.size
    # each bound is 5 standard errors of the heaviest law (gamma: E v^4 = 4.5, E v^6 < 60): a fault at most 1 in 10^6
    assert abs(v.mean()) < 5 / np.sqrt(n)
    assert abs(np.mean(v**2) - 1) < 5 * np.sqrt(3.5 / n)
    assert abs(np.mean(v**3) - third) < 5 * np.sqrt(60 / n)
    if LAWS[law].points:
        assert np.mean(LAWS[law].points) == pytest.approx(0, abs=1e-15)
        assert np.mean(np.square(LAWS[law].points)) == pytest.approx(1)


def test_columns_of_weights_are_uncorrelated():
    v = LAWS["rademacher"].draw(np.random.default_rng(5), 20_000, 70)
    correlation = v.T @ v / len(v) - np.eye(70)
    # 2,415 correlations of standard error 1/√20,000: 6 of them miss with probability 5e-6
    assert np.abs(correlation).max() < 6 / np.sqrt(len(v))


def test_a_seed_repeats_the_draws_and_a_generator_moves_on():
    y, X, clusters = sample(0)
    one, again, other = (
        wild_cluster_bootstrap(y, X, clusters=clusters, param=1, weights="normal", B=50, rng=seed) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one.t_star, again.t_star)
    assert (one.t_star != other.t_star).any()
    rng = np.random.default_rng(1)
    first, second = (
        wild_cluster_bootstrap(y, X, clusters=clusters, param=1, weights="normal", B=50, rng=rng) for _ in range(2)
    )
    np.testing.assert_array_equal(first.t_star, one.t_star)
    assert (first.t_star != second.t_star).any()


def test_sampled_p_values_approach_the_enumerated_one():
    y, X, clusters = sample(7)
    for kind in KINDS:
        exact = wild_cluster_bootstrap(y, X, clusters=clusters, param=1, kind=kind, weights="rademacher")
        drawn = wild_cluster_bootstrap(
            y, X, clusters=clusters, param=1, kind=kind, weights="rademacher", exact=False, B=40_000, rng=1
        )
        assert not drawn.enumerated
        # 5 standard errors: fails for one of four kinds once in 400,000 seeds
        assert abs(drawn - exact) < 5 * np.sqrt(exact * (1 - exact) / 40_000)


def test_p_values_count_what_they_say():
    y, X, clusters = sample(3)
    for law in ("webb", "gamma"):
        test = {"clusters": clusters, "param": 1, "weights": law, "B": 500, "rng": 2, "h0": 0.1, "exact": False}
        boots = {side: wild_cluster_bootstrap(y, X, alternative=side, **test) for side in ALTERNATIVES}
        stars, t = boots["less"].t_star, boots["less"].statistic
        assert boots["two-sided"] == np.mean(np.abs(stars) >= abs(t))
        assert boots["less"] == np.mean(stars <= t)
        assert boots["greater"] == np.mean(stars >= t)
        assert boots["equal-tailed"] == min(1.0, 2 * min(boots["less"], boots["greater"]))


def test_ties_are_the_sample_itself_and_its_mirror_image():
    y, X, clusters = sample(0)
    kept = wild_cluster_bootstrap(y, X, clusters=clusters, param=1, weights="rademacher")
    dropped = wild_cluster_bootstrap(y, X, clusters=clusters, param=1, weights="rademacher", ties="exclude")
    assert kept.n_ties == dropped.n_ties == 2
    assert kept == (kept.n_greater + 2) / 128
    assert dropped == kept.n_greater / 128
    assert dropped.smallest_pvalue == 0.0


def test_draws_without_a_denominator_are_counted_and_make_no_p_value_smaller():
    # two clusters an arm, equal sizes, the null not imposed: weights of opposite sign in both arms leave no residual
    y = np.array([0.0, 1.0, 2.0, 4.0, 5.0, 5.5, 8.0, 9.0])
    X = np.column_stack([np.ones(8), np.repeat([0.0, 1.0], 4)])
    test = {"clusters": np.repeat([0, 1, 2, 3], 2), "restricted": False, "weights": "rademacher"}
    boot = wild_cluster_bootstrap(y, X, **test)
    assert boot.n_draws == 16
    assert boot.n_vanishing == 4
    assert np.isinf(boot.t_star).sum() == 4
    assert boot == (boot.n_greater + boot.n_ties + 4) / 16
    assert "4 draws have a denominator of zero: an infinite t*, counted as extreme" in boot.explain()
    for side in ("less", "greater"):
        assert wild_cluster_bootstrap(y, X, alternative=side, **test) >= 4 / 16
    assert np.isinf(boot.conf_int()).all()  # 4/16 can never be rejected at 5 %


def test_memory_does_not_grow_with_the_draws():
    rng = np.random.default_rng(0)
    clusters = np.repeat(np.arange(20_000), 3)
    X = np.column_stack([np.ones(60_000), rng.normal(size=60_000)])
    fit = fit_of(rng.normal(size=60_000), X, clusters)
    tracemalloc.start()
    try:
        boot = wild_bootstrap(fit, B=1_000, weights="webb", rng=1)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert boot.n_draws == 1_000
    assert peak < 100e6  # the 1,000 x 20,000 weights alone would be 160 MB


# --- the result ---------------------------------------------------------------------------------


def test_the_snippet_runs_and_p_is_a_number():
    y, X, g = sample(0, G=6, K=2)
    p = wild_cluster_bootstrap(y, X, clusters=g, h0=0.0, weights="webb", B=9999)
    assert 0.0 <= p <= 1.0
    assert float(p) == p.pvalue == p
    assert type(float(p)) is float
    assert f"{p:.4f}" == f"{p.pvalue:.4f}"
    assert round(p, 3) == round(p.pvalue, 3)
    assert 1 - p == 1 - p.pvalue
    assert np.log(p) == np.log(p.pvalue)
    assert min(p, 2.0) is p
    assert (p < 0.05) == (p.pvalue < 0.05)
    assert p.enumerated
    assert p.weights == "webb"


def test_a_result_survives_copying_and_pickling():
    y, X, clusters = sample(0)
    boot = wild_cluster_bootstrap(y, X, clusters=clusters, param=1)
    for twin in (copy.copy(boot), copy.deepcopy(boot), pickle.loads(pickle.dumps(boot))):
        assert twin == boot
        assert str(twin) == str(boot)
        np.testing.assert_array_equal(twin.conf_int(), boot.conf_int())


def test_auto_is_webb_below_ten_bootstrap_clusters():
    for G, law in ((9, "webb"), (10, "rademacher")):
        y, X, clusters = sample(0, G=G, K=2)
        boot = wild_cluster_bootstrap(y, X, clusters=clusters)
        assert boot.weights == law
        assert boot.enumerated
    y, X, clusters = sample(0, G=6, K=2)
    finer = np.random.default_rng(0).integers(0, 4, y.size) + 10 * clusters
    assert wild_cluster_bootstrap(y, X, clusters=clusters, bootstrap_clusters=finer, B=9).weights == "rademacher"


def test_exact_extends_and_undoes_enumeration():
    y, X, clusters = sample(0, N=80, G=21, K=2)
    assert wild_cluster_bootstrap(y, X, clusters=clusters, B=99).n_draws == 99
    assert wild_cluster_bootstrap(y, X, clusters=clusters, B=99, exact=True).n_draws == 2**21
    y, X, clusters = sample(0, G=5, K=2)
    assert wild_cluster_bootstrap(y, X, clusters=clusters, B=99, exact=False).n_draws == 99


def test_the_words_say_what_was_done():
    y, X, clusters = sample(1, G=5)
    boot = wild_cluster_bootstrap(y, X, clusters=clusters, param="x1", weights="rademacher", kind="13", h0=0.5)
    assert str(boot) == (
        f"x1 = 0.5: p = {boot.pvalue:.4g}; WCR 13, rademacher weights, all 32 patterns, 5 clusters; "
        "cannot reject at 5 %: the smallest attainable p-value is 0.0625"
    )
    assert boot.explain().splitlines() == [
        "null: x1 = 0.5, two-sided",
        "kind 13: the null imposed on the draws (restricted), scores unchanged, t studentised by CV3",
        f"statistic: {boot.statistic:.6g}",
        "weights: rademacher (as asked)",
        "all 32 patterns were visited: the p-value is exact for these weights and has no seed",
        f"{boot.n_greater} draws are strictly more extreme; 2 tie with the sample and are counted",
        "smallest attainable p-value: 0.0625",
        "cannot reject at 5 %, whatever the outcome: choose webb weights, or more clusters",
    ]
    drawn = wild_cluster_bootstrap(
        y, X, clusters=clusters, bootstrap_clusters=np.arange(y.size), R=[0, 1, -2, 0], B=400, rng=1, restricted=False
    )
    assert str(drawn) == f"x1 -2 x2 = 0: p = {drawn.pvalue:.4g}; WCU 11, rademacher weights, 400 draws, 5 clusters"
    words = drawn.explain()
    assert "weights: rademacher (auto: webb below 10 clusters, else rademacher)" in words
    assert "weights are drawn for 56 bootstrap clusters nested in the 5 clusters" in words
    error = np.sqrt(drawn * (1 - drawn) / 400)
    assert f"400 draws: Monte-Carlo error of the p-value {error:.2g}" in words


def test_to_dict_is_json():
    y, X, clusters = sample(1)
    boot = wild_cluster_bootstrap(y, X, clusters=clusters, param=["x1", "x2"], h0=[0.1, 0.2])
    told = json.loads(json.dumps(boot.to_dict()))
    assert told["null"] == "x1 = 0.1, x2 = 0.2"
    assert told["p_value"] == boot.pvalue
    assert told["estimate"] == boot.estimate.tolist()


# --- refusals -----------------------------------------------------------------------------------


def refusal(error, **options):
    y, X, clusters = options.pop("data", None) or sample(1)
    with pytest.raises(error) as caught:
        wild_cluster_bootstrap(y, X, **{"clusters": clusters, "param": 1, "rng": 1} | options)
    assert isinstance(caught.value, LyraError)
    return str(caught.value)


def one_treated():
    y, X, clusters = sample(1, K=2)
    return y, np.column_stack([X, clusters == 3]), np.array([f"store {g}" for g in clusters])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"param": None},
            "param is missing and there are 3 coefficients to choose from: 'x1', 'x2', 'x3'; say which one to test.",
        ),
        (
            {"param": "x9"},
            "param='x9' is not a coefficient: there is 'x0', 'x1', 'x2', 'x3'.",
        ),
        ({"param": []}, "param is empty: name at least one coefficient to test."),
        ({"R": [0, 1, 0, 0]}, "param and R both state the null: pass one of them."),
        ({"param": None, "R": [0, 1]}, "R has 2 columns and X has 4: pass one a column of X."),
        ({"param": [1, 1]}, "The 2 restrictions are not independent: leave out the one that repeats."),
        (
            {"data": sample(1, G=3), "param": [1, 2, 3]},
            (
                "3 restrictions cannot be tested with 3 clusters: the rank of the covariance is at most G-1 = 2; "
                "test fewer at once."
            ),
        ),
        (
            {"param": [1, 2], "h0": [0.0, 1.0, 2.0]},
            "h0 has 3 values and the null 2 restriction(s): pass one value, or one each.",
        ),
        ({"h0": np.inf}, "h0=inf is not a finite number: pass the value of the coefficient under the null."),
        (
            {"weights": "rademacer"},
            (
                "weights='rademacer' is unknown: did you mean 'rademacher'? there is 'auto', 'rademacher', 'webb', "
                "'mammen', 'normal', 'gamma'."
            ),
        ),
        ({"kind": "12"}, "kind='12' is unknown: there is '11', '31', '13', '33'."),
        ({"ties": "drop"}, "ties='drop' is unknown: there is 'include', 'exclude'."),
        (
            {"alternative": "bigger"},
            "alternative='bigger' is unknown: there is 'two-sided', 'equal-tailed', 'less', 'greater'.",
        ),
        (
            {"param": [1, 2], "alternative": "less"},
            "alternative='less' has no meaning for a joint null: use 'two-sided'.",
        ),
        ({"B": 0}, "B=0 is not a number of draws: pass a whole number of at least 1, such as 9999."),
        ({"B": 1e12}, "B=1000000000000.0 is not a number of draws: pass a whole number of at least 1, such as 9999."),
        ({"B": True}, "B=True is not a number of draws: pass a whole number of at least 1, such as 9999."),
        (
            {"B": 10**12},
            "B=1000000000000 is more draws than the bootstrap makes: pass 10,000,000 at most, such as 9999.",
        ),
        ({"B": 99.5}, "B=99.5 is not a number of draws: pass a whole number of at least 1, such as 9999."),
        (
            {"weights": "normal", "exact": True},
            (
                "exact=True needs weights that can be enumerated, and normal weights cannot: "
                "use weights='rademacher' or 'webb', or leave out exact."
            ),
        ),
        (
            {"data": sample(1, N=200, G=50), "exact": True},
            (
                "exact=True asks for 2^50 patterns, about 26.1 days of computing, and the most is 2^25: "
                "leave out exact, and B draws are taken."
            ),
        ),
        (
            {"bootstrap_clusters": np.arange(56) // 4},
            "bootstrap_clusters are not nested in clusters: 0 lies in 1 and in 2; pass labels of a finer partition.",
        ),
    ],
)
def test_bad_input_is_refused_in_one_sentence(options, words):
    assert refusal(InputError, **options) == words


@pytest.mark.parametrize("kind", ["13", "33"])
def test_an_unidentified_leave_out_is_refused_by_name(kind):
    assert refusal(NotIdentifiedError, data=one_treated(), param="x2", kind=kind) == (
        f"kind={kind!r} is not computable: without cluster store 3 there is no estimate of x2, so CV3 does not exist; "
        "use randomisation inference, or more clusters on each side."
    )
    y, X, clusters = one_treated()
    other = wild_cluster_bootstrap(y, X, clusters=clusters, param="x1", kind=kind)  # stays identified: exact
    dropped = clusters != "store 3"
    assert np.isfinite(other.statistic)
    assert other.n_clusters == np.unique(clusters[dropped]).size + 1


def test_one_cluster_is_refused():
    y, X, _ = sample(1)
    assert refusal(NotIdentifiedError, data=(y, X, np.repeat("a", 56))) == (
        "There is one cluster (a): no variance between clusters can be seen; cluster at a finer level."
    )


@pytest.mark.filterwarnings("ignore::lyra.errors.DroppedColumnsWarning")
def test_a_null_on_a_dropped_column_is_refused():
    y, X, clusters = sample(1)
    X = np.column_stack([X, X[:, 1] + X[:, 2]])
    assert refusal(InputError, data=(y, X, clusters), param="x4") == (
        "'x4' was dropped as collinear with earlier columns, so there is no coefficient to test: "
        "leave out the columns it repeats, or test another."
    )
    assert 0 <= wild_cluster_bootstrap(y, X, clusters=clusters, param="x1") <= 1


def test_a_standard_error_of_zero_is_refused():
    X = np.column_stack([np.ones(8), np.repeat([0.0, 1.0], 4)])
    y = np.array([0.0, 1.0, 2.0, 4.0, 5.0, 5.5, 8.0, 9.0])
    assert refusal(NotIdentifiedError, data=(y, X, np.repeat(["a", "b"], 4))) == (
        "The standard error of x1 is zero: no cluster's scores vary, so there is no statistic to bootstrap; "
        "add clusters, or test fewer coefficients at once."
    )


def test_a_joint_null_has_no_interval_and_a_level_is_a_coverage():
    y, X, clusters = sample(1)
    joint = wild_cluster_bootstrap(y, X, clusters=clusters, param=[1, 2], B=9, weights="normal")
    with pytest.raises(InputError) as caught:
        joint.conf_int()
    assert str(caught.value) == "A joint null of 2 restrictions has no interval: test one coefficient at a time."
    with pytest.raises(InputError) as caught:
        joint.conf_int(95)
    assert str(caught.value) == "level=95 is not a coverage: pass a number between 0 and 1, such as 0.95."


@pytest.mark.parametrize("unit", [1e-200, 1.0, 1e200])
@pytest.mark.parametrize("kind", ["11", "31"])
def test_scores_that_are_rounding_are_refused_in_any_unit(unit, kind):
    """The mean of the one treated cluster: its own score is zero by the normal equations, and no other has one."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        g = np.repeat(np.arange(6), rng.integers(2, 9, 6))
        X = np.column_stack([g == 0, g > 0]).astype(float)
        y = unit * (rng.normal(size=g.size) + rng.normal())
        with pytest.raises(NotIdentifiedError, match=r"^The standard error of x0 is zero: no cluster's scores vary"):
            wild_cluster_bootstrap(y, X, clusters=g, param="x0", kind=kind)


def test_a_perfect_fit_is_refused():
    x = np.arange(32.0)
    with pytest.raises(NotIdentifiedError, match=r"^The standard error of x1 is zero"):
        wild_cluster_bootstrap(2.0 * x + 1.0, np.column_stack([np.ones(32), x]), clusters=np.repeat(np.arange(8), 4))


@pytest.mark.parametrize("unit", [1e-200, 1e160])
def test_the_unit_of_the_outcome_changes_no_p_value(unit):
    y, X, clusters = sample()
    plain, other = (wild_cluster_bootstrap(each, X, clusters=clusters, param=1) for each in (y, unit * y))
    assert (other.pvalue, other.n_greater, other.n_ties) == (plain.pvalue, plain.n_greater, plain.n_ties)
    np.testing.assert_allclose(other.conf_int() / unit, plain.conf_int(), rtol=1e-9)
