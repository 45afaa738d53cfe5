"""The interval of randomisation inference is its test inverted: every assignment refitted by rows on a fine grid."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lyra
from lyra.errors import DisjointSetWarning, InputError

GRID = np.linspace(-40.0, 40.0, 1_601)
TIE = 1e-7


def table(seed, *, G=7, treated=3, sizes=(2, 7), x="free"):
    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(G), rng.integers(*sizes, G))
    arm = rng.permutation(G) < treated
    covariate = rng.normal(size=g.size) if x == "free" else rng.normal(size=G)[g]
    y = rng.normal(size=G)[g] + rng.normal(size=g.size) + 0.5 * covariate
    return pd.DataFrame({"y": y, "treat": arm[g] * 1.0, "x": covariate, "g": g})


def statistics(data, nulls, formula):
    """Of every assignment by rows: the estimate and its CV1 t for the outcome cleared of each null, (R, nulls)."""
    g, d = data["g"].to_numpy(), data["treat"].to_numpy()
    G = g.max() + 1
    actual = np.unique(g[d == 1.0])
    others = [c for c in combinations(range(G), actual.size) if c != tuple(actual)]
    outcomes = data["y"].to_numpy()[:, None] - nulls * d[:, None]
    found = {"beta": [], "t": []}
    for chosen in [tuple(actual), *others]:
        X = np.column_stack([np.ones(g.size), np.isin(g, chosen), *([data["x"]] if "x" in formula else [])])
        bread = np.linalg.inv(X.T @ X)
        beta = bread @ X.T @ outcomes
        u = outcomes - X @ beta
        scores = np.array([(X @ bread[1])[g == k] @ u[g == k] for k in range(G)])
        found["beta"].append(beta[1])
        found["t"].append(beta[1] / np.sqrt(np.sum(scores**2, axis=0)))
    return {kind: np.abs(np.array(each)) for kind, each in found.items()}


def p_values(sizes):
    return np.mean(sizes >= sizes[0] * (1.0 - TIE), axis=0)


def inside(parts, nulls):
    return np.any([(low <= nulls) & (nulls <= high) for low, high in parts], axis=0)


@pytest.mark.parametrize("kind", ["beta", "t"])
@pytest.mark.parametrize("formula", ["y ~ treat", "y ~ treat + x"])
@pytest.mark.parametrize(("seed", "of_x"), [(0, "free"), (1, "cluster"), (2, "cluster")])
def test_a_null_is_in_the_set_if_and_only_if_it_is_not_rejected(seed, of_x, formula, kind):
    data = table(seed, x=of_x)
    test = lyra.fit(formula, data, clusters="g").randomisation_test("treat", statistic=kind)
    p = p_values(statistics(data, GRID, formula)[kind])
    for level in (0.95, 0.8, 0.5):
        inverted = inside(test.confidence_set(level), GRID)
        np.testing.assert_array_equal(inverted, p > (1.0 - level) * (1.0 + 1e-12))


@pytest.mark.parametrize("kind", ["beta", "t"])
@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_at_an_end_point_the_test_changes_its_mind(seed, kind):
    data = table(seed, x="cluster")
    test = lyra.fit("y ~ treat + x", data, clusters="g").randomisation_test("treat", statistic=kind)
    ends = test.confidence_set(0.8).ravel()
    ends = ends[np.isfinite(ends)]
    width = np.ptp(ends)
    assert ends.size
    for sign in (-1.0, 1.0):
        p = p_values(statistics(data, ends + sign * 1e-6 * width, "y ~ treat + x")[kind])
        outward = inside(test.confidence_set(0.8), ends + sign * 1e-6 * width)
        np.testing.assert_array_equal(p > 0.2 * (1.0 + 1e-12), outward)
    both = [inside(test.confidence_set(0.8), ends + sign * 1e-6 * width) for sign in (-1.0, 1.0)]
    assert (both[0] != both[1]).all()


def test_two_equal_arms_of_equal_clusters_by_hand():
    """Means 0, 1, 2 against 3, 4, 5: of 20 assignments at the null h those as far out are counted by hand.

    The estimate is 3, the least extreme of the set. Swapping 2 and 3 changes the estimate by 2/3 per unit, and so on;
    the largest null with p > .1 is where the next assignment, 0, 1, 3 against 2, 4, 5, ties: 3 − h = 7/3 − h/3, h = 1.
    """
    data = pd.DataFrame({"y": np.repeat(np.arange(6.0), 2), "treat": np.repeat([0, 1], 6), "g": np.repeat(range(6), 2)})
    test = lyra.fit("y ~ treat", data, clusters="g").randomisation_test("treat", statistic="beta")
    assert test.pvalue == 0.1
    np.testing.assert_allclose(test.conf_int(0.9), [1.0, 5.0], rtol=1e-9)
    np.testing.assert_array_equal(test.conf_int(0.95), [-np.inf, np.inf])


@given(st.integers(0, 2**32 - 1), st.floats(1e-5, 1e5), st.floats(1e-5, 1e5), st.floats(-5.0, 5.0))
@settings(max_examples=15, deadline=None)
def test_the_interval_has_the_units_of_the_effect(seed, of_y, of_d, effect):
    data = table(seed, G=6, treated=2)
    other = data.assign(y=of_y * (data["y"] + effect * data["treat"]), treat=of_d * data["treat"])
    for kind in ("beta", "t"):
        ends = [
            lyra.fit("y ~ treat + x", each, clusters="g")
            .randomisation_test("treat", statistic=kind)
            .confidence_set(0.8)
            for each in (data, other)
        ]
        np.testing.assert_allclose(ends[1] / of_y * of_d, ends[0] + effect, rtol=1e-5, atol=1e-5)


def test_a_statistic_of_outcomes_of_extreme_size_is_the_same():
    data = table(5)
    for size in (1e-170, 1e170):
        large = data.assign(y=data["y"] * size)
        for kind in ("beta", "t"):
            ends = [
                lyra.fit("y ~ treat + x", each, clusters="g").randomisation_test("treat", statistic=kind).conf_int(0.8)
                for each in (data, large)
            ]
            np.testing.assert_allclose(ends[1] / size, ends[0], rtol=1e-7)


def test_the_standard_errors_are_those_of_rows():
    data = table(6)
    reg = lyra.fit("y ~ treat + x", data, clusters="g")
    at_zero = statistics(data, np.zeros(1), "y ~ treat + x")
    assert reg.randomisation_test("treat").std_error == pytest.approx(reg.robust("CV1").se[1], rel=1e-10)
    by_estimate = reg.randomisation_test("treat", statistic="beta")
    assert by_estimate.std_error == pytest.approx(np.sqrt(np.mean(at_zero["beta"] ** 2)), rel=1e-10)


def test_a_set_with_a_gap_says_so_and_gives_its_hull():
    """A covariate of the clusters, and assignments whose estimate moves faster than the null itself: |C| > 1."""
    rng = np.random.default_rng(2)
    g = np.repeat(np.arange(6), rng.integers(1, 30, 6))
    y = 3 * rng.normal(size=6)[g] + rng.normal(size=g.size)
    data = pd.DataFrame({"y": y, "treat": np.isin(g, [1, 5]) * 1.0, "x": rng.normal(size=6)[g], "g": g})
    test = lyra.fit("y ~ treat + x", data, clusters="g").randomisation_test("treat", statistic="beta")
    parts = test.confidence_set(0.9)
    p = p_values(statistics(data, GRID, "y ~ treat + x")["beta"])
    np.testing.assert_array_equal(inside(parts, GRID), p > 0.1 * (1.0 + 1e-12))
    assert not (p > 0.1).all()
    assert parts[0, 0] == -np.inf
    assert parts[-1, 1] == np.inf
    with pytest.warns(DisjointSetWarning) as told:
        assert test.conf_int(0.9).tolist() == [-np.inf, np.inf]
    assert str(told[0].message) == (
        f"The values not rejected are {len(parts)} separate intervals, and their hull is returned: "
        "confidence_set(level) has each."
    )


def test_a_level_that_is_no_coverage_is_refused():
    with pytest.raises(InputError, match="level"):
        lyra.fit("y ~ treat", table(0), clusters="g").randomisation_test("treat").conf_int(95)
