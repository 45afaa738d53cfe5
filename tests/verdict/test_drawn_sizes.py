"""The size of randomisation inference in a world: its statistics against refits, its shares against what is known."""

from __future__ import annotations

import numpy as np
import pytest

from lyra.errors import InputError
from lyra.moments.moments import Moments
from lyra.regression.least_squares import least_squares
from lyra.robust.exact.coefficient import Coefficient
from lyra.robust.exact.worlds import Arms, Independent, Intercept, Slope
from lyra.robust.partialled import treatment_left
from lyra.robust.randomisation import randomisation_test
from lyra.verdict.drawn_sizes import Outcomes, Tried, drawn_sizes


def fitted(y, X, g):
    return least_squares(Moments.from_arrays(y, X, g, names=["one", "treat", "x", "z"][: X.shape[1]]))


def cluster_design(G, treated, size=5):
    """A constant and a treatment of the first clusters, all of one size; the outcome is not looked at."""
    g = np.repeat(np.arange(G), size)
    X = np.column_stack([np.ones(g.size), g < treated]).astype(float)
    return randomisation_test(fitted(np.random.default_rng(0).normal(size=g.size), X, g), term="treat", rng=0)


def test_the_statistics_of_cluster_sums_are_those_of_refits():
    rng = np.random.default_rng(4)
    g = np.repeat(np.arange(8), rng.integers(2, 7, 8))
    X = np.column_stack([np.ones(g.size), np.isin(g, [1, 4, 6]), rng.normal(size=(g.size, 2))]).astype(float)
    X[:, 3] += rng.normal(size=8)[g]
    outcomes = rng.normal(size=(5, 8))[:, g] + rng.normal(size=(5, g.size)) + 0.7 * X[:, 1]
    fits = [fitted(y, X, g) for y in outcomes]
    about = Coefficient.of(fits[0], 1)
    sums = np.array([fit.scores + about.shares @ np.linalg.solve(fit.W, fit.coef) for fit in fits])
    tests = [randomisation_test(fit, term="treat", statistic="beta") for fit in fits]
    tried = Tried(treatment_left(fits[0], 1), tests[0].tried.astype(float))
    t, beta = tried.statistics(Outcomes.of(sums, about))
    np.testing.assert_allclose(beta, [test.distribution for test in tests], rtol=1e-9, atol=1e-11)
    studentised = np.array([randomisation_test(fit, term="treat").distribution for fit in fits])
    factor = np.sqrt(8 / 7 * (g.size - 1) / (g.size - 4))
    np.testing.assert_allclose(t, studentised * factor, rtol=1e-9, atol=1e-11)


def test_clusters_that_are_alike_have_the_level_that_can_be_attained():
    """Of 190 assignments 9 are within 5 %: 9/190 = .0474, Monte-Carlo error .0048; 3 errors allowed, seed fixed."""
    found = drawn_sizes(cluster_design(20, 2), [Independent(), Intercept(0.3)])
    assert found.assignments == 190
    for sizes in (found.t, found.beta):
        np.testing.assert_allclose(sizes, 9 / 190, atol=3 * 0.0048)


def test_two_noisy_clusters_of_fifty_are_as_was_measured_on_rows():
    """By rows, 1,000 data sets: RI-beta .293, RI-t .107 where the treated vary four times as much; 3 errors of both."""
    found = drawn_sizes(cluster_design(50, 2, size=20), [Arms(4.0, Intercept(0.02))])
    assert found.assignments == 1_225
    assert abs(found.beta[0] - 0.293) < 3 * np.hypot(0.0144, 0.0102)
    assert abs(found.t[0] - 0.107) < 3 * np.hypot(0.0098, 0.0069)


def test_the_power_of_two_treated_of_fifty_is_as_was_measured_on_rows():
    """By rows, 1,000 data sets at 2.8 standard deviations: RI-beta .767, Monte-Carlo error .013; 3 errors of both."""
    found = drawn_sizes(cluster_design(50, 2, size=20), [Intercept(0.02)], effect=2.8)
    assert abs(found.beta[0] - 0.767) < 3 * np.hypot(0.0134, 0.0093)
    np.testing.assert_allclose(found.error(found.beta), np.sqrt(found.beta * (1 - found.beta) / 2_000), rtol=1e-12)


def test_equal_arms_hold_the_level_whatever_their_variances():
    """25 of 50, arms alike but for their variance: Monte-Carlo error .0049, 3 errors allowed; the seed is fixed."""
    found = drawn_sizes(cluster_design(50, 25), [Intercept(0.1), Arms(4.0, Intercept(0.1)), Arms(0.25, Intercept(0.1))])
    assert found.assignments == 1_000
    for sizes in (found.t, found.beta):
        np.testing.assert_allclose(sizes, 0.05, atol=3 * 0.0049)


def test_the_answer_never_changes_and_worlds_do_not_disturb_each_other():
    test, worlds = cluster_design(20, 4), [Intercept(0.1), Arms(2.0, Slope(0.3))]
    together, alone = drawn_sizes(test, worlds), [drawn_sizes(test, [world]) for world in worlds]
    assert together.t.tolist() == [each.t[0] for each in alone]
    assert together.beta.tolist() == [each.beta[0] for each in alone]


def test_columns_without_a_constant_are_refused():
    g = np.repeat(np.arange(8), 3)
    X = np.column_stack([np.isin(g, [1, 5]), np.arange(24) % 5]).astype(float)
    fit = least_squares(Moments.from_arrays(np.arange(24.0) % 7, X, g, names=["treat", "x"]))
    with pytest.raises(InputError) as told:
        drawn_sizes(randomisation_test(fit, term="treat"), [Independent()])
    assert str(told.value) == (
        "The columns span no constant: keep the intercept to know how often a drawn line rejects."
    )
