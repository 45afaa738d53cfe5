"""Randomisation inference: brute-force refits, exact size, refusals."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lyra import Moments
from lyra.errors import InputError, NotIdentifiedError
from lyra.regression.least_squares import least_squares
from lyra.robust.randomisation import randomisation_test
from lyra.se import cluster_robust

NAMES = ["one", "treat", "x", "z"]


def sample(seed, G=8, treated=3, intercept=True):
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(G), rng.integers(2, 7, G))
    arm = rng.permutation(G) < treated
    X = np.column_stack([np.full(labels.size, float(intercept)), arm[labels], rng.standard_normal((labels.size, 2))])
    X[:, 3] += rng.standard_normal(G)[labels]
    y = rng.standard_normal(labels.size) + rng.standard_normal(G)[labels] + X[:, 2]
    return y, X if intercept else X[:, 1:], labels, arm


def fitted(y, X, labels):
    return least_squares(Moments.from_arrays(y, X, labels, names=NAMES[-X.shape[1] :]))


def refits(y, X, labels, column, *, treated, h0=0.0):
    """Return β̂ − 0 and CV1 t of every assignment by refitting the rows, the outcome cleared of h0."""
    G = labels.max() + 1
    found = {}
    for chosen in combinations(range(G), treated):
        other = X.copy()
        other[:, column] = np.isin(labels, chosen)
        res = cluster_robust(y - h0 * X[:, column], other, clusters=labels)
        found[chosen] = res.coef[column], res.statistic[column]
    return found


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("h0", [0.0, 0.7])
@pytest.mark.parametrize("seed", [0, 1])
def test_every_assignment_is_a_refit(seed, h0, intercept):
    y, X, labels, arm = sample(seed, intercept=intercept)
    column = 1 if intercept else 0
    told = refits(y, X, labels, column, treated=3, h0=h0)
    actual = tuple(np.flatnonzero(arm).tolist())
    order = [actual, *(chosen for chosen in told if chosen != actual)]
    for k, statistic in enumerate(("beta", "t")):
        test = randomisation_test(fitted(y, X, labels), term="treat", statistic=statistic, h0=h0)
        theirs = np.array([told[chosen][k] for chosen in order])
        np.testing.assert_allclose(test.distribution, theirs, rtol=1e-9, atol=1e-11)
        assert test.enumerated
        assert test.pvalue == np.mean(np.abs(theirs) >= abs(theirs[0]) * (1 - 1e-9))


def test_statistic_is_that_of_the_fit():
    y, X, labels, _ = sample(3)
    res = cluster_robust(y, X, clusters=labels)
    fit = fitted(y, X, labels)
    assert randomisation_test(fit, term=1).statistic == pytest.approx(res.statistic[1], rel=1e-10)
    assert randomisation_test(fit, term=1, statistic="beta").statistic == pytest.approx(res.coef[1], rel=1e-10)


def test_two_arms_of_half_tie_with_their_mirror():
    y, X, labels, _ = sample(4, G=6, treated=3)
    test = randomisation_test(fitted(y, X[:, :2], labels), term=1)
    assert (test.n_assignments, test.n_ties) == (20, 2)
    assert test.smallest_pvalue == 0.1
    assert test.explain().endswith("(the smallest attainable is 0.1; it cannot reject at 5 %).")


def test_the_test_is_exact():
    """Over the 15 equally likely assignments of one outcome, each attained value k/15 of p is taken once."""
    y, X, labels, _ = sample(5, G=6, treated=2)
    pvalues = []
    for chosen in combinations(range(6), 2):
        other = X.copy()
        other[:, 1] = np.isin(labels, chosen)
        pvalues.append(randomisation_test(fitted(y, other, labels), term=1).pvalue)
    np.testing.assert_allclose(np.sort(pvalues), np.arange(1, 16) / 15)


@given(st.integers(0, 2**32 - 1), st.floats(1e-5, 1e5), st.floats(1e-5, 1e5), st.floats(-5, 5))
@settings(max_examples=20, deadline=None)
def test_units_and_codes_do_not_matter(seed, of_y, of_x, origin):
    y, X, labels, _ = sample(seed, G=6)
    other = X * [1.0, of_x, 1.0, of_x]
    other[:, 1] += origin * of_x
    before = randomisation_test(fitted(y, X, labels), term=1)
    after = randomisation_test(fitted(y * of_y, other, labels), term=1)
    np.testing.assert_allclose(after.distribution, before.distribution, rtol=1e-5, atol=1e-7)
    assert after.pvalue == before.pvalue


def test_a_sample_agrees_with_all():
    """9,999 of the 6,435 · 2 assignments, with replacement: Monte-Carlo error .005 at p = .5; 5 errors allowed."""
    y, X, labels, _ = sample(6, G=15, treated=7)
    fit = fitted(y, X, labels)
    every = randomisation_test(fit, term=1)
    rng = np.random.default_rng(0)
    drawn = np.array([rng.permutation(15) < 7 for _ in range(9_999)]).T
    sampled = randomisation_test(fit, term=1, assignments=drawn)
    assert every.enumerated
    assert not sampled.enumerated
    assert abs(every.pvalue - sampled.pvalue) < 5 * np.sqrt(every.pvalue * (1 - every.pvalue) / 9_999)


def test_many_assignments_are_drawn_and_the_actual_one_is_among_them():
    y, X, labels, arm = sample(7, G=20, treated=9)
    fit = fitted(y + 1e3 * arm[labels], X, labels)
    test = randomisation_test(fit, term=1, statistic="beta", R=499, rng=1)
    assert (test.n_assignments, test.pvalue) == (500, 1 / 500)
    again = randomisation_test(fit, term=1, statistic="beta", R=499, rng=1)
    np.testing.assert_array_equal(test.distribution, again.distribution)
    assert "a sample of 500 assignments, p = 0.002" in test.explain()


def test_the_actual_assignment_is_counted_once_when_given():
    y, X, labels, arm = sample(8)
    others = np.column_stack([~arm, arm, np.roll(arm, 1)])
    assert randomisation_test(fitted(y, X, labels), term=1, assignments=others).n_assignments == 3
    assert randomisation_test(fitted(y, X, labels), term=1, assignments=others[:, [0, 2]]).n_assignments == 3


def test_an_assignment_that_the_covariates_repeat_counts_against_rejection():
    y, X, labels, arm = sample(9, G=8, treated=3)
    X[:, 3] = (np.roll(arm, 3) if (np.roll(arm, 3) != arm).any() else np.roll(arm, 1))[labels]
    test = randomisation_test(fitted(y, X, labels), term=1)
    assert test.n_undefined == 1
    assert test.pvalue == (test.n_greater + test.n_ties + 1) / 56
    assert "1 without a statistic count as more extreme" in test.explain()


def test_shards_are_enough():
    y, X, labels, _ = sample(10)
    half = np.arange(y.size) % 2 == 0
    shards = [Moments.from_arrays(y[s], X[s], labels[s]) for s in (half, ~half)]
    merged = randomisation_test(least_squares(shards[0] + shards[1]), term=1)
    np.testing.assert_allclose(merged.distribution, randomisation_test(fitted(y, X, labels), term=1).distribution)


@pytest.mark.certify
def test_few_treated_clusters_hold_their_size():
    """Two of 20 clusters treated, ICC .3: the share of p ≤ .05 is exactly 9/190: p = k/190 with the k equally likely.

    1,500 samples, Monte-Carlo error .0055, 3 errors allowed (fails by chance once in 370 seeds; the seed is fixed).
    """
    rng, G, m, R = np.random.default_rng(11), 20, 5, 1_500
    labels = np.repeat(np.arange(G), m)
    X = np.column_stack([np.ones(G * m), labels < 2])
    shocks = np.sqrt(0.3) * rng.standard_normal((R, G))[:, labels] + np.sqrt(0.7) * rng.standard_normal((R, G * m))
    tests = [
        randomisation_test(least_squares(Moments.from_arrays(y, X, labels)), term=1, statistic="beta") for y in shocks
    ]
    assert abs(np.mean([test.pvalue <= 0.05 for test in tests]) - 9 / 190) < 3 * 0.0056


# --- refusals -----------------------------------------------------------------------------------


def refused(kind, **asked):
    y, X, labels, _ = sample(1)
    with pytest.raises(kind) as told:
        randomisation_test(fitted(y, X, labels), **asked)
    return str(told.value)


def test_a_column_that_varies_within_clusters():
    assert refused(NotIdentifiedError, term="x") == (
        "x varies within clusters, so clusters were not what was assigned: cluster at the level of the assignment, or "
        "use the wild cluster bootstrap."
    )


def test_a_column_with_more_than_two_values():
    y, X, labels, _ = sample(1)
    X[:, 1] = labels % 3
    with pytest.raises(NotIdentifiedError) as told:
        randomisation_test(fitted(y, X, labels), term="treat")
    assert str(told.value) == (
        "treat does not take two values over the clusters, and randomisation inference needs two arms: choose a 0/1 "
        "column."
    )


def test_the_constant_column():
    assert refused(NotIdentifiedError, term="one") == (
        "one does not take two values over the clusters, and randomisation inference needs two arms: choose a 0/1 "
        "column."
    )


def test_an_unknown_statistic():
    assert refused(InputError, term="treat", statistic="bta") == (
        "statistic='bta' is unknown: did you mean 'beta'? there is 't', 'beta'."
    )


def test_no_such_column():
    assert refused(InputError, term="treta") == (
        "term='treta' is not a coefficient: did you mean 'treat'? there is 'one', 'treat', 'x', 'z'."
    )


def test_assignments_of_another_shape():
    assert refused(InputError, term="treat", assignments=np.ones((5, 9), dtype=bool)) == (
        "assignments has shape (5, 9) and there are 8 clusters: pass one row a cluster, in the order of fit.labels, "
        "and one column an assignment."
    )


def test_assignments_that_are_not_yes_or_no():
    assert refused(InputError, term="treat", assignments=np.full((8, 2), 0.5)) == (
        "assignments holds values other than True and False: say for each cluster whether it is treated."
    )


def test_no_draws():
    y, X, labels, _ = sample(1, G=20, treated=9)
    with pytest.raises(InputError) as told:
        randomisation_test(fitted(y, X, labels), term=1, R=0)
    assert str(told.value) == "R=0 assignments cannot be drawn: ask for at least 1, such as 9999."
